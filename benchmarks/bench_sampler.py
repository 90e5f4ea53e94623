"""How fast personas are sampled, and what the certified distance costs.

    python benchmarks/bench_sampler.py            # all tables, about two minutes
    python benchmarks/bench_sampler.py --quick    # up to 100,000 personas

Targets: 100,000 personas of the default bank with rules and d = 3 under 6 s and 400 MB; 1,000,000 under 75 s and
1.5 GB; time a persona grows by less than 1.5 from 10,000 to 1,000,000; at 4,000 at least 300 times as fast as a plain
loop over all pairs of the same candidates in the same run. Each size runs in a process of its own, so that memory is
its own peak. The ratios are of CPU time, which a busy neighbour changes less than the clock.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

BANK = "default"


def measure(count: int, d: int, strategy: str) -> dict[str, object]:
    """Seconds and MB of one population in this process."""
    from personaloom.personas import PersonaBank, RandomSampler, StratifiedSampler, WeightedSampler

    kinds = {"random": RandomSampler, "weighted": WeightedSampler, "stratified": StratifiedSampler}
    bank = PersonaBank.load(BANK)
    diversity = {"enabled": d > 0, "min_hamming_distance": max(d, 1)}
    kinds[strategy](bank, 1).sample_population(1)  # imports
    started, cpu = time.perf_counter(), time.process_time()
    sampler = kinds[strategy](bank, 42, required_dimensions=["query_length_pref"], diversity=diversity)
    sampler.sample_population(count)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    method = sampler.statistics(2)["distance"]["method"]
    return {
        "count": count,
        "d": d,
        "strategy": strategy,
        "seconds": seconds,
        "cpu": cpu,
        "peak_mb": peak,
        "method": method,
    }


def apart(count: int, d: int, strategy: str = "random") -> dict[str, object]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--one", str(count), str(d), strategy]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def specs_seconds(count: int) -> float:
    """Time to make the PersonaSpec objects of sampled personas."""
    from personaloom.personas import PersonaBank, RandomSampler

    population = RandomSampler(PersonaBank.load(BANK), 42).sample_population(count)
    started = time.perf_counter()
    for _ in population:
        pass
    return time.perf_counter() - started


def all_pairs_seconds(count: int, d: int) -> float:
    """The plain way: each new persona is compared with all before it, feature by feature, until one is too close."""
    from personaloom.personas import PersonaBank, RandomSampler

    rows = [tuple(row) for row in RandomSampler(PersonaBank.load(BANK), 42).sample_population(count).codes.tolist()]
    kept: list[tuple[int, ...]] = []
    started = time.process_time()
    for row in rows:
        if all(sum(a != b for a, b in zip(row, other, strict=True)) >= d for other in kept):
            kept.append(row)
    seconds = time.process_time() - started
    assert len(kept) == count
    return seconds


def sampling_seconds(count: int, d: int) -> float:
    """CPU time of compiling the bank, sampling and certifying: the median of seven."""
    from personaloom.personas import PersonaBank, RandomSampler

    bank = PersonaBank.load(BANK)
    times = []
    for _ in range(7):
        started = time.process_time()
        RandomSampler(bank, 42, diversity={"min_hamming_distance": d}).sample_population(count)
        times.append(time.process_time() - started)
    return sorted(times)[3]


def line(row: dict[str, object]) -> str:
    each = row["cpu"] / row["count"] * 1e6
    return (
        f"{row['count']:>9,}  {row['d']:>2}  {row['strategy']:<10}  {row['seconds']:>7.2f}  {row['cpu']:>7.2f}  "
        f"{each:>6.1f}  {row['peak_mb']:>7.0f}  {row['method']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="up to 100,000 personas")
    parser.add_argument("--one", nargs=3, metavar=("COUNT", "D", "STRATEGY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(int(given.one[0]), int(given.one[1]), given.one[2])))
        return
    head = "    count   d  strategy    seconds    CPU s  us each  peak MB  method"
    print(head)
    sizes = [4_000, 10_000, 100_000, *([] if given.quick else [1_000_000])]
    by_size = {count: apart(count, 3) for count in sizes}
    for row in by_size.values():
        print(line(row))
    for strategy in ("weighted", "stratified"):
        print(line(apart(100_000, 3, strategy)))
    for d in (0, 1, 2, 6, 9, 12):
        print(line(apart(100_000, d)))
    slow, fast = all_pairs_seconds(4_000, 3), sampling_seconds(4_000, 3)
    print(
        f"\nCPU at 4,000: all-pairs loop {slow:.1f} s; sampling and certifying {fast:.3f} s, ratio {slow / fast:,.0f}"
    )
    largest = max(sizes)
    growth = (by_size[largest]["cpu"] / largest) / (by_size[10_000]["cpu"] / 10_000)
    print(f"time a persona, {largest:,} over 10,000: {growth:.2f}")
    print(f"PersonaSpec objects of 100,000: {specs_seconds(100_000):.2f} s")


if __name__ == "__main__":
    main()
