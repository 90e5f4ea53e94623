"""What the report page holds: an index that opens at once, and chunks of text that are unpacked when they are read.

The index is column-wise JSON of a few hundred bytes a conversation; full texts lie in chunks of about a quarter of a
megabyte, each deflated on its own, so that a dataset of 10,000 conversations opens without unpacking any of them.
Memory stays at the index plus one chunk, whatever the dataset's size.
"""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from personaloom.records import NoiseLayer, NoiseVerdict
from personaloom.tracking.folder import noise_of, read_jsonl

__all__ = [
    "CHUNK_CHARACTERS",
    "ChunkWriter",
    "Coded",
    "pack",
    "packed_messages",
    "read_conversations",
    "read_failures",
    "read_personas",
]

CHUNK_CHARACTERS = 1 << 18
_LEVEL = 6
_TITLE = 110
_MOST_FAILURES = 5000
_LAYERS = tuple(str(layer) for layer in NoiseLayer)
_UNDONE = 1 << len(_LAYERS)  # flag: noise was drawn somewhere and could not be applied
_KEPT_METADATA = (
    "target_turns",
    "user_model",
    "supplement",
    "assistant_snapshot",
    "seed_query_id",
    "category",
)


def pack(value: Any) -> str:
    """JSON, deflated, in base64: the form that the page unpacks."""
    return base64.b64encode(zlib.compress(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS), _LEVEL)).decode("ascii")


@dataclass(slots=True)
class Coded:
    """Strings as small integers, numbered in the order of their first sight."""

    names: list[str] = field(default_factory=list)
    _codes: dict[str, int] = field(default_factory=dict)

    def code(self, name: str) -> int:
        """The number of a name; a new one gets the next."""
        if name not in self._codes:
            self._codes[name] = len(self.names)
            self.names.append(name)
        return self._codes[name]


