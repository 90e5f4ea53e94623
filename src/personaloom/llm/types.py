"""The protocol of a model call: a typed request in, a typed reply out.

Every client (simulated, direct HTTP, LiteLLM, a user's own) implements ``ChatClient`` and nothing else: one attempt at
one call, raising a ``CallError`` of the right branch. Retries, limits, budget, the ledger and accounting are wrapped
round it, once, in ``llm/caller.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

from personaloom.records import PromptUse

__all__ = [
    "CallKey",
    "ChatClient",
    "ChatMessage",
    "Deployment",
    "LLMReply",
    "LLMRequest",
    "Purpose",
    "Role",
    "Sampling",
    "Usage",
]


class Role(StrEnum):
    """Who speaks: each role may have its own model (``llm.roles.<role>``)."""

    FORMULATOR = "formulator"
    STYLIST = "stylist"
    ASSISTANT = "assistant"
    USER = "user"
    EXTRACTOR = "extractor"
    NOISE = "noise"
    JUDGE = "judge"


class Purpose(StrEnum):
    """What a call is for: the ``operation`` of the token report; ``module`` is where it is booked."""

    FORMULATE_PROMPT = "formulate_prompt"
    STYLE_TRANSFER = "style_transfer"
    INFER_CONTEXT = "infer_context"
    ASSISTANT_RESPONSE = "assistant_response"
    USER_FEEDBACK = "user_feedback"
    EXTRACT_SEMANTICS = "extract_semantics"
    GENERATE_NOISE = "generate_noise"
    VERIFY_NOISE = "verify_noise"
    JUDGE = "judge"

    @property
    def module(self) -> str:
        """The module of the token report (see REFERENCE of the seed system)."""
        return _MODULES[self]


_MODULES = {
    Purpose.FORMULATE_PROMPT: "persona_formulation",
    Purpose.STYLE_TRANSFER: "query_generation",
    Purpose.INFER_CONTEXT: "query_generation",
    Purpose.ASSISTANT_RESPONSE: "interaction_generation",
    Purpose.USER_FEEDBACK: "interaction_generation",
    Purpose.EXTRACT_SEMANTICS: "distractor",
    Purpose.GENERATE_NOISE: "distractor",
    Purpose.VERIFY_NOISE: "distractor",
    Purpose.JUDGE: "quality",
}


class CallKey(NamedTuple):
    """The name of a call within a run: part of its ledger key and the seed of its randomness.

    Attributes:
        seed: ``seeds.generation``, or ``seeds.noise`` for the distractor's calls.
        persona: ``p000012``.
        slot: ``p000012-q03``, or ``""`` for a call that belongs to the persona as a whole.
        supplement: 0, or the number of the supplement round.
        turn: counted from 0.
        attempt: counted from 0; rises where the reply of an attempt was unusable, so that a stored bad reply is not
            replayed for ever. Transport faults (429, timeouts) do not raise it: no reply was stored.
    """

    seed: int
    persona: str
    slot: str
    supplement: int
    role: Role
    turn: int
    purpose: Purpose
    attempt: int = 0

    def parts(self) -> tuple[str | int, ...]:
        """For ``Key(*parts)`` and the ledger."""
        return (
            self.seed, self.persona, self.slot, self.supplement,
            str(self.role), self.turn, str(self.purpose), self.attempt,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str

    def to_dict(self) -> dict[str, str]:
        """As the OpenAI protocol wants it."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters of a call; None means that the parameter is not sent."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    """Sent as it is; part of the ledger key."""


@dataclass(frozen=True, slots=True)
class LLMRequest:
    """One call, as a caller asks for it.

    Attributes:
        role: decides the deployment.
        messages: as sent. Stable parts come first, so that providers' prompt caches hit.
        key: its name.
        schema: a JSON schema that the reply must meet, or None for free text.
        schema_name: its name in the provider's ``json_schema`` field.
        sampling: parameters that differ from the role's own; None leaves the role's.
        prompt: the template the messages came from.
        facts: what the template was rendered from. Never sent and never hashed: the simulated
            model reads it, and the local one for its grammar.
    """

    role: Role
    messages: tuple[ChatMessage, ...]
    key: CallKey
    schema: Mapping[str, Any] | None = None
    schema_name: str = "reply"
    sampling: Sampling | None = None
    prompt: PromptUse | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Usage(NamedTuple):
    """Tokens of a call.

    Attributes:
        source: ``provider`` (the reply said so), ``estimated`` (counted by us) or ``simulated``.
        cached_tokens: part of the input that the provider read from its cache.
        reasoning_tokens: part of the output that was spent on hidden reasoning.
    """

    input_tokens: int
    output_tokens: int
    source: str = "provider"
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class LLMReply(NamedTuple):
    """The reply to one call.

    Attributes:
        text: what the model wrote, stripped.
        usage: tokens of the attempt that gave this reply.
        model: the model asked for, in LiteLLM's names (``openai/gpt-4o``).
        snapshot: what the server says it served (``gpt-4o-2024-08-06``), or ``""``.
        finish_reason: ``stop``, ``length``, ``content_filter`` …, as in the OpenAI protocol.
        cost_usd: None where the price is unknown.
        latency_s: of the attempt that gave the reply.
        parsed: the object, where a schema was asked for.
        attempts: requests sent until it came, this one included; 0 where it came from the ledger.
        from_ledger: nothing was sent and nothing paid.
        simulated: no model wrote this.
    """

    text: str
    usage: Usage
    model: str
    snapshot: str = ""
    finish_reason: str = "stop"
    cost_usd: float | None = None
    latency_s: float = 0.0
    parsed: Any = None
    attempts: int = 1
    from_ledger: bool = False
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model at an endpoint: what a client talks to, and what the ledger keys on.

    Attributes:
        provider: ``openai``, ``anthropic``, ``openrouter``, ``simulated`` …
        model: in LiteLLM's names, ``openai/gpt-4o``.
        origin: canonical ``scheme://host:port`` of the endpoint, ``""`` for the provider's own.
        simulated: replies are made up and are never stored in the ledger.
    """

    provider: str
    model: str
    origin: str = ""
    simulated: bool = False

    @property
    def name(self) -> str:
        """For people: the model, and the origin where it is not the provider's own."""
        return self.model + (f" at {self.origin}" if self.origin else "")


@runtime_checkable
class ChatClient(Protocol):
    """One attempt at one call.

    ``complete`` raises a ``CallError`` and nothing else for what the outside world does. It neither retries nor
    stores nor counts. It must be safe to call from many tasks of one event loop.
    """

    deployment: Deployment

    async def complete(self, request: LLMRequest, sampling: Sampling, deadline_s: float) -> LLMReply:
        """Send it once and give the reply, within ``deadline_s`` seconds."""
        ...

    async def aclose(self) -> None:
        """Close connections; a client can be used again afterwards and opens new ones."""
        ...
