# ruff: noqa: E501 - tables and messages read best in one line
"""The semantic engine: a model reads what a text asks for, another writes the noisy version, and rules check it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from personaloom.errors import (
    AuthenticationFailedError,
    CallError,
    CallTimeoutError,
    ConnectionCutError,
    EmptyReplyError,
    MalformedReplyError,
    ModelNotFoundError,
    RateLimitedError,
    ServerFaultError,
)
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import CallKey, LLMReply, LLMRequest, Purpose, Role
from personaloom.records import NoiseLayer, PromptUse, Semantics
from personaloom.text.contracts import Finding
from personaloom.text.strategies import CONTRACTS

__all__ = ["Chat", "Conversation", "SemanticEngine", "is_fatal"]


class Chat(Protocol):
    """What the distractor needs of the LLM client."""

    @property
    def prompts(self) -> PromptLibrary:
        """The templates of the run."""
        ...

    async def complete(self, request: LLMRequest, accept: Callable[[LLMReply], None] | None = None) -> LLMReply:
        """The reply to one call."""
        ...


_FATAL = (
    AuthenticationFailedError, ModelNotFoundError, RateLimitedError, ServerFaultError, CallTimeoutError, ConnectionCutError,
)  # fmt: skip


def is_fatal(error: CallError) -> bool:
    """Whether a failed call says something about the connection rather than about this unit's content."""
    return isinstance(error, _FATAL)


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_SLOTS = {"type": "array", "items": _object(name=_TEXT, value=_TEXT)}
EXTRACT_SCHEMA = _object(intents=_TEXTS, slots=_SLOTS)
GENERATE_SCHEMA = _object(noisy_text=_TEXT)
VERIFY_SCHEMA = _object(
    holds={"type": "boolean"},
    reason=_TEXT,
    intents=_TEXTS,
    slots=_SLOTS,
    missing=_TEXTS,
    vague=_TEXTS,
    conflicts=_TEXTS,
)
_SHAPES: Mapping[Purpose, tuple[str, Role, dict[str, Any]]] = {
    Purpose.EXTRACT_SEMANTICS: ("extract_semantics", Role.EXTRACTOR, EXTRACT_SCHEMA),
    Purpose.GENERATE_NOISE: ("generate_noise", Role.NOISE, GENERATE_SCHEMA),
    Purpose.VERIFY_NOISE: ("verify_noise", Role.EXTRACTOR, VERIFY_SCHEMA),
}


@dataclass(frozen=True, slots=True)
class Conversation:
    """Where a unit stands: what its calls are named by."""

    seed: int
    persona_id: str
    slot_id: str
    supplement: int
    turn: int

    def key(self, purpose: Purpose, attempt: int) -> CallKey:
        """The name of a call for this unit."""
        role = _SHAPES[purpose][1]
        return CallKey(self.seed, self.persona_id, self.slot_id, self.supplement, role, self.turn, purpose, attempt)


