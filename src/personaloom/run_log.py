"""What one run has to say: to whoever watches it now, and in the manifest afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from personaloom.errors import BudgetExhaustedError, PersonaLoomError, RunInterruptedError
from personaloom.llm.usage import TokenTracker, UsageTotals
from personaloom.progress import Progress

__all__ = ["RunLog"]


@dataclass
class RunLog:
    """Of one run; the next run of the same pipeline has one of its own.

    Attributes:
        progress: who is told.
        notes: what was told, for the manifest.
        stopped: what ended the run early, or None.
        tracker: of the calls that it made; None where it asked no model.
        started: by the monotonic clock, in seconds.
    """

    progress: Progress
    notes: list[str] = field(default_factory=list)
    stopped: PersonaLoomError | None = None
    tracker: TokenTracker | None = None
    started: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        """Tell the user once, and remember it for the manifest."""
        self.notes.append(text)
        self.progress.note(text)

    @property
    def status(self) -> str:
        """``done``, ``stopped_by_budget``, ``interrupted`` or ``failed``."""
        if self.stopped is None:
            return "done"
        if isinstance(self.stopped, BudgetExhaustedError):
            return "stopped_by_budget"
        return "interrupted" if isinstance(self.stopped, RunInterruptedError) else "failed"

    @property
    def sent(self) -> UsageTotals:
        """What this run sent: nothing, where it asked no model."""
        return UsageTotals() if self.tracker is None else self.tracker.sent

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.started
