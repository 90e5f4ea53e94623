"""The stages that turn a persona's query slot into a conversation.

Every stage has one signature, ``async (slot) -> None``: it reads what earlier stages left in the slot and adds its own.
A chain is a ``for`` loop over stages. A user's own stage is any object with that ``__call__``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from personaloom.dialogue import Beginning, InteractionGenerator, Unit, clean_unit
from personaloom.distractor import DistractorModel
from personaloom.errors import ConfigError, Fault, MissingStageInputError
from personaloom.llm.client import LLMClient
from personaloom.llm.scope import LLMScope
from personaloom.personas import PromptFormulator
from personaloom.queries import UserQueryGenerator
from personaloom.records import DealtQuery, Ids, Interaction, NoiseResult, PersonaSpec

__all__ = [
    "InteractionStage",
    "NoiseStage",
    "PersonaChain",
    "QueryStage",
    "Slot",
    "Stage",
    "StageName",
    "StagePlan",
]


class StageName(StrEnum):
    """What a run can be asked to do (``stages.run``)."""

    PERSONA = "persona"
    """Personas and their system prompts."""
    QUERY = "query"
    INTERACTION = "interaction"
    """Conversations, real-time noise included."""
    DISTRACTOR = "distractor"
    """Noise beside finished conversations (``distractor.mode=posthoc``)."""
    TRAINING = "training"
    """Samples, split and statistics."""
    EXPORT = "export"
    """The files of a stored dataset, written anew."""
    SCORE = "score"
    """The quality scores of a stored dataset."""
    REPORT = "report"
    """The report of a stored dataset."""
    TRACK = "track"
    """The upload of a stored dataset to MLflow."""


GENERATING = (StageName.PERSONA, StageName.QUERY, StageName.INTERACTION, StageName.DISTRACTOR)


@dataclass(frozen=True)
class StagePlan:
    """Which stages a run goes through.

    Args:
        run: names of ``StageName``; their order here does not matter.
        extra: stages of the user's own, called with each finished slot, in order.

    Raises:
        ConfigError: a name that is none.
    """

    run: Sequence[str] = ("persona", "query", "interaction", "distractor", "training")
    extra: Sequence[Any] = ()
    names: frozenset[StageName] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        """Judge the names."""
        known = [str(name) for name in StageName]
        choices = ", ".join(known)
        faults = [
            Fault("stages.run", f"there is no stage {name!r}", f"choose from {choices}")
            for name in self.run
            if name not in known
        ]
        if faults or not self.run:
            raise ConfigError(faults or [Fault("stages.run", "is empty", f"choose from {choices}")])
        object.__setattr__(self, "names", frozenset(StageName(name) for name in self.run))

    def __contains__(self, name: StageName) -> bool:
        return name in self.names

    @property
    def generates(self) -> bool:
        """Whether any stage may call a model."""
        return any(name in self.names for name in GENERATING)

    def to_dict(self) -> dict[str, bool]:
        """Stage name to whether it runs: the seed's ``pipeline.stages``."""
        return {str(name): name in self.names for name in StageName}


