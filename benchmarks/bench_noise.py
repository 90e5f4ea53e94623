# ruff: noqa: E501 - rows of tables
"""What noise does to texts at each level, and how fast it is made.

    python benchmarks/bench_noise.py            # the table of docs/noise.md and all speeds, about two minutes
    python benchmarks/bench_noise.py --quick    # fewer units
    python benchmarks/bench_noise.py --speed    # speeds only

The table is made from the shipped queries with the strategies' own generators, no model involved. Speeds are per second
of CPU time on one core, every unit drawn (``activation_probability=1``), which is the worst case. Bound for the batch of
typos: 50,000 short texts a second. As a yardstick, the same texts are hashed once with SHA-256 in the same run.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Sequence

from personaloom.distractor import DistractorModel
from personaloom.queries import QuerySet
from personaloom.text.contracts import check
from personaloom.text.semantics import extract
from personaloom.text.similarity import levenshtein

LEVELS = (("none", 0.0), ("light", 0.1), ("moderate", 0.25), ("heavy", 0.6))
PERSONAS = (
    {},
    {"formality_level": "very formal", "detail_orientation": "high"},
    {"tone_pref": "casual", "tech_proficiency": "novice"},
)
BOUND = 50_000


def texts() -> list[str]:
    return [query.text for query in QuerySet.load().queries]


def table(count: int, *, semantic: bool, control: str | None = None) -> None:
    """Rows of the table in the documentation; a conversation has three user turns."""
    pool = texts()
    print(f"\n{count:,} user turns, {'strategies' if semantic else 'rules'}, control: {control or 'none'}")
    head = (
        "level  drawn  applied  rejected  not applicable  mean edit distance  missing or vague slots  several intents"
    )
    print(head.replace("  ", " | "))
    for name, level in LEVELS:
        model = DistractorModel(level, seed=42, use_semantic=semantic, control=control)
        tally = model.tally()
        for start in range(0, count, 3):
            persona = PERSONAS[start // 3 % len(PERSONAS)]
            tally.add(
                model.perturb(
                    pool[(start + turn) % len(pool)],
                    f"p{start // 15:06d}-q{start // 3 % 5:02d}-t{turn}",
                    persona,
                )
                for turn in range(3)
            )
        out = tally.to_dict()
        shares = [out[key] / out["units"] for key in ("drawn", "applied", "rejected", "not_applicable")]
        shares_text = " | ".join(f"{share:.1%}" for share in shares)
        print(
            f"{name} | {shares_text} | {out['mean_edit_distance']:.2f} | {out['missing_share']:.1%} | "
            f"{out['several_intents_share']:.1%}"
        )


def rate(work: Callable[[], object], units: int, repeats: int = 3) -> float:
    """Units per second of CPU time, the best of some runs: a busy neighbour only ever slows."""
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return units / best


def speeds(count: int) -> None:
    pool = [text[:80] for text in texts()]
    batch = [pool[i % len(pool)] for i in range(count)]
    names = [f"p{i // 15:06d}-q{i // 3 % 5:02d}-t{i % 3}" for i in range(count)]
    print(f"\n{count:,} texts of {sum(map(len, batch)) / count:.0f} characters on average, all drawn; per CPU second")
    hashed = rate(lambda: [hashlib.sha256(text.encode()).hexdigest() for text in batch], count)
    typos = DistractorModel(1.0, seed=1, use_semantic=False, rules={"typo": {"intensity": 0.1}})
    made = rate(lambda: typos.perturb_batch(batch, names), count)
    print(
        f"typo rule, batch:            {made:>10,.0f}   {made / BOUND:.2f} of the bound, {hashed / made:.1f} x the time of one SHA-256"
    )
    quarter = DistractorModel(0.25, seed=1, use_semantic=False, rules={"typo": {"intensity": 0.1}})
    print(f"typo rule, batch, level 0.25:{rate(lambda: quarter.perturb_batch(batch, names), count):>10,.0f}")
    rules = DistractorModel(1.0, seed=1, use_semantic=False)
    print(
        f"all six rules, batch:        {rate(lambda: rules.perturb_batch(batch[: count // 10], names[: count // 10]), count // 10):>10,.0f}"
    )
    few, ids = batch[: max(count // 50, 200)], names[: max(count // 50, 200)]
    semantic = DistractorModel(1.0, seed=1)
    print(f"strategies, contract checked:{rate(lambda: semantic.perturb_batch(few, ids), len(few)):>10,.0f}")
    print(f"reading intents and slots:   {rate(lambda: [extract(text) for text in few], len(few)):>10,.0f}")


def long_texts() -> None:
    """Times for 5,000 and 20,000 characters: about four times as long, where time is linear."""
    base = "Please write a short report about remote work for my manager by Friday, with at least 3 examples. "
    print("\nmilliseconds a text    5,000   20,000 characters   ratio (4 = linear)")
    model = DistractorModel(1.0, seed=4)

    def spent(work: Callable[[str], object], text: str) -> float:
        return 1000 / rate(lambda: work(text), 1)

    cases: Sequence[tuple[str, Callable[[str], object]]] = (
        ("extract", extract),
        ("levenshtein", lambda text: levenshtein(text, text[::-1])),
        ("perturb", lambda text: model.perturb(text, "u")),
    )
    for name, work in cases:
        short, long = (spent(work, (base * 400)[:length]) for length in (5_000, 20_000))
        print(f"{name:<20} {short:>8.1f} {long:>8.1f} {long / short:>22.1f}")
    noisy = model.perturb((base * 400)[:20_000], "u")
    print("check on 20,000:", check(noisy.original_text, noisy.noisy_text, model.draw("u").layer).holds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--speed", action="store_true")
    chosen = parser.parse_args()
    if not chosen.speed:
        table(600 if chosen.quick else 6_000, semantic=True)
        table(600 if chosen.quick else 6_000, semantic=False)
        for kind in ("placebo", "random_edits"):
            table(600 if chosen.quick else 3_000, semantic=True, control=kind)
    speeds(5_000 if chosen.quick else 50_000)
    long_texts()
