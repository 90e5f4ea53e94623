"""The judge as a stage: stored samples are scored, paid from the run's budget, and never by a model that wrote them.

Where the judge is asked for pairs, the noisy and the clean conversation of a robustness pair are compared as well.

Scores stand in the store beside the conversations, under the hash of who judged by which rubric: another judge scores
again, the same one goes on where it stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from personaloom.engine import Engine, EngineSettings
from personaloom.errors import CallError, CallTimeoutError, ConfigError, Fault
from personaloom.exports import PromptReader, stored_talks
from personaloom.fingerprint import digest, models_of, templates_of
from personaloom.llm.client import LLMClient
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.scope import Accept, LLMScope
from personaloom.llm.types import LLMReply, LLMRequest, Role
from personaloom.progress import Progress
from personaloom.quality import Comparison, Judge, Judgement
from personaloom.records import Failure, Ids, Interaction, PersonaSpec, TrainingSample, utc_now
from personaloom.stages import PersonaChain, Slot, StageName
from personaloom.training import TrainingDataCollector

if TYPE_CHECKING:
    from personaloom.parts import Parts
    from personaloom.pipeline import Pipeline
    from personaloom.store import Store

__all__ = [
    "PAIR", "STAGE", "Scoring", "ScoringEngine", "judge_identity", "judge_of", "require_other_model",
    "stored_comparisons", "stored_scores",
]  # fmt: skip

STAGE = "score"
PAIR = "pair"
"""The stage that a failed comparison is recorded under."""


def judge_of(pipeline: Pipeline) -> Judge | None:
    """The judge that this run asks, or None: ``stages=score`` alone has the default rubric on every sample."""
    judge, plan = pipeline.quality.judge, pipeline.parts.plan
    if StageName.SCORE in plan:
        return judge or Judge(seed=pipeline.quality.seed)
    return judge if StageName.TRAINING in plan else None


def require_other_model(parts: Parts) -> None:
    """See that a judge is not bound to judge its own text.

    Raises:
        ConfigError: a judge's model writes every conversation, so that every sample would be left out.
    """
    faults = []
    for role in (Role.ASSISTANT, Role.USER):
        writers = _models(parts, role)
        own = _models(parts, Role.JUDGE) & writers
        if len(writers) == 1 and own:
            remedy = "name another one: llm.roles.judge.model=…"
            problem = f"{own.pop()} is the judge and writes as the {role}: no model judges its own text"
            faults.append(Fault("llm.roles.judge", problem, remedy))
    if faults:
        raise ConfigError(faults, "the judge cannot be used")


def _models(parts: Parts, role: Role) -> set[str]:
    """Names of a role's models, without simulated ones: nothing is claimed of those."""
    deployments = (spec.client.deployment for spec in parts.roles.get(role, ()))
    return {deployment.model for deployment in deployments if not deployment.simulated}


def judge_identity(pipeline: Pipeline, judge: Judge) -> str:
    """Who judges by which rubric: a stored score under another name is another judge's."""
    parts = pipeline.parts
    rubric = [criterion.to_dict() for criterion in judge.criteria]
    models = models_of(parts.roles, Role.JUDGE)
    return digest(rubric, judge.seed, models, templates_of(parts.prompts, ["judge"]), pipeline.noise_mode)[:16]


def stored_scores(pipeline: Pipeline, store: Store, below: int) -> Callable[[TrainingSample], Judgement | None]:
    """Looks up the stored judgement of a sample: the configured judge's, or, where none is, whatever there is."""
    find = _stored(pipeline, store, "scores", below)

    def look(sample: TrainingSample) -> Judgement | None:
        record = find(*_place(sample.sample_id))
        return None if record is None else Judgement.from_dict(record)

    return look


def stored_comparisons(pipeline: Pipeline, store: Store, below: int) -> Callable[[int, int], Comparison | None]:
    """Looks up the stored comparison of a conversation with its clean twin, by the same rule."""
    find = _stored(pipeline, store, "comparisons", below)

    def look(persona: int, slot: int) -> Comparison | None:
        record = find(persona, slot)
        return None if record is None else Comparison.from_dict(record)

    return look


def _stored(pipeline: Pipeline, store: Store, table: str, below: int) -> Callable[[int, int], dict[str, Any] | None]:
    if not store.count(table, below):
        return lambda persona, slot: None  # noqa: ARG005 - called as the other one is
    judge = pipeline.quality.judge
    wanted = None if judge is None else judge_identity(pipeline, judge)

    def find(persona: int, slot: int) -> dict[str, Any] | None:
        record = store.record(table, persona, slot)
        return record if record is not None and (wanted is None or record["judge"] == wanted) else None

    return find


def _place(sample_id: str) -> tuple[int, int]:
    """Persona and slot of ``p000012-q03`` or ``p000012-q03-s1``."""
    persona, slot = sample_id.split("-")[:2]
    return int(persona[1:]), int(slot[1:])


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
        pipeline: whose dataset it is.
        judge: who scores.
        store: of the dataset.
        below: the first so many personas.
    """

    def __init__(self, pipeline: Pipeline, judge: Judge, store: Store, below: int) -> None:
        self.judge = judge
        self.identity = judge_identity(pipeline, judge)
        self._parts, self._store, self._below = pipeline.parts, store, below
        self._mode = pipeline.noise_mode
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
        return sorted({model for role in roles for model in _models(self._parts, role)})


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
        stage = STAGE if slot.clean is None else PAIR
        failure_id = f"{slot.sample.sample_id}-{stage}"
        try:
            async with asyncio.timeout(self.settings.conversation_deadline_s):
                await self._judge(slot, slot.sample)
        except TimeoutError:
            seconds = self.settings.conversation_deadline_s
            error: CallError = CallTimeoutError(
                f"engine.conversation_deadline_s={seconds:g} passed before it was judged"
            )
        except CallError as caught:
            if caught.ends_run:
                raise
            error = caught
        else:
            self.store.drop_failure(failure_id)
            self.progress.advance(STAGE)
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
        self.progress.advance(STAGE, 0, 1)

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