class PersonaChain:
    """One persona while its slots are worked on: its system prompts are written once and shared.

    Args:
        index: of the persona.
        persona: with its features, and its system prompt where that is there already.
        formulator: writes prompts; None leaves personas without one.
        client: the models.
        seed: of the generation.
    """

    def __init__(
        self, index: int, persona: PersonaSpec, formulator: PromptFormulator | None, client: LLMClient, seed: int
    ) -> None:
        self.index = index
        self.persona = persona
        self.llm = client.scope()
        self._formulator = formulator
        self._seed = seed
        self._views: dict[tuple[tuple[str, str], ...], asyncio.Task[PersonaSpec]] = {}
        self._waiting: Counter[tuple[tuple[str, str], ...]] = Counter()

    async def view(self, overrides: Mapping[str, str]) -> PersonaSpec:
        """The persona as a conversation sees it: an inferred domain or scenario replaces its own.

        A prompt is written again only where an override really changes a feature.
        """
        real = {name: value for name, value in overrides.items() if self.persona.features.get(name) != value}
        known = tuple(sorted(real.items()))
        task = self._views.get(known)
        if task is None:
            task = self._views[known] = asyncio.ensure_future(self._write(real))
        self._waiting[known] += 1
        try:
            # Shielded: a conversation that is given up must not take the prompt from its siblings.
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._waiting[known] == 1 and not task.done():  # nobody is left who wants it
                del self._views[known]
                task.cancel()
                await asyncio.wait([task])  # what it has sent is booked before the run ends
            raise
        finally:
            self._waiting[known] -= 1

    async def _write(self, overrides: Mapping[str, str]) -> PersonaSpec:
        features = {**self.persona.features, **overrides}
        if self._formulator is None:
            return self.persona.with_(features=features)
        if not overrides and self.persona.system_prompt is not None:
            return self.persona
        prompt = await self._formulator.formulate(self.persona, self.llm, self._seed, overrides or None)
        metadata = {**self.persona.metadata, **prompt.metadata()}
        return self.persona.with_(features=features, system_prompt=prompt.text, metadata=metadata)


@dataclass(slots=True)
class Slot:
    """A query slot on its way through the chain."""

    chain: PersonaChain
    number: int
    llm: LLMScope
    supplement: int = 0
    query: DealtQuery | None = None
    interaction: Interaction | None = None
    twin: Interaction | None = None
    noise: list[NoiseResult] | None = None
    fresh_interaction: bool = True
    """False where the conversation was in the store already."""

    def has(self, step: str) -> bool:
        """Whether a step is behind this slot."""
        found = {"query": self.query, "interaction": self.interaction, "distractor": self.noise}.get(step)
        return found is not None

    def start_over(self) -> None:
        """Begin the next supplement."""
        self.supplement += 1
        self.query = self.interaction = self.twin = self.noise = None

    @property
    def slot_id(self) -> str:
        """``p000012-q03``."""
        return Ids.slot(self.chain.persona.persona_id, self.number)

    @property
    def record_id(self) -> str:
        """The slot's id, or its supplement's."""
        return Ids.supplement(self.slot_id, self.supplement) if self.supplement else self.slot_id


class Stage(Protocol):
    """One step of the chain.

    ``step`` names it in failures and on the display; a stage of the user's own need not have one.
    """

    step: ClassVar[str]

    async def __call__(self, slot: Slot) -> None:
        """Do it."""
        ...


@dataclass(frozen=True)
class QueryStage:
    """Deals a query and rewrites it in the persona's voice."""

    step: ClassVar[str] = "query"
    generator: UserQueryGenerator
    interactions: InteractionGenerator
    seed: int
    domains: Sequence[str] = ()
    scenarios: Sequence[str] = ()

    async def __call__(self, slot: Slot) -> None:
        """Set ``slot.query``."""
        chain = slot.chain
        slot.query = await self.generator.generate(
            chain.persona,
            chain.index,
            slot.number,
            slot.supplement,
            slot.llm,
            generation_seed=self.seed,
            domains=self.domains,
            scenarios=self.scenarios,
            target_turns=self.interactions.target_turns(slot.record_id),
        )