class ChunkWriter:
    """Writes records as packed ``<script>`` blocks, several records a block.

    Attributes:
        starts: index of the first record of each block.
        count: records written.
        size: characters of base64 written.
    """

    def __init__(self, sink: IO[str], prefix: str) -> None:
        self.starts: list[int] = []
        self.count = 0
        self.size = 0
        self._sink = sink
        self._prefix = prefix
        self._waiting: list[Any] = []
        self._characters = 0

    def add(self, record: Any, characters: int) -> None:
        """Put a record of about so many characters into the current block."""
        self._waiting.append(record)
        self._characters += characters
        if self._characters >= CHUNK_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Write the current block out."""
        if not self._waiting:
            return
        packed = pack(self._waiting)
        self._sink.write(f'<script type="text/plain" id="{self._prefix}{len(self.starts)}">{packed}</script>\n')
        self.starts.append(self.count)
        self.count += len(self._waiting)
        self.size += len(packed)
        self._waiting, self._characters = [], 0


def read_personas(folder: Path, prompts: ChunkWriter) -> tuple[dict[str, Any], dict[str, tuple[int, dict[str, str]]]]:
    """Code all personas by dimension and value; system prompts go to ``prompts``.

    Returns:
        The index part ``{ids, dimensions, values, rows}`` (``rows``: one code a dimension, -1 where it is absent), and
        the personas by id with their position and features.
    """
    dimensions, values = Coded(), list[Coded]()
    ids: list[str] = []
    rows: list[list[int]] = []
    known: dict[str, tuple[int, dict[str, str]]] = {}
    for persona in read_jsonl(folder / "personas.jsonl"):
        features = {str(k): str(v) for k, v in (persona.get("features") or {}).items()}
        row = [-1] * len(values)
        for name, value in features.items():
            column = dimensions.code(name)
            if column == len(values):
                values.append(Coded())
                row.append(-1)
            row[column] = values[column].code(value)
        name = str(persona.get("persona_id"))
        known[name] = (len(ids), features)
        ids.append(name)
        rows.append(row)
        prompt = str(persona.get("system_prompt") or "")
        prompts.add(prompt, len(prompt))
    prompts.flush()
    for row in rows:
        row.extend([-1] * (len(values) - len(row)))
    coded = {"ids": ids, "dimensions": dimensions.names, "values": [v.names for v in values], "rows": rows}
    return coded, known


def read_conversations(
    folder: Path,
    personas: dict[str, tuple[int, dict[str, str]]],
    texts: ChunkWriter,
    most: int,
    most_bytes: int,
) -> dict[str, Any]:
    """Index all conversations, and write their texts until ``most`` of them or ``most_bytes`` are reached.

    Returns:
        Columns ``{ids, persona, turns, flags, end, model, title}`` with the name tables ``ends`` and ``models``,
        ``starts`` of the text chunks, ``total`` and ``turn_counts`` of the whole dataset.
    """
    ends, models = Coded(), Coded()
    names = ("ids", "persona", "turns", "flags", "end", "model", "title")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    turn_counts: Counter[int] = Counter()
    total = 0
    for talk in read_jsonl(folder / "interactions.jsonl"):
        total += 1
        turn_counts[int(talk.get("num_turns") or 0)] += 1
        if len(columns["ids"]) >= most or texts.size >= most_bytes:
            continue
        noise, metadata = noise_of(talk), talk.get("metadata") or {}
        place, features = personas.get(str(talk.get("persona_id")), (-1, {}))
        row = (
            talk.get("interaction_id"),
            place,
            talk.get("num_turns"),
            _flags(noise),
            ends.code(str(metadata.get("end_reason") or "")),
            models.code(str(metadata.get("assistant_model") or "")),
            str(talk.get("original_query") or talk.get("initial_query") or "")[:_TITLE],
        )
        for name, value in zip(names, row, strict=True):
            columns[name].append(value)
        record, characters = _text(talk, noise, features)
        texts.add(record, characters)
    texts.flush()
    tables = {"ends": ends.names, "models": models.names, "starts": texts.starts, "layers": _LAYERS}
    return columns | tables | {"total": total, "turn_counts": sorted(turn_counts.items())}


def read_failures(folder: Path) -> dict[str, Any]:
    """The failures, at most 5,000 of them, with their ``total`` and how many were ``made_up``."""
    rows: list[list[Any]] = []
    total = made_up = 0
    names = ("failure_id", "persona_id", "stage", "kind", "message", "attempts", "transient", "timestamp", "made_up")
    for failure in read_jsonl(folder / "failures.jsonl"):
        total += 1
        made_up += bool(failure.get("made_up"))
        if len(rows) < _MOST_FAILURES:
            rows.append([failure.get(name) for name in names])
    return {"names": names, "rows": rows, "total": total, "made_up": made_up}


def _flags(noise: list[dict[str, Any] | None]) -> int:
    flags = 0
    for result in noise:
        layer = (result or {}).get("layer")
        if result is None or layer not in _LAYERS:
            continue
        flags |= 1 << _LAYERS.index(layer) if _verdict(result) == NoiseVerdict.APPLIED else _UNDONE
    return flags


def _verdict(result: dict[str, Any]) -> str:
    return str((result.get("metadata") or {}).get("verdict") or NoiseVerdict.NOT_DRAWN)


def _text(
    talk: dict[str, Any], noise: list[dict[str, Any] | None], features: dict[str, str]
) -> tuple[dict[str, Any], int]:
    """A conversation's texts with short keys, and about how many characters they are."""
    messages = list(packed_messages(talk, noise))
    own = {k: v for k, v in (talk.get("persona_features") or {}).items() if features.get(k) != v}
    metadata = talk.get("metadata") or {}
    kept = {key: metadata[key] for key in _KEPT_METADATA if metadata.get(key) not in (None, "", 0, False)}
    record = {
        "q": talk.get("original_query"),
        "i": talk.get("initial_query"),
        "m": messages,
        "f": own,
        "x": kept,
    }
    return record, sum(len(message[1]) for message in messages) + 200


def packed_messages(talk: dict[str, Any], noise: list[dict[str, Any] | None]) -> Iterator[list[Any]]:
    """Each message as ``[role, text]``, a user message for which noise was drawn with its provenance as a third."""
    turn = 0
    for message in talk.get("messages") or []:
        content = str(message.get("content") or "")
        if message.get("role") != "user":
            yield [str(message.get("role") or "assistant"), content]
            continue
        result = noise[turn] if turn < len(noise) else None
        turn += 1
        drawn = result is not None and result.get("layer") is not None
        yield (["user", content, _provenance(result, content)] if result is not None and drawn else ["user", content])


def _provenance(result: dict[str, Any], content: str) -> dict[str, Any]:
    """A noise result without what is empty, and without the noisy text where the message is that text."""
    metadata = result.get("metadata") or {}
    semantics = result.get("semantics") or {}
    said = {
        "verdict": _verdict(result),
        "layer": result.get("layer"),
        "strategies": result.get("applied_strategies"),
        "asked": metadata.get("asked_strategies"),
        "clean": result.get("original_text"),
        "noisy": None if result.get("noisy_text") == content else result.get("noisy_text"),
        "reason": metadata.get("reason"),
        "distance": metadata.get("edit_distance"),
        "engine": metadata.get("engine"),
        "attempts": metadata.get("attempts"),
        "before": semantics.get("before"),
        "after": semantics.get("after"),
    }
    return {key: value for key, value in said.items() if value not in (None, "", [], {})}
