"""When to ask again and how long to wait first: a value, and pure functions of it."""

from __future__ import annotations

from dataclasses import dataclass

from personaloom.errors import CallError, RateLimitedError, RefusalError, RetryableError, UnavailableError
from personaloom.keyed import SPAN, Key

__all__ = ["RetryPolicy"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Capped exponential back-off with full jitter (Brooker, "Exponential Backoff and Jitter", 2015).

    Attributes:
        max_attempts: most requests for one reply, the first included, whatever went wrong.
        max_fault_attempts: the same for everything but rate limits. Waiting one's turn is no fault, so a call that was
            told to wait may ask more often.
        content_attempts: replies asked for when their content could not be used.
        base_s: the first wait is drawn from 0 to this; each further one from twice the range.
        cap_s: the widest range.
        max_retry_after_s: a server that asks for a longer wait than this is not waited for.
        max_outage_s: a deployment that answered nothing but "too many" and faults for so long is waited for no more.
        deadline_s: no wait that would end later than this after the first attempt, or None.
        retry_refusals: ask a model that declined in words again.
    """

    max_attempts: int = 20
    max_fault_attempts: int = 6
    content_attempts: int = 3
    base_s: float = 0.5
    cap_s: float = 30.0
    max_retry_after_s: float = 900.0
    max_outage_s: float = 900.0
    deadline_s: float | None = None
    retry_refusals: bool = False

    def pause(self, attempt: int, error: CallError, key: Key, elapsed_s: float = 0.0) -> float | None:
        """Seconds to wait before the next attempt, or None to give up.

        Args:
            attempt: how many attempts were made, from 1.
            error: what became of the last one.
            key: of the call; its jitter is drawn from it, so that a run waits alike each time it is repeated.
            elapsed_s: since the first attempt began.
        """
        if not isinstance(error, RetryableError) or isinstance(error, UnavailableError):
            return None
        most = self.max_attempts
        if not isinstance(error, RateLimitedError):
            most = min(most, self.max_fault_attempts)
        if attempt >= most:
            return None
        wait = self._jittered(attempt, key)
        asked = error.retry_after_s
        if asked is not None:
            if asked > self.max_retry_after_s:
                return None
            # A wait that the server names is kept; jitter on top spreads those who were told the same.
            wait = asked + min(wait, 0.1 * asked)
        if self.deadline_s is not None and elapsed_s + wait >= self.deadline_s:
            return None
        return wait

    def asks_again_after(self, error: CallError) -> bool:
        """Whether a reply whose content was rejected for this reason is asked for again."""
        return isinstance(error, RetryableError) or (self.retry_refusals and isinstance(error, RefusalError))

    def _jittered(self, attempt: int, key: Key) -> float:
        widest = min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 60))
        return widest * (key.integer("jitter", attempt) / SPAN)
