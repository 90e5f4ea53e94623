"""What a run still has to do, found in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from personaloom.engine import CONTENT_FAILURES, Work
from personaloom.llm.client import LLMClient
from personaloom.parts import Parts
from personaloom.records import DealtQuery, Ids, Interaction
from personaloom.stages import PersonaChain, Slot, StageName
from personaloom.store import Store

__all__ = ["SlotWork"]


class SlotWork:
    """What is left to do, drawn persona by persona: nothing is held but the set of finished slots.

    Args:
        parts: of the run.
        store: with what is there already.
        count: personas of the dataset.
    """

    def __init__(self, parts: Parts, store: Store, count: int) -> None:
        self._parts = parts
        self._store = store
        self._count = count
        plan = parts.plan
        self._wants_prompts = StageName.PERSONA in plan and parts.formulator is not None
        self._steps = [
            (stage, table)
            for stage, table in (
                (StageName.QUERY, "queries"),
                (StageName.INTERACTION, "interactions"),
                (StageName.DISTRACTOR, "noise"),
            )
            if stage in plan and (stage is not StageName.DISTRACTOR or parts.noise_mode == "posthoc")
        ]
        self._given_up = self._exhausted() if self._steps else set()
        self._done = {table: set(store.slots(table, count)) for _, table in self._steps}
        self._have_queries = set(store.slots("queries", count))
        self._have_talks = set(store.slots("interactions", count))
        self._told = {persona for persona, _ in self._have_talks}
        if parts.start_from is not None and "noise" in self._done:
            self._done["noise"] |= {key for key in parts.start_from.settled if key[0] < count}
        self.totals = self._totals()

    def _exhausted(self) -> set[tuple[int, int]]:
        """Slots whose content failed as often as it may: every other failure is tried again by the same command."""
        failed: Counter[tuple[int, int]] = Counter()
        hopeless: set[tuple[int, int]] = set()
        for persona, slot, failure in self._store.failures(self._count):
            if failure.kind in CONTENT_FAILURES:
                failed[persona, slot] += 1
                if failure.stage == "prompt":
                    hopeless.add((persona, slot))
        rounds = self._parts.interaction_generator.supplement_rounds
        return hopeless | {key for key, times in failed.items() if times > rounds}

    def _totals(self) -> dict[str, int]:
        slots = self._parts.query_generator.slots_in(self._count)
        if [stage for stage, _ in self._steps] == [StageName.DISTRACTOR]:
            slots = len(self._have_talks)
        totals = {"prompt": self._prompts_left() if self._wants_prompts else 0}
        for stage, table in self._steps:
            totals[str(stage)] = slots - len(self._done[table])
        if StageName.INTERACTION in self._parts.plan and self._parts.noise_mode == "realtime":
            totals["distractor"] = 0  # units are known only when the conversations have been held
            if not totals["interaction"]:
                del totals["distractor"]
        return totals

    def _prompts_left(self) -> int:
        """Personas without a system prompt that somebody still asks for."""
        missing = self._count - self._store.count("prompts", self._count)
        if not missing or not self._told:
            return missing
        slots = self._parts.query_generator.slots_of
        return sum(
            persona.system_prompt is None
            and (index not in self._told or any(self._left(index, number) for number in range(slots(index))))
            for index, persona in self._store.personas(self._count)
        )

    def items(self, client: LLMClient) -> Iterator[Work]:
        """The work, in order of persona and slot."""
        parts, formulator = self._parts, self._parts.formulator
        for index, persona in self._store.personas(self._count):
            chain = PersonaChain(index, persona, formulator, client, parts.seeds.generation)
            slots = [number for number in range(parts.query_generator.slots_of(index)) if self._left(index, number)]
            for number in slots:
                yield self._slot(chain, number, client)
            if not slots and self._wants_prompts and persona.system_prompt is None and index not in self._told:
                yield chain  # a persona whose conversations are held has no use for one any more

    def _left(self, index: int, number: int) -> bool:
        key = (index, number)
        if key in self._given_up and key not in self._have_talks:
            return False
        names = {str(stage) for stage, _ in self._steps}
        if "interaction" in names and "query" not in names and key not in self._have_queries:
            return False
        if names == {"distractor"} and key not in self._have_talks:
            return False
        return any(key not in done for done in self._done.values())

    def _slot(self, chain: PersonaChain, number: int, client: LLMClient) -> Slot:
        slot = Slot(chain, number, client.scope())
        key = (chain.index, number)
        if key in self._have_queries and (record := self._store.record("queries", *key)) is not None:
            slot.query = DealtQuery.from_dict(record)
            slot.supplement = Ids.supplement_of(slot.query.query_id)
        if key in self._have_talks and (record := self._store.record("interactions", *key)) is not None:
            slot.interaction = Interaction.from_dict(record)
            slot.fresh_interaction = False
        return slot
