"""What a server accepted lately, and when it was not asked."""

from __future__ import annotations

from collections import deque

from personaloom.llm.known import Known

__all__ = ["Accepted"]


class Accepted(Known):
    """Counts and times of accepted requests: marks of the last seconds, coarser ones of the last two minutes."""

    MARK_S, OLD_MARK_S = 0.1, 4.0
    MOSTLY_PAUSED = 0.85
    """Above this share of pauses, what was accepted between them says nothing about the rate."""
    BEST_OVER_S = 4.0

    def __init__(self) -> None:
        self.count = 0
        self.latency = 0.0
        """Seconds from sending to the answer, averaged over some twenty."""
        self.last_gap = 0.0
        """The last time between two of them that was longer than a second: a window, a pause."""
        self.paused_share = 0.0
        """Of the time that ``rate`` last looked at."""
        self._began: float | None = None
        self._last = 0.0
        self._best = 0.0
        self._marks: deque[tuple[float, int]] = deque(maxlen=48)
        self._old_marks: deque[tuple[float, int]] = deque(maxlen=32)
        self._pauses: deque[tuple[float, float]] = deque(maxlen=32)

    def begin(self, now: float) -> None:
        """A request is sent: the first one starts the clock."""
        if self._began is None:
            self._began = now

    def add(self, now: float, latency: float) -> None:
        """One more, answered now."""
        self.latency += (latency - self.latency) * (0.05 if self.count else 1.0)
        self.count += 1
        if self._last and now - self._last > 1.0:
            self.last_gap = now - self._last
        self._last = now
        if not self._marks or now - self._marks[-1][0] >= self.MARK_S:
            self._marks.append((now, self.count))
        if not self._old_marks or now - self._old_marks[-1][0] >= self.OLD_MARK_S:
            self._old_marks.append((now, self.count))

    def lasted(self, until: float) -> float:
        """Seconds from the first request to a moment."""
        return until - (until if self._began is None else self._began)

    def rate(self, now: float, span: float) -> float:
        """Accepted a second over the last ``span`` seconds, without its pauses (unless it nearly was one pause)."""
        oldest = (self._old_marks or self._marks or [(now, self.count)])[0]
        then, count = self._mark(now - span) or oldest
        elapsed = max(now - then, 0.25)
        late = self.latency  # what was not sent is missed a latency later
        idle = sum(max(0.0, min(end + late, now) - max(start + late, then)) for start, end in self._pauses)
        self.paused_share = min(self.MOSTLY_PAUSED, idle / elapsed)
        active = elapsed - idle if idle < self.MOSTLY_PAUSED * elapsed else elapsed
        return (self.count - count) / max(active, 0.25)

    def best(self, now: float) -> float:
        """The most accepted a second, pauses included, over any four seconds that were looked at."""
        then, count = self._mark(now - self.BEST_OVER_S) or (now if self._began is None else self._began, 0)
        self._best = max(self._best, (self.count - count) / max(1.0, now - then))
        return self._best

    def paused(self, now: float, until: float, *, extends: bool) -> None:
        """Nothing is sent until then; the pause begins now, or is the last one made longer."""
        begin = self._pauses.pop()[0] if extends and self._pauses else now
        self._pauses.append((begin, until))

    def resumed(self, now: float) -> None:
        """The last pause ends now."""
        self._pauses[-1] = (self._pauses[-1][0], now)

    def _mark(self, before: float) -> tuple[float, int] | None:
        """What had been accepted at the last mark before a moment."""
        for marks in (self._marks, self._old_marks):
            for mark in reversed(marks):
                if mark[0] <= before:
                    return mark
        return None
