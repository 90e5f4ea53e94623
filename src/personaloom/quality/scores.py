"""The judge's scores of a dataset, as a table with intervals."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from personaloom.keyed import Key
from personaloom.quality.intervals import Cells
from personaloom.quality.judge import Judgement

__all__ = ["SIMULATED_JUDGE", "ScoreTable", "rank_correlation"]

SIMULATED_JUDGE = "A simulated judge: these scores test that the scoring works. No model read the text."

_MOST_PAIRS = 5000


class ScoreTable:
    """Counts judgements while samples stream by; memory is that of the counters and of 5,000 pairs of numbers."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._cells: dict[str, Cells] = defaultdict(Cells)
        self._counts: dict[str, Counter[int]] = defaultdict(Counter)
        self._models: Counter[str] = Counter()
        self._lengths: list[tuple[float, float]] = []
        self._skipped: list[str] = []
        self.judged = self.skipped = self.refused = 0
        self.simulated = False

    def add(self, persona_id: str, words: int, judgement: Judgement, *, kept: bool = True) -> None:
        """Count one judgement.

        Args:
            persona_id: whose sample it is; intervals are over personas.
            words: of the conversation, to see whether the judge merely likes long ones.
            judgement: of the sample.
            kept: whether it passed the least scores.
        """
        mean = judgement.mean
        if judgement.skipped or mean is None:
            self.skipped += 1
            if judgement.skipped and len(self._skipped) < 3:
                self._skipped.append(judgement.skipped)
            return
        self.judged += 1
        self.refused += not kept
        self.simulated |= judgement.simulated
        self._models[judgement.model] += 1
        for name, score in (*judgement.scores.items(), ("mean", mean)):
            self._cells[name].add(persona_id, [score])
        for name, score in judgement.scores.items():
            self._counts[name][score] += 1
        if len(self._lengths) < _MOST_PAIRS:
            self._lengths.append((float(words), mean))

    def report(self) -> dict[str, Any] | None:
        """Means with intervals and counts by score; None where nobody judged and nothing was skipped."""
        if not self.judged and not self.skipped:
            return None
        return {
            "note": SIMULATED_JUDGE if self.simulated else None,
            "simulated": self.simulated,
            "judged": self.judged,
            "skipped": self.skipped,
            "skipped_because": self._skipped,
            "refused": self.refused,
            "models": dict(sorted(self._models.items())),
            "scores": {name: cells.estimate(self._key.child(name)) for name, cells in sorted(self._cells.items())},
            "counts": {
                name: {str(score): counts[score] for score in range(1, 6)}
                for name, counts in sorted(self._counts.items())
            },
            "rank_correlation_with_length": rank_correlation(self._lengths),
        }


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's rho (1904), ties at their mean rank; None where a side has no spread, or below three pairs."""
    if len(pairs) < 3:
        return None
    left, right = _ranks([one for one, _ in pairs]), _ranks([two for _, two in pairs])
    middle = (len(pairs) + 1) / 2
    above = sum((a - middle) * (b - middle) for a, b in zip(left, right, strict=True))
    spread = sum((a - middle) ** 2 for a in left) * sum((b - middle) ** 2 for b in right)
    return float(above / spread**0.5) if spread > 0 else None


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            ranks[place] = (start + end) / 2 + 1
        start = end + 1
    return ranks
