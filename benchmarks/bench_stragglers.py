"""Throughput at concurrency 256 when 5 % of the calls take ten times as long, against the ideal.

The ideal keeps 256 calls in flight all the time: concurrency / mean latency. What is lost at the beginning and the end,
where there is less to do than room for it, is left out: the rate is taken between the first and the last fifth of the
conversations.

    python benchmarks/bench_stragglers.py [--personas 400]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping

from common import LoopbackProcess, parts_of, table
from personaloom.pipeline import Pipeline
from personaloom.progress import Silent

CONCURRENCY, LATENCY_S, SHARE, FACTOR = 256, 0.5, 0.05, 10.0
GOAL = 0.9


class Watch(Silent):
    """Notes calls and time whenever the engine tells."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, int]] = []
        self.total = 0

    def start(self, totals: Mapping[str, int]) -> None:
        self.total = max(self.total, totals.get("interaction", 0))

    def usage(self, calls: int, tokens: int, cost_usd: float | None, in_flight: int) -> None:  # noqa: ARG002 - the protocol's
        self.marks.append((time.perf_counter(), calls))


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("--personas", type=int, default=400)
    given = ask.parse_args()
    watch = Watch()
    with (
        LoopbackProcess(latency=LATENCY_S, stragglers=(SHARE, FACTOR)) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        words = ("llm=gpt4o", f"llm.base_url={server.base_url}", f"engine.concurrency={CONCURRENCY}")
        manifest = Pipeline(parts_of(folder, *words, "distractor=none", f"num_personas={given.personas}"), watch).run()
    last = manifest["usage"]["paid"]["calls"]
    inside = [mark for mark in watch.marks if 0.2 * last <= mark[1] <= 0.8 * last]
    rate = (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])
    ideal = CONCURRENCY / (LATENCY_S * (1 - SHARE + SHARE * FACTOR))
    ratio = rate / ideal
    table(
        ["ideal calls/s", "measured calls/s", "ratio", "goal"],
        [[f"{ideal:.0f}", f"{rate:.0f}", f"{ratio:.2f}", f"≥ {GOAL:g}: {'yes' if ratio >= GOAL else 'no'}"]],
    )


if __name__ == "__main__":
    main()
