"""Between collecting and exporting: each sample is checked, held against its scores, kept or refused, and measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from personaloom.keyed import Key
from personaloom.quality.checks import Verdict
from personaloom.quality.headline import headline
from personaloom.quality.judge import Comparison, Judgement
from personaloom.quality.pairs import PairTable
from personaloom.quality.plan import QualityPlan, Reader
from personaloom.quality.scores import ScoreTable
from personaloom.records import TrainingSample

__all__ = ["Review"]

Scores = Callable[[TrainingSample], Judgement | None]


class Review:
    """One dataset's review; samples go through it one by one and none is held.

    Args:
        plan: what the config asks for.
        scores: the stored judgement of a sample, or None.
        reject: gets a line of ``rejected_samples.jsonl`` for each sample that is taken out.
    """

    def __init__(
        self,
        plan: QualityPlan,
        scores: Scores = lambda _: None,
        reject: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self.plan = plan
        self.passed = self.rejected = self.flagged = 0
        self.by_check: Counter[str] = Counter()
        self._scores, self._reject = scores, reject
        self._table = ScoreTable(Key(plan.seed, "scores"))
        self._pairs = PairTable(Key(plan.seed, "pairs"))
        self._collector = plan.collector() if plan.with_statistics else None

    def look(self, sample: TrainingSample, comparison: Comparison | None = None) -> TrainingSample | None:
        """The sample as it is exported, with what was found in its metadata, or None where it is taken out.

        Args:
            sample: a conversation's.
            comparison: of the conversation with its clean twin, where the judge made one.
        """
        if comparison is not None:
            self._pairs.add(sample.persona_id, comparison)
        judgement = self._scores(sample)
        kept, verdict = self.plan.review(sample, judgement)
        self.passed += kept is not None
        if judgement is not None:
            low = verdict is not None and any(found.check == "judge" for found in verdict.findings)
            words = sum(len(m["content"].split()) for m in sample.full_conversation or ())
            self._table.add(sample.persona_id, words, judgement, kept=not low)
        if verdict is not None:
            self._count(sample, verdict, kept)
        if kept is not None and self._collector is not None:
            self._collector.add(kept)
        return kept

    def _count(self, sample: TrainingSample, verdict: Verdict, kept: TrainingSample | None) -> None:
        if self._collector is not None:
            self._collector.checked.add(verdict)
        self.by_check.update({found.check for found in verdict.findings})
        if kept is None:
            self.rejected += 1
            split = (sample.metadata or {}).get("split")
            self._reject({"sample_id": sample.sample_id, "persona_id": sample.persona_id, "split": split}
                         | verdict.to_dict())  # fmt: skip
        elif not verdict.accepted:
            self.flagged += 1

    def statistics(
        self,
        read: Reader | None = None,
        *,
        simulated: bool | None = None,
        configured_rate: float | None = None,
        layer_weights: Sequence[float] | None = None,
        dimensions: Mapping[str, Sequence[str]] | None = None,
    ) -> dict[str, Any]:
        """The statistics of what was kept; see ``compute_statistics`` for the arguments.

        Where the config switches the measures off there is ``quality`` alone, with the judge's tables if any.
        """
        found: dict[str, Any] = {"quality": {}}
        if self._collector is not None:
            self.plan.add_reference(self._collector, read)
            found = self._collector.report(simulated, configured_rate, layer_weights, dimensions)
        judged = self._table.report()
        if judged is not None:
            found["quality"]["judge"] = judged
        pairs = self._pairs.report()
        if pairs is not None:
            found["quality"]["pairs"] = pairs
        return found

    def summary(self, quality: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest's small form of the ``quality`` of ``statistics``."""
        judged = quality.get("judge") or {}
        pairs = quality.get("pairs") or {}
        return {
            "note": quality.get("note"),
            "action": self.plan.action,
            "rejected": self.rejected,
            "flagged": self.flagged,
            "by_check": dict(sorted(self.by_check.items())),
            "private": dict((quality.get("checks") or {}).get("private") or {}),
            "judge": {key: judged[key] for key in ("note", "judged", "skipped", "skipped_because", "refused", "models")}
            if judged
            else None,
            "pairs": {key: value for key, value in pairs.items() if key not in {"shares", "simulated"}} or None,
            "figures": headline(quality),
        }
