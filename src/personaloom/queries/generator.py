"""From a persona and a slot to a dealt query: which seed query it is, and how this person would put it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from personaloom.errors import MalformedReplyError
from personaloom.keyed import Key
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import CallKey, LLMReply, LLMRequest, Purpose, Role
from personaloom.queries.checks import check_rewrite, clean_label
from personaloom.queries.dealing import Deal, Dealer
from personaloom.queries.queryset import QuerySet
from personaloom.records import DealtQuery, Ids, PersonaSpec

__all__ = ["ALGORITHM", "Chat", "StyleMode", "UserQueryGenerator"]

ALGORITHM = "queries-1"

_KEPT_METADATA = ("category", "difficulty")


def _schema(*names: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": list(names),
        "additionalProperties": False,
    }


STYLE_SCHEMA = _schema("adapted_query", "domain", "scenario")
CONTEXT_SCHEMA = _schema("domain", "scenario")


class Chat(Protocol):
    """What a generator needs of the LLM client."""

    @property
    def prompts(self) -> PromptLibrary:
        """The templates of the run."""
        ...

    async def complete(self, request: LLMRequest, accept: Callable[[LLMReply], None] | None = None) -> LLMReply:
        """The reply to one call."""
        ...


class StyleMode(StrEnum):
    """How much of a query is said in the persona's words."""

    WHOLE = "whole"
    """Said anew; the meaning stays."""
    PARTIAL = "partial"
    """Terms, numbers, quotes, requirements and constraints stay as they are; the rest is the persona's."""
    NONE = "none"
    """As it stands in the query set."""


