"""Distributions as small multiples: the same bins for every dataset, so that they can be laid beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from personaloom.tracking.comparison.measures import NAMES
from personaloom.tracking.comparison.members import Member
from personaloom.tracking.comparison.scan import Scan, layers_of

__all__ = ["distributions"]

_BINS = 12
_HISTOGRAMS = ("turns", "user_words", "assistant_words", "user_variety", "edit_distance")
_MOST_STRATEGIES = 17


def distributions(members: Sequence[Member], found: Scan) -> list[dict[str, Any]]:
    """Each as ``{name, title, kind, categories, series: {label: [number, …]}}``; ``kind`` says what a number counts."""
    out = [_histogram(members, found, name) for name in _HISTOGRAMS]
    manifests = [member.manifest for member in members]
    layers = [{layer: n["applied"] for layer, n in layers_of(manifest).items()} for manifest in manifests]
    by_stage = [(manifest.get("usage") or {}).get("by_module") or {} for manifest in manifests]
    tokens = [
        {name: (n.get("input_tokens") or 0) + (n.get("output_tokens") or 0) for name, n in stages.items()}
        for stages in by_stage
    ]
    cost = [{name: n["cost_usd"] for name, n in stages.items() if n.get("cost_usd") is not None} for stages in by_stage]
    out += [
        _bars(members, "layers", "Noise by layer", "messages", layers),
        _bars(members, "strategies", "Noise by strategy", "messages", [dict(c) for c in found.strategies]),
        _bars(members, "tokens", "Tokens by stage, whoever paid", "tokens", tokens),
        _bars(members, "cost", "Cost by stage, whoever paid", "dollars", cost),
        _bars(
            members, "ends", "How conversations ended", "conversations", [m.get("end_reasons") or {} for m in manifests]
        ),
        _bars(members, "failures", "Failures by kind", "conversations", [m.get("failures") or {} for m in manifests]),
    ]
    return [each for each in out if any(any(values) for values in each["series"].values())]


def _histogram(members: Sequence[Member], found: Scan, name: str) -> dict[str, Any]:
    at = NAMES.index(name)
    columns = [
        [float(numbers[at] or 0) for _, numbers in values.values() if numbers[at] is not None]
        for values in found.values
    ]
    every = sorted(value for column in columns for value in column)
    title = {
        "turns": "Turns of a conversation",
        "user_words": "Words of a user message",
        "assistant_words": "Words of a reply",
        "user_variety": "Variety of the user's words (MATTR-50)",
        "edit_distance": "Distance from the clean text, characters",
    }[name]
    edges = _edges(every, whole=name == "turns")
    series = {m.label: _counts(column, edges) for m, column in zip(members, columns, strict=True)}
    return {
        "name": name,
        "title": title,
        "kind": "conversations",
        "categories": [_bin(edge, step) for edge, step in edges],
        "series": series,
    }


def _edges(every: Sequence[float], *, whole: bool) -> list[tuple[float, float]]:
    """(start, width) of each bin, up to the 99th percentile; the last one is open."""
    if not every:
        return []
    low, high = every[0], every[min(len(every) - 1, math.ceil(0.99 * len(every)))]
    if whole:
        return [(float(number), 1.0) for number in range(int(low), int(high) + 1)]
    width = _nice((high - low) / _BINS) if high > low else 1.0
    first = math.floor(low / width) * width
    number = max(1, math.ceil((high - first) / width + 1e-9))
    return [(first + place * width, width) for place in range(number)]


def _nice(width: float) -> float:
    """The next larger of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9))


def _bin(start: float, _width: float) -> str:
    return f"{start:g}" if abs(start) >= 1 or start == 0 else f"{start:.2g}"


def _counts(values: Sequence[float], edges: Sequence[tuple[float, float]]) -> list[int]:
    counts = [0] * len(edges)
    for value in values:
        place = int((value - edges[0][0]) / edges[0][1] + 1e-9)
        counts[max(0, min(place, len(edges) - 1))] += 1
    return counts


def _bars(
    members: Sequence[Member], name: str, title: str, kind: str, parts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    totals: dict[str, float] = {}
    for part in parts:
        for category, number in part.items():
            totals[category] = totals.get(category, 0.0) + float(number)
    categories = sorted(totals, key=lambda category: (-totals[category], category))[:_MOST_STRATEGIES]
    series = {
        member.label: [part.get(category) or 0 for category in categories]
        for member, part in zip(members, parts, strict=True)
    }
    return {"name": name, "title": title, "kind": kind, "categories": categories, "series": series}
