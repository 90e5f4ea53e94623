"""The reference system's output folders, read as our records.

``personas/`` holds one file a persona, ``interactions/`` one a conversation in the form of a training sample, and
``training_data/`` one file a split, each export beside the earlier ones. Whatever is there is read; a conversation that
is in several places is taken once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from personaloom.errors import InputError
from personaloom.records import Interaction, Message, NoiseLayer, NoiseResult, NoiseVerdict, PersonaSpec
from personaloom.text.similarity import levenshtein
from personaloom.training.files import load, read_jsonl
from personaloom.training.reading import read_samples

__all__ = ["Outputs", "has_outputs", "interaction_of"]

_SPLIT_FILE = re.compile(r"(train|val|validation|test)_samples(?:_\d+)*\.(?:json|jsonl)")
_DATA = frozenset({".json", ".jsonl", ".yaml", ".yml"})
_OURS = frozenset({"arms", "artifacts", "comparisons", "datasets", "mlartifacts", "preferences", "reports", "sweeps"})
"""Folders that are made in the reference's by going on in it."""


@dataclass
class Outputs:
    """What lies in an output folder, or in one file of samples.

    Args:
        path: ``output``, one of its folders, or a file that ``personaloom.training.read_samples`` reads.

    Attributes:
        splits: conversation id → split, as the reference exported it; filled while conversations are read.
        moved: conversations that two exports put into different splits; the later one counts.

    Raises:
        InputError: there is nothing of the reference's in it.
    """

    path: Path
    splits: dict[str, str] = field(default_factory=dict)
    moved: int = 0

    def __post_init__(self) -> None:
        if self.path.is_file():
            return
        if not (self._files("personas") or self._files("interactions") or self._split_files()):
            wanted = "personas/, interactions/ or training_data/ with *_samples.json"
            raise InputError(f"{self.path}: nothing of the reference system's is in it → name a folder with {wanted}")

    def _files(self, name: str) -> list[Path]:
        folder = self.path if self.path.name == name else self.path / name
        if not folder.is_dir():
            return []
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in _DATA)

    def _split_files(self) -> list[Path]:
        """Exports with a time in their name in the order of time, the one without last: it is the newest."""
        folder = self.path if self.path.name == "training_data" else self.path / "training_data"
        found = [path for path in folder.glob("*_samples*.json*") if _SPLIT_FILE.fullmatch(path.name)]
        return sorted(found, key=lambda path: (path.stem.endswith("_samples"), path.name))

    def usage_files(self) -> list[Path]:
        """Token reports; those of datasets that were made in this folder since, and MLflow's copies, are not theirs."""
        found = [] if self.path.is_file() else sorted(self.path.glob("**/token_usage*.json"))
        return [
            path
            for path in found
            if not (path.parent / "store.sqlite").exists() and not _OURS & set(path.relative_to(self.path).parts)
        ]

    def personas(self) -> Iterator[PersonaSpec]:
        """The personas, each id once."""
        seen: set[str] = set()
        for path in [] if self.path.is_file() else self._files("personas"):
            for record in _records(path):
                if not isinstance(record, Mapping) or "persona_id" not in record:
                    continue  # indexes and statistics lie in the same folder
                persona = PersonaSpec(
                    persona_id=str(record["persona_id"]),
                    features=_texts(record.get("features")),
                    system_prompt=record.get("system_prompt") or None,
                    metadata=dict(record.get("metadata") or {}),
                )
                if persona.persona_id not in seen:
                    seen.add(persona.persona_id)
                    yield persona

    def interactions(self) -> Iterator[Interaction]:
        """The conversations, each id once; exported ones first, so that their splits are known."""
        seen: set[str] = set()
        for record, split in self._conversations():
            talk = interaction_of(record)
            if split:
                self.moved += self.splits.get(talk.interaction_id, split) != split
                self.splits[talk.interaction_id] = split
            if talk.interaction_id not in seen:
                seen.add(talk.interaction_id)
                yield talk

    def _conversations(self) -> Iterator[tuple[Mapping[str, Any], str]]:
        if self.path.is_file():
            for sample in read_samples(self.path):
                yield sample.to_dict(), _split_of(self.path)
            return
        for path in [*self._split_files(), *self._files("interactions")]:
            for number, record in enumerate(_records(path), start=1):
                if isinstance(record, Mapping) and ({"full_conversation", "messages"} & record.keys()):
                    yield record, _split_of(path)
                elif path.parent.name == "training_data":
                    raise InputError(f"{path}: record {number} is no sample (it has no full_conversation)")


def has_outputs(path: Path) -> bool:
    """Whether conversations of the reference's lie in a folder; nothing is read."""
    return any(
        (path / name).is_dir() and any((path / name).glob("*.js*")) for name in ("interactions", "training_data")
    )


def _split_of(path: Path) -> str:
    found = _SPLIT_FILE.fullmatch(path.name)
    return {"validation": "val"}.get(found[1], found[1]) if found else ""