class UserQueryGenerator:
    """Deals seed queries to personas and says them in their voice.

    Args:
        queries: the set; None loads ``path``.
        seed: of the dealing and of the choice of style (``seeds.queries``).
        held: conversations that the first personas came with, in their first slots.
        queries_per_persona: slots of a persona, at least 1.
        extra_slots: so many first personas get one slot more, for datasets of an exact size.
        style_transfer_probability: share of slots whose query is rewritten.
        partial_probability: share of those that is rewritten in part only.
        infer_context: whether a query's domain and scenario are inferred; costs a call where no style is transferred.
        path: of the query set, used where ``queries`` is None; None means the shipped set.

    Raises:
        ValueError: a number out of its range.
        InputError: the query set cannot be used.
    """

    def __init__(
        self,
        queries: QuerySet | None = None,
        seed: int = 0,
        held: Sequence[int] = (),
        *,
        queries_per_persona: int = 5,
        extra_slots: int = 0,
        style_transfer_probability: float = 0.5,
        partial_probability: float = 0.5,
        infer_context: bool = True,
        path: str | Path | None = None,
    ) -> None:
        for name, value in (
            ("style_transfer_probability", style_transfer_probability),
            ("partial_probability", partial_probability),
        ):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"query.{name} lies in [0, 1], not {value}")
        if queries_per_persona < 1:
            raise ValueError(f"query.queries_per_persona is at least 1, not {queries_per_persona}")
        if extra_slots < 0:
            raise ValueError(f"query.extra_slots is at least 0, not {extra_slots}")
        self.queries = QuerySet.load(path) if queries is None else queries
        self.seed = seed
        self.queries_per_persona = queries_per_persona
        self.style_transfer_probability = style_transfer_probability
        self.partial_probability = partial_probability
        self.infer_context = infer_context
        self.extra_slots = extra_slots
        self._dealer = Dealer(self.queries.queries, seed, queries_per_persona, extra_slots, held)

    def going_on(self, held: Sequence[int], used: Collection[str]) -> UserQueryGenerator:
        """The same for a dataset that begins with conversations held elsewhere.

        Args:
            held: so many conversations the first personas came with; they fill their first slots.
            used: texts that those began with: they are not dealt, as long as there are others in the set.
        """
        fresh = tuple(query for query in self.queries if query.text not in used)
        return UserQueryGenerator(
            replace(self.queries, queries=fresh) if fresh else self.queries,
            self.seed,
            held,
            queries_per_persona=self.queries_per_persona,
            extra_slots=self.extra_slots,
            style_transfer_probability=self.style_transfer_probability,
            partial_probability=self.partial_probability,
            infer_context=self.infer_context,
        )

    def fingerprint(self) -> str:
        """SHA-256 over the settings, the query set's contents (not its format or order) and the algorithm's version."""
        settings = [
            ALGORITHM,
            self.seed,
            self.queries_per_persona,
            self.extra_slots,
            float(self.style_transfer_probability),
            float(self.partial_probability),
            self.infer_context,
            self.queries.digest,
            self.queries.name,
        ]
        return hashlib.sha256(json.dumps(settings).encode()).hexdigest()

    def deal(self, persona_index: int, slot: int, supplement: int = 0) -> Deal:
        """The seed query of a slot, or of its supplement, and its pass through the set (0 for the first).

        Raises:
            ValueError: there is no such slot.
        """
        if supplement:
            return self._dealer.supplement(persona_index, slot, supplement)
        return self._dealer.deal(persona_index, slot)

    def passes(self, num_personas: int) -> int:
        """How often the set is begun for so many personas: more than 1 means that queries are dealt again."""
        return -(-self._dealer.start_of(num_personas) // len(self.queries))

    def slots_of(self, persona_index: int) -> int:
        """How many query slots a persona has."""
        return self._dealer.share_of(persona_index)

    def slots_in(self, num_personas: int) -> int:
        """How many query slots so many personas have, those included that are filled with what they came with."""
        return self._dealer.start_of(num_personas) + sum(self._dealer.held[:num_personas])

    def style(self, query_id: str) -> StyleMode:
        """What is drawn for a slot (or supplement), by its id; what is rewritten stays so at higher shares."""
        key = Key(self.seed, "style", query_id)
        if not key.chance(self.style_transfer_probability, "transfer"):
            return StyleMode.NONE
        return StyleMode.PARTIAL if key.chance(self.partial_probability, "partial") else StyleMode.WHOLE

    async def generate(
        self,
        persona: PersonaSpec,
        persona_index: int,
        slot: int,
        supplement: int,
        llm: Chat,
        *,
        generation_seed: int,
        domains: Sequence[str],
        scenarios: Sequence[str],
        target_turns: int,
    ) -> DealtQuery:
        """The query of a slot as this persona puts it: one call at most.

        Args:
            persona: whose features give the style.
            persona_index: counted from 0; with the slot it decides the seed query.
            slot: counted from 0.
            supplement: 0, or the number of the supplement round.
            llm: the client.
            generation_seed: ``seeds.generation``, for the call key.
            domains: the bank's values; a reply that means one of them is spelled like it.
            scenarios: likewise.
            target_turns: drawn for the conversation; recorded.

        Raises:
            CallError: the call failed for good, on its content or on its way.
        """
        deal = self.deal(persona_index, slot, supplement)
        slot_id = Ids.slot(persona.persona_id, slot)
        query_id = Ids.supplement(slot_id, supplement) if supplement else slot_id
        mode = self.style(query_id)
        text = deal.seed_query.text
        dealt = DealtQuery(query_id, text, text, target_turns=target_turns, metadata=self._metadata(deal, mode))
        facts: dict[str, Any] = {"query": text, "domains": list(domains), "scenarios": list(scenarios)}
        ask = _Ask(llm, generation_seed, persona.persona_id, slot_id, supplement)
        if mode is not StyleMode.NONE:
            return await self._restyled(dealt, ask, facts | {"features": dict(persona.features), "mode": str(mode)})
        if self.infer_context:
            reply = await ask(Purpose.INFER_CONTEXT, facts, CONTEXT_SCHEMA, lambda reply: _labels(reply, facts))
            domain, scenario = _labels(reply, facts)
            return dealt.with_(
                inferred_domain=domain,
                inferred_scenario=scenario,
                metadata=dealt.metadata | ask.origin(reply),
            )
        return dealt

    async def _restyled(self, dealt: DealtQuery, ask: _Ask, facts: Mapping[str, Any]) -> DealtQuery:
        """The persona's version, with what the same reply says on domain and scenario."""
        partial = facts["mode"] == StyleMode.PARTIAL

        def accept(reply: LLMReply) -> None:
            adapted = _adapted(reply)
            check_rewrite(dealt.original_query, adapted, partial=partial, feature_names=facts["features"])
            _labels(reply, facts)

        reply = await ask(Purpose.STYLE_TRANSFER, facts, STYLE_SCHEMA, accept)
        adapted = _adapted(reply)
        domain, scenario = _labels(reply, facts) if self.infer_context else (None, None)
        return dealt.with_(
            adapted_query=adapted,
            inferred_domain=domain,
            inferred_scenario=scenario,
            style_transferred=adapted != dealt.original_query,
            metadata=dealt.metadata | ask.origin(reply),
        )

    def _metadata(self, deal: Deal, mode: StyleMode) -> dict[str, Any]:
        given = deal.seed_query.metadata
        return {
            "seed_query_id": deal.seed_query.query_id,
            "style_mode": str(mode),
            "source": given.get("source", self.queries.name),
            **{name: given[name] for name in _KEPT_METADATA if name in given},
            "pass": deal.pass_number,
        }


class _Ask:
    """The stylist's calls for one slot."""

    def __init__(self, llm: Chat, seed: int, persona_id: str, slot_id: str, supplement: int) -> None:
        self._llm = llm
        self._name = (seed, persona_id, slot_id, supplement)
        self._prompt: dict[str, Any] = {}

    async def __call__(
        self,
        purpose: Purpose,
        facts: Mapping[str, Any],
        schema: Mapping[str, Any],
        accept: Callable[[LLMReply], Any],
    ) -> LLMReply:
        messages, use = self._llm.prompts.render(str(purpose), facts)
        self._prompt = use.to_dict()
        key = CallKey(*self._name, Role.STYLIST, 0, purpose)
        request = LLMRequest(Role.STYLIST, messages, key, schema, str(purpose), prompt=use, facts=facts)
        return await self._llm.complete(request, accept)

    def origin(self, reply: LLMReply) -> dict[str, Any]:
        """Which prompt and model made it, for the record."""
        return {"prompt": self._prompt, "model": reply.model, "simulated": reply.simulated}


def _adapted(reply: LLMReply) -> str:
    return _string(reply, "adapted_query").strip()


def _labels(reply: LLMReply, facts: Mapping[str, Any]) -> tuple[str | None, str | None]:
    domain = clean_label(_string(reply, "domain"), facts["domains"])
    return domain, clean_label(_string(reply, "scenario"), facts["scenarios"])


def _string(reply: LLMReply, name: str) -> str:
    value = reply.parsed.get(name) if isinstance(reply.parsed, Mapping) else None
    if not isinstance(value, str):
        raise MalformedReplyError(f"the stylist's reply has no text '{name}': {reply.text[:80]!r}")
    return value