@dataclass(frozen=True)
class InteractionStage:
    """Holds the conversation; noise touches the user's turns on their way to the assistant."""

    step: ClassVar[str] = "interaction"
    generator: InteractionGenerator
    distractor: DistractorModel | None = None
    """For real-time noise; None leaves every turn clean."""
    verify_with_model: bool = False
    pairs: bool = False

    async def __call__(self, slot: Slot) -> None:
        """Set ``slot.interaction``, and ``slot.twin`` where a robustness pair is asked for."""
        query = slot.query
        if query is None:
            raise MissingStageInputError(f"{slot.slot_id} has no query yet: run the query stage first (--stage query)")
        view = await slot.chain.view(_inferred(query))

        async def perturb(unit: Unit) -> NoiseResult:
            if self.distractor is None:
                return await clean_unit(unit)
            return await apply_noise(self.distractor, unit, slot.llm, verify_with_model=self.verify_with_model)

        talk = await self.generator.generate(
            view, query, slot.llm, perturb, slot_id=slot.slot_id, supplement=slot.supplement
        )
        slot.interaction = _with_context(talk, view, slot)
        if not self.pairs:
            return
        noisy = next((turn for turn, noise in enumerate(talk.noise()) if noise.applied), None)
        if noisy is not None:
            noise = talk.metadata["noise"]
            shared = Beginning(
                tuple(talk.messages[: 2 * noisy]), tuple(noise[:noisy]), talk.noise()[noisy].original_text
            )
            twin = await self.generator.generate(
                view, query, slot.llm, slot_id=slot.slot_id, supplement=slot.supplement, beginning=shared
            )
            twin.metadata["shared_turns"] = noisy
            slot.twin = _with_context(twin, view, slot)


@dataclass(frozen=True)
class NoiseStage:
    """Writes noisy versions of the user's turns beside a finished conversation."""

    step: ClassVar[str] = "distractor"
    distractor: DistractorModel
    verify_with_model: bool = False

    async def __call__(self, slot: Slot) -> None:
        """Set ``slot.noise``."""
        talk = slot.interaction
        if talk is None:
            raise MissingStageInputError(f"{slot.slot_id} has no conversation yet: run --stage interaction first")
        results = []
        for turn in range(talk.num_turns):
            message = talk.messages[2 * turn]
            unit = Unit(
                message.metadata.get("unit_id") or Ids.unit(talk.interaction_id, turn),
                message.metadata.get("clean_text", message.content),
                turn,
                talk.persona_id,
                slot.slot_id,
                slot.supplement,
                talk.persona_features,
                tuple(talk.messages[: 2 * turn]),
            )
            results.append(await apply_noise(self.distractor, unit, slot.llm, verify_with_model=self.verify_with_model))
        slot.noise = results


async def apply_noise(
    distractor: DistractorModel, unit: Unit, llm: LLMScope, *, verify_with_model: bool
) -> NoiseResult:
    """One unit through the distractor."""
    return await distractor.apply(
        unit.text,
        unit.unit_id,
        unit.features,
        [message.to_dict() for message in unit.history],
        llm,
        turn=unit.turn,
        persona_id=unit.persona_id,
        slot_id=unit.slot_id,
        supplement=unit.supplement,
        verify_with_model=verify_with_model,
    )


def _inferred(query: DealtQuery) -> dict[str, str]:
    found = {"domain": query.inferred_domain, "scenario": query.inferred_scenario}
    return {name: value for name, value in found.items() if value}


def _with_context(talk: Interaction, view: PersonaSpec, slot: Slot) -> Interaction:
    """With what the conversation was held under: its own system prompt, where that is not the persona's."""
    metadata = dict(talk.metadata)
    metadata["prompts"] = {**_prompt_of(view), **_prompt_of_query(slot.query), **metadata["prompts"]}
    if view.system_prompt is not None and view.features != slot.chain.persona.features:
        metadata["system_prompt"] = view.system_prompt
    if slot.query is not None:
        metadata["style_transferred"] = slot.query.style_transferred
        for name in ("source", "category", "seed_query_id"):
            if name in slot.query.metadata:
                metadata[name] = slot.query.metadata[name]
    return replace(talk, metadata=metadata)


def _prompt_of(view: PersonaSpec) -> dict[str, Any]:
    use = view.metadata.get("prompt")
    return {use["name"]: use} if isinstance(use, dict) and "name" in use else {}


def _prompt_of_query(query: DealtQuery | None) -> dict[str, Any]:
    use = query.metadata.get("prompt") if query is not None else None
    return {use["name"]: use} if isinstance(use, dict) and "name" in use else {}
