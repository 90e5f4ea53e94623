"""Throughput of whole runs where a server allows R requests a second and says 429 beyond, as a share of R.

Real commands (``python run.py``), alone and four at once on one key, against a server in a process of its own; what is
counted is what the server allowed. Settled is the first moment from which every five seconds (of the fifteen that
follow) reach 0.9 of R; the share is that of the time from ``SETTLE_S`` on until the first process nears its end.

    python benchmarks/bench_limits.py [--seconds 50] [--only strict] [--rate 30] [--processes 1 4]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path

from common import table
from rate_server import Attempt, RateServer

ROOT = Path(__file__).resolve().parent.parent
SETTLE_S = 20.0
CALLS_A_PERSONA = 37
"""Roughly, with the default stages and five queries."""
VARIANTS = {
    "no Retry-After": {},
    "Retry-After: whole seconds": {"retry_after": "whole"},
    "rate headers": {"headers": True},
}


def run(base_url: str, folder: Path, processes: int, personas: int) -> list[dict[str, int]]:
    """Whole runs side by side, each with a seed, thus a dataset, of its own; what their manifests count."""
    children = []
    for number in range(processes):
        words = [
            "llm=openai_compatible",
            f"llm.base_url={base_url}",
            f"llm.headers={{x-who: p{number}}}",
            f"seed={number}",
            f"num_personas={personas}",
            f"output_dir={folder}",
            f"name=p{number}",
            "tracking=none",
            "hydra.output_subdir=null",
        ]
        log = (folder / f"p{number}.log").open("w")
        command = [sys.executable, str(ROOT / "run.py"), *words]
        children.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ}))
    for child in children:
        child.wait()
    return [json.loads(path.read_bytes())["counts"] for path in sorted(folder.glob("datasets/p*/manifest.json"))]


def share(log: list[Attempt], rate: float, begin: float, end: float) -> float:
    """Allowed requests of a span, as a share of what would have been allowed at most."""
    return sum(one.allowed and begin <= one.time < end for one in log) / (end - begin) / rate


def nearly_done(log: list[Attempt]) -> float:
    """When the first process had made 85 of 100 of its calls: from then on there may not be enough to do."""
    totals = Counter(one.who for one in log if one.allowed)
    so_far: Counter[str] = Counter()
    for one in log:
        so_far[one.who] += one.allowed
        if so_far[one.who] > 0.85 * totals[one.who]:
            return one.time
    return log[-1].time


def settled(log: list[Attempt], rate: float, end: float) -> float | None:
    """Seconds after the first request; None where it never came to rest."""
    for begin in range(int(end) - 20):
        if all(share(log, rate, at, at + 5) >= 0.9 for at in range(begin, begin + 15)):
            return begin
    return None


def row(form: str, variant: str, processes: int, rate: float, seconds: float) -> list[str]:
    """One case, as a line of the table."""
    personas = max(1, round(rate * seconds / processes / CALLS_A_PERSONA))
    with tempfile.TemporaryDirectory() as folder, RateServer(rate=rate, form=form, **VARIANTS[variant]) as server:
        counts = run(server.base_url, Path(folder), processes, personas)
        log = server.log()
    end = nearly_done(log)
    steady = [one for one in log if SETTLE_S <= one.time < end]
    allowed = Counter(one.who for one in steady if one.allowed)
    came = sum(count["interactions"] for count in counts)
    rest = settled(log, rate, end)
    return [
        form,
        variant,
        str(processes),
        f"{rate:g}",
        f"{share(log, rate, SETTLE_S, end):.3f}",
        f"{1 - sum(allowed.values()) / max(1, len(steady)):.3f}",
        "never" if rest is None else f"{rest:g}",
        f"{min(allowed.values(), default=0) / max(allowed.values(), default=1):.2f}",
        f"{end - SETTLE_S:.0f}",
        f"{came}/{processes * personas * 5}",
    ]


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("--seconds", type=float, default=50.0, help="of one case, roughly")
    ask.add_argument("--rate", type=float, default=30.0)
    ask.add_argument("--only", default="", help="part of a form's or a variant's name")
    ask.add_argument("--processes", type=int, nargs="*", default=[1, 4])
    given = ask.parse_args()
    rows = []
    for form, variant, processes in product(("burst", "window", "strict"), VARIANTS, given.processes):
        if given.only in f"{form}, {variant}":
            rows.append(row(form, variant, processes, given.rate, given.seconds))
            print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    titles = [
        "server", "says", "processes", "R", "share of R", "429s", "settled s", "least/most", "measured s", "came",
    ]  # fmt: skip
    table(titles, rows)


if __name__ == "__main__":
    main()
