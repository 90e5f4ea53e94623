"""What became of the units of a run, counted, and compared with what was configured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from personaloom.records import NoiseLayer, NoiseResult, NoiseVerdict

__all__ = ["NoiseTally", "chi_square", "wilson"]

Z95 = 1.959963984540054


def wilson(hits: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval for a share (Wilson 1927; recommended by Brown, Cai and DasGupta 2001).

    Args:
        hits: successes.
        trials: all; 0 gives (0, 1).
        z: normal quantile; 1.96 for 95 %, 2.576 for 99 %.
    """
    if trials == 0:
        return 0.0, 1.0
    share, square = hits / trials, z * z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    half = z / (1 + square / trials) * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    return low, 1.0 if hits == trials else min(1.0, middle + half)


def chi_square(observed: Mapping[str, int], weights: Mapping[str, float]) -> dict[str, Any]:
    """Pearson's test of counts against relative weights.

    Returns:
        ``statistic``, ``degrees`` of freedom and ``p_value`` (None with fewer than two categories or no counts). Counts
        in a category of weight 0 give an infinite statistic, shown as None with ``p_value`` 0.
    """
    total, scale = sum(observed.values()), math.fsum(weights.values())
    live = [name for name, weight in weights.items() if weight > 0]
    if any(count and weights.get(name, 0) <= 0 for name, count in observed.items()):
        return {"statistic": None, "degrees": max(len(live) - 1, 0), "p_value": 0.0}
    if total == 0 or len(live) < 2:
        return {"statistic": 0.0, "degrees": max(len(live) - 1, 0), "p_value": None}
    expected = {name: total * weights[name] / scale for name in live}
    statistic = math.fsum((observed.get(name, 0) - expected[name]) ** 2 / expected[name] for name in live)
    degrees = len(live) - 1
    p_value = (
        math.exp(-statistic / 2) if degrees == 2 else math.erfc(math.sqrt(statistic / 2)) if degrees == 1 else None
    )
    return {
        "statistic": round(statistic, 6),
        "degrees": degrees,
        "p_value": None if p_value is None else round(p_value, 6),
    }


class NoiseTally:
    """Counts noise results.

    Args:
        configured_rate: ``distractor.activation_probability``.
        layer_weights: as configured; None is the shipped 0.5, 0.3, 0.2.
        control: ``placebo``, ``random_edits`` or None.
    """

    def __init__(
        self,
        configured_rate: float,
        layer_weights: Mapping[str, float] | None = None,
        control: str | None = None,
    ) -> None:
        self.configured_rate = configured_rate
        self.layer_weights = {
            str(k): v for k, v in (layer_weights or dict(zip(NoiseLayer, (0.5, 0.3, 0.2), strict=True))).items()
        }
        self.control = control
        self.units = self.conversations = self.conversations_drawn = self.conversations_applied = 0
        self._verdicts: Counter[str] = Counter()
        self._drawn: Counter[str] = Counter()
        self._applied: Counter[str] = Counter()
        self._strategies: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._expected_conversations = 0.0
        self._distance = self._missing = self._several = 0

    def add(self, results: Iterable[NoiseResult]) -> None:
        """Count the units of one conversation."""
        units = list(results)
        if not units:
            return
        self.conversations += 1
        self.conversations_drawn += any(unit.drawn for unit in units)
        self.conversations_applied += any(unit.applied for unit in units)
        self._expected_conversations += 1 - (1 - self.configured_rate) ** len(units)
        for unit in units:
            self._add_unit(unit)

    def _add_unit(self, unit: NoiseResult) -> None:
        self.units += 1
        verdict = unit.verdict
        if verdict is NoiseVerdict.APPLIED and not unit.applied:
            verdict = NoiseVerdict.REJECTED  # a claim without a difference is no noise
        self._verdicts[verdict] += 1
        if not unit.drawn:
            return
        self._drawn[str(unit.layer)] += 1
        if not unit.applied:
            self._reasons[str(unit.metadata.get("reason") or verdict).partition(":")[0]] += 1
            return
        self._applied[str(unit.layer)] += 1
        self._strategies.update(unit.applied_strategies)
        self._distance += int(unit.metadata.get("edit_distance") or 0)
        after = unit.semantics.get("after") or {}
        self._missing += bool(after.get("missing") or after.get("vague"))
        before = unit.semantics.get("before") or {}
        self._several += len(after.get("intents") or ()) > max(1, len(before.get("intents") or ()))

    @property
    def drawn(self) -> int:
        """Units that the draw chose."""
        return sum(self._drawn.values())

    def to_dict(self) -> dict[str, Any]:
        """For the manifest: counts, 95 % intervals against the configured rate, and the test of the layer mix.

        ``rate`` compares the **draws** with what was configured (what could be applied is a result, not a setting);
        ``mean_edit_distance``, ``missing_share`` and ``several_intents_share`` are per unit, clean units included.
        """
        applied, units = self._verdicts[NoiseVerdict.APPLIED], self.units or 1
        return {
            "control": self.control,
            "configured_rate": self.configured_rate,
            "units": self.units,
            "drawn": self.drawn,
            "applied": applied,
            "rejected": self._verdicts[NoiseVerdict.REJECTED],
            "not_applicable": self._verdicts[NoiseVerdict.NOT_APPLICABLE],
            "conversations": self.conversations,
            "conversations_drawn": self.conversations_drawn,
            "conversations_applied": self.conversations_applied,
            "rate": {
                "per_turn": _interval(self.drawn, self.units, self.configured_rate),
                "per_conversation": _interval(
                    self.conversations_drawn,
                    self.conversations,
                    self._expected_conversations / (self.conversations or 1),
                ),
                "applied_per_turn": _interval(applied, self.units, None),
                "applied_per_conversation": _interval(self.conversations_applied, self.conversations, None),
            },
            "layers": {
                name: {"drawn": self._drawn[name], "applied": self._applied[name], "weight": weight}
                for name, weight in self.layer_weights.items()
            },
            "layer_mix": chi_square(self._drawn, self.layer_weights),
            "strategies": dict(sorted(self._strategies.items(), key=lambda item: (-item[1], item[0]))),
            "reasons": dict(sorted(self._reasons.items(), key=lambda item: (-item[1], item[0]))),
            "mean_edit_distance": round(self._distance / units, 4),
            "missing_share": round(self._missing / units, 6),
            "several_intents_share": round(self._several / units, 6),
        }


def _interval(hits: int, trials: int, expected: float | None) -> dict[str, Any]:
    low, high = wilson(hits, trials)
    out: dict[str, Any] = {
        "share": round(hits / trials, 6) if trials else None,
        "low": round(low, 6),
        "high": round(high, 6),
    }
    if expected is not None:
        out |= {"expected": round(expected, 6), "inside": low <= expected <= high}
    return out
