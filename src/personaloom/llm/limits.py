"""How many requests a deployment gets, and when: learned and fixed limits, a circuit breaker, first come first served.

One ``DeploymentLimiter`` a deployment, shared by everything in the process that calls it::

    async with limiter.slot(tokens):
        reply = await client.complete(…)        # a CallError passes through, and the limiter has seen it

How long a call may wait is its caller's business; but a deployment that has answered nothing but rejections and faults
for ``max_outage_s`` is waited for no more.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from personaloom.errors import (
    CallError,
    CallTimeoutError,
    ConnectionCutError,
    RateLimitedError,
    ServerFaultError,
    UnavailableError,
    UsageError,
)
from personaloom.llm.pacing import Breaker, Pacer
from personaloom.llm.rate import AdaptiveRate
from personaloom.llm.shared_rate import SharedFile, SharedRate
from personaloom.plural import many

__all__ = ["DeploymentLimiter", "Limits", "Slot"]

LONG_S = 10.0
"""So long without a reply is worth a word in the display."""
_FAULTS = (ServerFaultError, CallTimeoutError, ConnectionCutError)


@dataclass(frozen=True, slots=True)
class Limits:
    """Fixed limits of a deployment, kept besides those that are learned; None is no limit.

    Attributes:
        rpm: requests a minute, evenly spaced.
        tpm: tokens a minute, input and output, evenly spaced by estimates that are corrected by what was used.
        max_concurrency: requests in flight.
    """

    rpm: float | None = None
    tpm: float | None = None
    max_concurrency: int | None = None

    def __post_init__(self) -> None:
        for name in ("rpm", "tpm", "max_concurrency"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise UsageError(f"llm.{name}: {value!r} → more than 0, or null for no fixed limit")


class Slot:
    """The right to send one request: entered when it may go, left with its outcome."""

    __slots__ = ("_limiter", "_number", "_sent_at", "_tokens", "used_tokens")

    def __init__(self, limiter: DeploymentLimiter, tokens: int) -> None:
        self._limiter = limiter
        self._tokens = tokens
        self._sent_at, self._number = 0.0, 0
        self.used_tokens: int | None = None
        """Set by the caller where it knows better than the estimate; corrects ``tpm``."""

    async def __aenter__(self) -> Self:
        limiter = self._limiter
        entered = limiter._enter_now(self._tokens)  # noqa: SLF001 - its other half
        self._sent_at, self._number = entered or await limiter._enter_later(self._tokens)  # noqa: SLF001 - as above
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        surplus = 0 if self.used_tokens is None else self.used_tokens - self._tokens
        self._limiter._leave(self._sent_at, self._number, error, surplus)  # noqa: SLF001 - its other half


class DeploymentLimiter:
    """Admits requests to one deployment.

    Concurrency adapts between 1 and the maximum: one more for each window of successes, three tenths fewer for a window
    with a 429 or 529, though never so few that they could not carry the rate that was learned (Little's law).

    Args:
        name: for the display.
        limits: fixed ones.
        concurrency: most requests in flight where ``limits`` does not say.
        clock: seconds, from anywhere; the machine's own where something is shared.
        max_outage_s: so long without any other answer than "too many" and faults, and whoever waits is sent away.
        shared: what processes that call the same deployment know in common; closed with the limiter.
    """

    def __init__(
        self,
        name: str,
        limits: Limits | None = None,
        concurrency: int = 256,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_outage_s: float = float("inf"),
        shared: SharedFile | None = None,
    ) -> None:
        self.name = name
        self.limits = limits or Limits()
        self.in_flight = 0
        self._clock = clock
        self.rate_limited = 0
        """429s and 529s so far."""
        self._most = float(self.limits.max_concurrency or concurrency)
        self._window = self._most
        self._rate = AdaptiveRate()
        self._together = SharedRate(self._rate, shared, clock)
        self._breaker = Breaker()
        self._minute, self._tokens = Pacer(), Pacer()
        self._queue: deque[tuple[asyncio.Future[int], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._max_outage_s = max_outage_s
        self._refused: tuple[float, float] | None = None
        """The first and the last answer that was none, since the last one that was one."""
        self._free = not (self.limits.rpm or self.limits.tpm)

    # -- for the caller ------------------------------------------------------------------------------------------

    def slot(self, tokens: int = 0) -> Slot:
        """An ``async with`` block in which one request may be sent; its end tells the limiter what became of it."""
        return Slot(self, tokens)

    @property
    def concurrency(self) -> int:
        """Requests that may be in flight now."""
        return max(1, int(self._window))

    @property
    def rate(self) -> float | None:
        """Requests a second that the server was found to bear, or None while it never complained."""
        return self._rate.rate(self._clock())

    @property
    def failing_for_s(self) -> float:
        """How long the deployment has answered nothing but "too many" and faults; 0 when it works."""
        return 0.0 if self._refused is None else self._clock() - self._refused[0]

    @property
    def is_out(self) -> bool:
        """Whether it was asked again and again for too long; one that nobody asked meanwhile may be well again."""
        return self._refused is not None and self._refused[1] - self._refused[0] > self._max_outage_s

    @property
    def waiting_for(self) -> str:
        """What queued requests wait for (``gpt-4o: rate limit, 3.2 s``), or ``""``."""
        if not self._queue:
            return ""
        wait, why = self._hold(self._clock())
        if not why:
            return ""
        words = f"{self.name.removeprefix('openai/')}: {why}"
        if 0.05 <= wait < float("inf"):
            words += f", {wait:.1f} s"
        return words + (f" (no reply for {self.failing_for_s:.0f} s)" if self.failing_for_s >= LONG_S else "")

    def turn_away(self, reason: Exception) -> None:
        """Let everybody who waits for a slot leave with this error."""
        for future, _ in self._queue:
            if not future.done():
                future.set_exception(reason)

    def close(self) -> None:
        """Share nothing more with other processes."""
        self._together.close()

    # -- admission -----------------------------------------------------------------------------------------------

    def _enter_now(self, tokens: int) -> tuple[float, int] | None:
        """The time and the number of the request, where it may go at once."""
        if self._queue:
            return None
        now = self._clock()
        with self._together:
            return None if self._hold(now)[1] else (now, self._admit(now, tokens))

    async def _enter_later(self, tokens: int) -> tuple[float, int]:
        """The same after waiting for one's turn."""
        if self.is_out:
            raise self._gone()
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.append((future, tokens))
        self._pump()
        try:
            number = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._leave(self._clock(), future.result(), asyncio.CancelledError(), 0)  # it had been admitted
            self._pump()
            raise
        return self._clock(), number

    def _hold(self, now: float) -> tuple[float, str]:
        """Seconds until a request may go (infinite: until another one ends) and why; no reason means now."""
        breaker, rate = self._breaker, self._rate
        if breaker.is_open or rate.in_vain:
            # One request at a time finds out whether the server is back.
            if breaker.open_until > now:
                return breaker.open_until - now, "not answering"
            if self.in_flight > 0 and rate.paused_until <= now:
                return float("inf"), "trying whether it is back"
        if rate.paused_until > now and (asking := rate.may_ask_in(now)) != 0.0:
            return asking or rate.paused_until - now, "rate limit"
        if self.in_flight >= max(1, int(self._window)):
            return float("inf"), f"{many(self.in_flight, 'request')} in flight"
        if rate.limited:
            rate.look(now, self.in_flight)
            if (wait := self._rate.pacer.wait(now)) > 0:
                return wait, "rate limit"
        if self._free:
            return 0.0, ""
        if self.limits.rpm and (wait := self._minute.wait(now)) > 0:
            return wait, f"{self.limits.rpm:g} requests a minute"
        if self.limits.tpm and (wait := self._tokens.wait(now)) > 0:
            return wait, f"{self.limits.tpm:g} tokens a minute"
        return 0.0, ""

    def _admit(self, now: float, tokens: int) -> int:
        self.in_flight += 1
        number = self._rate.sent(now)
        if self.limits.rpm:
            self._minute.spend(now, 60.0 / self.limits.rpm)
        if self.limits.tpm:
            self._tokens.spend(now, 60.0 * tokens / self.limits.tpm)
        return number

    def _pump(self) -> None:
        """Admit what may go, in order of arrival, and set the timer for what may go later."""
        queue = self._queue
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while queue:
            future, tokens = queue[0]
            if future.done():  # cancelled while it waited
                queue.popleft()
                continue
            with self._together:
                now = self._clock()
                wait, why = self._hold(now)
                number = 0 if why else self._admit(now, tokens)
            if why:
                if wait < float("inf"):
                    self._timer = asyncio.get_running_loop().call_later(max(wait, 0.0005), self._pump)
                return
            queue.popleft()
            future.set_result(number)

    # -- outcomes ------------------------------------------------------------------------------------------------

    def _leave(self, sent_at: float, number: int, error: BaseException | None, surplus: int) -> None:
        now = self._clock()
        self.in_flight -= 1
        if surplus and self.limits.tpm:
            self._tokens.correct(60.0 * surplus / self.limits.tpm)
        with self._together:
            if sent_at < self._together.joined_at:
                number = 0  # counted before the common count
            self._learn(now, sent_at, number, error)
        if self.is_out:
            for future, _ in self._queue:
                if not future.done():
                    future.set_exception(self._gone())
        if self._queue:
            self._pump()

    def _gone(self) -> UnavailableError:
        return UnavailableError(
            f"{self.name} has answered nothing but rejections and faults for {self.failing_for_s:.0f} s "
            f"(engine.retry.max_outage_s={self._max_outage_s:g})"
        )

    def _learn(self, now: float, sent_at: float, number: int, error: BaseException | None) -> None:
        if error is None:
            self._refused = None
            self._speed_up(now, number, now - sent_at)
            return
        if isinstance(error, (RateLimitedError, *_FAULTS)):
            self._refused = (now if self._refused is None else self._refused[0], now)
        elif isinstance(error, CallError):
            self._refused = None
        if isinstance(error, RateLimitedError):
            self._slow_down(now, number, error.retry_after_s)
        elif isinstance(error, _FAULTS):
            self._breaker.faulted(now, sent_at)
            if error.retry_after_s:
                self._breaker.open_until = max(self._breaker.open_until, now + error.retry_after_s)
        elif isinstance(error, CallError):  # any other error is an answer too
            self._speed_up(now, number, now - sent_at)

    def _slow_down(self, now: float, number: int, wait_s: float | None) -> None:
        self.rate_limited += 1
        self._breaker.answered()
        if self._rate.too_much(now, number, wait_s):
            carried = 2.0 * (self._rate.rate(now) or 0.0) * self._rate.accepted_lately.latency
            self._window = max(1.0, min(self._most, max(0.7 * min(self._window, self.in_flight + 1), carried)))

    def _speed_up(self, now: float, number: int, latency: float) -> None:
        self._breaker.answered()
        self._rate.accepted(now, number, latency)
        if self._window < self._most:
            self._window = min(self._most, self._window + 1.0 / self._window)
