"""Reads datasets that others made: the reference's samples, chat messages, ShareGPT, TRL, PersonaAtlas, Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from personaloom.errors import InputError
from personaloom.records import TrainingSample
from personaloom.training.files import read_json_array, read_jsonl
from personaloom.training.formats import FORMATS
from personaloom.training.formats.columns import read_parquet

__all__ = ["detect_format", "read_samples"]

_SIGNS: tuple[tuple[str, frozenset[str]], ...] = (
    ("parquet", frozenset({"sample_id", "exact_json"})),
    ("personaatlas", frozenset({"id", "role_utterances", "full_conversation"})),
    ("prompt_rewriting", frozenset({"noisy", "clean", "history"})),
    ("trl_preference", frozenset({"chosen", "rejected", "prompt"})),
    ("jsonl", frozenset({"sample_id", "full_conversation"})),
    ("jsonl", frozenset({"sample_id", "original_query"})),
    ("sharegpt", frozenset({"conversations"})),
    ("trl_sft", frozenset({"prompt", "completion"})),
    ("openai", frozenset({"messages"})),
)
"""The keys that tell a format, the most telling first."""


def detect_format(record: Mapping[str, Any]) -> str | None:
    """The name of the format that a record is in, or None."""
    return next((name for name, keys in _SIGNS if keys <= record.keys()), None)


def read_samples(path: str | Path) -> Iterator[TrainingSample]:
    """The samples of a file, or of all data files of a folder, one by one.

    A file ends in ``.jsonl``, ``.json`` (one array, or one of ``data``, ``samples``, ``train`` in an object) or
    ``.parquet``; its format is told by the keys of its first record. What a sample lacks is filled in: ``sample_id``
    from the file's name and the record's number, ``num_turns`` and the queries from the conversation.

    Raises:
        InputError: the file is not there or cannot be read, is empty, is in no known format, or a record does not fit;
            the message names the record by its number.
    """
    for file in _files(Path(path)):
        yield from _read_file(file)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")
    if path.is_file():
        return [path]
    for pattern in ("training_data/*_samples.jsonl", "*_samples.jsonl", "**/*.parquet", "*.jsonl", "*.json"):
        found = sorted(path.glob(pattern))
        if found:
            return found
    raise InputError(f"{path}: no *.jsonl, *.json or *.parquet file in this folder")


def _read_file(path: Path) -> Iterator[TrainingSample]:
    records = iter(_records(path))
    first = next(records, None)
    if first is None:
        return
    name = detect_format(first) if isinstance(first, Mapping) else None
    if name is None:
        keys = ", ".join(map(str, first)) if isinstance(first, Mapping) else f"a {type(first).__name__}"
        known = "; ".join(f"{form}: {', '.join(sorted(signs))}" for form, signs in _SIGNS)
        raise InputError(f"{path}: the first record ({keys}) is in no format known here; the keys looked for: {known}")
    decode = FORMATS[name].decode
    for number, record in enumerate(chain([first], records), start=1):
        yield _complete(_decoded(path, number, record, decode), f"{path.stem}-{number:06d}")


def _records(path: Path) -> Iterable[Any]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return read_parquet(path)
    if suffix in {".jsonl", ".ndjson"}:
        return read_jsonl(path)
    if suffix == ".json":
        return read_json_array(path)
    raise InputError(f"{path}: the name ends in {suffix or 'nothing'}; known are .jsonl, .json and .parquet")


def _decoded(path: Path, number: int, record: Any, decode: Callable[[Mapping[str, Any]], Any]) -> TrainingSample:
    try:
        sample: TrainingSample = decode(record)
        conversation = sample.full_conversation
        fits = conversation is None or all(isinstance(m["role"], str) for m in conversation)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path}: record {number} does not fit ({type(error).__name__}: {error})") from error
    if not fits or not isinstance(sample.persona_id, str):
        raise InputError(f"{path}: record {number} does not fit (ids and roles are text)")
    return sample


def _complete(sample: TrainingSample, fallback: str) -> TrainingSample:
    """With the fields that a foreign record lacks."""
    users = [m["content"] for m in sample.full_conversation or () if m["role"] == "user"]
    first = users[0] if users else ""
    return sample.with_(
        sample_id=str(sample.sample_id or fallback),
        original_query=sample.original_query or first,
        initial_query=sample.initial_query or first,
        num_turns=sample.num_turns or len(users),
    )
