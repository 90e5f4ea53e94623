"""``LLMClient``: what everything above calls. One place for routing, ledger, limits, retries, budget and accounting.

A ``ChatClient`` makes one attempt; this makes a call out of attempts::

    complete ── attempts at content (a rejected reply is asked again under attempt + 1)
      └─ reply from the ledger, or ── attempts at transport (429, 5xx, cut, timed out), limits, budget ── commit
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from personaloom.errors import (
    AuthenticationFailedError,
    CallError,
    ConnectionCutError,
    ModelNotFoundError,
    PersonaLoomError,
    StoreError,
    UnavailableError,
    UnreachableError,
)
from personaloom.keyed import Key
from personaloom.llm.budget import Budget, Spend
from personaloom.llm.calls import DeploymentSpec, Fetched, Tally, models_listed, totalled
from personaloom.llm.ledger import Ledger, LedgerMode
from personaloom.llm.limits import DeploymentLimiter
from personaloom.llm.missing import MissingModels
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.resting import Resting
from personaloom.llm.retry import RetryPolicy
from personaloom.llm.scope import Accept, LLMScope
from personaloom.llm.shared_rate import SharedFile
from personaloom.llm.tokens import worst_case
from personaloom.llm.types import CallKey, ChatMessage, LLMReply, LLMRequest, Purpose, Role, Sampling, Usage
from personaloom.llm.usage import TokenTracker
from personaloom.loop import run_in_loop

__all__ = ["DeploymentSpec", "LLMClient"]

DEFAULT_OUTPUT_TOKENS = 4096
"""What a reply may cost at most where ``max_tokens`` is not set: used to reserve budget, not sent."""
ONE_CALL = Spend(0.0, 0, 1)

UNREACHABLE_TRIES = 5
"""Connections that are refused before any is accepted, until the run says so and ends."""


class LLMClient:
    """The models of a run, by role.

    Args:
        roles: each role's deployments; more than one is a pool, one of which is drawn by key for each conversation.
        prompts: the templates.
        ledger: where replies are kept; None keeps none.
        retry: attempts and pauses.
        budget: limits of the run; None has none.
        tracker: counts tokens.
        concurrency: most calls in flight per deployment.
    """

    def __init__(
        self,
        roles: Mapping[Role, Sequence[DeploymentSpec]],
        prompts: PromptLibrary | None = None,
        *,
        ledger: Ledger | None = None,
        retry: RetryPolicy | None = None,
        budget: Budget | None = None,
        tracker: TokenTracker | None = None,
        concurrency: int = 256,
    ) -> None:
        self.roles = {role: tuple(specs) for role, specs in roles.items()}
        self.prompts = prompts or PromptLibrary()
        self.ledger = ledger
        self.retry = retry or RetryPolicy()
        self.budget = budget
        self.tracker = tracker or TokenTracker()
        self.in_flight = 0
        self._concurrency = concurrency
        self._limiters: dict[str, DeploymentLimiter] = {}
        self._asked: dict[bytes, asyncio.Future[LLMReply] | None] = {}
        """Calls under way; a future where somebody else waits for the same one."""
        self._halt: PersonaLoomError | None = None
        self._reached = False
        self._missing = MissingModels(self.roles)
        self._resting = Resting()
        self._refused = 0

    # -- what a run knows of it ----------------------------------------------------------------------------------

    @property
    def simulated(self) -> bool:
        """Whether any role's text is made up."""
        return any(spec.client.deployment.simulated for specs in self.roles.values() for spec in specs)

    def models(self) -> list[dict[str, Any]]:
        """Role, model, origin and weight of every deployment, for the manifest."""
        return models_listed(self.roles, self.tracker.snapshots)

    def waiting_for(self) -> str:
        """What calls are waiting for, in a few words; empty where nothing holds them up."""
        held_up = [limiter.waiting_for for limiter in self._limiters.values()]
        if self.ledger is not None:
            held_up.append(self.ledger.waiting_for)
        return "; ".join(filter(None, held_up))

    def halt(self, reason: PersonaLoomError) -> None:
        """Send nothing more: calls in flight end and are stored, those that wait and every further one raise it."""
        if self._halt is None:
            self._halt = reason
        self._resting.wake_all()
        for limiter in self._limiters.values():
            limiter.turn_away(self._halt)
        if self.ledger is not None:
            self.ledger.wait_no_more(self._halt)

    @property
    def halted(self) -> PersonaLoomError | None:
        """Why nothing more is sent, or None."""
        return self._halt

    def resume(self) -> None:
        """Send again after a halt."""
        self._halt = None
        if self.ledger is not None:
            self.ledger.wait_no_more(None)

    def scope(self) -> LLMScope:
        """A client of the same models that keeps its own list of call records, for one conversation."""
        return LLMScope(self)

    # -- calls ---------------------------------------------------------------------------------------------------

    async def complete(self, request: LLMRequest, accept: Accept | None = None) -> LLMReply:
        """The reply to one call.

        Args:
            request: what to ask.
            accept: raises a ``CallError`` for a reply whose content cannot be used; it is then asked for again under
                the next attempt, as often as the retry policy says, unless the error is a final one.

        Raises:
            CallError: no usable reply for good.
            BudgetExhaustedError, RunInterruptedError: nothing more is sent.
            StoreError: the ledger cannot be used.
        """
        return await self.scope().complete(request, accept)

    def chat(self, messages: Sequence[ChatMessage] | str, role: Role = Role.ASSISTANT, seed: int = 0) -> str:
        """One call on its own, for notebooks and scripts: the text of the reply."""
        chat = (ChatMessage("user", messages),) if isinstance(messages, str) else tuple(messages)
        purpose = Purpose.USER_FEEDBACK if role is Role.USER else Purpose.ASSISTANT_RESPONSE
        facts = {
            "history": [m.to_dict() for m in chat if m.role != "system"],
            "features": None,
            "persona_prompt": None,
            "topic": chat[-1].content,
        }
        request = LLMRequest(role, chat, CallKey(seed, "", "", 0, role, 0, purpose), facts=facts)

        async def ask() -> str:
            try:
                return (await self.complete(request)).text
            finally:
                await self.aclose()

        return run_in_loop(ask)

    def deployment_for(self, key: CallKey, role: Role) -> DeploymentSpec:
        """The deployment that a call uses: drawn by the conversation's key, so it stays for the conversation."""
        specs = self.roles[role]
        if len(specs) == 1:
            return specs[0]
        draw = Key(key.seed, "pool", str(role), key.persona, key.slot, key.supplement)
        return draw.weighted(specs, [spec.weight for spec in specs], "deployment")

    async def aclose(self) -> None:
        """Close connections, and share nothing more with other processes."""
        for limiter in self._limiters.values():
            limiter.close()
        for client in {id(s.client): s.client for specs in self.roles.values() for s in specs}.values():
            await client.aclose()

    # -- one reply -----------------------------------------------------------------------------------------------

    async def fetch(
        self, spec: DeploymentSpec, request: LLMRequest, sampling: Sampling, key: bytes, tally: Tally
    ) -> Fetched:
        """The reply from the ledger or from the model; at most one call per key is under way in this process."""
        if key in self._asked:
            waiting = self._asked[key] = self._asked[key] or _awaited()
            reply = await asyncio.shield(waiting)
            return Fetched(reply._replace(attempts=0, from_ledger=True), paid=True, lost=0)
        self._asked[key] = None
        try:
            fetched = await self._fetch(spec, request, sampling, key, tally)
        except BaseException as error:
            if (waited := self._asked.pop(key)) is not None:
                cancelled = ConnectionCutError("the call was cancelled")
                waited.set_exception(error if isinstance(error, Exception) else cancelled)
            raise
        if (waited := self._asked.pop(key)) is not None:
            waited.set_result(fetched.reply)
        return fetched

    async def _fetch(
        self, spec: DeploymentSpec, request: LLMRequest, sampling: Sampling, key: bytes, tally: Tally
    ) -> Fetched:
        ledger = self.ledger
        if ledger is None or ledger.mode is LedgerMode.OFF or spec.client.deployment.simulated:
            reply = await self._send(spec, request, sampling, tally)
            return Fetched(reply, paid=True, lost=tally.lost)
        entry = await ledger.claim(key)
        if entry is not None:
            mine = entry.payer == ledger.dataset
            if not mine:
                ledger.note_use(key)
            return Fetched(entry.reply, paid=mine, lost=0)
        if ledger.mode is LedgerMode.READONLY:
            raise StoreError(
                f"ledger.mode=readonly, and {ledger.path} has no reply to {request.key.purpose} of "
                f"{request.key.slot or request.key.persona}: replay the config that it was made with, or use "
                "ledger.mode=readwrite"
            )
        try:
            reply = await self._send(spec, request, sampling, tally)
        except BaseException:
            ledger.release(key)
            raise
        await ledger.put(key, request, spec.client.deployment, reply)
        return Fetched(reply, paid=True, lost=tally.lost)

    async def _send(self, spec: DeploymentSpec, request: LLMRequest, sampling: Sampling, tally: Tally) -> LLMReply:
        """Attempts until a whole reply came."""
        worst = self._worst(spec, request, sampling)
        started = time.monotonic()
        for attempt in range(1, self.retry.max_attempts + 1):
            try:
                reply = await self._attempt(spec, request, sampling, worst, tally)
            except CallError as error:
                jitter = Key(*request.key.parts(), "retry")
                pause = self.retry.pause(attempt, error, jitter, time.monotonic() - started)
                if pause is None:
                    error.attempts = tally.attempts
                    if isinstance(error, ModelNotFoundError) and error is not self._halt:
                        self._missing.judge(error, spec, request.role)
                    if isinstance(error, UnavailableError) and error is not self._halt:
                        self._judge_outage(error, request.role)
                    if error.ends_run and error is not self._halt:
                        self.halt(error)
                    raise
                if self._halt is None:
                    await self._resting.rest(pause)
                continue
            return totalled(reply, spec, tally)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _attempt(
        self, spec: DeploymentSpec, request: LLMRequest, sampling: Sampling, worst: Spend, tally: Tally
    ) -> LLMReply:
        if self._halt is not None:
            raise self._halt
        limiter = self._limiter(spec)
        async with limiter.slot(worst.tokens) as slot:
            if self._halt is not None:
                raise self._halt
            reservation = await self.budget.reserve(worst) if self.budget else None
            actual = worst
            self.in_flight += 1
            tally.attempts += 1
            try:
                reply = await spec.client.complete(request, sampling, spec.timeout_s)
                self._reached = True
                self._missing.answered.add(limiter.name)
                slot.used_tokens = reply.usage.input_tokens + reply.usage.output_tokens
                if reservation is not None:
                    cost = spec.price.cost(reply.usage) if spec.price else reply.cost_usd
                    actual = Spend(cost, slot.used_tokens, 1)
                return reply
            except CallError as error:
                tally.failed(error)
                if isinstance(error, AuthenticationFailedError):
                    self.halt(error)
                elif isinstance(error, UnreachableError):
                    self._nobody_there(error)
                else:
                    self._reached = True
                if error.status is not None or error.input_tokens is not None:
                    # The server answered, so what the attempt used is known.
                    tokens = (error.input_tokens or 0) + (error.output_tokens or 0)
                    used = Usage(error.input_tokens or 0, error.output_tokens or 0)
                    actual = Spend(spec.price.cost(used) if spec.price else 0.0, tokens, 1)
                raise
            except BaseException:
                tally.lost += 1  # cancelled: the server may have answered and been paid for it
                raise
            finally:
                self.in_flight -= 1
                if self.budget and reservation is not None:
                    self.budget.settle(reservation, actual)

    def _nobody_there(self, error: UnreachableError) -> None:
        """End the run where no server has answered at all: that is a wrong address, not a passing fault."""
        self._refused += 1
        if not self._reached and self._refused >= UNREACHABLE_TRIES:
            self.halt(
                PersonaLoomError(
                    f"{error}. No server has answered yet, in {self._refused} tries: check llm.base_url and that the "
                    "server runs, then run the same command"
                )
            )

    def _judge_outage(self, error: UnavailableError, role: Role) -> None:
        """End the run where the role has no other model. A pool goes on: what was drawn for one model waits for it."""
        limiters = [self._limiters.get(spec.client.deployment.name) for spec in self.roles[role]]
        if all(limiter is not None and limiter.is_out for limiter in limiters):
            error.ends_run = True
            error.args = (f"{error}. What was finished is stored: run the same command later to go on",)

    def _limiter(self, spec: DeploymentSpec) -> DeploymentLimiter:
        name = spec.client.deployment.name
        limiter = self._limiters.get(name)
        if limiter is None:
            shared = None if spec.client.deployment.simulated else SharedFile.open(name)
            limiter = self._limiters[name] = DeploymentLimiter(
                name, spec.limits, self._concurrency, max_outage_s=self.retry.max_outage_s, shared=shared
            )
        return limiter

    def _worst(self, spec: DeploymentSpec, request: LLMRequest, sampling: Sampling) -> Spend:
        if self.budget is None and spec.limits.tpm is None:
            return ONE_CALL
        usage = Usage(worst_case(request.messages), sampling.max_tokens or DEFAULT_OUTPUT_TOKENS)
        return Spend(spec.price.cost(usage) if spec.price else None, usage.input_tokens + usage.output_tokens, 1)


def _awaited() -> asyncio.Future[LLMReply]:
    """A future whose exception counts as seen: the call that raised it reports it, waiters may be gone."""
    future: asyncio.Future[LLMReply] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: None if done.cancelled() else done.exception() and None)
    return future