def _records(path: Path) -> Iterable[Any]:
    """The records of a file: one object, a list, a list under a key of its own, or one a line."""
    try:
        if path.suffix.lower() == ".jsonl":
            return list(read_jsonl(path))
        text = path.read_bytes()
        content = load(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if isinstance(content, Mapping):
        lists = [content[key] for key in ("samples", "data", "personas", "interactions") if key in content]
        return lists[0] if lists and isinstance(lists[0], list) else [content]
    return content if isinstance(content, list) else []


def _texts(features: Any) -> dict[str, str]:
    """Features as texts: the reference's YAML makes a number of a value such as 25_34."""
    return {str(name): str(value) for name, value in (features or {}).items() if value is not None}


def interaction_of(record: Mapping[str, Any]) -> Interaction:
    """A conversation from a sample, or from an interaction with ``messages``.

    Noise counts as applied only where the text really differs from its clean version, whatever the record says.

    Raises:
        InputError: it has no id, no persona, or messages without text.
    """
    name = str(record.get("interaction_id") or record.get("sample_id") or record.get("id") or "")
    if not name or not record.get("persona_id"):
        raise InputError(f"conversation {name or '(without an id)'}: it names no persona or has no id")
    known = dict(record.get("metadata") or {})
    messages: list[Message] = []
    noise: list[NoiseResult] = []
    for message in record.get("full_conversation") or record.get("messages") or ():
        if not isinstance(message, Mapping) or not isinstance(message.get("content"), str):
            raise InputError(f"conversation {name}: a message has no text")
        role = "assistant" if message.get("role") == "assistant" else "user"
        own = dict(message.get("metadata") or {})
        if role == "user":
            turn = len(noise)
            noise.append(_noise(message["content"], own, _said_of(known, turn), f"{name}-t{turn}"))
            own = {"unit_id": f"{name}-t{turn}"}
        messages.append(Message(role, message["content"], str(message.get("timestamp") or ""), own))
    return Interaction(
        interaction_id=name,
        persona_id=str(record["persona_id"]),
        persona_features=_texts(record.get("persona_features")),
        original_query=str(record.get("original_query") or ""),
        initial_query=noise[0].original_text if noise else str(record.get("initial_query") or ""),
        messages=messages,
        num_turns=len(noise),
        metadata=_metadata(known, noise),
    )


def _metadata(known: Mapping[str, Any], noise: list[NoiseResult]) -> dict[str, Any]:
    model = known.get("assistant_model")
    ended = known.get("conversation_ended")
    return {
        "end_reason": None,  # the reference says that it ended, not why
        "conversation_ended": bool(ended) if ended is not None else None,
        "assistant_model": _model_name(model),
        "user_model": _model_name(known.get("user_model")),
        "created_at": known.get("created_at"),
        "noise": [result.to_dict() for result in noise],
        "noise_mode": "realtime",
        "simulated": False,
        "supplement": 0,
    }


def _model_name(model: Any) -> str | None:
    if isinstance(model, Mapping):
        return "/".join(str(model[key]) for key in ("provider", "model") if model.get(key)) or None
    return str(model) if model else None


def _said_of(known: Mapping[str, Any], turn: int) -> Mapping[str, Any]:
    """What the record says of the noise of a turn."""
    if turn == 0:
        said = (known.get("semantic_noise") or {}).get("initial_query")
    else:
        followups = (known.get("noisy_versions") or {}).get("followups") or ()
        said = next((f.get("semantic_noise") for f in followups if f.get("turn") == turn), None)
    return said if isinstance(said, Mapping) else {}


def _noise(said: str, own: Mapping[str, Any], note: Mapping[str, Any], unit: str) -> NoiseResult:
    """The noise of one user message.

    Args:
        said: the text as it was said.
        own: the message's metadata.
        note: what the conversation says of its noise.
        unit: id.
    """
    clean = str(own.get("clean_version") or note.get("original_text") or said)
    differs = clean != said
    named = str(note.get("layer"))
    layer = NoiseLayer(named) if named in set(NoiseLayer) else NoiseLayer.SURFACE if differs else None
    verdict = NoiseVerdict.NOT_DRAWN
    if layer is not None:
        verdict = NoiseVerdict.APPLIED if differs else NoiseVerdict.REJECTED
    facts: dict[str, Any] = {"unit_id": unit, "verdict": str(verdict), "engine": "reference"}
    if verdict is NoiseVerdict.APPLIED:
        facts["edit_distance"] = levenshtein(clean, said)
    elif verdict is NoiseVerdict.REJECTED:
        facts["reason"] = "the text is the same as the clean one"
    return NoiseResult(
        original_text=clean,
        noisy_text=said,
        layer=str(layer) if layer else None,
        layer_index=layer.layer_index if layer else None,
        applied_strategies=[str(name) for name in note.get("applied_strategies") or ()] if differs else [],
        metadata=facts,
    )
