"""A conversation between a user model that plays a persona and an assistant model.

It reads like what it makes: the user says something, noise may touch it, the assistant answers, and the user asks on or
is satisfied. The text of a user's turn is written clean; the distractor, handed in as ``perturb``, decides what the
assistant sees.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from personaloom.dialogue.checks import check_assistant, check_user
from personaloom.keyed import Key
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import CallKey, ChatMessage, LLMReply, LLMRequest, Purpose, Role
from personaloom.records import (
    DealtQuery,
    EndReason,
    Ids,
    Interaction,
    Message,
    NoiseResult,
    NoiseVerdict,
    PersonaSpec,
    PromptUse,
    utc_now,
)

__all__ = ["AssistantPersona", "Beginning", "Chat", "InteractionGenerator", "Perturb", "Unit", "clean_unit"]

ALGORITHM = "dialogue-1"

USER_TURN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"satisfied": {"type": "boolean"}, "message": {"type": "string"}},
    "required": ["satisfied", "message"],
    "additionalProperties": False,
}


class AssistantPersona(StrEnum):
    """What the assistant is told about the person."""

    NONE = "none"
    FEATURES = "features"
    PROMPT = "prompt"


class Chat(Protocol):
    """What a conversation needs of the LLM client."""

    prompts: PromptLibrary

    async def complete(self, request: LLMRequest, accept: Callable[[LLMReply], None] | None = None) -> LLMReply:
        """The reply to one call."""
        ...


@dataclass(frozen=True, slots=True)
class Unit:
    """One user message that could be made noisy."""

    unit_id: str
    text: str
    turn: int
    persona_id: str
    slot_id: str
    supplement: int
    features: Mapping[str, str]
    history: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Beginning:
    """What of a conversation is there already: whole turns with their noise, and the user's next clean text."""

    messages: tuple[Message, ...]
    noise: tuple[dict[str, Any], ...]
    opening: str


Perturb = Callable[[Unit], Awaitable[NoiseResult]]


async def clean_unit(unit: Unit) -> NoiseResult:
    """The distractor that never touches anything."""
    metadata = {"unit_id": unit.unit_id, "verdict": str(NoiseVerdict.NOT_DRAWN)}
    return NoiseResult(unit.text, unit.text, metadata=metadata)


class InteractionGenerator:
    """Generates conversations.

    Args:
        min_turns, max_turns: bounds of the turns drawn for each conversation, uniformly, by its key.
        feedback_probability: share of follow-ups that first comment on the assistant's answer.
        assistant_persona: what the assistant is told about the person.
        supplement_rounds: how often a conversation that failed on its content is made up with a fresh query.
        seed: of the generation (``seeds.generation``).

    Raises:
        ValueError: ``min_turns`` below 1 or above ``max_turns``, or a probability outside [0, 1].
    """

    def __init__(
        self,
        min_turns: int = 2,
        max_turns: int = 5,
        feedback_probability: float = 0.6,
        assistant_persona: AssistantPersona | str = AssistantPersona.NONE,
        supplement_rounds: int = 3,
        *,
        seed: int = 0,
    ) -> None:
        if not 1 <= min_turns <= max_turns:
            raise ValueError(f"need 1 <= min_turns <= max_turns, not {min_turns} and {max_turns}")
        if not 0.0 <= feedback_probability <= 1.0:
            raise ValueError(f"feedback_probability lies in [0, 1], not {feedback_probability}")
        self.min_turns = min_turns
        self.max_turns = max_turns
        self.feedback_probability = feedback_probability
        self.assistant_persona = AssistantPersona(assistant_persona)
        self.supplement_rounds = supplement_rounds
        self.seed = seed

    def fingerprint(self) -> str:
        """SHA-256 over the settings that shape a conversation and the algorithm's version."""
        settings = [
            ALGORITHM,
            self.min_turns,
            self.max_turns,
            self.feedback_probability,
            self.assistant_persona,
        ]
        return hashlib.sha256(json.dumps([*settings, self.supplement_rounds, self.seed]).encode()).hexdigest()

    def target_turns(self, slot_id: str) -> int:
        """How many turns are drawn for a conversation: from its slot alone, so equal in every run of a sweep."""
        return Key(self.seed, "dialogue", slot_id).between(self.min_turns, self.max_turns, "target_turns")

    async def generate(
        self,
        persona: PersonaSpec,
        query: DealtQuery,
        llm: Chat,
        perturb: Perturb = clean_unit,
        *,
        slot_id: str | None = None,
        supplement: int = 0,
        beginning: Beginning | None = None,
    ) -> Interaction:
        """One conversation.

        Args:
            persona: with its system prompt and the features as this conversation uses them.
            query: the dealt query; its adapted text opens the conversation.
            llm: the client.
            perturb: the distractor.
            slot_id: the slot that the call keys name; the query's own id where it is no supplement.
            supplement: its number, 0 for the first try.
            beginning: what is there already; the conversation goes on from it.

        Raises:
            CallError: a call failed for good.
        """
        talk = _Talk(self, persona, query, llm, slot_id or query.query_id, supplement)
        text: str | None = query.adapted_query
        if beginning is not None:
            talk.messages.extend(beginning.messages)
            talk.noise.extend(beginning.noise)
            text = beginning.opening
        while text is not None:
            talk.messages.append(await talk.user_message(text, perturb))
            talk.messages.append(await talk.assistant_message())
            text = await talk.next_user_text()
        return talk.interaction()