@dataclass
class SemanticEngine:
    """The three calls of one unit.

    Attributes:
        llm: the models.
        place: names the calls.
        uses: templates used so far.
        calls: replies asked for, rejected ones included.
    """

    llm: Chat
    place: Conversation
    uses: dict[str, PromptUse] = field(default_factory=dict)
    calls: int = 0

    async def extract(self, text: str) -> Semantics:
        """What the text asks for, as the extractor model reads it.

        Raises:
            CallError: no usable reply.
        """
        found = await self._ask(Purpose.EXTRACT_SEMANTICS, {"text": text}, 0)
        return Semantics(intents=_strings(found["intents"]), slots=dict(_pairs(found["slots"])))

    async def generate(self, facts: Mapping[str, Any], attempt: int) -> tuple[str, int]:
        """A noisy version.

        Returns:
            The text, and the first attempt number that was not used yet.

        Raises:
            CallError: no usable reply.
        """
        before = self.calls
        found = await self._ask(Purpose.GENERATE_NOISE, facts, attempt)
        return _unwrapped(found["noisy_text"], str(facts["text"])), attempt + max(1, self.calls - before)

    async def verify(
        self, clean: str, noisy: str, layer: NoiseLayer, before: Semantics, finding: Finding, attempt: int
    ) -> Finding:
        """The finding of the checking model, on top of that of the rules.

        Raises:
            CallError: no usable reply.
        """
        facts = {
            "clean": clean,
            "noisy": noisy,
            "layer": str(layer),
            "contract": CONTRACTS[layer],
            "semantics": as_facts(before),
        }
        found = await self._ask(Purpose.VERIFY_NOISE, facts, attempt)
        if not found["holds"]:
            return replace(
                finding,
                holds=False,
                reason=f"the checking model: {found['reason'].strip() or 'the contract does not hold'}",
            )
        after = finding.semantics
        merged = {
            name: list(dict.fromkeys([*getattr(after, name), *_strings(found[name])]))
            for name in ("missing", "vague", "conflicts")
        }
        if layer is NoiseLayer.SURFACE:
            merged = {"missing": after.missing, "vague": after.vague, "conflicts": after.conflicts}
        return replace(finding, semantics=after.with_(**merged))

    async def _ask(self, purpose: Purpose, facts: Mapping[str, Any], attempt: int) -> dict[str, Any]:
        name, role, schema = _SHAPES[purpose]
        messages, use = self.llm.prompts.render(name, facts)
        self.uses[name] = use
        request = LLMRequest(role, messages, self.place.key(purpose, attempt), schema, name, prompt=use, facts=facts)

        def accept(reply: LLMReply) -> None:
            self.calls += 1
            _validated(reply, schema)

        before = self.calls
        try:
            reply = await self.llm.complete(request, accept)
        finally:
            self.calls = max(self.calls, before + 1)
        return _validated(reply, schema)


def _validated(reply: LLMReply, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The reply as an object of the schema's shape, whoever parsed it."""
    found = reply.parsed
    if not isinstance(found, dict):
        raise MalformedReplyError("the reply is not a JSON object")
    for name, shape in schema["properties"].items():
        kind = {"string": str, "boolean": bool, "array": list}[shape["type"]]
        if not isinstance(found.get(name), kind):
            raise MalformedReplyError(f"the reply's {name!r} is {found.get(name)!r}, not a {shape['type']}")
    for entry in found.get("slots", ()):
        if not (
            isinstance(entry, Mapping) and isinstance(entry.get("name"), str) and isinstance(entry.get("value"), str)
        ):
            raise MalformedReplyError(f"a slot is {entry!r}, not {{name, value}}")
    if "noisy_text" in found and not found["noisy_text"].strip():
        raise EmptyReplyError("the reply's noisy_text is empty")
    return found


def as_facts(semantics: Semantics) -> dict[str, Any]:
    """Semantics as the templates and the simulated model get them."""
    return {
        "intents": list(semantics.intents),
        "slots": [{"name": name, "value": value} for name, value in semantics.slots.items()],
    }


def _strings(values: Sequence[Any]) -> list[str]:
    return [value.strip() for value in values if isinstance(value, str) and value.strip()]


def _pairs(slots: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Names made unique, as ``text.slots`` numbers them."""
    seen: dict[str, int] = {}
    found = []
    for slot in slots:
        name = slot["name"].strip() or "slot"
        seen[name] = seen.get(name, 0) + 1
        found.append((name if seen[name] == 1 else f"{name}_{seen[name]}", slot["value"].strip()))
    return found


def _unwrapped(noisy: str, clean: str) -> str:
    """Without the quotes or the fence that models like to put round a text."""
    text = noisy.strip()
    for opening, closing in (('"', '"'), ("“", "”"), ("'", "'"), ("`", "`")):
        inner = text[1:-1]
        if (
            text.startswith(opening)
            and text.endswith(closing)
            and len(text) > 2
            and not clean.strip().startswith(opening)
        ):
            return inner.strip() if opening not in inner else text
    return text
