"""Facts about sampled personas, for the manifest: distance, coverage, entropy, availability."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from personaloom.keyed import Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from personaloom.personas.model import PersonaBank

    Codes = npt.NDArray[np.uint16]

__all__ = ["distance_statistics", "population_statistics"]

EXACT_ROWS = 3_000
"""Up to so many personas all pairs are compared; above, a keyed sample of pairs."""
SAMPLED_PAIRS = 200_000
COVERAGE_ROWS = 20_000
"""Pairs of values are looked for in so many personas, evenly spread."""


def population_statistics(
    bank: PersonaBank, codes: Codes, certified: int, seed: int, reachable: Sequence[int]
) -> dict[str, Any]:
    """All facts, JSON-ready.

    Args:
        bank: what the states mean.
        codes: shape (personas, dimensions).
        certified: the distance that the index has certified for all pairs; 0 where none was asked for.
        seed: names the sample of pairs.
        reachable: per dimension, the mask of states that some persona can be in.
    """
    return {
        "count": len(codes),
        "dimensions": len(bank.dimensions),
        "availability": _availability(bank, codes),
        "distance": distance_statistics(codes, certified, seed),
        "coverage": _coverage(bank, codes, [mask & ~1 for mask in reachable]),
        "entropy": _entropy(bank, codes),
    }


def _availability(bank: PersonaBank, codes: Codes) -> dict[str, Any]:
    there = codes > 0
    counts = there.sum(axis=1) if len(codes) else np.zeros(0, dtype=np.int64)
    optional = [column for column, dimension in enumerate(bank.dimensions) if not dimension.is_constraint]
    sizes, frequency = np.unique(counts, return_counts=True)
    share = there.mean(axis=0) if len(codes) else np.zeros(len(bank.dimensions))
    return {
        "realised": _round(float(there[:, optional].mean()) if len(codes) and optional else 0.0),
        "mean_features": _round(float(counts.mean()) if len(codes) else 0.0),
        "features": {str(int(size)): int(times) for size, times in zip(sizes, frequency, strict=True)},
        "by_dimension": {name: _round(float(one)) for name, one in zip(bank.names, share, strict=True)},
    }


def distance_statistics(codes: Codes, certified: int, seed: int) -> dict[str, Any]:
    """Minimum, mean and histogram of the Hamming distance, unset counting as a value; from all pairs or a sample."""
    count = len(codes)
    exact = count <= EXACT_ROWS
    histogram = _all_pairs(codes) if exact else _some_pairs(codes, seed)
    pairs = int(histogram.sum())
    seen = np.flatnonzero(histogram)
    return {
        "certified_minimum": certified or None,
        "minimum": int(seen[0]) if pairs else None,
        "mean": _round(float((histogram * np.arange(len(histogram))).sum() / pairs)) if pairs else None,
        "histogram": {str(int(d)): int(histogram[d]) for d in seen},
        "pairs": pairs,
        "exact": exact,
        "basis": "all pairs" if exact else f"a keyed sample of {pairs:,} of {count * (count - 1) // 2:,} pairs",
    }


def _all_pairs(codes: Codes) -> npt.NDArray[np.int64]:
    width = codes.shape[1]
    histogram = np.zeros(width + 1, dtype=np.int64)
    columns = np.ascontiguousarray(codes.T)
    for row in range(1, len(codes)):
        differing = np.zeros(row, dtype=np.uint16)
        for column in columns:
            differing += column[:row] != column[row]
        histogram += np.bincount(differing, minlength=width + 1)
    return histogram


def _some_pairs(codes: Codes, seed: int) -> npt.NDArray[np.int64]:
    width, count = codes.shape[1], len(codes)
    stream = Key(seed, "persona", "statistics").stream("pairs")
    draws = np.array([next(stream) % (1 << 62) for _ in range(SAMPLED_PAIRS)], dtype=np.int64)
    first = draws % count
    second = (first + 1 + draws // count % (count - 1)) % count
    histogram = np.zeros(width + 1, dtype=np.int64)
    for start in range(0, SAMPLED_PAIRS, 16384):
        a, b = codes[first[start : start + 16384]], codes[second[start : start + 16384]]
        histogram += np.bincount(np.count_nonzero(a != b, axis=1), minlength=width + 1)
    return histogram


def _coverage(bank: PersonaBank, codes: Codes, possible: list[int]) -> dict[str, Any]:
    seen = [
        sum(1 << int(code) for code in np.unique(codes[:, column]) if code) for column in range(len(bank.dimensions))
    ]
    values, found = sum(mask.bit_count() for mask in possible), sum(mask.bit_count() for mask in seen)
    return {
        "values": {"possible": values, "seen": found, "share": _round(found / values if values else 0.0)},
        "unseen": {
            dimension.name: [v for code, v in enumerate(dimension.value_names, start=1) if (mask & ~got) >> code & 1]
            for dimension, mask, got in zip(bank.dimensions, possible, seen, strict=True)
            if mask & ~got
        },
        "pairs": _pair_coverage(bank, codes, possible),
    }


def _pair_coverage(bank: PersonaBank, codes: Codes, possible: list[int]) -> dict[str, Any]:
    """Pairs of values of two dimensions that some persona has, out of those that no rule on just these two forbids."""
    rows = codes
    if len(codes) > COVERAGE_ROWS:
        rows = codes[np.arange(COVERAGE_ROWS) * len(codes) // COVERAGE_ROWS]
    columns = np.ascontiguousarray(rows.T).astype(np.int64)
    total = seen = 0
    for a, b in combinations(range(len(bank.dimensions)), 2):
        size = len(bank.dimensions[b].values) + 1
        allowed = _grid(bank, a, b, possible)
        met = np.bincount(columns[a] * size + columns[b], minlength=allowed.size).reshape(allowed.shape) > 0
        total += int(allowed.sum())
        seen += int((met & allowed).sum())
    return {
        "possible": total,
        "seen": seen,
        "share": _round(seen / total if total else 0.0),
        "basis": "all personas" if len(rows) == len(codes) else f"{len(rows):,} of {len(codes):,} personas",
    }


def _grid(bank: PersonaBank, a: int, b: int, possible: list[int]) -> npt.NDArray[np.bool_]:
    allowed = np.outer(
        _bits(possible[a], len(bank.dimensions[a].values)), _bits(possible[b], len(bank.dimensions[b].values))
    )
    for box in bank.boxes:
        if set(box.masks) == {a, b}:
            inside = np.outer(
                _bits(box.masks[a], len(bank.dimensions[a].values)),
                _bits(box.masks[b], len(bank.dimensions[b].values)),
            )
            allowed &= ~inside
    return allowed


def _bits(mask: int, values: int) -> npt.NDArray[np.bool_]:
    return np.array([mask >> state & 1 for state in range(values + 1)], dtype=bool)


def _entropy(bank: PersonaBank, codes: Codes) -> dict[str, dict[str, float]]:
    """Per dimension, of the values of the personas that have it: bits, and share of the most that its values allow."""
    out = {}
    for column, dimension in enumerate(bank.dimensions):
        counts = np.bincount(codes[:, column], minlength=len(dimension.values) + 1)[1:]
        p = counts[counts > 0] / max(1, counts.sum())
        bits = float(-(p * np.log2(p)).sum()) if len(p) else 0.0
        most = float(np.log2(len(dimension.values))) if len(dimension.values) > 1 else 0.0
        out[dimension.name] = {"bits": _round(abs(bits)), "share": _round(bits / most if most else 1.0)}
    return out


def _round(number: float) -> float:
    return round(number, 6)
