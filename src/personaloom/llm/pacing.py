"""When a request may go: even spacing and the circuit breaker, pure state machines over a clock that is passed in."""

from __future__ import annotations

from personaloom.llm.known import Known

__all__ = ["LONG_AGO", "Breaker", "Pacer"]

LONG_AGO = -1e9
"""Seconds; unlike minus infinity it can be written as JSON."""


class Breaker:
    """Opens after so many faults in a row, waits, lets one request through, and closes when that one is answered.

    Args:
        after: faults in a row.
        first_s: the first wait; each further one is twice as long.
        longest_s: the longest.
    """

    def __init__(self, after: int = 12, first_s: float = 1.0, longest_s: float = 30.0) -> None:
        self._after, self._first_s, self._longest_s = after, first_s, longest_s
        self._faults = 0
        self._openings = 0
        self.open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether at most one request may be under way."""
        return self._openings > 0

    def answered(self) -> None:
        """The server works: close."""
        self._faults = self._openings = 0

    def faulted(self, now: float, sent_at: float) -> None:
        """A 5xx, a timeout, a cut connection."""
        self._faults += 1
        if self._faults >= self._after and sent_at >= self.open_until:
            self.open_until = now + min(self._longest_s, self._first_s * 2.0 ** min(self._openings, 10))
            self._openings += 1


class Pacer(Known):
    """Even spacing: so many units a second, without bursts beyond a catch-up of a few milliseconds (GCRA)."""

    CATCH_UP_S = 0.02

    def __init__(self) -> None:
        self._next = LONG_AGO

    def wait(self, now: float) -> float:
        """Seconds until the next may go."""
        return max(0.0, self._next - now)

    def spend(self, now: float, seconds: float) -> None:
        """One goes now and takes up this much time: units through rate."""
        # A timer that fired late must not lower the rate, so what was missed is made up, within limits.
        self._next = max(self._next, now - self.CATCH_UP_S) + seconds

    def credit(self, now: float, seconds: float) -> None:
        """What went did not count: the next may go so much sooner."""
        self._next = max(now, self._next - seconds)

    def correct(self, seconds: float) -> None:
        """What went took more (or less) than was thought."""
        self._next += seconds
