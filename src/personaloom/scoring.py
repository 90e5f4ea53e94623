"""The judge as a stage: stored samples are scored, paid from the run's budget, and never by a model that wrote them.

Where the judge is asked for pairs, the noisy and the clean conversation of a robustness pair are compared as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from personaloom.dataset import Dataset
from personaloom.engine import Engine, EngineSettings
from personaloom.exports import PromptReader, stored_talks
from personaloom.judgements import PAIR, SCORE, judge_identity, real_models
from personaloom.llm.client import LLMClient
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.scope import Accept, LLMScope
from personaloom.llm.types import LLMReply, LLMRequest, Role
from personaloom.progress import Progress
from personaloom.quality import Judge
from personaloom.records import Failure, Ids, Interaction, PersonaSpec, TrainingSample, utc_now
from personaloom.stages import PersonaChain, Slot
from personaloom.store import Store
from personaloom.training import TrainingDataCollector

__all__ = ["Scoring", "ScoringEngine"]


@dataclass(slots=True)
class _Item(Slot):
    """A stored conversation that is to be scored or, where it comes with its clean twin, compared with that."""

    sample: TrainingSample | None = None
    clean: TrainingSample | None = None
    writers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Asker:
    """One conversation's models, as the judge needs them."""

    scope: LLMScope
    client: LLMClient

    @property
    def prompts(self) -> PromptLibrary:
        """The templates."""
        return self.scope.prompts

    async def complete(self, request: LLMRequest, accept: Accept | None = None) -> LLMReply:
        """See ``LLMClient.complete``."""
        return await self.scope.complete(request, accept)

    def models(self) -> list[dict[str, Any]]:
        """See ``LLMClient.models``."""
        return self.client.models()


class Scoring:
    """What is left to be judged in a store.

    Args:
        dataset: whose conversations they are.
        judge: who scores.
        store: of the dataset.
        below: the first so many personas.
    """

    def __init__(self, dataset: Dataset, judge: Judge, store: Store, below: int) -> None:
        self.judge = judge
        self.identity = judge_identity(dataset, judge)
        self._parts, self._store, self._below = dataset.parts, store, below
        self._mode = self._parts.noise_mode
        self._collector = TrainingDataCollector(splitter=self._parts.exporter.splitter)
        self._scores = self._left("interactions", "scores")
        self._pairs = self._left("twins", "comparisons") if judge.pairs else set()
        self.total = len(self._scores) + len(self._pairs)

    def _left(self, table: str, judged: str) -> set[tuple[int, int]]:
        """By the slot's name, which a supplement does not change: runs of a sweep have the same samples judged."""
        done = {(p, s) for p, s, record in self._store.records(judged, self._below) if record["judge"] == self.identity}
        return {
            (persona, slot)
            for persona, slot in self._store.slots(table, self._below)
            if (persona, slot) not in done and self.judge.chosen(Ids.slot(Ids.persona(persona), slot))
        }

    def items(self, client: LLMClient) -> Iterator[Slot]:
        """The conversations to judge, in order, one at a time; nothing of them is asked of a writing model."""
        prompts = PromptReader(self._store, self._below)
        for persona, slot, talk in stored_talks(self._store, self._below, self._mode):
            place = (persona, slot)
            if place not in self._scores and place not in self._pairs:
                continue
            prompt = prompts.of(persona)
            sample = self._sample(talk, prompt)
            person = PersonaSpec(talk.persona_id, talk.persona_features)
            chain = PersonaChain(persona, person, None, client, self.judge.seed)
            writers = self._writers(sample)
            if place in self._scores:
                yield _Item(chain, slot, client.scope(), sample=sample, writers=writers)
            twin = self._store.record("twins", persona, slot) if place in self._pairs else None
            if twin is not None:
                clean = self._sample(Interaction.from_dict(twin), prompt)
                clean = clean.with_(sample_id=f"{clean.sample_id}-clean")
                yield _Item(chain, slot, client.scope(), sample=sample, clean=clean, writers=writers)

    def _sample(self, talk: Interaction, prompt: str | None) -> TrainingSample:
        return self._collector.collect(talk, talk.metadata.get("system_prompt") or prompt)

    def _writers(self, sample: TrainingSample) -> list[str]:
        """Models beside assistant and user that wrote some of a sample's text."""
        notes = sample.metadata or {}
        roles = [Role.STYLIST] if notes.get("style_transferred") else []
        if (notes.get("noise") or {}).get("applied"):
            roles.append(Role.NOISE)
        return sorted({model for role in roles for model in real_models(self._parts, role)})


class ScoringEngine(Engine):
    """An engine whose items are judged instead of made: the same limits, budget, booking and stopping."""

    def __init__(
        self, settings: EngineSettings, store: Store, client: LLMClient, scoring: Scoring, progress: Progress
    ) -> None:
        super().__init__(settings, store, client, (), progress=progress)
        self.scoring = scoring

    async def _hold(self, slot: Slot) -> None:
        if not isinstance(slot, _Item) or slot.sample is None:
            raise TypeError("a scoring engine takes the items of a Scoring")
        stage = SCORE if slot.clean is None else PAIR
        failure_id = f"{slot.sample.sample_id}-{stage}"
        error = await self._in_time(self._judge(slot, slot.sample), "it was judged")
        if error is None:
            self.store.drop_failure(failure_id)
            self.progress.advance(SCORE)
            return
        found = Failure(
            failure_id,
            slot.sample.persona_id,
            stage,
            error.kind,
            str(error),
            error.attempts,
            transient=True,
            timestamp=utc_now(),
        )
        self.store.put_failure(slot.chain.index, slot.number, found)
        self.progress.advance(SCORE, 0, 1)

    async def _judge(self, item: _Item, sample: TrainingSample) -> None:
        """Score or compare, and store what was found."""
        asker = _Asker(item.llm, self.client)
        judge, name = self.scoring.judge, {"judge": self.scoring.identity}
        place = item.chain.index, item.number
        if item.clean is None:
            judgement = await judge.score(sample, asker, item.writers)
            self._book(item)
            self.store.put_score(*place, {**judgement.to_dict(), **name})
        else:
            comparison = await judge.compare(sample, item.clean, asker, item.writers)
            self._book(item)
            self.store.put_comparison(*place, {**comparison.to_dict(), **name})
