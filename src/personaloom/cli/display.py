"""What a run shows while it works: a table that redraws itself on a terminal, plain lines anywhere else.

All of it goes to stderr. The engine's thread only counts here; drawing is done by a thread of rich's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from personaloom.plural import many
from personaloom.progress import Progress

__all__ = ["Counts", "LiveProgress", "PlainProgress", "duration", "make_progress"]

NAMES = {
    "persona": "personas",
    "prompt": "prompts",
    "query": "queries",
    "interaction": "conversations",
    "distractor": "noisy versions",
    "training": "samples",
    "score": "scores",
}
"""What each stage makes."""
TURNS = "user turns"
"""What is counted of noise that comes while conversations are held: those it looked at, noisy or not."""
NARROW = 72
PLAIN_EVERY_S = 5.0


def make_progress(console: Console | None = None) -> Progress:
    """A table on a terminal, lines elsewhere."""
    console = console or Console(stderr=True)
    return LiveProgress(console) if console.is_terminal else PlainProgress()


@dataclass
class Stage:
    """How far one stage is."""

    total: int
    began: float
    done: int = 0
    failed: int = 0
    last: float = 0.0

    @property
    def counted(self) -> str:
        """``3/10``, or ``3`` where the total is not known or was passed: fresh queries come on top of those planned."""
        return f"{self.done:,}/{self.total:,}" if self.total and self.done <= self.total else f"{self.done:,}"

    def rate(self, now: float) -> float:
        """Finished per second since it began; of a stage at its end, up to its end."""
        over = self.last and self.total and self.done + self.failed >= self.total
        return self.done / max((self.last if over else now) - self.began, 1e-9)

    def eta_s(self, now: float) -> float | None:
        """Seconds to its end at this rate, or None where that is not known."""
        left = self.total - self.done - self.failed
        rate = self.rate(now)
        return left / rate if self.total and left > 0 and rate > 0 else None


@dataclass
class Counts:
    """Everything a display shows."""

    clock: Callable[[], float] = time.monotonic
    stages: dict[str, Stage] = field(default_factory=dict)
    calls: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    in_flight: int = 0
    status: str = ""

    def start(self, totals: Mapping[str, int]) -> None:
        """Add stages, or begin them anew."""
        for name in sorted(totals, key=_order):
            self.stages[name] = Stage(totals[name], self.clock())

    def advance(self, stage: str, done: int, failed: int) -> None:
        """Count."""
        at = self.stages.get(stage) or self.stages.setdefault(stage, Stage(0, self.clock()))
        at.done += done
        at.failed += failed
        at.last = self.clock()

    @property
    def settled(self) -> bool:
        """Whether every stage is at its end, so that only files and uploads are left."""
        stages = self.stages.values()
        return bool(stages) and all(stage.done + stage.failed >= stage.total for stage in stages)

    def spending(self) -> str:
        """Calls, tokens and cost so far, in few words; empty before the first call."""
        if not self.calls:
            return ""
        cost = "cost unknown" if self.cost_usd is None else f"${self.cost_usd:,.4f}" if self.cost_usd else "$0"
        flying = f", {self.in_flight:,} in flight" if self.in_flight and not self.settled else ""
        return f"{_many(self.calls, 'calls')}, {self.tokens:,} tokens, {cost}{flying}"


class _Counting:
    """What both displays do with what the engine tells them."""

    def __init__(self) -> None:
        self.counts = Counts()

    def advance(self, stage: str, done: int = 1, failed: int = 0) -> None:
        """Count."""
        self.counts.advance(stage, done, failed)

    def usage(self, calls: int, tokens: int, cost_usd: float | None, in_flight: int) -> None:
        """Keep."""
        counts = self.counts
        counts.calls, counts.tokens, counts.cost_usd, counts.in_flight = calls, tokens, cost_usd, in_flight


class LiveProgress(_Counting):
    """A table with a bar for each stage.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._live: Live | None = None

    def start(self, totals: Mapping[str, int]) -> None:
        """Show these stages."""
        self.counts.start(totals)
        if self._live is None:
            self._live = Live(get_renderable=self.render, console=self._console, refresh_per_second=8)
            self._live.start()

    def status(self, text: str) -> None:
        """Shown below the bars; after the run, as a line."""
        if self._live is None and text and text != self.counts.status:
            self._console.print(f"{text} …", style="dim", highlight=False)
        self.counts.status = text

    def note(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(f"note: {text}", style="yellow", highlight=False, soft_wrap=True)

    def finish(self) -> None:
        """Leave the bars as they are."""
        if self._live is not None:
            self.counts.status, self.counts.in_flight = "", 0
            self._live.stop()
            self._live = None

    def render(self) -> Group:
        """The table as it is now, for this terminal's width."""
        narrow = self._console.width < NARROW
        now = self.counts.clock()
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(ratio=1)
        for _ in range(2 if narrow else 3):
            table.add_column(justify="right", no_wrap=True)
        for name, stage in list(self.counts.stages.items()):
            table.add_row(*_row(name, stage, now, narrow=narrow))
        lines = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in self._footer() if line]
        return Group(table, *lines)

    def _footer(self) -> tuple[str, str]:
        return self.counts.spending(), self.counts.status


