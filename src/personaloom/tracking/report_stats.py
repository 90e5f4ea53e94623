"""How far apart the personas of a dataset are."""

from __future__ import annotations

from typing import Any

__all__ = ["MOST_COMPARED", "distances"]

MOST_COMPARED = 2000
_BLOCK = 128


def distances(rows: list[list[int]]) -> dict[str, Any]:
    """Hamming distances between coded personas; a dimension that both lack counts as equal.

    Args:
        rows: one code a dimension, -1 where the dimension is absent; all rows equally long.

    Returns:
        ``{compared, nearest: [[distance, personas], …], pairs: [[distance, pairs], …], mean}`` over the first 2,000
        personas at most; empty for fewer than two.
    """
    if len(rows) < 2 or not rows[0]:
        return {}
    import numpy as np  # noqa: PLC0415 - nothing else here needs it

    codes = np.asarray(rows[:MOST_COMPARED], dtype=np.int16)
    count, width = codes.shape
    pairs = np.zeros(width + 1, dtype=np.int64)
    nearest = np.zeros(width + 1, dtype=np.int64)
    for start in range(0, count, _BLOCK):
        block = codes[start : start + _BLOCK]
        apart = (block[:, None, :] != codes[None, :, :]).sum(axis=2)
        pairs += np.bincount(apart.ravel(), minlength=width + 1)
        apart[np.arange(len(block)), start + np.arange(len(block))] = width + 1
        nearest += np.bincount(apart.min(axis=1), minlength=width + 1)
    pairs[0] -= count  # each persona beside itself
    pairs //= 2
    return {
        "compared": count,
        "nearest": _counts(nearest.tolist()),
        "pairs": _counts(pairs.tolist()),
        "mean": float((pairs * np.arange(width + 1)).sum() / max(1, int(pairs.sum()))),
    }


def _counts(histogram: list[int]) -> list[tuple[int, int]]:
    filled = [index for index, number in enumerate(histogram) if number]
    return [(index, histogram[index]) for index in range(filled[0], filled[-1] + 1)] if filled else []
