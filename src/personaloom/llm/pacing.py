"""How fast a deployment may be asked, learned from its answers: pure state machines over a clock that is passed in.

``AdaptiveRate`` is additive increase, multiplicative decrease shaped like TCP CUBIC (Ha, Rhee, Xu 2008; RFC 9438),
applied to requests a second instead of a window: after a 429 it drops a little below the rate that was too much,
flattens out there, stays for a while, and only then looks for more, ever faster. ``Breaker`` is the circuit breaker.
"""

from __future__ import annotations

import math
from collections import deque

__all__ = ["AdaptiveRate", "Breaker", "Pacer"]


class AdaptiveRate:
    """The rate, in requests a second, that a server bears.

    Unlimited until the server first says that it is too much. Then the rate is set to what was accepted, grows until it
    is too much again, and from there on circles just below that point.
    """

    DROP = 0.93
    """Of the rate that was too much: where it goes on."""
    PLATEAU = 0.97
    """Of the rate that was too much: where it stays for a while. Below 1, or every plateau would end in a 429."""
    GROWTH = 0.25
    """Relative growth one period after the plateau; 0.03 after half of one, 2 after two."""
    SHORTEST_PERIOD_S = 4.0
    LONGEST_PERIOD_S = 90.0
    PAUSES_PER_PERIOD = 45.0
    """A period is so many times the pause that a 429 costs, so that pauses cost about 2 % of the throughput."""
    SPAN_S = 2.0
    """What was accepted is averaged over this, or over twice the last gap between two successes."""
    DOUBLES_IN_S = 2.0
    """What a burst was granted may be far less than what the server bears for long, so at first it is doubled."""
    TESTS, TEST_S = 4, 0.1
    """Requests after a rejected one, at least those of so long a time, that must be rejected too before all wait."""
    MEMORY = 30.0
    """Answers over which the share of rejections is averaged."""
    STRAYS, MANY_STRAYS = 0.1, 0.4
    """From the first share on, single rejections lower the rate; from the second on, without the floor."""
    FLOOR = 0.3
    """Of what the server was seen to bear."""
    FIRST_LOOK_S = 0.25
    """So long after the first 429 of all, other requests of the same burst may still be rejected."""

    def __init__(self) -> None:
        self.paused_until = 0.0
        self.latency = 0.0
        self._low: float | None = None
        self._plateau = 0.0
        self._period = self.SHORTEST_PERIOD_S
        self._dropped_at = float("-inf")
        self._started: float | None = None
        self._accepted = 0
        self._pauses: deque[tuple[float, float]] = deque(maxlen=64)
        self._marks: deque[tuple[float, int]] = deque(maxlen=4096)
        self._accepted_at_drop = 0
        self._in_vain = 0
        self._first_look = False
        self._searching = False
        self._number = 0
        self._dropped_number = 0
        self._suspect: int | None = None
        self._strikes = 0
        self._tests = self.TESTS
        self._unconfirmed = False
        self._share = 0.0
        self._best = 0.0
        self._last_accepted = 0.0
        self._gap = 0.0

    @property
    def in_vain(self) -> int:
        """Drops in a row between which nothing was accepted."""
        return self._in_vain

    @property
    def limited(self) -> bool:
        """Whether the server ever said that it was too much."""
        return self._low is not None or self._first_look

    def rate(self, now: float) -> float | None:
        """Requests a second now; None is without limit."""
        if self._low is None:
            return None
        going = max(0.0, now - max(self._dropped_at, self.paused_until))
        if self._searching:
            return self._low * math.exp2(min(going / self.DOUBLES_IN_S, 20.0))
        since = going / self._period
        if since < 1.0:
            return self._plateau - (self._plateau - self._low) * (1.0 - since) ** 3
        return self._plateau * (1.0 + self.GROWTH * (since - 1.0) ** 3)

    def sent(self, now: float) -> int:
        """A request was sent; gives its number, by which its outcome is told."""
        if self._started is None:
            self._started = now
        self._number += 1
        return self._number

    def accepted(self, now: float, number: int, latency: float) -> None:
        """A request was answered with anything but "too much", so long after it was sent."""
        self.latency += (latency - self.latency) * (0.05 if self._accepted else 1.0)
        self._accepted += 1
        self._share -= self._share / self.MEMORY
        if self._suspect is not None and number > self._suspect:
            self._suspect = None  # a stray: who came after it is served
        if self._in_vain:
            self._in_vain = 0
        if self._last_accepted and now - self._last_accepted > self.SPAN_S / 2:
            self._gap = now - self._last_accepted
        self._last_accepted = now
        if not self._marks or now - self._marks[-1][0] >= 0.1:
            self._marks.append((now, self._accepted))

    def too_much(self, now: float, number: int, wait_s: float | None) -> bool:
        """A request was answered with 429 or 529; gives whether the rate dropped.

        Once a window: what was sent before the last drop says nothing new. And for a reason: the next requests to be
        sent are a test, and when they are rejected too, everybody waits as long as the server asked for. A rejection
        among requests that are served is a stray, for which its own call waits and nobody else; when strays become a
        tenth of all, the rate drops without a pause.
        """
        self._share += (1.0 - self._share) / self.MEMORY
        if number <= self._dropped_number:
            if wait_s and now < self.paused_until:
                self._pause(now, wait_s)
            return False
        confirmed = self._confirmed(now, number)
        lately = now - self._dropped_at < max(self.SPAN_S / 2, self.latency)
        if not confirmed:
            if self._share < self.STRAYS or lately:
                return False
            wait_s = None
        elif lately and self._unconfirmed:
            # The rate dropped for this already; only the pause is new.
            self._dropped_number, self._suspect, self._unconfirmed = self._number, None, False
            self._pause(now, wait_s or 0.0)
            return False
        self._slow_down(now, wait_s, confirmed=confirmed)
        return True

    def _confirmed(self, now: float, number: int) -> bool:
        """Whether this rejection, with those of the tests before it, is more than a stray."""
        if self._suspect is None:
            self._suspect, self._strikes = self._number, 0
            self._tests = max(self.TESTS, int(self.TEST_S * (self.rate(now) or 0.0)))
        elif self._suspect < number <= self._suspect + self._tests:
            self._strikes += 1
        return self._strikes >= self._tests

    def _slow_down(self, now: float, wait_s: float | None, *, confirmed: bool) -> None:
        self._unconfirmed = not confirmed
        first = self._low is None and not self._first_look
        in_vain = not first and self._accepted == self._accepted_at_drop
        current = self.rate(now)
        self._in_vain = self._in_vain + 1 if in_vain else 0
        if first:
            self._first_look = True
            wait_s = max(wait_s or 0.0, self.FIRST_LOOK_S)
        elif in_vain and not wait_s:
            wait_s = min(30.0, 0.25 * 2.0 ** min(self._in_vain, 10))
        elif current is not None and not in_vain:
            self._drop(now, current, wait_s or 0.0)
        self._dropped_at, self._accepted_at_drop = now, self._accepted
        if confirmed:
            self._dropped_number, self._suspect = self._number, None
        self._pause(now, wait_s or 0.0)

    def look(self, now: float, in_flight: int) -> None:
        """Before the first request after the first drop: set the rate to what the server took, answered or not yet."""
        if self._first_look and self._low is None and now >= self.paused_until and self._started is not None:
            took = self._accepted + in_flight
            span = max(1.0, self._dropped_at - self._started)
            self._low = self._plateau = max(took, 1) / span
            self._first_look, self._searching = False, True

    def _drop(self, now: float, current: float, wait_s: float) -> None:
        achieved = self._achieved(now, current)
        self._searching = False
        wanted = max(self.SHORTEST_PERIOD_S, self.PAUSES_PER_PERIOD * wait_s)
        if current <= 1.3 * achieved:
            self._low, self._plateau = self.DROP * current, self.PLATEAU * current
            self._period = min(self.LONGEST_PERIOD_S, wanted)
        else:  # far beyond what the server takes: begin again from that
            self._low = self._plateau = max(achieved, 0.05 * current)
            self._period = self.SHORTEST_PERIOD_S
        if self._share < self.MANY_STRAYS:
            # Rejections that no lower rate ends have another cause, and must not starve the run.
            self._low = max(self._low, self.FLOOR * self._seen_to_bear(now))
            self._plateau = max(self._plateau, self._low)

    def _seen_to_bear(self, now: float) -> float:
        """The most requests a second, pauses included, that were accepted over a few seconds so far."""
        then, accepted = (self._started or now), 0
        for mark in reversed(self._marks):
            if now - mark[0] >= 2.0 * self.SPAN_S:
                then, accepted = mark
                break
        self._best = max(self._best, (self._accepted - accepted) / max(1.0, now - then))
        return self._best

    def _achieved(self, now: float, current: float) -> float:
        """Requests a second that were accepted lately, while it was not paused (unless it nearly always was)."""
        span = max(self.SPAN_S, 2.0 * self._gap, 30.0 / current)
        then, accepted = now, self._accepted
        for mark in reversed(self._marks):
            then, accepted = mark
            if now - then >= span:
                break
        elapsed = max(now - then, 0.25)
        late = self.latency  # what was not sent is missed a latency later
        idle = sum(max(0.0, min(end + late, now) - max(start + late, then)) for start, end in self._pauses)
        active = elapsed - idle if idle < 0.85 * elapsed else elapsed
        return (self._accepted - accepted) / max(active, 0.25)

    def _pause(self, now: float, wait_s: float) -> None:
        until = now + wait_s
        if until > self.paused_until:
            begin = self._pauses.pop()[0] if self._pauses and now <= self.paused_until else now
            self._pauses.append((begin, until))
            self.paused_until = until


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
        self.failing_since: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether at most one request may be under way."""
        return self._openings > 0

    def answered(self) -> None:
        """The server works: close."""
        self._faults = self._openings = 0
        self.failing_since = None

    def faulted(self, now: float, sent_at: float) -> None:
        """A 5xx, a timeout, a cut connection."""
        self._faults += 1
        if self.failing_since is None:
            self.failing_since = now
        if self._faults >= self._after and sent_at >= self.open_until:
            self.open_until = now + min(self._longest_s, self._first_s * 2.0 ** min(self._openings, 10))
            self._openings += 1


class Pacer:
    """Even spacing: so many units a second, without bursts beyond a catch-up of a few milliseconds (GCRA)."""

    CATCH_UP_S = 0.02

    def __init__(self) -> None:
        self._next = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until the next may go."""
        return max(0.0, self._next - now)

    def spend(self, now: float, seconds: float) -> None:
        """One goes now and takes up this much time: units through rate."""
        # A timer that fired late must not lower the rate, so what was missed is made up, within limits.
        self._next = max(self._next, now - self.CATCH_UP_S) + seconds

    def correct(self, seconds: float) -> None:
        """What went took more (or less) than was thought."""
        self._next += seconds
