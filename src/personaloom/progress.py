"""What a run tells whoever is watching; the display lives above, in the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """A listener. All methods are called from the thread that runs the engine and must return quickly."""

    def start(self, totals: Mapping[str, int]) -> None:
        """A run begins; ``totals`` says how many of each stage are to be made (those already there not counted)."""

    def advance(self, stage: str, done: int = 1, failed: int = 0) -> None:
        """So many more of a stage are finished, or failed for good."""

    def usage(self, calls: int, tokens: int, cost_usd: float | None, in_flight: int) -> None:
        """Calls, tokens and cost so far; ``cost_usd`` is None where a price is unknown."""

    def status(self, text: str) -> None:
        """What the run is doing or waiting for, in one short line."""

    def note(self, text: str) -> None:
        """Something the user should read once, now and after the run."""

    def finish(self) -> None:
        """The run is over, however it ended."""


class Silent:
    """Says nothing."""

    def start(self, totals: Mapping[str, int]) -> None:
        """Nothing."""

    def advance(self, stage: str, done: int = 1, failed: int = 0) -> None:
        """Nothing."""

    def usage(self, calls: int, tokens: int, cost_usd: float | None, in_flight: int) -> None:
        """Nothing."""

    def status(self, text: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""
