"""The records a run makes: plain frozen values, written to the store and to every export.

Ids (see ``Ids``) carry no seed, level, fingerprint or time, so that the same thing has the same id in every run of a
sweep. ``to_dict`` gives the published field names in their published order; ``from_dict`` reads them back.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

__all__ = [
    "DealtQuery",
    "EndReason",
    "Failure",
    "Ids",
    "Interaction",
    "Message",
    "NoiseLayer",
    "NoiseResult",
    "NoiseVerdict",
    "PersonaSpec",
    "PromptUse",
    "Record",
    "SeedQuery",
    "Semantics",
    "TrainingSample",
    "utc_now",
]


def utc_now() -> str:
    """The time in UTC, ISO 8601 with seconds: the only thing in a record that differs between equal runs."""
    return _second(int(time.time()))


@lru_cache(maxsize=8)
def _second(since_1970: int) -> str:
    return datetime.fromtimestamp(since_1970, UTC).isoformat(timespec="seconds")


class Ids:
    """How things are named, in one place."""

    @staticmethod
    def persona(index: int) -> str:
        """``p000012``: the persona at this index, counted from 0."""
        return f"p{index:06d}"

    @staticmethod
    def slot(persona_id: str, query: int) -> str:
        """``p000012-q03``: a query slot; also the id of its interaction and of its sample."""
        return f"{persona_id}-q{query:02d}"

    @staticmethod
    def supplement(slot_id: str, number: int) -> str:
        """``p000012-q03-s1``: the first replacement of a slot whose conversation failed."""
        return f"{slot_id}-s{number}"

    @staticmethod
    def supplement_of(record_id: str) -> int:
        """The number of a supplement, 0 for a slot's own id."""
        _, mark, number = record_id.rpartition("-s")
        return int(number) if mark else 0

    @staticmethod
    def unit(slot_id: str, turn: int) -> str:
        """``p000012-q03-t0``: one user message that could be made noisy; turn counts from 0."""
        return f"{slot_id}-t{turn}"


class EndReason(StrEnum):
    """Why a conversation ended."""

    TARGET_REACHED = "target_reached"
    """The number of turns drawn for it was reached."""
    SATISFIED = "satisfied"
    """The user model said that its need was met."""


class NoiseLayer(StrEnum):
    """The three semantic layers of noise, in order of their index."""

    SURFACE = "surface_noise"
    """Intent and every slot are kept."""
    INCOMPLETE = "incomplete_info"
    """The intent is kept; at least one slot is missing or vague."""
    AMBIGUOUS = "semantic_ambiguity"
    """The intent is uncertain, there are several, or slots conflict."""

    @property
    def layer_index(self) -> int:
        """0, 1 or 2."""
        return tuple(NoiseLayer).index(self)


class NoiseVerdict(StrEnum):
    """What became of one unit."""

    NOT_DRAWN = "not_drawn"
    """The draw left this unit clean."""
    APPLIED = "applied"
    """The text differs and the layer's contract was found to hold."""
    REJECTED = "rejected"
    """Noise was written but broke its contract, twice: the unit stays clean."""
    NOT_APPLICABLE = "not_applicable"
    """No drawn strategy can handle this text (nothing to work on, or a language it does not know)."""


_ATOMS = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Record:
    """Base of the records: conversion by field name."""

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary with the fields in order."""
        kind: Any = type(self)
        return {name: _plain(getattr(self, name)) for name in _names(kind)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` wrote; unknown keys are ignored, so that newer files stay readable."""
        kind: Any = cls
        known = _names(kind)
        return cls(**{key: value for key, value in data.items() if key in known})

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return replace(self, **changes)


@lru_cache(maxsize=64)
def _names(record: Any) -> tuple[str, ...]:
    """The fields of a class of records."""
    return tuple(f.name for f in fields(record))


def _plain(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, StrEnum):
        return str(value)
    return value


