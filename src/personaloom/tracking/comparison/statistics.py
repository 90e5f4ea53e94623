"""Means and paired differences with intervals over personas; keyed, so that equal data gives equal numbers.

A persona's conversations are alike, so personas are resampled and not conversations (cluster bootstrap, Field and
Welsh 2007, J. R. Stat. Soc. B 69). Tests flip the sign of a persona's differences (a paired permutation test). Neither
is given below 30 personas, where percentile intervals are known to be too short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personaloom.keyed import Key
from personaloom.quality.intervals import keyed_indices

__all__ = ["FEWEST", "Cells", "cells_of", "deviation", "difference", "holm", "mean"]

FEWEST = 30
"""Personas below which neither interval nor test is given."""
ROUNDS = 2000
FLIPS = 4999
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Cells:
    """Sums and numbers of values by persona: two arrays of one length, float64."""

    sums: Any
    counts: Any

    @property
    def personas(self) -> int:
        """How many personas have a value."""
        return len(self.sums)

    @property
    def n(self) -> int:
        """How many values there are."""
        return int(self.counts.sum()) if len(self.counts) else 0

    @property
    def value(self) -> float | None:
        """The mean over all values."""
        return float(self.sums.sum() / self.counts.sum()) if self.n else None


def cells_of(values: Mapping[str, Sequence[float]]) -> Cells:
    """Values by persona."""
    import numpy as np  # noqa: PLC0415 - heavy

    kept = [(persona, given) for persona, given in sorted(values.items()) if given]
    return Cells(np.array([sum(given) for _, given in kept], float), np.array([len(g) for _, g in kept], float))


def mean(cells: Cells, key: Key) -> dict[str, Any]:
    """``{value, low, high, n, personas}``; no interval below 30 personas."""
    low, high = _interval(_resampled(cells, key)) if cells.personas >= FEWEST else (None, None)
    return {"value": _round(cells.value), "low": low, "high": high, "n": cells.n, "personas": cells.personas}


def difference(paired: Cells, key: Key, *, test: bool) -> dict[str, Any]:
    """A mean paired difference: as ``mean``, with ``p`` of the sign-flip test where it is asked for."""
    out = mean(paired, key) | {"p": None}
    if test and paired.personas >= FEWEST:
        out["p"] = _sign_flip(paired, key.child("flip"))
    return out


def unpaired(base: Cells, other: Cells, key: Key) -> dict[str, Any]:
    """A difference of means of datasets with different personas; both are resampled, and nothing is tested."""
    low, high = None, None
    if min(base.personas, other.personas) >= FEWEST:
        draws = _resampled(other, key.child("other")) - _resampled(base, key.child("base"))
        low, high = _interval(draws)
    known = base.value is not None and other.value is not None
    value = (other.value or 0.0) - (base.value or 0.0) if known else None
    personas = min(base.personas, other.personas)
    return {
        "value": _round(value),
        "low": low,
        "high": high,
        "n": min(base.n, other.n),
        "personas": personas,
        "p": None,
    }


def holm(values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values (Holm 1979, Scand. J. Stat. 6): they hold the error over all tests; None stays None."""
    order = sorted((p, place) for place, p in enumerate(values) if p is not None)
    adjusted: list[float | None] = [None] * len(values)
    highest = 0.0
    for rank, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - rank)))
        adjusted[place] = _round(highest)
    return adjusted


def deviation(values: Sequence[float]) -> float | None:
    """Standard deviation with n - 1; None for fewer than two."""
    if len(values) < 2:
        return None
    centre = sum(values) / len(values)
    return _round((sum((value - centre) ** 2 for value in values) / (len(values) - 1)) ** 0.5)


def _resampled(cells: Cells, key: Key) -> Any:
    """The mean of each resample of personas: an array of ``ROUNDS``."""
    import numpy as np  # noqa: PLC0415 - heavy

    size = cells.personas
    rounds = max(1, _BLOCK // size)
    means = np.empty(ROUNDS)
    for start in range(0, ROUNDS, rounds):
        number = min(rounds, ROUNDS - start)
        picks = keyed_indices(key.child("resample", start), number * size, size).reshape(number, size)
        means[start : start + number] = cells.sums[picks].sum(axis=1) / cells.counts[picks].sum(axis=1)
    return means


def _sign_flip(cells: Cells, key: Key) -> float | None:
    import numpy as np  # noqa: PLC0415 - heavy

    size = cells.personas
    seen = abs(float(cells.sums.sum()))
    if not np.any(cells.sums):
        return 1.0
    # A hair below, so that sums that are equal but for rounding count as equal.
    bound = seen * (1 - 1e-9)
    rounds = max(1, _BLOCK // size)
    hits = 0
    for start in range(0, FLIPS, rounds):
        number = min(rounds, FLIPS - start)
        signs = keyed_indices(key.child(start), number * size, 2).reshape(number, size).astype(float) * 2 - 1
        hits += int((np.abs(signs @ cells.sums) >= bound).sum())
    return _round((hits + 1) / (FLIPS + 1))


def _interval(draws: Any) -> tuple[float | None, float | None]:
    import numpy as np  # noqa: PLC0415 - heavy

    return _round(float(np.quantile(draws, 0.025))), _round(float(np.quantile(draws, 0.975)))


def _round(value: float | None) -> float | None:
    """Six significant digits: the last bits of a sum depend on the machine."""
    return None if value is None else float(f"{value:.6g}")
