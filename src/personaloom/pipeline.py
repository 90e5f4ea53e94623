"""The pipeline: from typed parts to a dataset folder.

It tells the run from top to bottom: fingerprint the config, open the store, sample the personas, stream the slots
through the stages, write the files, and say what happened in the manifest. Configs, the command line, MLflow and the
report live above.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from personaloom.adoption import find_donor, upstream_of
from personaloom.costs import priced, prices_of, sent_by
from personaloom.engine import Engine
from personaloom.errors import (
    BudgetExhaustedError,
    MissingStageInputError,
    PersonaLoomError,
    RunInterruptedError,
    StoreError,
    UsageError,
)
from personaloom.features import require_features
from personaloom.fingerprint import STAGES, chain, models_of, templates_of
from personaloom.llm.budget import Budget
from personaloom.llm.client import LLMClient
from personaloom.llm.ledger import Ledger
from personaloom.llm.types import Role
from personaloom.llm.usage import TokenTracker
from personaloom.loop import run_in_loop
from personaloom.manifest import write_dataset
from personaloom.origin import Origin
from personaloom.parts import Parts
from personaloom.plural import many
from personaloom.progress import Progress, Silent
from personaloom.quality import Judge, QualityPlan
from personaloom.scoring import STAGE as SCORE
from personaloom.scoring import Scoring, ScoringEngine, judge_of, require_other_model
from personaloom.stages import (
    InteractionStage,
    NoiseStage,
    QueryStage,
    Stage,
    StageName,
)
from personaloom.store import Store
from personaloom.store_folder import clear_folder, folder_is_ours
from personaloom.work import SlotWork

__all__ = ["Pipeline"]

PERSONA_BATCH = 5_000
_BEGINNING = ("personas", "prompts", "queries", "interactions")


class Pipeline:
    """Makes one dataset.

    Args:
        parts: what it is made of.
        progress: who is told.
    """

    def __init__(self, parts: Parts, progress: Progress | None = None) -> None:
        self.parts = parts
        self.progress = progress or Silent()
        self.token_tracker = TokenTracker(keep_records=False)
        self.notes: list[str] = []
        self.asked = False
        """Whether the latest run asked a model: else ``token_tracker`` still counts the calls of one before it."""
        self.on_work: Callable[[], None] = _nothing
        """Called once, as soon as it is known that there is something to make."""

    # -- names ---------------------------------------------------------------------------------------------------

    @cached_property
    def origin(self) -> Origin | None:
        """What the dataset begins with, or, where the folder itself was read in, that."""
        if self.parts.start_from is not None:
            return self.parts.start_from
        try:
            return Origin.of(self.parts.dataset_dir)
        except StoreError:
            if not self.parts.reset:
                raise
            return None  # damaged, and to be made anew

    @property
    def alone(self) -> bool:
        """Whether this is a folder that was read in, and not a dataset that goes on from it."""
        return self.origin is not None and self.parts.start_from is None

    @cached_property
    def simulated(self) -> bool:
        """Whether any text of this dataset is made up."""
        if self.alone:
            return False  # nothing is made here
        specs = itertools.chain.from_iterable(self.parts.roles.values())
        return any(spec.client.deployment.simulated for spec in specs)

    @property
    def dataset_name(self) -> str:
        """The name, with ``SIM-`` in front where text is simulated."""
        name = self.parts.name
        return f"SIM-{name}" if self.simulated and not name.startswith("SIM-") else name

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Of each stage; the last one is the dataset's."""
        parts, seeds = self.parts, self.parts.seeds
        if self.alone and self.origin is not None:  # no setting of this run reaches what was read in
            return dict.fromkeys(STAGES, self.origin.fingerprint)
        realtime, posthoc = self._noise_links()
        return chain(
            {
                "personas": [
                    parts.bank.fingerprint(),
                    parts.sampler.fingerprint(),
                    seeds.personas,
                    *([self.origin.fingerprint] if self.origin else []),
                ],
                "prompts": self._prompt_links(),
                "queries": [
                    parts.query_generator.fingerprint(),
                    seeds.queries,
                    *self._link(("style_transfer", "infer_context"), Role.STYLIST),
                ],
                "conversations": [
                    parts.interaction_generator.fingerprint(),
                    *self._link(("assistant", "user_feedback"), Role.ASSISTANT, Role.USER),
                    realtime,
                ],
                "noise": [posthoc],
                "samples": [parts.exporter.fingerprint(), *self._filter_links()],
            }
        )

    def _link(self, templates: tuple[str, ...], *roles: Role) -> list[Any]:
        return [templates_of(self.parts.prompts, templates), models_of(self.parts.roles, *roles)]

    def _prompt_links(self) -> list[Any]:
        formulator = self.parts.formulator
        if formulator is None:
            return ["none"]
        models = models_of(self.parts.roles, Role.FORMULATOR)
        return [formulator.fingerprint(self.parts.prompts), self.parts.seeds.generation, models]

    def _noise_links(self) -> tuple[list[Any], list[Any]]:
        """What noise adds to the conversations, and to what stands beside them."""
        distractor = self.parts.distractor
        if distractor is None or not distractor.activation_probability:
            return [], []
        templates = ("extract_semantics", "generate_noise", "verify_noise")
        links = [distractor.fingerprint(), self.parts.seeds.noise, *self._link(templates, Role.NOISE, Role.EXTRACTOR)]
        # Pairs add conversations to the dataset, so a dataset with them is another one; the ledger shares the calls.
        return ([], links) if distractor.mode == "posthoc" else ([*links, distractor.pairs], [])

    def _filter_links(self) -> list[Any]:
        """What decides which samples there are: checks that filter, and nothing that only flags, measures or scores."""
        return [self.quality.fingerprint()] if self.quality.action == "filter" else []

    @cached_property
    def quality(self) -> QualityPlan:
        """Checks, statistics and judge as configured."""
        given = self.parts.quality
        return given if isinstance(given, QualityPlan) else QualityPlan.from_config(given, self.parts.seeds.personas)

    @property
    def fingerprint(self) -> str:
        """The dataset's."""
        return self.fingerprints["samples"]

    @property
    def folder(self) -> Path:
        """The dataset folder."""
        given = self.parts.dataset_dir
        return given or self.parts.output_dir / "datasets" / f"{self.dataset_name}-{self.fingerprint[:12]}"

    @property
    def noise_mode(self) -> str:
        """``realtime`` or ``posthoc``."""
        return self.parts.distractor.mode if self.parts.distractor else "realtime"

    # -- running -------------------------------------------------------------------------------------------------

    def run(self, num_personas: int | None = None) -> dict[str, Any]:
        """Make the dataset, or go on with it, and write its files.

        Args:
            num_personas: how many personas it is to have; None for the config's.

        Returns:
            The manifest. Its ``status`` is ``done``, ``stopped_by_budget``, ``interrupted`` or ``failed``; what stopped
            it is in ``self.stopped``.

        Raises:
            UsageError: it cannot be begun (bad input, an unsatisfiable request, input of a stage missing).
            StoreError: the folder cannot be used.
        """
        started = time.monotonic()
        count = self.parts.num_personas if num_personas is None else num_personas
        if count < 1:
            raise UsageError(f"num_personas={count}: at least 1")
        self.stopped: PersonaLoomError | None = None
        self.notes, self.asked = [], False
        count = self._with_origin(count)
        judge = judge_of(self)
        if judge is not None:
            require_other_model(self.parts)
        if self.parts.reset and self._begins_anew():
            self.reset()
        store = self._open()
        try:
            try:
                count = self._sample(store, count)
                if self.parts.plan.generates:
                    self._generate(store, count)
                if judge is not None:
                    self._score(store, count, judge)
            except (BudgetExhaustedError, RunInterruptedError) as stop:
                self.stopped = stop
            except UsageError:
                raise
            except PersonaLoomError as failure:
                if store.count("personas") == 0:
                    raise
                self.stopped = failure
            return write_dataset(self, store, count, time.monotonic() - started)
        finally:
            store.close()

    def _with_origin(self, count: int) -> int:
        """The number of personas, none of those left out that were read in.

        Raises:
            UsageError: this would change a folder that was read in.
        """
        origin = self.origin
        if origin is None:
            return count
        if self.alone and (self.parts.plan.generates or self.parts.reset):
            raise UsageError(
                f"{self.folder} was read in from {origin.facts.source} and stays as it is → "
                f"start_from={self.folder} instead of dataset_dir goes on from it, in a dataset of its own"
            )
        there = origin.facts.personas
        if self.alone or count < there:
            if not self.alone:
                self.note(f"num_personas={count}: all {there:,} that were read in are kept")
            return there
        return count

    def _begins_anew(self) -> bool:
        """Whether this run can make what ``reset`` clears: a later stage would lose what it is to go on from."""
        if StageName.PERSONA in self.parts.plan or self.parts.start_from is not None:
            return True
        self.note("reset=true: nothing is cleared, because this run's stages begin after the personas")
        return False

    def reset(self) -> None:
        """Clear this dataset's folder; the ledger keeps what was paid.

        Raises:
            UsageError: the folder is not one of ours.
        """
        folder = self.folder
        if not folder_is_ours(folder):
            raise UsageError(f"reset=true: {folder} is no dataset folder of ours, so it is left as it is")
        if folder.exists():
            Store.check_free(folder)
            left = clear_folder(folder)
            if left:
                self.note(f"reset=true left what is not ours in {folder}: {', '.join(left)}")

    def _open(self) -> Store:
        return Store(self.folder, self.fingerprint)

    # -- personas ------------------------------------------------------------------------------------------------

    def _sample(self, store: Store, count: int) -> int:
        """See that the first ``count`` personas are in the store; all are sampled before the first model call.

        Returns:
            How many there are to be: fewer only where a dataset goes on from others' personas and samples none.
        """
        self._adopt(store, count)
        self._begin(store)
        there = store.count("personas")
        if there > count:
            self.note(
                f"num_personas={count}: the files hold the first {count:,} of {there:,} personas, the store keeps all"
            )
        if there >= count:
            return count
        if StageName.PERSONA not in self.parts.plan:
            if there and self.origin is not None:
                self.note(f"num_personas={count}: there are {there:,}, and this run samples none (stages)")
                return there
            raise MissingStageInputError(
                f"{self.folder} has {many(there, 'persona')}, {many(count, 'is', 'are')} asked for: run the persona "
                f"stage first (--stage persona, or stages=persona)" + (f", or num_personas={there}" if there else "")
            )
        self.on_work()
        self.progress.start({"persona": count - there})
        personas = enumerate(self.parts.sampler.sample(count))
        while batch := list(itertools.islice(personas, PERSONA_BATCH)):
            store.put_personas(batch)
            self.progress.advance("persona", sum(index >= there for index, _ in batch))
        return count

    def _adopt(self, store: Store, count: int) -> None:
        """Where this folder is new, start from a dataset that is the same up to the first stage of this run."""
        upstream = upstream_of(self.parts.plan.names)
        if upstream is None or store.count("personas"):
            return
        datasets = self.parts.output_dir / "datasets"
        fingerprint = self.fingerprints[upstream.fingerprint]
        donor = find_donor(datasets, self.folder, upstream, fingerprint, count)
        if donor is not None:
            store.adopt(donor, upstream.tables)
            self.note(f"goes on from {donor.name}, which is the same up to here")

    def _begin(self, store: Store) -> None:
        """Where this folder is new, take over what the dataset begins with."""
        origin = self.origin
        if origin is None or self.alone or store.count("personas"):
            return
        store.adopt(origin.folder, _BEGINNING)
        self.note(f"goes on from {origin.words}, read in from {origin.facts.source}")

    # -- conversations -------------------------------------------------------------------------------------------

    def _generate(self, store: Store, count: int) -> None:
        """Stream what is not there yet through the chosen stages."""
        self._require_inputs(store, count)
        self._say_when_queries_repeat(count)
        work = SlotWork(self.parts, self.noise_mode, store, count)
        if not any(work.totals.values()):
            return
        require_features(self.parts, store, count)
        self.on_work()
        self.progress.start(work.totals)

        async def stream(client: LLMClient) -> None:
            rounds = self.parts.interaction_generator.supplement_rounds
            engine = Engine(
                self.parts.engine, store, client, self._stages(), supplement_rounds=rounds, progress=self.progress
            )
            await self.parts.executor.run(engine, work.items(client))

        self._with_client(stream, store)

    def _score(self, store: Store, count: int, judge: Judge) -> None:
        """Have the judge score what it has not scored yet."""
        scoring = Scoring(self, judge, store, count)
        if not scoring.total:
            return
        require_features(self.parts, store, count, judged=True)
        self.on_work()
        self.progress.start({SCORE: scoring.total})

        async def stream(client: LLMClient) -> None:
            engine = ScoringEngine(self.parts.engine, store, client, scoring, self.progress)
            await self.parts.executor.run(engine, scoring.items(client))

        self._with_client(stream, store)

    def _with_client(self, stream: Callable[[LLMClient], Awaitable[None]], store: Store) -> None:
        """Run something with the run's models, ledger and budget."""
        if not self.asked:  # what comes first in a run counts from zero, a judge after it goes on
            self.token_tracker.reset()
            self.asked = True
        limits = self.parts.engine.budget
        datasets = self.parts.sweep.get("datasets") or ()
        scope = self.fingerprint if datasets else str(self.parts.sweep.get("id") or self.fingerprint)
        with ExitStack() as opened:
            ledger = Ledger(self.parts.ledger.path, self.parts.ledger.mode, self.fingerprint)
            opened.callback(ledger.close)
            budget = Budget(limits, self.parts.output_dir / "budget.sqlite", scope, datasets) if limits.any else None
            if budget is not None:
                opened.callback(budget.close)
                if scope == self.fingerprint:
                    budget.know_of(sent_by(priced(store.calls(sys.maxsize), prices_of(self.parts.roles))))
            client = LLMClient(
                self.parts.roles,
                self.parts.prompts,
                ledger=ledger,
                retry=self.parts.engine.retry,
                budget=budget,
                tracker=self.token_tracker,
                concurrency=self.parts.engine.concurrency,
            )

            async def run() -> None:
                try:
                    await stream(client)
                finally:
                    await client.aclose()

            run_in_loop(run)

    def _stages(self) -> list[Stage]:
        parts, plan = self.parts, self.parts.plan
        stages: list[Stage] = []
        if StageName.QUERY in plan or StageName.INTERACTION in plan:
            domains, scenarios = parts.bank.values_of("domain"), parts.bank.values_of("scenario")
            seed = parts.seeds.generation
            stages.append(QueryStage(parts.query_generator, parts.interaction_generator, seed, domains, scenarios))
        if StageName.INTERACTION in plan:
            never = parts.distractor is None or not parts.distractor.activation_probability
            realtime = parts.distractor if self.noise_mode == "realtime" and not never else None
            pairs = realtime is not None and realtime.pairs
            stages.append(InteractionStage(parts.interaction_generator, realtime, self._verifies, pairs))
        if StageName.DISTRACTOR in plan and parts.distractor is not None and self.noise_mode == "posthoc":
            stages.append(NoiseStage(parts.distractor, self._verifies))
        if StageName.INTERACTION in plan:
            stages.extend(parts.plan.extra)
        return stages

    @property
    def _verifies(self) -> bool:
        """Whether a model may check noise: only one that is not the model that writes it."""
        writers = {spec.client.deployment for spec in self.parts.roles.get(Role.NOISE, ())}
        checkers = {spec.client.deployment for spec in self.parts.roles.get(Role.EXTRACTOR, ())}
        return bool(checkers) and not writers & checkers

    def _require_inputs(self, store: Store, count: int) -> None:
        plan = self.parts.plan
        for stage, before, table in (
            (StageName.INTERACTION, StageName.QUERY, "queries"),
            (StageName.DISTRACTOR, StageName.INTERACTION, "interactions"),
        ):
            if stage in plan and before not in plan and not store.count(table, count):
                raise MissingStageInputError(
                    f"stage {stage}: {self.folder} has no {table} yet. Run the {before} stage first "
                    f"(--stage {before}), with the same config, or all of them (--stage all)"
                )
        if plan.names == {StageName.DISTRACTOR} and self.noise_mode == "realtime":
            self.note(
                "stage distractor: nothing left to do, real-time noise is applied while the conversations are held "
                "(distractor.mode=posthoc writes noisy versions beside finished ones)"
            )

    def _say_when_queries_repeat(self, count: int) -> None:
        generator = self.parts.query_generator
        passes = generator.passes(count)
        if StageName.QUERY in self.parts.plan and passes > 1:
            self.note(
                f"queries: {generator.slots_in(count):,} are needed and the set has {len(generator.queries):,}, "
                f"so it is dealt again from the start ({passes} passes)"
            )

    def note(self, text: str) -> None:
        """Tell the user once, and remember it for the manifest."""
        self.notes.append(text)
        self.progress.note(text)


def _nothing() -> None:
    """The default of ``on_work``."""
