"""The streaming engine: every slot's chain runs as soon as it can, and nothing waits for a batch.

Little more than ``concurrency`` conversations are in flight, and memory holds those and no more: slots are drawn one by
one from an iterator, finished ones are handed to the store and forgotten. A failure is recorded with its reason and the
run goes on; only what would fail every further call (a rejected key, a full disk, the budget) ends it, and then what is
in flight is drained first.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from personaloom.errors import (
    BudgetExhaustedError,
    CallError,
    CallTimeoutError,
    PersonaLoomError,
    RetryableError,
    RunInterruptedError,
)
from personaloom.llm.budget import BudgetLimits
from personaloom.llm.client import LLMClient
from personaloom.llm.retry import RetryPolicy
from personaloom.progress import Progress
from personaloom.records import Failure, utc_now
from personaloom.stages import PersonaChain, Slot, Stage
from personaloom.store import PERSONA_LEVEL, Store

__all__ = ["Engine", "EngineSettings", "Work"]

CONTENT_FAILURES = frozenset(
    {"empty_reply", "malformed_reply", "refusal", "content_filter", "truncated", "context_length"}
)
"""Kinds that a fresh query may mend; every other one is of the transport."""
STATUS_SECONDS = 0.25
_STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class EngineSettings:
    """How a run is driven (``engine``): none of it changes the data.

    Attributes:
        concurrency: calls in flight at most, for each deployment; conversations a quarter more, so that those that wait
            for their persona's system prompt leave no call unmade.
        max_failed_share: above this share of failed conversations a run exits with 4.
        conversation_deadline_s: a conversation that takes longer is recorded as failed (timeout).
        retry: attempts and pauses.
        budget: what the run may use in all.
    """

    concurrency: int = 256
    max_failed_share: float = 0.05
    conversation_deadline_s: float = 3600.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    budget: BudgetLimits = field(default_factory=BudgetLimits)


Work = Slot | PersonaChain
"""A slot to be taken through the chain, or a persona that only needs its system prompt."""


class Engine:
    """Runs chains.

    Args:
        settings: how.
        store: where finished things go.
        client: the models.
        stages: the chain, in order; a step that a slot has behind it already is skipped.
        supplement_rounds: how often a conversation that failed on its content is made up with a fresh query.
        progress: who is told.
    """

    def __init__(
        self,
        settings: EngineSettings,
        store: Store,
        client: LLMClient,
        stages: Sequence[Stage],
        *,
        supplement_rounds: int = 0,
        progress: Progress,
    ) -> None:
        self.settings = settings
        self.store = store
        self.client = client
        self.stages = tuple(stages)
        self.supplement_rounds = supplement_rounds
        self.progress = progress
        self._fatal: BaseException | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, work: Iterable[Work]) -> None:
        """Work until everything is done.

        Args:
            work: slots, and personas that only need their prompt; drawn one by one, when there is room.

        Raises:
            BudgetExhaustedError, RunInterruptedError: stopped, resumable; what was in flight is stored.
            CallError, StoreError, UsageError: what ended the run.
        """
        room = asyncio.Semaphore(self.settings.concurrency + self.settings.concurrency // 4)
        ticker = asyncio.ensure_future(self._tick())
        with _interrupts(self._interrupt):
            try:
                for item in work:
                    await room.acquire()
                    if self.client.halted is not None:
                        break
                    self._start(item, room)
                while self._running:
                    await asyncio.wait(self._running)
            finally:
                await self._stop(ticker)
                if isinstance(work, Generator):
                    work.close()  # it reads from the store, which is closed next
        self.store.flush()
        ending = self._fatal or self.client.halted
        if ending is not None:
            raise ending

    def _start(self, item: Work, room: asyncio.Semaphore) -> None:
        task = asyncio.ensure_future(self._work(item))
        self._running.add(task)

        def finished(done: asyncio.Task[None]) -> None:
            self._running.discard(done)
            room.release()

        task.add_done_callback(finished)

    async def _stop(self, ticker: asyncio.Future[None]) -> None:
        running = list(self._running)
        for task in (*running, ticker):
            task.cancel()
        await asyncio.gather(*running, ticker, return_exceptions=True)
        self._tell_usage()  # what came after the last tick is shown too

    # -- one item ------------------------------------------------------------------------------------------------

    async def _work(self, item: Work) -> None:
        try:
            if isinstance(item, Slot):
                await self._hold(item)
            else:
                await self._write_prompt(item)
        except (BudgetExhaustedError, RunInterruptedError) as error:
            self.client.halt(error)
        except Exception as error:  # noqa: BLE001 - raised by run(), once what is in flight is drained
            self._end(error)
        finally:
            if self._fatal is None or isinstance(self._fatal, CallError):  # any other may be of the store
                self._book(item)

    async def _write_prompt(self, chain: PersonaChain) -> None:
        try:
            await self._prompted(chain)
        except CallError as error:
            if error.ends_run:
                raise
            name = chain.persona.persona_id
            self.store.put_failure(chain.index, PERSONA_LEVEL, _failure(name, name, "prompt", error))
            self.progress.advance("prompt", 0, 1)

    async def _prompted(self, chain: PersonaChain) -> None:
        """See that the persona has its own system prompt, and that it is stored, once."""
        if chain.persona.system_prompt is not None:
            return
        persona = await chain.view({})
        if persona.system_prompt is not None and chain.persona.system_prompt is None:
            chain.persona = persona
            self._book(chain)
            self.store.put_prompt(chain.index, persona.system_prompt, persona.metadata)
            self.store.drop_failure(persona.persona_id)
            self.progress.advance("prompt")

    async def _hold(self, slot: Slot) -> None:
        """One slot through the chain; what failed on its content is made up with fresh queries."""
        while (failure := await self._try(slot)) is not None:
            self._book(slot)
            self.store.put_failure(slot.chain.index, slot.number, failure)
            fresh_query_may_help = failure.kind in CONTENT_FAILURES and failure.stage != "prompt"
            if not fresh_query_may_help or slot.supplement >= self.supplement_rounds:
                self.progress.advance("interaction", 0, 1)
                return
            slot.start_over()
        self._keep(slot)

    async def _try(self, slot: Slot) -> Failure | None:
        """The chain once; the failure, where there was one."""
        step = "prompt"

        async def go_through() -> None:
            nonlocal step
            await self._prompted(slot.chain)
            for stage in self.stages:
                step = getattr(stage, "step", "extra")
                if slot.has(step):
                    continue
                await stage(slot)
                if step == "query" and slot.query is not None:
                    self._book(slot)
                    self.store.put_query(slot.chain.index, slot.number, slot.query)
                    self.progress.advance("query")

        error = await self._in_time(go_through(), "it was done")
        return None if error is None else _failure(slot.record_id, slot.chain.persona.persona_id, step, error)

    async def _in_time(self, work: Coroutine[Any, Any, None], done: str) -> CallError | None:
        """Do something before a conversation's deadline.

        Args:
            work: what to do.
            done: the deadline passed before this, in words.

        Returns:
            What it failed on for good, or None.

        Raises:
            CallError: one that ends the run.
        """
        limit = self.settings.conversation_deadline_s
        try:
            async with asyncio.timeout(limit):
                await work
        except TimeoutError:
            return CallTimeoutError(f"engine.conversation_deadline_s={limit:g} passed before {done}")
        except CallError as error:
            if error.ends_run:
                raise
            return error
        return None

    def _keep(self, slot: Slot) -> None:
        """Store what the chain made, with its calls, in one group."""
        self._book(slot)
        index, number = slot.chain.index, slot.number
        if slot.fresh_interaction and slot.interaction is not None:
            self.store.put_interaction(index, number, slot.interaction, slot.twin)
            self.progress.advance("interaction")
            if slot.noise is None:
                self.progress.advance("distractor", slot.interaction.num_turns)
        if slot.noise is not None:
            self.store.put_noise(index, number, [result.to_dict() for result in slot.noise])
            self.progress.advance("distractor")
        self.store.drop_failure(slot.record_id)

    def _book(self, item: Work) -> None:
        """Store the calls that were made, also those of what is not finished: they were paid for.

        Before what they made, always: a run that is killed in between would find that and never ask for them again.
        """
        if isinstance(item, Slot):
            self.store.put_calls(item.chain.index, item.number, item.llm.take_records())
        chain = item.chain if isinstance(item, Slot) else item
        self.store.put_calls(chain.index, PERSONA_LEVEL, chain.llm.take_records())

    # -- ending --------------------------------------------------------------------------------------------------

    def _end(self, error: Exception) -> None:
        if self._fatal is None:
            self._fatal = error
        self.client.halt(error if isinstance(error, PersonaLoomError) else RunInterruptedError("the run is ending"))

    def _interrupt(self, *, at_once: bool) -> None:
        message = "interrupted; what was finished is stored: run the same command to go on"
        self.client.halt(RunInterruptedError(message))
        self.progress.status("interrupted: finishing the calls in flight (Ctrl-C again stops at once)")
        if at_once:
            for task in self._running:
                task.cancel()

    async def _tick(self) -> None:
        """Keep the display current."""
        while True:
            self._tell_usage()
            self._look_at_the_clock()
            if self.client.halted is None:
                self.progress.status(self.client.waiting_for())
            await asyncio.sleep(STATUS_SECONDS)

    def _tell_usage(self) -> None:
        totals = self.client.tracker.sent  # what the ledger answers costs nothing now
        tokens = totals.input_tokens + totals.output_tokens
        self.progress.usage(totals.calls, tokens, totals.cost_usd, self.client.in_flight)

    def _look_at_the_clock(self) -> None:
        """``engine.budget.max_minutes`` also ends a run all of whose calls are waiting for something."""
        if self.client.budget is not None and self.client.halted is None:
            try:
                self.client.budget.check_minutes()
            except BudgetExhaustedError as error:
                self.client.halt(error)


def _failure(failure_id: str, persona_id: str, step: str, error: CallError) -> Failure:
    transient = isinstance(error, RetryableError) and error.kind not in CONTENT_FAILURES
    return Failure(failure_id, persona_id, step, error.kind, str(error), error.attempts, transient, utc_now())


@contextmanager
def _interrupts(react: Callable[..., None]) -> Iterator[None]:
    """Ctrl-C drains, a second one within the same run stops at once; only in the main thread.

    SIGTERM is the same: schedulers and containers send it some seconds before they kill.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    count = 0

    def handle() -> None:
        nonlocal count
        count += 1
        react(at_once=count > 1)

    before = {number: signal.getsignal(number) for number in _STOPPING}
    try:
        for number in _STOPPING:
            loop.add_signal_handler(number, handle)
    except (NotImplementedError, RuntimeError):
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)  # a program that calls us may have one of its own
