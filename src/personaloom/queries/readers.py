"""Reading rows from JSONL, JSON, CSV, TSV and Parquet, one at a time, each with the place it stands at.

A reader gives ``Row`` values and goes on after a row that cannot be read, so that all faults of a file are told at
once. What makes the whole file useless (wrong encoding, no such column) raises ``InputError``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from personaloom.errors import InputError
from personaloom.queries.fields import ACCEPTED, TEXT_NAMES

__all__ = ["READERS", "Row", "read_rows"]

_BOM = b"\xef\xbb\xbf"
_ORJSON_PLACE = re.compile(r": line \d+ column (\d+).*")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``value`` as decoded, or ``problem`` where it could not be; ``excerpt`` is the raw text then."""

    where: str
    value: Any = None
    problem: str = ""
    excerpt: str = ""


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file in order, read as they are asked for (a ``.json`` file is read whole).

    Raises:
        InputError: no such file, a folder, an unknown suffix, an empty file, an encoding other than UTF-8, a table
            without a usable column.
    """
    reader = READERS.get(path.suffix.lower())
    if path.is_dir():
        raise InputError(f"{path}: a folder, not a file with queries → name one file ({', '.join(READERS)})")
    if not path.exists():
        raise InputError(f"{path}: no such file → check query.path")
    if reader is None:
        kind = f"suffix '{path.suffix}'" if path.suffix else "no suffix"
        raise InputError(f"{path}: {kind} does not say what it holds → use one of {', '.join(READERS)}")
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip():
        raise InputError(f'{path}: the file is empty → one query a line, such as {{"text": "…"}}')
    if reader is not _parquet:
        _must_be_text(path, start)
    yield from reader(path)


def _must_be_text(path: Path, start: bytes) -> None:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: encoded in UTF-16 → save it as UTF-8")
    if b"\0" in start:
        raise InputError(f"{path}: not a text file (it holds NUL bytes) → save it as UTF-8 text, or name it .parquet")


def _json_problem(error: orjson.JSONDecodeError) -> str:
    return "not JSON: " + _ORJSON_PLACE.sub(r" (column \1)", str(error))


def _shown(raw: bytes) -> str:
    return raw[:400].decode("utf-8", "replace")


def _not_utf8(raw: bytes) -> str:
    """What is wrong with a line that does not decode, or ``""``."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 (byte 0x{raw[error.start]:02X} at column {error.start + 1}): save the file as UTF-8"
    return ""


def _jsonl(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            raw = (line.removeprefix(_BOM) if number == 1 else line).strip()
            if not raw:
                continue
            where = f"{path}:{number}"
            try:
                yield Row(where, orjson.loads(raw))
            except orjson.JSONDecodeError as error:
                yield Row(where, problem=_not_utf8(raw) or _json_problem(error), excerpt=_shown(raw))


def _json(path: Path) -> Iterator[Row]:
    raw = path.read_bytes().removeprefix(_BOM)
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        lines = raw.split(b"\n")
        for number, line in enumerate(lines, 1):
            if problem := _not_utf8(line):
                raise InputError(f"{path}:{number}: {problem}: {_shown(line)!r}") from None
        place = f"{path}:{error.lineno}"
        hint = "one object a line? then name the file .jsonl" if error.lineno > 1 else "mend the file"
        excerpt = _shown(lines[min(error.lineno, len(lines)) - 1])[:80]
        raise InputError(f"{place}: {_json_problem(error)}: {excerpt!r} → {hint}") from None
    for number, item in enumerate(_items(path, content), 1):
        yield Row(f"{path}: item {number}", item)


def _items(path: Path, content: Any) -> list[Any]:
    """The list in a JSON file: itself, the only list of an object, or an object that is one query."""
    if isinstance(content, list):
        return content
    if isinstance(content, dict):
        if any(str(name).lower() in TEXT_NAMES for name in content):
            return [content]
        lists = {name: value for name, value in content.items() if isinstance(value, list)}
        if "queries" in lists:
            return list(lists["queries"])
        if len(lists) == 1:
            return list(next(iter(lists.values())))
        found = f"an object with {len(lists)} lists ({', '.join(lists) or 'none'})"
    else:
        found = f"a single {type(content).__name__}"
    raise InputError(f"{path}: {found} → a list of queries is expected, or an object with one list ('queries')")


def _table(delimiters: str) -> Callable[[Path], Iterator[Row]]:
    """A reader of tables with a header row; of several delimiters, the one that gives an accepted column is taken."""

    def rows(path: Path) -> Iterator[Row]:
        delimiter = _delimiter(path, delimiters)
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield from _table_rows(path, csv.reader(file, delimiter=delimiter, strict=True))
        except UnicodeDecodeError:
            raise InputError(_first_undecodable(path)) from None

    return rows


def _delimiter(path: Path, delimiters: str) -> str:
    header: list[str] = []
    for delimiter in delimiters:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                header = next(csv.reader(file, delimiter=delimiter), [])
        except UnicodeDecodeError:
            raise InputError(_first_undecodable(path)) from None
        except csv.Error as error:
            raise InputError(f"{path}:1: the header cannot be read: {error}") from None
        if any(name.strip().lower() in TEXT_NAMES for name in header):
            return delimiter
    shown = ", ".join(name.strip() for name in header)[:200]
    raise InputError(f"{path}:1: no column with a query (columns: {shown}) → name one of them {ACCEPTED}")


def _table_rows(path: Path, reader: Any) -> Iterator[Row]:
    """Where a quoted text runs over several lines, its row is named by its first line."""
    header = next(reader)
    line = reader.line_num + 1
    while True:
        where = f"{path}:{line}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(where, problem=f"not a row of a table: {error} (the rows after it were not read)")
            return
        line = reader.line_num + 1
        if cells is None:
            return
        if len(cells) == len(header):
            yield Row(where, dict(zip(header, cells, strict=True)))
        elif cells:
            problem = f"{len(cells)} cells where the header has {len(header)}: quote texts that hold a delimiter"
            yield Row(where, problem=problem, excerpt=" | ".join(cells))


def _first_undecodable(path: Path) -> str:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if problem := _not_utf8(line):
                return f"{path}:{number}: {problem}: {_shown(line).strip()[:80]!r}"
    return f"{path}: not UTF-8: save the file as UTF-8"


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa  # noqa: PLC0415 - takes 100 ms and 40 MB, and most runs read no Parquet
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        with pq.ParquetFile(path) as file:
            columns = [str(name) for name in file.schema_arrow.names]
            if not any(name.strip().lower() in TEXT_NAMES for name in columns):
                shown = ", ".join(columns)[:200]
                raise InputError(f"{path}: no column with a query (columns: {shown}) → name one of them {ACCEPTED}")
            number = 0
            for batch in file.iter_batches(batch_size=1024):
                for value in batch.to_pylist():
                    number += 1
                    yield Row(f"{path}: row {number}", value)
    except pa.ArrowException as error:
        raise InputError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from error


READERS: Mapping[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".json": _json,
    ".csv": _table(",;\t"),
    ".tsv": _table("\t"),
    ".parquet": _parquet,
}
"""Suffix to reader."""
