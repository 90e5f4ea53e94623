"""Memory and time of 20,000 simulated conversations: both bounded by what is in flight, never by the dataset.

Resident memory is read every 1,000 conversations (twenty times in a smaller run); growth counts from the first reading.
Time is linear where the last quarter is as fast as the second. Then the same command is run again: nothing is called,
and it must take under 5 s.

    python benchmarks/bench_memory.py [--conversations 20000] [--folder KEEP_IT_HERE]
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from common import parts_of, resident_mib, table
from personaloom.pipeline import Pipeline
from personaloom.progress import Silent

EVERY = 1_000
GOAL_MIB = 60.0
RERUN_GOAL_S = 5.0


class Watch(Silent):
    """Reads the memory and the clock as conversations are finished."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.done = 0
        self.marks: list[tuple[int, float, float]] = []

    def start(self, totals: Mapping[str, int]) -> None:
        if "interaction" in totals:
            self.marks.append((0, time.perf_counter(), resident_mib()))

    def advance(self, stage: str, done: int = 1, failed: int = 0) -> None:
        if stage != "interaction":
            return
        self.done += done + failed
        if self.done % self.every == 0:
            self.marks.append((self.done, time.perf_counter(), resident_mib()))


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("--conversations", type=int, default=20_000)
    ask.add_argument("--folder")
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.folder or temporary)
        words = (f"num_personas={given.conversations // 5}", "llm=simulated")
        watch = Watch(max(1, min(EVERY, given.conversations // 20)))
        Pipeline(parts_of(folder, *words), watch).run()
        gc.collect()
        again = Pipeline(parts_of(folder, *words), Silent())
        started = time.perf_counter()
        manifest = again.run()
        rerun = time.perf_counter() - started
        calls = again.token_tracker.attributed.calls
    assert manifest["counts"]["interactions"] + manifest["counts"]["failed"] == given.conversations
    report(watch.marks)
    good = "yes" if rerun < RERUN_GOAL_S and calls == 0 else "no"
    table(
        ["again", "seconds", "calls", "goal"],
        [
            [
                f"{given.conversations:,} finished conversations",
                f"{rerun:.2f}",
                calls,
                f"< {RERUN_GOAL_S:g} s, no call: {good}",
            ]
        ],
    )


def report(marks: list[tuple[int, float, float]]) -> None:
    """Every fifth mark, the growth, and the speed of the quarters."""
    rows = [
        [f"{done:,}", f"{at - marks[0][1]:.1f}", f"{memory:.0f}"]
        for place, (done, at, memory) in enumerate(marks)
        if place in {0, 1} or place % 5 == 0
    ]
    table(["conversations", "seconds", "MiB resident"], rows)
    growth = max(memory for _, _, memory in marks[1:]) - marks[1][2]
    last = marks[-1][0]
    quarters = [_rate(marks, part * last / 4, (part + 1) * last / 4) for part in range(4)]
    linear = quarters[3] / quarters[1]
    table(
        ["bound", "measured", "goal"],
        [
            [
                f"growth after the first {marks[1][0]:,}",
                f"{growth:.0f} MiB",
                f"< {GOAL_MIB:g}: {'yes' if growth < GOAL_MIB else 'no'}",
            ],
            ["last quarter's speed / the second's", f"{linear:.2f}", f"about 1: {'yes' if linear > 0.8 else 'no'}"],
        ],
    )


def _rate(marks: list[tuple[int, float, float]], begin: float, end: float) -> float:
    inside = [mark for mark in marks if begin <= mark[0] <= end]
    return (inside[-1][0] - inside[0][0]) / max(inside[-1][1] - inside[0][1], 1e-9)


if __name__ == "__main__":
    main()
