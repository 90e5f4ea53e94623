"""One drawn unit on its way to a result: the bookkeeping that says what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personaloom.distractor.draw import NoiseDraw
from personaloom.records import NoiseLayer, NoiseResult, NoiseVerdict, PromptUse, Semantics
from personaloom.text.semantics import extract
from personaloom.text.similarity import levenshtein
from personaloom.text.strategies.controls import random_edits

__all__ = ["Unit", "left_alone", "noisy_by_rule"]


def left_alone(text: str, unit_id: str) -> NoiseResult:
    """A unit that was not drawn."""
    metadata = {
        "unit_id": unit_id,
        "verdict": "not_drawn",
        "asked_strategies": [],
        "reason": "",
        "edit_distance": 0,
    }
    return NoiseResult(text, text, metadata=metadata)


def noisy_by_rule(
    text: str, noisy: str, unit_id: str, asked: Sequence[str], applied: list[str], distance: int
) -> NoiseResult:
    """A unit of the rule-based model in a batch: its contract holds by construction."""
    metadata = {
        "unit_id": unit_id, "verdict": "applied", "asked_strategies": list(asked), "reason": "",
        "edit_distance": distance, "engine": "rule_based", "attempts": 1, "checker": "by construction",
    }  # fmt: skip
    return NoiseResult(text, noisy, "surface_noise", 0, applied, metadata)


_INDEX = {layer: index for index, layer in enumerate(NoiseLayer)}


@dataclass(frozen=True, slots=True)
class Unit:
    """A drawn unit.

    Attributes:
        text: clean.
        unit_id: its name.
        draw: an active draw.
        features: the persona's.
        engine: ``semantic`` (a model wrote it), ``deterministic`` (the strategies' generators) or ``rule_based``.
        control: None, ``placebo`` or ``random_edits``.
    """

    text: str
    unit_id: str
    draw: NoiseDraw
    features: Mapping[str, str]
    engine: str
    control: str | None = None

    @property
    def layer(self) -> NoiseLayer:
        """The drawn layer."""
        return self.draw.layer or NoiseLayer.SURFACE

    def left_clean(
        self,
        verdict: NoiseVerdict,
        reason: str,
        *,
        tries: int = 0,
        uses: Mapping[str, PromptUse] | None = None,
        before: Semantics | None = None,
    ) -> NoiseResult:
        """The clean text, and why it stayed clean."""
        read = (before or extract(self.text)).to_dict()
        metadata = self._metadata(verdict, tries, uses) | {"reason": reason}
        semantics = {"before": read, "after": read}
        return NoiseResult(self.text, self.text, str(self.layer), _INDEX[self.layer], [], metadata, semantics)

    def made(
        self,
        noisy: str,
        applied: Sequence[str],
        before: Semantics,
        after: Semantics,
        *,
        tries: int,
        uses: Mapping[str, PromptUse] | None = None,
        checker: str = "rules",
    ) -> NoiseResult:
        """The noisy text, or random edits of the same distance where that is the control."""
        distance = levenshtein(self.text, noisy)
        extra: dict[str, Any] = {"checker": checker}
        if self.control == "random_edits":
            growth = len(noisy) - len(self.text)
            edited = random_edits(self.text, distance, self.draw.key.child("random_edits"), growth)
            if edited is None:
                reason = "no character of this text may be edited"
                return self.left_clean(NoiseVerdict.NOT_APPLICABLE, reason, tries=tries, uses=uses)
            extra |= {"target_distance": distance, "matched_strategies": list(applied)}
            noisy, applied, after = edited, ["random_edits"], extract(edited)
            distance = levenshtein(self.text, edited)
        metadata = self._metadata(NoiseVerdict.APPLIED, tries, uses) | extra | {"edit_distance": distance}
        semantics = {"before": before.to_dict(), "after": after.to_dict()}
        return NoiseResult(self.text, noisy, str(self.layer), _INDEX[self.layer], list(applied), metadata, semantics)

    def _metadata(self, verdict: NoiseVerdict, tries: int, uses: Mapping[str, PromptUse] | None) -> dict[str, Any]:
        return {
            "unit_id": self.unit_id,
            "verdict": str(verdict),
            "asked_strategies": list(self.draw.strategies),
            "reason": "",
            "edit_distance": 0,
            "engine": self.engine,
            "attempts": tries,
            "prompts": {name: use.to_dict() for name, use in (uses or {}).items()},
            "control": self.control,
        }