class _Talk:
    """One conversation in the making."""

    def __init__(
        self,
        how: InteractionGenerator,
        persona: PersonaSpec,
        query: DealtQuery,
        llm: Chat,
        slot_id: str,
        supplement: int,
    ) -> None:
        self.how = how
        self.persona = persona
        self.query = query
        self.llm = llm
        self.slot_id = slot_id
        self.supplement = supplement
        self.messages: list[Message] = []
        self.noise: list[dict[str, Any]] = []
        self.end_reason = EndReason.TARGET_REACHED
        self.models: dict[str, str] = {}
        self.prompts: dict[str, PromptUse] = {}
        self.simulated = False

    @property
    def turns(self) -> int:
        return len(self.messages) // 2

    async def user_message(self, text: str, perturb: Perturb) -> Message:
        """The user's turn as the assistant will see it."""
        unit = Unit(
            Ids.unit(self.query.query_id, self.turns),
            text,
            self.turns,
            self.persona.persona_id,
            self.slot_id,
            self.supplement,
            self.persona.features,
            tuple(self.messages),
        )
        noise = await perturb(unit)
        self.noise.append(noise.to_dict())
        metadata: dict[str, Any] = {"unit_id": unit.unit_id}
        if noise.applied:
            metadata |= {"clean_text": noise.original_text, "noise_type": noise.layer}
        return Message("user", noise.noisy_text, utc_now(), metadata)

    async def assistant_message(self) -> Message:
        """The assistant's reply to what it sees."""
        told = self.how.assistant_persona
        facts = {
            "history": self.history(),
            "features": dict(self.persona.features) if told is AssistantPersona.FEATURES else None,
            "persona_prompt": self.persona.system_prompt if told is AssistantPersona.PROMPT else None,
            "topic": self.query.original_query,
        }
        messages, use = self.llm.prompts.render("assistant", facts)
        chat = (*messages, *(ChatMessage(m.role, m.content) for m in self.messages))
        key = self.call_key(Role.ASSISTANT, Purpose.ASSISTANT_RESPONSE, self.turns)
        request = LLMRequest(Role.ASSISTANT, chat, key, prompt=use, facts=facts)
        reply = await self.llm.complete(request, check_assistant)
        self.note("assistant", use, reply)
        metadata = {"model": reply.model, "finish_reason": reply.finish_reason}
        return Message("assistant", reply.text, utc_now(), metadata)

    async def next_user_text(self) -> str | None:
        """What the user says next, or None where the conversation is over."""
        if self.turns >= self.query.target_turns:
            return None
        draws = Key(self.how.seed, "dialogue", self.query.query_id)
        may_end = self.turns >= self.how.min_turns
        facts = {
            "persona_prompt": self.persona.system_prompt or _as_prose(self.persona.features),
            "features": dict(self.persona.features),
            "history": self.history(),
            "topic": self.query.original_query,
            "turn": self.turns,
            "target_turns": self.query.target_turns,
            "feedback": draws.chance(self.how.feedback_probability, "feedback", self.turns),
            "may_end": may_end,
        }
        messages, use = self.llm.prompts.render("user_feedback", facts)
        key = self.call_key(Role.USER, Purpose.USER_FEEDBACK, self.turns)
        request = LLMRequest(Role.USER, messages, key, USER_TURN_SCHEMA, "user_turn", prompt=use, facts=facts)
        last_answer = self.messages[-1].content
        said = [message.content for message in self.messages[::2]]
        reply = await self.llm.complete(request, lambda r: check_user(r, last_answer, may_end=may_end, said=said))
        self.note("user", use, reply)
        if reply.parsed["satisfied"] and may_end:
            self.end_reason = EndReason.SATISFIED
            return None
        return str(reply.parsed["message"]).strip()

    def history(self) -> list[dict[str, str]]:
        return [{"role": m.role, "content": m.content} for m in self.messages]

    def call_key(self, role: Role, purpose: Purpose, turn: int) -> CallKey:
        return CallKey(self.how.seed, self.persona.persona_id, self.slot_id, self.supplement, role, turn, purpose)

    def note(self, who: str, use: PromptUse, reply: LLMReply) -> None:
        self.models[who] = reply.model
        self.prompts[use.name] = use
        self.simulated |= reply.simulated

    def interaction(self) -> Interaction:
        """The finished record."""
        metadata: dict[str, Any] = {
            "end_reason": str(self.end_reason),
            "target_turns": self.query.target_turns,
            "assistant_model": self.models.get("assistant", ""),
            "user_model": self.models.get("user", ""),
            "noise": self.noise,
            "prompts": {name: use.to_dict() for name, use in sorted(self.prompts.items())},
            "simulated": self.simulated,
            "supplement": self.supplement,
            "assistant_persona": str(self.how.assistant_persona),
        }
        return Interaction(
            self.query.query_id,
            self.persona.persona_id,
            dict(self.persona.features),
            self.query.original_query,
            self.query.adapted_query,
            self.messages,
            self.turns,
            metadata,
        )


def _as_prose(features: Mapping[str, str]) -> str:
    """Stands in for a system prompt where none was asked for."""
    return "A person with these traits:\n" + "\n".join(
        f"- {name.replace('_', ' ')}: {value}" for name, value in features.items()
    )
