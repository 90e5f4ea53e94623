"""A set of seed queries: loaded from the shipped file or the user's own, without duplicates, with a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from personaloom.errors import InputError
from personaloom.queries.fields import ACCEPTED, BadRowError, read_query
from personaloom.queries.readers import Row, read_rows
from personaloom.records import SeedQuery

__all__ = ["QuerySet", "shipped_queries"]

_PACKAGE = Path(__file__).resolve().parents[1]
_LISTED = 10
_EXCERPT = 80


def shipped_queries() -> Path:
    """The shipped set: ``personaloom/data/queries.jsonl`` in a wheel, ``data/queries.jsonl`` in a checkout.

    Raises:
        InputError: neither is there, so the installation is damaged.
    """
    for root in (_PACKAGE, _PACKAGE.parents[1]):
        path = root / "data" / "queries.jsonl"
        if path.is_file():
            return path
    raise InputError("the shipped queries are missing: install the package again, or set query.path to a file of yours")


@dataclass(frozen=True)
class QuerySet:
    """Seed queries in the order of their file, each text once.

    Attributes:
        queries: the queries.
        source: where they came from, for people and the manifest: the path as given, or ``shipped``.
        sha256: of the file's bytes, as ``sha256sum`` prints it (of the texts where there was no file).
        duplicates: rows that repeated an earlier text and were merged into it.
    """

    queries: tuple[SeedQuery, ...]
    source: str
    sha256: str
    duplicates: int = 0

    @classmethod
    def load(cls, path: str | Path | None = None) -> QuerySet:
        """Read a set; None means the shipped one.

        Rows are read one at a time; see ``readers`` for formats and ``fields`` for names.

        Raises:
            InputError: the file or some of its rows cannot be used; up to ten rows are listed, all are counted.
        """
        file = shipped_queries() if path is None else Path(path).expanduser()
        try:
            queries, duplicates = _collect(file)
            with file.open("rb") as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror or error} → check query.path") from error
        return cls(queries, "shipped" if path is None else str(path), digest, duplicates)

    @classmethod
    def of(cls, rows: Iterable[str | Mapping[str, Any]], source: str = "memory") -> QuerySet:
        """A set from texts or rows at hand, for notebooks and tests.

        Raises:
            InputError: as for a file.
        """
        queries, duplicates = _merge((Row(f"{source}: row {n}", row) for n, row in enumerate(rows, 1)), source)
        texts = hashlib.sha256(orjson.dumps([query.text for query in queries])).hexdigest()
        return cls(queries, source, texts, duplicates)

    def __len__(self) -> int:
        return len(self.queries)

    def __iter__(self) -> Iterator[SeedQuery]:
        return iter(self.queries)

    @property
    def name(self) -> str:
        """The source without its folders, for records that must be equal on every machine."""
        return Path(self.source).name

    @cached_property
    def digest(self) -> str:
        """SHA-256 over ids, texts and metadata, whatever the file's format and order: what a fingerprint needs."""
        state = hashlib.sha256()
        for line in sorted(_canonical(query) for query in self.queries):
            state.update(line + b"\n")
        return state.hexdigest()


def _canonical(query: SeedQuery) -> bytes:
    return orjson.dumps(
        [query.query_id, query.text, query.metadata],
        default=str,
        option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
    )


def _collect(file: Path) -> tuple[tuple[SeedQuery, ...], int]:
    return _merge(read_rows(file), str(file))


def _merge(rows: Iterable[Row], source: str) -> tuple[tuple[SeedQuery, ...], int]:
    """The queries, each text once, and how many rows were merged away.

    Of rows with the same text, the one that sorts first stays, not the one that comes first: the order of a file must
    not decide what is dealt.
    """
    by_text: dict[str, SeedQuery] = {}
    places: dict[str, tuple[str, str]] = {}
    faults: list[str] = []
    bad = total = 0
    for row in rows:
        total += 1
        try:
            query = _query(row, places)
        except BadRowError as error:
            bad += 1
            if bad <= _LISTED:
                faults.append(f"{row.where}: {error}: {_excerpt(row)}")
            continue
        known = by_text.get(query.text)
        by_text[query.text] = query if known is None else min(known, query, key=_canonical)
    if bad:
        raise InputError(_complaint(source, faults, bad, total))
    if not by_text:
        raise InputError(f"{source}: there is no query in it → one row a query, with {ACCEPTED}")
    return tuple(by_text.values()), total - len(by_text)


def _query(row: Row, places: dict[str, tuple[str, str]]) -> SeedQuery:
    """The query of a row; ``places`` remembers which text an id belongs to, and where it stood."""
    if row.problem:
        raise BadRowError(row.problem)
    text, metadata, given = read_query(row.value)
    query_id = given or "q" + hashlib.sha256(text.encode()).hexdigest()[:16]
    owner, place = places.setdefault(query_id, (text, row.where))
    if owner != text:
        raise BadRowError(f"id '{query_id}' stands for another text at {place}; ids must differ, or be left out")
    return SeedQuery(query_id, text, metadata)


def _complaint(source: str, faults: list[str], bad: int, total: int) -> str:
    lines = [f"{source}: {bad} of {total} rows cannot be used:", *faults]
    if bad > len(faults):
        lines.append(f"… and {bad - len(faults)} more")
    lines.append(f"accepted: a text, or an object with {ACCEPTED}")
    return "\n  ".join(lines)


def _as_json(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # nested deeper than the writer goes
        return str(value)


def _excerpt(row: Row) -> str:
    shown = row.excerpt or (row.value if isinstance(row.value, str) else _as_json(row.value))
    line = " ".join(shown.split())
    return repr(line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…")
