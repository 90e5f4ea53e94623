"""Parquet with a schema: typed columns where a sample has the usual shape, and nothing lost where it has not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from personaloom.errors import InputError
from personaloom.records import TrainingSample
from personaloom.training.files import dump, load
from personaloom.training.formats.base import FormatOptions
from personaloom.training.formats.native import blank_sample, decode_sample
from personaloom.training.formats.writers import FileWriter

__all__ = ["ParquetWriter", "decode_row", "encode_row", "read_parquet", "schema"]

_ROW_GROUP = 1000
_STEP = ("turn", "text", "noisy_text", "noise_type", "applied_strategies")
_CLEAN_STEP = ("turn", "text")
_VERSION = ("noisy_text", "noise_type", "applied_strategies")
_MESSAGE = ("role", "content")
_PLAIN = ("sample_id", "persona_id", "original_query", "initial_query")


def schema() -> Any:
    """The Arrow schema.

    ``persona_features`` is a list of name and value (maps are not read by every loader), ``metadata`` is JSON text.
    ``exact_json`` is null unless the typed columns cannot hold the sample exactly; then it has all of it.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only Parquet needs it

    text, strings = pa.string(), pa.list_(pa.string())
    version = [("noisy_text", text), ("noise_type", text), ("applied_strategies", strings)]
    return pa.schema(
        [
            ("sample_id", text),
            ("persona_id", text),
            ("persona_features", pa.list_(pa.struct([("name", text), ("value", text)]))),
            ("original_query", text),
            ("initial_query", text),
            ("prompt_trajectory", pa.list_(pa.struct([("turn", pa.int64()), ("text", text), *version]))),
            ("full_conversation", pa.list_(pa.struct([("role", text), ("content", text)]))),
            ("num_turns", pa.int64()),
            ("noisy_initial_queries", pa.list_(pa.struct(version))),
            ("metadata", text),
            ("exact_json", text),
        ]
    )


def encode_row(sample: TrainingSample, options: FormatOptions) -> list[dict[str, Any]]:
    """One row; the columns of a sample of another shape are filled as far as they go."""
    del options
    data = sample.to_dict()
    row: dict[str, Any] = {name: _clean(data[name]) for name in _PLAIN}
    row["num_turns"] = data["num_turns"]
    features = data.get("persona_features")
    row["persona_features"] = _each(features, _feature) if isinstance(features, dict) else None
    steps = _STEP if data.get("noisy_initial_queries") is not None else _CLEAN_STEP
    row["prompt_trajectory"] = _structs(data.get("prompt_trajectory"), steps)
    row["full_conversation"] = _structs(data.get("full_conversation"), _MESSAGE)
    row["noisy_initial_queries"] = _structs(data.get("noisy_initial_queries"), _VERSION)
    notes = data.get("metadata")
    row["metadata"] = None if notes is None else dump(notes).decode()
    row["exact_json"] = None
    if not _same(decode_row(row), sample):
        row["exact_json"] = dump(data).decode()
    return [row]


def _same(one: TrainingSample, two: TrainingSample) -> bool:
    # As bytes, so that 1 and 1.0 and True stay apart.
    return dump(one.to_dict()) == dump(two.to_dict())


def _each(features: Mapping[str, Any], make: Any) -> list[dict[str, str]]:
    return [make(name, value) for name, value in features.items()]


def _feature(name: str, value: Any) -> dict[str, str]:
    return {"name": _clean(name), "value": _clean(value)}


def _clean(value: Any) -> str:
    text = value if isinstance(value, str) else dump(value).decode()
    return text.encode("utf-8", "replace").decode()  # Arrow holds no lone surrogates


def _structs(items: Any, keys: tuple[str, ...]) -> list[dict[str, Any]] | None:
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        return None
    return [{key: _cell(key, item.get(key)) for key in keys} for item in items]


def _cell(key: str, value: Any) -> Any:
    if value is None:
        return None
    if key == "turn":
        return value if isinstance(value, int) and abs(value) < 2**63 else None
    if key == "applied_strategies":
        return [_clean(item) for item in value] if isinstance(value, list) else None
    return _clean(value)


def decode_row(record: Mapping[str, Any]) -> TrainingSample:
    """The sample of a row."""
    if record.get("exact_json") is not None:
        return decode_sample(load(record["exact_json"].encode()))
    features, notes = record["persona_features"], record["metadata"]
    steps = _STEP if record["noisy_initial_queries"] is not None else _CLEAN_STEP
    trajectory = record["prompt_trajectory"]
    return blank_sample(
        **{name: record[name] for name in (*_PLAIN, "num_turns", "full_conversation", "noisy_initial_queries")},
        persona_features=None if features is None else {entry["name"]: entry["value"] for entry in features},
        prompt_trajectory=None if trajectory is None else [{key: step[key] for key in steps} for step in trajectory],
        metadata=None if notes is None else load(notes.encode()),
    )


class ParquetWriter(FileWriter):
    """Writes rows in groups of 1,000, compressed; memory holds one group."""

    def __init__(self, path: Path, options: FormatOptions) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy, and only Parquet needs it

        super().__init__(path, options)
        self._schema = schema()
        self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, record: dict[str, Any]) -> None:
        """Add one row."""
        self._rows.append(record)
        self.records += 1
        if len(self._rows) == _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa  # noqa: PLC0415 - heavy, and only Parquet needs it

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []

    def finish(self) -> None:
        """Complete and durable, still under its temporary name."""
        self._flush()
        self._writer.close()
        super().finish()

    def abort(self) -> None:
        """Leave no trace."""
        self._rows = []
        try:
            if not self._file.closed:
                self._writer.close()  # writes the end of the file, to a disk that may be full
        finally:
            super().abort()


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, a group at a time.

    Raises:
        InputError: no Parquet file.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only Parquet needs it
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy, and only Parquet needs it

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: not a Parquet file ({error})") from error
    with file:
        for batch in file.iter_batches(_ROW_GROUP):
            yield from batch.to_pylist()
