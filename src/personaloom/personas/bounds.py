"""How many personas can there be at a distance? Bounds that no sampler can pass."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["packing_bound"]


def packing_bound(sizes: Sequence[int], distance: int) -> int:
    """An upper bound on the number of rows whose pairwise Hamming distance is at least ``distance``.

    The smaller of the sphere-packing (Hamming) bound and the Singleton bound, over a space of mixed alphabets. For an
    even distance the sphere-packing bound is taken after deleting the largest column, which lowers it.

    Args:
        sizes: states of each column, unset counted where it is possible.
        distance: d, at least 1.
    """
    ordered = sorted(sizes)
    if distance > len(ordered):
        return 1
    singleton = _product(ordered[: len(ordered) - distance + 1])
    columns = ordered if distance % 2 else ordered[:-1]
    return max(1, min(singleton, _product(columns) // _ball(columns, (distance - 1) // 2)))


def _product(sizes: Sequence[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total


def _ball(sizes: Sequence[int], radius: int) -> int:
    """Rows within ``radius`` of a row: elementary symmetric polynomials of (size - 1), summed."""
    polynomials = [1] + [0] * radius
    for size in sizes:
        for degree in range(radius, 0, -1):
            polynomials[degree] += polynomials[degree - 1] * (size - 1)
    return sum(polynomials)
