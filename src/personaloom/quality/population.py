"""Do the personas stay themselves, and different from each other? Retrieval, effect sizes, collapse."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from personaloom.keyed import Key
from personaloom.quality.intervals import keyed_indices, share
from personaloom.quality.voice import MEASURES

__all__ = ["collapse", "effect_sizes", "hedges_g", "omega_squared", "retrieval"]

_CANDIDATES = 50
_SMALLEST_GROUP = 5


def _standardised(rows: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - heavy

    matrix = np.asarray(rows, dtype=np.float64)
    spread = matrix.std(axis=0)
    return (matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _unit(matrix: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - heavy

    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(norms > 0, norms, 1.0)


def retrieval(
    voices: Mapping[str, Sequence[Sequence[float]]], key: Key, candidates: int = _CANDIDATES
) -> dict[str, Any]:
    """Does a conversation point to its persona among 50, and a persona to its conversation?

    Each persona's first conversation is held out; its other conversations, averaged, are its profile. A held-out
    conversation is compared (cosine of standardised voice vectors) with its own profile and those of 49 others drawn
    by key, and the other way round. Vectors hold function words and style and no length, so that neither topic nor
    length gives a persona away. Chance is ``1 / candidates``. Mean reciprocal rank beside accuracy, ties in the middle.

    Args:
        voices: persona to the voice vectors of its conversations, in a fixed order.
        key: draws the other candidates.
        candidates: personas to choose among; fewer where there are fewer.
    """
    import numpy as np  # noqa: PLC0415 - heavy

    names = sorted(name for name, rows in voices.items() if len(rows) > 1)
    among = min(candidates, len(names))
    if among < 2:
        return {
            "candidates": among,
            "chance": None,
            "to_persona": None,
            "to_conversation": None,
            "personas": len(names),
        }
    stacked = _standardised([row for name in names for row in voices[name]])
    heads, profiles, place = [], [], 0
    for name in names:
        size = len(voices[name])
        heads.append(stacked[place])
        profiles.append(stacked[place + 1 : place + size].mean(axis=0))
        place += size
    similarity = _unit(np.array(heads)) @ _unit(np.array(profiles)).T
    picks = [_others(len(names), index, among - 1, key) for index in range(len(names))]
    return {
        "candidates": among,
        "chance": 1 / among,
        "personas": len(names),
        "to_persona": _ranked(similarity, picks),
        "to_conversation": _ranked(similarity.T, picks),
    }


def _others(total: int, own: int, count: int, key: Key) -> list[int]:
    rest = [index for index in range(total) if index != own]
    return rest if len(rest) <= count else key.sample(rest, count, "others", own)


def _ranked(similarity: Any, picks: Sequence[Sequence[int]]) -> dict[str, Any]:
    hits, reciprocal = 0, 0.0
    for own, others in enumerate(picks):
        mine, theirs = similarity[own, own], similarity[own, others]
        rank = 1 + float((theirs > mine).sum()) + 0.5 * float((theirs == mine).sum())
        hits += rank == 1
        reciprocal += 1 / rank
    return {"accuracy": share(hits, len(picks)), "mean_reciprocal_rank": reciprocal / len(picks)}


def omega_squared(groups: Sequence[Sequence[float]]) -> float | None:
    """Share of variance that groups explain, without eta squared's upward bias (Hays 1963; Olejnik and Algina 2003).

    About 0 for groups that do not differ (it can be slightly negative), 1 for groups without spread. None where it is
    not defined: fewer than two groups, no more values than groups, or no variance at all.
    """
    sizes = [len(group) for group in groups]
    total = sum(sizes)
    if len(groups) < 2 or total <= len(groups):
        return None
    grand = math.fsum(value for group in groups for value in group) / total
    means = [math.fsum(group) / len(group) for group in groups]
    between = math.fsum(size * (mean - grand) ** 2 for size, mean in zip(sizes, means, strict=True))
    within = math.fsum((value - mean) ** 2 for group, mean in zip(groups, means, strict=True) for value in group)
    error = within / (total - len(groups))
    whole = between + within + error
    return (between - (len(groups) - 1) * error) / whole if whole > 0 else None


def hedges_g(one: Sequence[float], two: Sequence[float]) -> dict[str, float] | None:
    """Standardised difference of two means, corrected for small samples (Hedges 1981), with a 95 % interval.

    None for groups below two values or without spread.
    """
    n, m = len(one), len(two)
    if n < 2 or m < 2:
        return None
    first, second = math.fsum(one) / n, math.fsum(two) / m
    pooled = (math.fsum((v - first) ** 2 for v in one) + math.fsum((v - second) ** 2 for v in two)) / (n + m - 2)
    if pooled <= 0:
        return None
    g = (first - second) / math.sqrt(pooled) * (1 - 3 / (4 * (n + m) - 9))
    error = math.sqrt((n + m) / (n * m) + g * g / (2 * (n + m)))
    return {"g": g, "low": g - 1.96 * error, "high": g + 1.96 * error, "n": n, "m": m}


def effect_sizes(
    features: Mapping[str, Mapping[str, str]], styles: Mapping[str, Sequence[float]], most: int = 200
) -> dict[str, Any]:
    """How strongly each feature shows in each measure of style, with one value a persona.

    Args:
        features: persona to its features.
        styles: persona to the means of ``MEASURES`` over its conversations.
        most: feature-measure pairs listed, the strongest first.

    Returns:
        ``features``: rows ``{feature, measure, omega_squared, personas, extremes}``, where ``extremes`` names the
        values with the highest and the lowest mean and Hedges' g between them (chosen by looking, so it overstates);
        ``mean_omega_squared`` over all pairs: about 0 when features and text have nothing to do with each other.
    """
    groups: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for persona in sorted(styles):
        for name, value in features.get(persona, {}).items():
            groups[name][value].append(persona)
    rows = [row for name, by_value in sorted(groups.items()) for row in _feature_rows(name, by_value, styles)]
    values = [row["omega_squared"] for row in rows]
    rows.sort(key=lambda row: -row["omega_squared"])
    mean = math.fsum(values) / len(values) if values else None
    return {"mean_omega_squared": mean, "pairs": len(rows), "features": rows[:most]}


def _feature_rows(
    name: str, by_value: Mapping[str, Sequence[str]], styles: Mapping[str, Sequence[float]]
) -> list[dict[str, Any]]:
    large = {value: who for value, who in sorted(by_value.items()) if len(who) >= _SMALLEST_GROUP}
    rows = []
    for place, measure in enumerate(MEASURES):
        groups = {value: [styles[persona][place] for persona in who] for value, who in large.items()}
        omega = omega_squared(list(groups.values()))
        if omega is not None:
            people = sum(map(len, groups.values()))
            extremes = _extremes(groups)
            rows.append({
                "feature": name, "measure": measure, "omega_squared": omega, "personas": people, "extremes": extremes,
            })  # fmt: skip
    return rows


def _extremes(groups: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    ordered = sorted(groups, key=lambda value: math.fsum(groups[value]) / len(groups[value]))
    low, high = ordered[0], ordered[-1]
    return {"highest": high, "lowest": low, "hedges_g": hedges_g(groups[high], groups[low])}


def collapse(profiles: Mapping[str, Sequence[float]], key: Key, neighbours: int = 5) -> dict[str, Any]:
    """Does the population fall into a few voices? Three aspects after Xiao et al. 2026 (arXiv 2604.24698).

    They are computed on the personas' mean voice vectors, with a null population of the same size beside each, in
    which every part of the vector is shuffled over personas on its own: the same habits, combined without regard to
    who somebody is. The formulas are ours where theirs need questionnaires or human data:

    * ``coverage``: share of the null population's neighbourhoods (radius: distance to the 5th neighbour) that hold a
      persona (the coverage of Naeem et al. 2020, arXiv 2002.09797).
    * ``uniformity``: minus log of the mean of ``exp(-2 d²)`` over pairs on the unit sphere (Wang and Isola 2020, arXiv
      2005.10242); higher is more even.
    * ``complexity``: effective rank of the covariance (Roy and Vetterli 2007) over the number of parts of
      the vector, those that are the same for all included.

    Returns:
        Each as ``{value, null, ratio}``; None with fewer than 10 personas.
    """
    import numpy as np  # noqa: PLC0415 - heavy

    if len(profiles) < 10:
        return {"coverage": None, "uniformity": None, "complexity": None, "personas": len(profiles)}
    people = _standardised([profiles[name] for name in sorted(profiles)])
    parts = people.shape[1]
    people = people[:, people.std(axis=0) > 0]
    if not people.shape[1]:
        return {"coverage": None, "uniformity": None, "complexity": None, "personas": len(profiles)}
    null = np.column_stack([
        people[np.argsort(keyed_indices(key.child(part), len(people), 1 << 50), kind="stable"), part]
        for part in range(people.shape[1])
    ])  # fmt: skip
    measured = {
        "coverage": (_coverage(people, null, neighbours), 1.0),
        "uniformity": (_uniformity(people), _uniformity(null)),
        "complexity": (_complexity(people, parts), _complexity(null, parts)),
    }
    return {
        name: {"value": value, "null": base, "ratio": value / base if base else None}
        for name, (value, base) in measured.items()
    } | {"personas": len(profiles)}


def _distances(one: Any, two: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - heavy

    squares = (one**2).sum(axis=1)[:, None] + (two**2).sum(axis=1)[None, :] - 2 * one @ two.T
    return np.sqrt(np.maximum(squares, 0.0))


def _coverage(people: Any, null: Any, neighbours: int) -> float:
    import numpy as np  # noqa: PLC0415 - heavy

    radius = np.sort(_distances(null, null), axis=1)[:, neighbours]
    return float((_distances(null, people).min(axis=1) <= radius).mean())


def _uniformity(points: Any) -> float:
    import numpy as np  # noqa: PLC0415 - heavy

    distances = _distances(_unit(points), _unit(points))
    upper = distances[np.triu_indices(len(points), 1)]
    return float(-np.log(np.exp(-2 * upper**2).mean()))


def _complexity(points: Any, parts: int) -> float:
    import numpy as np  # noqa: PLC0415 - heavy

    values = np.linalg.eigvalsh(np.cov(points.T)) if points.shape[1] > 1 else np.array([1.0])
    weights = values[values > 0] / values[values > 0].sum()
    return float(np.exp(-(weights * np.log(weights)).sum()) / parts)
