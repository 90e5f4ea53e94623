"""The few figures of ``statistics.json`` that belong into a manifest, a chart and a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["headline"]

_DIVERSITY = ("distinct_1", "distinct_2", "distinct_3", "mattr_50", "mtld", "compression_ratio", "self_repetition",
              "shared_4gram_share")  # fmt: skip


def headline(quality: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Name to ``{value}``, with ``low`` and ``high`` where the figure has an interval; unknown figures are left out.

    Args:
        quality: what ``statistics.json`` has under ``quality``.
    """
    found = {}
    for name, figure in _figures(quality):
        entry = figure if isinstance(figure, Mapping) else {"value": figure}
        if entry.get("value") is not None:
            found[name] = {key: entry[key] for key in ("value", "low", "high") if entry.get(key) is not None}
    return found


def _figures(quality: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from _named(quality, "lengths", "")
    for role, figures in _part(quality, "diversity").items():
        yield from ((f"{role}_{name}", figures.get(name)) for name in _DIVERSITY)
    yield from _named(quality, "seed_query_overlap", "seed_overlap_")
    yield "near_duplicates", _part(quality, "near_duplicates").get("share")
    personas = _part(quality, "personas")
    retrieval = _part(personas, "retrieval")
    for way in ("to_persona", "to_conversation"):
        yield f"retrieval_{way}", _part(retrieval, way).get("accuracy")
    yield "retrieval_chance", retrieval.get("chance")
    yield "style_effect", _part(personas, "style_effects").get("mean_omega_squared")
    for name in ("coverage", "uniformity", "complexity"):
        yield f"collapse_{name}", _part(_part(personas, "collapse"), name).get("ratio")
    yield "checks_rejected", _part(quality, "checks").get("rejected")
    yield from (
        (f"reference_{name}", figures.get("jensen_shannon_bits"))
        for name, figures in _part(quality, "reference").items()
        if isinstance(figures, Mapping)
    )
    yield from (
        (f"overlap_{name}", each) for name, each in _part(_part(quality, "decontamination"), "benchmarks").items()
    )
    yield from _named(_part(quality, "judge"), "scores", "judge_")
    yield from _named(_part(quality, "pairs"), "shares", "pairs_")


def _named(node: Mapping[str, Any], key: str, prefix: str) -> Iterator[tuple[str, Any]]:
    return ((f"{prefix}{name}", figure) for name, figure in _part(node, key).items())


def _part(node: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = node.get(key)
    return value if isinstance(value, Mapping) else {}