@dataclass(frozen=True, slots=True)
class PromptUse(Record):
    """Which prompt template made a text: name, version and hash of the file used."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PersonaSpec(Record):
    """A sampled persona.

    Attributes:
        persona_id: ``p000012``.
        features: dimension name to value, in the bank's order; dimensions not sampled are absent.
        system_prompt: the persona in prose, or None where prompts were not asked for or failed.
        metadata: JSON-ready extras (``prompt`` use, ``simulated``, ``created_at``, distances …).
    """

    persona_id: str
    features: dict[str, str]
    system_prompt: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeedQuery(Record):
    """One line of a query set, before it is dealt.

    Attributes:
        query_id: stable name within its set: given by the file, else derived from the text.
        text: the query.
        metadata: whatever the file says (``source``, ``category``, …).
    """

    query_id: str
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DealtQuery(Record):
    """A query dealt to a persona, in its slot.

    Attributes:
        query_id: the slot, ``p000012-q03`` or ``p000012-q03-s1``.
        original_query: as in the query set.
        adapted_query: in the persona's voice; equal to the original where no style was transferred.
        inferred_domain, inferred_scenario: what the query is about, or None.
        target_turns: how many turns were drawn for its conversation.
        style_transferred: whether the adapted text really came from style transfer.
        metadata: ``seed_query_id``, ``style_mode`` (whole | partial | none), ``source``, ``category``, ``pass`` (0 for
            the first time through the set), prompt use.
    """

    query_id: str
    original_query: str
    adapted_query: str
    inferred_domain: str | None = None
    inferred_scenario: str | None = None
    target_turns: int = 2
    style_transferred: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message(Record):
    """One message of a conversation; ``role`` is ``user`` or ``assistant``.

    A user message's metadata has ``unit_id``, and, where noise was applied, ``clean_text`` and ``noise_type`` (the
    layer); the whole ``NoiseResult`` stands once, under the interaction's ``noise``.
    """

    role: str
    content: str
    timestamp: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Semantics(Record):
    """What a user text asks for.

    Attributes:
        intents: one or more short verb phrases; more than one means several intents.
        slots: what the request names, slot name to value as written in the text.
        missing: names of slots that a clean version had and this text has not.
        vague: names of slots whose value became vague.
        conflicts: pairs or statements that contradict each other, in words.
    """

    intents: list[str] = field(default_factory=list)
    slots: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    vague: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NoiseResult(Record):
    """What the distractor did to one unit.

    ``noisy_text`` equals ``original_text`` unless ``verdict`` is ``applied``.

    Attributes:
        original_text: the clean text.
        noisy_text: the text that is used.
        layer: a ``NoiseLayer`` value, or None where the unit was not drawn.
        layer_index: 0, 1, 2, or None.
        applied_strategies: strategies whose effect was found in the text.
        metadata: ``unit_id``, ``verdict``, ``asked_strategies``, ``reason`` of a rejection, ``edit_distance``
            (Levenshtein, characters), ``engine``, ``attempts``, prompt use.
        semantics: ``{"before": Semantics, "after": Semantics}`` as dictionaries, where they were extracted.
    """

    original_text: str
    noisy_text: str
    layer: str | None = None
    layer_index: int | None = None
    applied_strategies: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    semantics: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> NoiseVerdict:
        """What became of the unit."""
        return NoiseVerdict(self.metadata.get("verdict", NoiseVerdict.NOT_DRAWN))

    @property
    def applied(self) -> bool:
        """True only where the text differs and the verdict holds."""
        return self.verdict is NoiseVerdict.APPLIED and self.noisy_text != self.original_text

    @property
    def drawn(self) -> bool:
        """Whether the draw chose this unit, whatever came of it."""
        return self.layer is not None


@dataclass(frozen=True, slots=True)
class Interaction(Record):
    """A finished conversation.

    Attributes:
        interaction_id: its slot, ``p000012-q03`` or a supplement's.
        persona_id: whose it is.
        persona_features: as the conversation used them, an inferred domain or scenario included.
        original_query: from the query set.
        initial_query: the first user message's clean text (after style transfer, before noise).
        messages: alternating user and assistant, ending with the assistant.
        num_turns: user messages with their replies.
        metadata: ``end_reason``, ``assistant_model``, ``user_model``, ``noise`` (one ``NoiseResult`` dictionary per
            user turn), ``prompts``, ``target_turns``, ``simulated``, ``supplement``.
    """

    interaction_id: str
    persona_id: str
    persona_features: dict[str, str]
    original_query: str
    initial_query: str
    messages: list[Message]
    num_turns: int
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` wrote, messages included."""
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in data.items() if key in known}
        values["messages"] = [m if isinstance(m, Message) else Message.from_dict(m) for m in values["messages"]]
        return cls(**values)

    def noise(self) -> list[NoiseResult]:
        """What the distractor did, one result per user turn (empty where no distractor ran)."""
        return [NoiseResult.from_dict(entry) for entry in self.metadata.get("noise", ())]


@dataclass(frozen=True, slots=True)
class TrainingSample(Record):
    """A conversation as training data; fields that were switched off are left out of its dictionary.

    Attributes:
        sample_id: the interaction's id.
        prompt_trajectory: the user's messages in order, clean text first: ``[{turn, text, noisy_text, …}]``.
        full_conversation: ``[{role, content}]``.
        noisy_initial_queries: ``[{noisy_text, noise_type, applied_strategies}]``, empty where the first query is clean.
    """

    sample_id: str
    persona_id: str
    persona_features: dict[str, str] | None
    original_query: str
    initial_query: str
    prompt_trajectory: list[dict[str, Any]] | None
    full_conversation: list[dict[str, str]] | None
    num_turns: int
    noisy_initial_queries: list[dict[str, Any]] | None
    metadata: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Without the fields that were switched off (those that are None)."""
        return {key: value for key, value in Record.to_dict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Failure(Record):
    """Something that was asked for and is not in the dataset, with its reason.

    Attributes:
        failure_id: the slot or supplement (or persona) that failed.
        persona_id: whose it is.
        stage: persona, prompt, query, interaction, distractor or training.
        kind: a ``CallError.kind`` (``timeout``, ``refusal``, …) or the name of a check.
        message: in words, for a person.
        attempts: calls that were made for the step that failed.
        transient: True where running the same command again may mend it; False for content failures.
        timestamp: when.
    """

    failure_id: str
    persona_id: str
    stage: str
    kind: str
    message: str
    attempts: int = 0
    transient: bool = False
    timestamp: str = ""
