"""From features to a system prompt: one call, checked, and the same call again costs nothing.

A persona has one prompt. A conversation whose query has another domain or scenario than the persona gets a prompt with
those in their place, and only if that really changes the features; equal features give the equal request, which the
ledger answers.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from personaloom.errors import ConfigError, Fault
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import CallKey, LLMReply, LLMRequest, Purpose, Role
from personaloom.personas.checking import PromptCheck
from personaloom.records import PersonaSpec, PromptUse

__all__ = ["FormulatedPrompt", "PromptFormulator"]

ALGORITHM = 1
"""Raised whenever the same settings would ask for, or accept, another text."""


class _Describes(Protocol):
    """A bank, as far as it is needed here."""

    def descriptions(self, names: Mapping[str, str]) -> dict[str, str]: ...


class _Client(Protocol):
    """The LLM client, as far as it is needed here."""

    prompts: PromptLibrary

    async def complete(self, request: LLMRequest, accept: Callable[[LLMReply], None] | None = None) -> LLMReply: ...


@dataclass(frozen=True, slots=True)
class FormulatedPrompt:
    """A system prompt and where it comes from.

    Attributes:
        text: the prompt, stripped.
        features: the features it was written from, overrides included.
        use: the template.
        overrides: the features that an inferred domain or scenario really changed.
        attempts: requests sent; 0 where it came from the ledger.
        from_ledger: nothing was paid.
        simulated: no model wrote it.
        model: that was asked.
    """

    text: str
    features: dict[str, str]
    use: PromptUse
    overrides: dict[str, str]
    attempts: int = 1
    from_ledger: bool = False
    simulated: bool = False
    model: str = ""

    def metadata(self) -> dict[str, object]:
        """For ``PersonaSpec.metadata``: JSON-ready."""
        out: dict[str, object] = {
            "prompt": self.use.to_dict(),
            "model": self.model,
            "simulated": self.simulated,
        }
        return out | ({"overrides": dict(self.overrides)} if self.overrides else {})


class PromptFormulator:
    """Writes system prompts.

    Args:
        template: name of the prompt template.
        min_prompt_length, max_prompt_length: characters.
        validate_output: check length, language, mentions, refusals and answers; a failed check asks again. Off, only
            empty replies are refused.
        language: ``en``, or None for prompts in any language.
        min_mentioned: share of the features whose value must leave a word in the prompt.
        must_mention: features that must leave a word.
        bank: gives the descriptions of dimensions; the pipeline sets it (``with_bank``).

    Raises:
        ConfigError: a setting is out of range.
    """

    def __init__(
        self,
        template: str = "formulate_prompt",
        min_prompt_length: int = 50,
        max_prompt_length: int = 6000,
        validate_output: bool = True,
        language: str | None = "en",
        min_mentioned: float = 0.3,
        must_mention: tuple[str, ...] | list[str] = ("role",),
        bank: _Describes | None = None,
    ) -> None:
        faults = []
        if not 1 <= min_prompt_length <= max_prompt_length:
            bounds = f"are {min_prompt_length} and {max_prompt_length}"
            remedy = "1 ≤ min_prompt_length ≤ max_prompt_length"
            faults.append(Fault("formulation.min_prompt_length, formulation.max_prompt_length", bounds, remedy))
        if not 0 <= min_mentioned <= 1:
            faults.append(Fault("formulation.min_mentioned", f"is {min_mentioned}", "a number from 0 to 1"))
        if language not in ("en", None):
            faults.append(Fault("formulation.language", f"is {language!r}", "en, or null to accept any language"))
        if faults:
            raise ConfigError(faults, "formulation cannot be used")
        self.template = template
        self.validate_output = validate_output
        self.check = PromptCheck(min_prompt_length, max_prompt_length, language, min_mentioned, tuple(must_mention))
        self.bank = bank

    def with_bank(self, bank: _Describes) -> PromptFormulator:
        """A copy that knows the descriptions of this bank."""
        other = copy.copy(self)
        other.bank = bank
        return other

    def merged(
        self, features: Mapping[str, str], overrides: Mapping[str, str] | None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Features with the overrides in place, and the overrides that changed something."""
        changed = {name: value for name, value in (overrides or {}).items() if value and features.get(name) != value}
        return {**features, **changed}, changed

    async def formulate(
        self, persona: PersonaSpec, llm: _Client, seed: int, overrides: Mapping[str, str] | None = None
    ) -> FormulatedPrompt:
        """Ask for the system prompt of a persona.

        Args:
            persona: its features are used, its own ``system_prompt`` is not looked at.
            llm: the client.
            seed: ``seeds.generation``.
            overrides: an inferred ``domain`` or ``scenario``; those that change nothing leave the request as it is.

        Raises:
            CallError: no usable prompt came (``RefusalError``, ``MalformedReplyError`` …).
        """
        features, changed = self.merged(persona.features, overrides)
        request, use = self._request(persona.persona_id, features, llm, seed)
        reply = await llm.complete(request, self._accept(features))
        return FormulatedPrompt(
            reply.text.strip(),
            features,
            use,
            changed,
            reply.attempts,
            reply.from_ledger,
            reply.simulated,
            reply.model,
        )

    def _request(
        self, persona_id: str, features: dict[str, str], llm: _Client, seed: int
    ) -> tuple[LLMRequest, PromptUse]:
        descriptions = self.bank.descriptions(features) if self.bank else {}
        facts = {"features": features, "descriptions": descriptions}
        messages, use = llm.prompts.render(self.template, facts)
        key = CallKey(seed, persona_id, "", 0, Role.FORMULATOR, 0, Purpose.FORMULATE_PROMPT)
        return LLMRequest(Role.FORMULATOR, messages, key, prompt=use, facts=facts), use

    def _accept(self, features: Mapping[str, str]) -> Callable[[LLMReply], None]:
        check = self.check if self.validate_output else PromptCheck(1, 1 << 30, None, 0.0, ())

        def accept(reply: LLMReply) -> None:
            problem = check.problem(reply.text, features)
            if problem is not None and (self.validate_output or not reply.text.strip()):
                raise problem

        return accept

    def fingerprint(self, prompts: PromptLibrary) -> str:
        """SHA-256 over the settings, the template and the algorithm version (the personas have their own)."""
        c = self.check
        settings = [
            c.min_length,
            c.max_length,
            c.language,
            c.min_mentioned,
            c.must_mention,
            self.validate_output,
        ]
        content = [ALGORITHM, self.template, prompts.use(self.template).sha256, settings]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()
