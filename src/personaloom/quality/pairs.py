"""What a judge says of robustness pairs: the noisy conversation beside its clean twin."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from personaloom.keyed import Key
from personaloom.quality.intervals import Cells
from personaloom.quality.judge import Comparison
from personaloom.quality.scores import SIMULATED_JUDGE

__all__ = ["PairTable", "pair_note"]

_SIDES = {"first": "noisy", "second": "clean", "tie": "tie"}
"""A pair is compared as ``Judge.compare(noisy, clean)``."""
_PLACES = {("first", "second"): "first", ("second", "first"): "second"}
"""The place that a judge kept to while the conversations changed theirs."""


def pair_note(comparison: Comparison | None) -> dict[str, Any] | None:
    """What the pair's record and the sample's metadata keep of a comparison; None where nobody compared.

    Returns:
        ``{winner, consistent, by_order, model, simulated}``; winners are ``clean``, ``noisy`` or ``tie``.
    """
    if comparison is None or comparison.skipped:
        return None
    return {
        "winner": _SIDES[comparison.winner],
        "consistent": comparison.consistent,
        "by_order": [_SIDES[said] for said in comparison.said],
        "model": comparison.model,
        "simulated": comparison.simulated,
    }


class PairTable:
    """Counts comparisons while samples stream by."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._cells: dict[str, Cells] = defaultdict(Cells)
        self._counts: Counter[str] = Counter()
        self._places: Counter[str] = Counter()
        self._models: Counter[str] = Counter()
        self._skipped: list[str] = []
        self._simulated = False

    def add(self, persona_id: str, comparison: Comparison) -> None:
        """Count one comparison; intervals are over personas."""
        if comparison.skipped:
            self._counts["skipped"] += 1
            if len(self._skipped) < 3:
                self._skipped.append(comparison.skipped)
            return
        found = _SIDES[comparison.winner] if comparison.consistent else "disagreement"
        for name in ("clean", "noisy", "tie", "disagreement"):
            self._cells[name].add(persona_id, [float(name == found)])
        self._counts.update(("compared", found))
        if not comparison.consistent:
            one, two = comparison.said
            self._places[_PLACES.get((one, two), "neither")] += 1
        self._models[comparison.model] += 1
        self._simulated |= comparison.simulated

    def report(self) -> dict[str, Any] | None:
        """Wins, ties and disagreements, and their shares with intervals; None where no pair came to the judge.

        ``ties`` are those that both orders agree on; ``disagreements``, which count for nobody, stand beside them, and
        ``disagreements_by_place`` says which place the judge kept to.
        """
        if not self._counts:
            return None
        counts = self._counts
        return {
            "note": SIMULATED_JUDGE if self._simulated else None,
            "simulated": self._simulated,
            "compared": counts["compared"],
            "skipped": counts["skipped"],
            "skipped_because": self._skipped,
            "models": dict(sorted(self._models.items())),
            "wins": {name: counts[name] for name in ("clean", "noisy")},
            "ties": counts["tie"],
            "disagreements": counts["disagreement"],
            "disagreements_by_place": {name: self._places[name] for name in ("first", "second", "neither")},
            "shares": {name: cells.estimate(self._key.child(name)) for name, cells in sorted(self._cells.items())},
        }
