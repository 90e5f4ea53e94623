"""The pipeline: from typed parts to a dataset folder.

It tells the run from top to bottom: open the dataset's store, sample the personas, stream the slots through the stages,
have the judge score, write the files, and say what happened in the manifest. Configs, the command line, MLflow and the
report live above.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

from personaloom.adoption import take_over
from personaloom.costs import priced, prices_of, sent_by
from personaloom.dataset import Dataset
from personaloom.engine import Engine
from personaloom.errors import (
    BudgetExhaustedError,
    MissingStageInputError,
    PersonaLoomError,
    RunInterruptedError,
    UsageError,
)
from personaloom.features import require_features
from personaloom.judgements import SCORE, judge_of, require_other_model
from personaloom.llm.budget import Budget
from personaloom.llm.client import LLMClient
from personaloom.llm.ledger import Ledger
from personaloom.llm.usage import TokenTracker
from personaloom.loop import run_in_loop
from personaloom.manifest import write_dataset
from personaloom.parts import Parts
from personaloom.plural import many
from personaloom.progress import Progress, Silent
from personaloom.quality import Judge
from personaloom.run_log import RunLog
from personaloom.scoring import Scoring, ScoringEngine
from personaloom.stages import StageName
from personaloom.store import Store
from personaloom.work import SlotWork

__all__ = ["Pipeline"]

PERSONA_BATCH = 5_000


class Pipeline:
    """Makes one dataset.

    Args:
        parts: what it is made of.
        progress: who is told.
        token_tracker: counts the calls of a run; None for one of its own.
    """

    def __init__(
        self, parts: Parts, progress: Progress | None = None, token_tracker: TokenTracker | None = None
    ) -> None:
        self.parts = parts
        self.dataset = Dataset(parts)
        self.progress = progress or Silent()
        self.token_tracker = token_tracker or TokenTracker(keep_records=False)
        self.log = RunLog(self.progress)
        """Of the latest run."""
        self.on_work: Callable[[], None] = _nothing
        """Called once, as soon as it is known that there is something to make."""

    @property
    def stopped(self) -> PersonaLoomError | None:
        """What ended the latest run early, or None."""
        return self.log.stopped

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
        self.log = RunLog(self.progress)
        count = self.parts.num_personas if num_personas is None else num_personas
        if count < 1:
            raise UsageError(f"num_personas={count}: at least 1")
        count = self._with_origin(count)
        judge = judge_of(self.dataset)
        if judge is not None:
            require_other_model(self.parts)
        if self.parts.reset and self._begins_anew():
            self._clear()
        store = self.dataset.open()
        try:
            try:
                count = self._sample(store, count)
                if self.parts.plan.generates:
                    self._generate(store, count)
                if judge is not None:
                    self._score(store, count, judge)
            except (BudgetExhaustedError, RunInterruptedError) as stop:
                self.log.stopped = stop
            except UsageError:
                raise
            except PersonaLoomError as failure:
                if store.count("personas") == 0:
                    raise
                self.log.stopped = failure
            return write_dataset(self.dataset, store, count, self.log)
        finally:
            store.close()

    # -- before ----------------------------------------------------------------------------------------------------

    def _with_origin(self, count: int) -> int:
        """The number of personas, none of those left out that were read in.

        Raises:
            UsageError: this would change a folder that was read in.
        """
        origin, alone = self.dataset.origin, self.dataset.alone
        if origin is None:
            return count
        if alone and (self.parts.plan.generates or self.parts.reset):
            raise UsageError(
                f"{self.dataset.folder} was read in from {origin.facts.source} and stays as it is → "
                f"start_from={self.dataset.folder} instead of dataset_dir goes on from it, in a dataset of its own"
            )
        there = origin.facts.personas
        if alone or count < there:
            if not alone:
                self.log.note(f"num_personas={count}: all {there:,} that were read in are kept")
            return there
        return count

    def _begins_anew(self) -> bool:
        """Whether this run can make what ``reset`` clears: a later stage would lose what it is to go on from."""
        if StageName.PERSONA in self.parts.plan or self.parts.start_from is not None:
            return True
        self.log.note("reset=true: nothing is cleared, because this run's stages begin after the personas")
        return False

    def _clear(self) -> None:
        left = self.dataset.clear()
        if left:
            self.log.note(f"reset=true left what is not ours in {self.dataset.folder}: {', '.join(left)}")

    # -- personas ------------------------------------------------------------------------------------------------

    def _sample(self, store: Store, count: int) -> int:
        """See that the first ``count`` personas are in the store; all are sampled before the first model call.

        Returns:
            How many there are to be: fewer only where a dataset goes on from others' personas and samples none.
        """
        for note in take_over(self.dataset, store, count):
            self.log.note(note)
        there = store.count("personas")
        if there > count:
            self.log.note(
                f"num_personas={count}: the files hold the first {count:,} of {there:,} personas, the store keeps all"
            )
        if there >= count:
            return count
        if StageName.PERSONA not in self.parts.plan:
            if there and self.dataset.origin is not None:
                self.log.note(f"num_personas={count}: there are {there:,}, and this run samples none (stages)")
                return there
            raise MissingStageInputError(
                f"{self.dataset.folder} has {many(there, 'persona')}, {many(count, 'is', 'are')} asked for: run the "
                f"persona stage first (--stage persona, or stages=persona)"
                + (f", or num_personas={there}" if there else "")
            )
        self.on_work()
        self.progress.start({"persona": count - there})
        personas = enumerate(self.parts.sampler.sample(count))
        while batch := list(itertools.islice(personas, PERSONA_BATCH)):
            store.put_personas(batch)
            self.progress.advance("persona", sum(index >= there for index, _ in batch))
        return count

    # -- conversations -------------------------------------------------------------------------------------------

    def _generate(self, store: Store, count: int) -> None:
        """Stream what is not there yet through the chosen stages."""
        self._require_inputs(store, count)
        self._say_when_queries_repeat(count)
        work = SlotWork(self.parts, store, count)
        if not any(work.totals.values()):
            return
        require_features(self.parts, store, count)
        self.on_work()
        self.progress.start(work.totals)

        async def stream(client: LLMClient) -> None:
            rounds = self.parts.interaction_generator.supplement_rounds
            stages = self.parts.stages()
            engine = Engine(self.parts.engine, store, client, stages, supplement_rounds=rounds, progress=self.progress)
            await self.parts.executor.run(engine, work.items(client))

        self._with_client(stream, store)

    def _require_inputs(self, store: Store, count: int) -> None:
        plan = self.parts.plan
        for stage, before, table in (
            (StageName.INTERACTION, StageName.QUERY, "queries"),
            (StageName.DISTRACTOR, StageName.INTERACTION, "interactions"),
        ):
            if stage in plan and before not in plan and not store.count(table, count):
                raise MissingStageInputError(
                    f"stage {stage}: {self.dataset.folder} has no {table} yet. Run the {before} stage first "
                    f"(--stage {before}), with the same config, or all of them (--stage all)"
                )
        if plan.names == {StageName.DISTRACTOR} and self.parts.noise_mode == "realtime":
            self.log.note(
                "stage distractor: nothing left to do, real-time noise is applied while the conversations are held "
                "(distractor.mode=posthoc writes noisy versions beside finished ones)"
            )

    def _say_when_queries_repeat(self, count: int) -> None:
        generator = self.parts.query_generator
        passes = generator.passes(count)
        if StageName.QUERY in self.parts.plan and passes > 1:
            self.log.note(
                f"queries: {generator.slots_in(count):,} are needed and the set has {len(generator.queries):,}, "
                f"so it is dealt again from the start ({passes} passes)"
            )

    # -- scores --------------------------------------------------------------------------------------------------

    def _score(self, store: Store, count: int, judge: Judge) -> None:
        """Have the judge score what it has not scored yet."""
        scoring = Scoring(self.dataset, judge, store, count)
        if not scoring.total:
            return
        require_features(self.parts, store, count, judged=True)
        self.on_work()
        self.progress.start({SCORE: scoring.total})

        async def stream(client: LLMClient) -> None:
            engine = ScoringEngine(self.parts.engine, store, client, scoring, self.progress)
            await self.parts.executor.run(engine, scoring.items(client))

        self._with_client(stream, store)

    # -- models ----------------------------------------------------------------------------------------------------

    def _with_client(self, stream: Callable[[LLMClient], Awaitable[None]], store: Store) -> None:
        """Run something with the run's models, ledger and budget."""
        if self.log.tracker is None:  # what comes first in a run counts from zero, a judge after it goes on
            self.token_tracker.reset()
            self.log.tracker = self.token_tracker
        parts = self.parts
        with ExitStack() as opened:
            ledger = Ledger(parts.ledger.path, parts.ledger.mode, self.dataset.fingerprint)
            opened.callback(ledger.close)
            budget = self._budget(store, opened)
            client = LLMClient(
                parts.roles,
                parts.prompts,
                ledger=ledger,
                retry=parts.engine.retry,
                budget=budget,
                tracker=self.token_tracker,
                concurrency=parts.engine.concurrency,
            )

            async def run() -> None:
                try:
                    await stream(client)
                finally:
                    await client.aclose()

            run_in_loop(run)

    def _budget(self, store: Store, opened: ExitStack) -> Budget | None:
        """What the run may still use, of its own limit or of its sweep's; None without a limit."""
        parts, fingerprint = self.parts, self.dataset.fingerprint
        limits = parts.engine.budget
        if not limits.any:
            return None
        datasets = parts.sweep.get("datasets") or ()
        scope = fingerprint if datasets else str(parts.sweep.get("id") or fingerprint)
        budget = Budget(limits, parts.output_dir / "budget.sqlite", scope, datasets)
        opened.callback(budget.close)
        if scope == fingerprint:
            budget.know_of(sent_by(priced(store.calls(sys.maxsize), prices_of(parts.roles))))
        return budget


def _nothing() -> None:
    """The default of ``on_work``."""