def _row(name: str, stage: Stage, now: float, *, narrow: bool) -> list[ProgressBar | Text]:
    finished = stage.done + stage.failed
    bar = ProgressBar(total=stage.total or None, completed=finished, pulse=not stage.total and not finished)
    counted = Text(stage.counted)
    if stage.failed:
        counted.append(f" {stage.failed:,} failed", style="red")
    eta = stage.eta_s(now)
    cells: list[ProgressBar | Text] = [Text(_name(name, stage.total)), bar, counted]
    if not narrow:
        cells.append(Text(f"{stage.rate(now):,.1f}/s" if stage.done else "", style="dim"))
    return [*cells, Text(duration(eta) if eta is not None else "", style="dim")]


class PlainProgress(_Counting):
    """A line every few seconds, for logs and pipes.

    Args:
        write: where lines go; stderr if None.
        every_s: between two lines.
        clock: seconds.
    """

    def __init__(
        self,
        write: Callable[[str], object] | None = None,
        every_s: float = PLAIN_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.counts.clock = clock
        self._write = write or (lambda line: sys.stderr.write(line + "\n"))
        self._every_s = every_s
        self._began = self._last = clock()
        self._open = False

    def start(self, totals: Mapping[str, int]) -> None:
        """Say what is to be made."""
        self.counts.start(totals)
        self._open = True
        made = ", ".join(_many(total, NAMES.get(name, name)) for name, total in totals.items() if total)
        if made:
            self._write(f"to make: {made}")

    def advance(self, stage: str, done: int = 1, failed: int = 0) -> None:
        """Count, and write a line when it is time."""
        super().advance(stage, done, failed)
        if self.counts.clock() - self._last >= self._every_s:
            self._line()

    def status(self, text: str) -> None:
        """Written when it changes and it is time; at once where nothing is left to count."""
        if self._open and self.counts.settled:
            self.finish()
        if text and text != self.counts.status and not self._open:
            self._write(f"{text} …")
        self.counts.status = text
        if self._open and self.counts.clock() - self._last >= self._every_s:
            self._line()

    def note(self, text: str) -> None:
        """Written at once."""
        self._write(f"note: {text}")

    def finish(self) -> None:
        """Write the last counts."""
        if self._open:
            self._open = False
            self.counts.in_flight = 0
            self._line()

    def _line(self) -> None:
        self._last = now = self.counts.clock()
        parts = []
        for name, stage in self.counts.stages.items():
            failed = f" ({stage.failed:,} failed)" if stage.failed else ""
            parts.append(f"{_name(name, stage.total)} {stage.counted}{failed}")
        etas = [eta for stage in self.counts.stages.values() if (eta := stage.eta_s(now)) is not None]
        tail = [self.counts.spending(), f"about {duration(max(etas))} left" if etas and self._open else ""]
        tail.append(self.counts.status if self._open else "")
        self._write(f"{duration(now - self._began)}: " + "; ".join(filter(None, [", ".join(parts), *tail])))


def duration(seconds: float) -> str:
    """``8 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _name(stage: str, total: int) -> str:
    return TURNS if stage == "distractor" and not total else NAMES.get(stage, stage)


def _many(count: int, names: str) -> str:
    return many(count, {"queries": "query"}.get(names, names.removesuffix("s")), names)


def _order(name: str) -> tuple[int, str]:
    return (list(NAMES).index(name) if name in NAMES else len(NAMES), name)
