"""Intervals: no figure that is a sample stands without one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from personaloom.keyed import Key

__all__ = ["Cells", "chi_square_3", "estimate", "share", "wilson"]

Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""

_ROUNDS = 400
_PICKS = 8_000
"""Numbers drawn at a time."""
_FINE = 1 << 40
"""Sums are of integers, so that they do not depend on the order in which values come."""


def wilson(hits: int, total: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22); (0, 1) where there is nothing."""
    if total <= 0:
        return (0.0, 1.0)
    rate, square = hits / total, z * z
    centre = (rate + square / (2 * total)) / (1 + square / total)
    half = z * math.sqrt(rate * (1 - rate) / total + square / (4 * total * total)) / (1 + square / total)
    # At the ends the bounds are exact; rounding would leave 7e-18.
    return (0.0 if hits == 0 else max(0.0, centre - half), 1.0 if hits == total else min(1.0, centre + half))


def share(hits: int, total: int) -> dict[str, Any]:
    """A proportion as ``{value, low, high, n, interval}``; value None where there is nothing."""
    low, high = wilson(hits, total)
    value = hits / total if total else None
    return {"value": value, "low": low, "high": high, "n": total, "interval": "Wilson 95 %"}


def estimate(groups: Mapping[str, Sequence[float]], key: Key, unit: str = "personas") -> dict[str, Any]:
    """A mean over all values, with a 95 % percentile interval from a bootstrap over groups.

    Groups (personas) are resampled and not values, because the conversations of one persona are alike (Efron and
    Tibshirani 1993, ch. 6 and 13). Keyed, so that the same data gives the same interval. No interval below 2 groups.

    Returns:
        ``{value, low, high, n, groups, interval}``.
    """
    return _estimate(
        [(math.fsum(values), len(values)) for _, values in sorted(groups.items()) if len(values)], key, unit
    )


def _estimate(sums: list[tuple[float, int]], key: Key, unit: str) -> dict[str, Any]:
    count = sum(number for _, number in sums)
    low, high = _percentiles(sums, key, _ROUNDS) if len(sums) > 1 else (None, None)
    return {
        "value": math.fsum(part for part, _ in sums) / count if count else None,
        "low": low,
        "high": high,
        "n": count,
        "groups": len(sums),
        "interval": f"bootstrap 95 % over {unit}",
    }


def _percentiles(sums: list[tuple[float, int]], key: Key, rounds: int) -> tuple[float, float]:
    import numpy as np  # noqa: PLC0415 - heavy

    parts, counts = np.array([part for part, _ in sums]), np.array([count for _, count in sums])
    means = np.empty(rounds)
    together = max(1, _PICKS // len(sums))  # rounds at a time: memory is bounded, and small datasets need few steps
    for first in range(0, rounds, together):
        keys = [key.child(number) for number in range(first, min(first + together, rounds))]
        picks = _keyed_rows(keys, len(sums), len(sums))
        means[first : first + together] = parts[picks].sum(axis=1) / counts[picks].sum(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def keyed_indices(key: Key, count: int, bound: int) -> Any:
    """``count`` integers below ``bound`` from a key, as an array: a counter put through the SplitMix64 mixer.

    Much faster than one hash a number; the mixer's arithmetic is modulo 2**64, so that it is the same everywhere.
    """
    return _keyed_rows([key], count, bound)[0]


def _keyed_rows(keys: Sequence[Key], count: int, bound: int) -> Any:
    """The indices of each key, a row a key."""
    import numpy as np  # noqa: PLC0415 - heavy

    begin = np.array([key.integer("indices") for key in keys], dtype=np.uint64)[:, None]
    state = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + begin
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((state ^ (state >> np.uint64(31))) >> np.uint64(11)) % np.uint64(bound)


def chi_square_3(observed: Sequence[int], weights: Sequence[float]) -> dict[str, Any]:
    """Pearson's chi-square test of three counts against three shares.

    With two degrees of freedom the p-value is ``exp(-x / 2)`` exactly. None where the counts expect less than 5 in a
    cell, the usual bound below which the approximation does not hold (Cochran 1954).
    """
    total = sum(observed)
    expected = [total * weight / sum(weights) for weight in weights]
    if len(observed) != 3 or min(expected) < 5:
        return {"statistic": None, "p": None, "n": total}
    statistic = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    return {"statistic": statistic, "p": math.exp(-statistic / 2), "n": total}


class Cells:
    """Values gathered by persona, for ``estimate``: only sums of bounded many personas are kept."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, persona: str, values: Iterable[float]) -> None:
        """Add values of a persona; personas beyond the bound share cells."""
        name = persona
        if persona not in self._sums and len(self._sums) >= self._most:
            name = f"~{Key('cell', persona).below(self._most)}"
        cell = self._sums[name]
        for value in values:
            cell[0] += round(value * _FINE)
            cell[1] += 1

    def estimate(self, key: Key) -> dict[str, Any]:
        """Mean and interval, as ``estimate`` gives them."""
        return _estimate(
            [(total / _FINE, count) for _, (total, count) in sorted(self._sums.items()) if count], key, "personas"
        )
