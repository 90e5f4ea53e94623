"""How far people agree with each other, and a checker with people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any

from personaloom.quality.intervals import share

__all__ = ["cohen_kappa", "interval_distance", "krippendorff_alpha", "nominal_distance", "precision_recall"]


def nominal_distance(one: Any, two: Any) -> float:
    """0 for equal labels, else 1."""
    return float(one != two)


def interval_distance(one: Any, two: Any) -> float:
    """The squared difference of two numbers."""
    return float((one - two) ** 2)


def krippendorff_alpha(
    units: Sequence[Sequence[Any]], distance: Callable[[Any, Any], float] = nominal_distance
) -> float | None:
    """Krippendorff's alpha (2011): 1 for agreement, 0 for what chance gives; any number of raters, gaps allowed.

    Args:
        units: the values that raters gave each unit; units with fewer than two are left out.
        distance: how far two values are apart.

    Returns:
        None where there are no units left, or all values are equal.
    """
    kept = [list(values) for values in units if len(values) > 1]
    pooled = Counter(value for values in kept for value in values)
    total = pooled.total()
    if total < 2:
        return None
    observed = sum(sum(distance(a, b) for a, b in permutations(values, 2)) / (len(values) - 1) for values in kept)
    expected = sum(n * m * distance(a, b) for a, n in pooled.items() for b, m in pooled.items()) / (total - 1)
    return 1 - observed / expected if expected else None


def cohen_kappa(pairs: Sequence[tuple[Any, Any]]) -> float | None:
    """Cohen's kappa (1960) of two raters; None for no pairs, or where chance alone would agree always."""
    if not pairs:
        return None
    agreed = sum(one == two for one, two in pairs) / len(pairs)
    first, second = Counter(one for one, _ in pairs), Counter(two for _, two in pairs)
    chance = sum(first[name] * second[name] for name in first) / len(pairs) ** 2
    return (agreed - chance) / (1 - chance) if chance < 1 else None


def precision_recall(found: Mapping[str, bool], truth: Mapping[str, bool]) -> dict[str, Any]:
    """Precision and recall of a checker against people, each with its Wilson interval.

    Args:
        found: item to what the checker says.
        truth: item to what people say; only items in both count.
    """
    items = sorted(found.keys() & truth.keys())
    both = sum(found[item] and truth[item] for item in items)
    return {
        "precision": share(both, sum(found[item] for item in items)),
        "recall": share(both, sum(truth[item] for item in items)),
        "items": len(items),
    }
