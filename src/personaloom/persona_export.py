"""Personas as one file of their own: JSON, JSONL, CSV or Parquet, by the suffix of the path, streamed."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from personaloom.errors import StoreError, UsageError
from personaloom.records import PersonaSpec

__all__ = ["SUFFIXES", "export_personas"]

BATCH = 10_000


def export_personas(personas: Iterable[PersonaSpec], path: Path, dimensions: Sequence[str]) -> int:
    """Write personas to a file; gives their number.

    Each row has ``persona_id``, ``features``, ``system_prompt`` and ``metadata``. In CSV the last and ``features`` are
    JSON; in Parquet ``features`` is a struct with one nullable string for each dimension, and ``metadata`` is JSON.

    Args:
        personas: in order; read once.
        path: its suffix decides the format; written beside and renamed.
        dimensions: names of the bank's dimensions, for the columns of Parquet.

    Raises:
        UsageError: a suffix that is none of ``SUFFIXES``.
        StoreError: the file cannot be written.
    """
    write = SUFFIXES.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"export_path={path}: the suffix {path.suffix!r} is none of {', '.join(SUFFIXES)}")
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        count = write(personas, part, dimensions)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise StoreError(f"export_path={path} cannot be written: {error.strerror or error}") from error
    return count


def _jsonl(personas: Iterable[PersonaSpec], part: Path, _: Sequence[str]) -> int:
    count = 0
    with part.open("wb") as out:
        for count, persona in enumerate(personas, 1):  # noqa: B007 - the last number is the result
            out.write(orjson.dumps(persona.to_dict()) + b"\n")
    return count


def _json(personas: Iterable[PersonaSpec], part: Path, _: Sequence[str]) -> int:
    count = 0
    with part.open("wb") as out:
        out.write(b"[")
        for count, persona in enumerate(personas, 1):
            out.write((b",\n" if count > 1 else b"\n") + orjson.dumps(persona.to_dict()))
        out.write(b"\n]\n")
    return count


def _csv(personas: Iterable[PersonaSpec], part: Path, _: Sequence[str]) -> int:
    count = 0
    with part.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["persona_id", "features", "system_prompt", "metadata"])
        for count, persona in enumerate(personas, 1):  # noqa: B007 - the last number is the result
            features, metadata = (orjson.dumps(value).decode() for value in (persona.features, persona.metadata))
            rows.writerow([persona.persona_id, features, persona.system_prompt or "", metadata])
    return count


def _parquet(personas: Iterable[PersonaSpec], part: Path, dimensions: Sequence[str]) -> int:
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only this format needs it
    import pyarrow.parquet as pq  # noqa: PLC0415 - likewise

    schema = pa.schema(
        [
            ("persona_id", pa.string()),
            ("features", pa.struct([(name, pa.string()) for name in dimensions])),
            ("system_prompt", pa.string()),
            ("metadata", pa.string()),
        ]
    )
    count = 0
    with pq.ParquetWriter(part, schema, compression="zstd") as out:
        for batch in _batches(personas):
            rows: list[dict[str, Any]] = [{**p.to_dict(), "metadata": orjson.dumps(p.metadata).decode()} for p in batch]
            out.write_table(pa.Table.from_pylist(rows, schema=schema))
            count += len(batch)
    return count


def _batches(personas: Iterable[PersonaSpec]) -> Iterator[list[PersonaSpec]]:
    source = iter(personas)
    while batch := list(itertools.islice(source, BATCH)):
        yield batch


Writer = Callable[[Iterable[PersonaSpec], Path, Sequence[str]], int]
SUFFIXES: dict[str, Writer] = {".json": _json, ".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
