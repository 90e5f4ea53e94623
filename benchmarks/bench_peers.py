"""Calls a second through the whole pipeline beside the engines of its peers, each in an environment of its own.

One loopback server, zero latency, 128 in flight; Bespoke Curator and NeMo Data Designer get the messages that the
pipeline sends, as a table of prompts (they make no conversations), and the pipeline makes its conversations. Counted by
the server, from the first request to the last reply, so that nobody's imports and exports count. Rounds alternate.

    python benchmarks/bench_peers.py --install          # once: two environments below benchmarks/.peers
    python benchmarks/bench_peers.py [--rounds 3] [--personas 60]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

from bench_calls import CONCURRENCY, bodies_of, through_pipeline
from common import LoopbackProcess, table

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE / ".peers"
PEERS = {
    "Bespoke Curator": ("bespokelabs-curator==0.1.31", "curator_engine.py", 6.0),
    "NeMo Data Designer": ("data-designer==0.9.6", "data_designer_engine.py", 15.0),
}
"""Name to requirement, script, and how many times as fast we mean to be."""


def interpreter(name: str) -> Path:
    return ENVIRONMENTS / name.replace(" ", "-").lower() / "bin" / "python"


def install() -> None:
    for name, (requirement, _, _) in PEERS.items():
        python = interpreter(name)
        venv.create(python.parent.parent, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], check=True)


def counted(server: LoopbackProcess, work: Callable[[], object]) -> float:
    """Calls a second of what is done meanwhile, as the server saw them."""
    server.reset()
    work()
    totals = server.stats()
    assert totals["requests"] == totals["whole"] > 0, totals
    return totals["requests"] / (totals["last_left"] - totals["first_came"])


def run_peer(name: str, server: LoopbackProcess, prompts: Path) -> None:
    """Its own engine over the prompts, in a fresh folder."""
    with tempfile.TemporaryDirectory() as folder:
        script = HERE / "peers" / PEERS[name][1]
        command = [interpreter(name), script, prompts, server.base_url, str(CONCURRENCY), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("--install", action="store_true")
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--personas", type=int, default=60, help="about 2,200 calls")
    given = ask.parse_args()
    if given.install:
        install()
    missing = [name for name in PEERS if not interpreter(name).exists()]
    if missing:
        print(f"not measured: {' and '.join(missing)} not installed; --install does it (about 2 GB)")
        return
    rates: dict[str, list[float]] = {name: [] for name in (*PEERS, "ours")}
    with LoopbackProcess() as server, tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder, "prompts.json")
        bodies = bodies_of(given.personas, "distractor=none")
        prompts.write_text(json.dumps([body["messages"] for body in bodies]), "utf-8")
        for _ in range(given.rounds):
            for name in PEERS:
                rates[name].append(counted(server, lambda name=name: run_peer(name, server, prompts)))
                rates["ours"].append(
                    counted(server, lambda: through_pipeline(server, given.personas, "distractor=none"))
                )
    table(
        ["engine", "calls/s", "pipeline calls/s", "times as fast", "goal"],
        [row_of(name, rates[name], rates["ours"][number :: len(PEERS)]) for number, name in enumerate(PEERS)],
    )


def row_of(name: str, theirs: list[float], ours: list[float]) -> list[str]:
    """Medians, and the ratio within pairs of neighbouring rounds."""
    requirement, _, goal = PEERS[name]
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ratios)
    return [
        f"{name} {requirement.partition('==')[2]}",
        f"{statistics.median(theirs):,.0f}",
        f"{statistics.median(ours):,.0f}",
        f"{ratio:.1f} ({min(ratios):.1f} to {max(ratios):.1f})",
        f"≥ {goal:g}: {'yes' if ratio >= goal else 'no'}",
    ]


if __name__ == "__main__":
    main()
