"""Noise as it was drawn and as it was applied, by turn and by conversation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from personaloom.keyed import Key
from personaloom.quality.intervals import Cells, chi_square_3, share
from personaloom.records import NoiseLayer, NoiseVerdict, TrainingSample

__all__ = ["NoiseTable", "noise_results"]

_LAYERS = tuple(str(layer) for layer in NoiseLayer)


def noise_results(sample: TrainingSample) -> list[Mapping[str, Any]]:
    """``{turn, layer, verdict, applied_strategies, edit_distance}`` for each user turn, from the best source there is.

    The metadata says what was drawn; the trajectory and ``noisy_initial_queries`` only what was applied.
    """
    results = ((sample.metadata or {}).get("noise") or {}).get("results")
    if isinstance(results, Sequence):
        return list(results)
    entries: Sequence[Any] = sample.prompt_trajectory or ()
    if not all(isinstance(entry, Mapping) and "noise_type" in entry for entry in entries) or not entries:
        clean = sample.initial_query
        entries = [{"turn": 0, "text": clean, **entry} for entry in sample.noisy_initial_queries or ()]
    return [_applied(entry) for entry in entries]


def _applied(entry: Mapping[str, Any]) -> dict[str, Any]:
    # Files of the reference claim noise on unchanged texts: without a layer or a text there was none.
    applied = bool(entry.get("noise_type")) and entry.get("noisy_text") not in (None, entry.get("text"))
    return {
        "turn": entry.get("turn", 0),
        "layer": entry.get("noise_type") if applied else None,
        "verdict": str(NoiseVerdict.APPLIED if applied else NoiseVerdict.NOT_DRAWN),
        "applied_strategies": entry.get("applied_strategies") or [],
    }


class NoiseTable:
    """Counts units (user turns) and conversations."""

    def __init__(self) -> None:
        self.turns = self.units = self.drawn = self.conversations = 0
        self.conversations_drawn = self.conversations_applied = self.first_applied = 0
        self.verdicts: Counter[str] = Counter()
        self.layers_drawn: Counter[str] = Counter()
        self.layers_applied: Counter[str] = Counter()
        self.strategies: Counter[str] = Counter()
        self._distance = {layer: Cells() for layer in _LAYERS}

    def add(self, sample: TrainingSample) -> bool:
        """Count a sample; whether noise was applied in it."""
        results = noise_results(sample)
        applied = [result for result in results if result["verdict"] == NoiseVerdict.APPLIED]
        drawn = [result for result in results if result["layer"] is not None]
        self.turns += sample.num_turns
        self.units += len(results)
        self.drawn += len(drawn)
        self.conversations += 1
        self.conversations_drawn += bool(drawn)
        self.conversations_applied += bool(applied)
        self.first_applied += any(result["turn"] == 0 for result in applied)
        self.verdicts.update(str(result["verdict"]) for result in results)
        self.layers_drawn.update(str(result["layer"]) for result in drawn)
        self.layers_applied.update(str(result["layer"]) for result in applied)
        for result in applied:
            self.strategies.update(result["applied_strategies"])
            distance = result.get("edit_distance")
            if distance is not None and result["layer"] in self._distance:
                self._distance[result["layer"]].add(sample.persona_id, [float(distance)])
        return bool(applied)

    def distractor_stats(self) -> dict[str, Any]:
        """The reference's fields."""
        return {
            "samples_with_noise": self.conversations_applied,
            "noise_rate": self.conversations_applied / self.conversations if self.conversations else 0.0,
            "layer_distribution": {layer: self.layers_applied[layer] for layer in _LAYERS},
        }

    def report(
        self, key: Key, configured_rate: float | None = None, layer_weights: Sequence[float] | None = None
    ) -> dict[str, Any]:
        """Rates with Wilson intervals, by turn and by conversation, and tests against what was configured.

        Rate and mix are tested on draws: whether noise could be applied is a result. ``rate_in_interval`` says whether
        the configured rate lies in the 95 % interval of the drawn one; the mix has a chi-square test.
        """
        drawn = share(self.drawn, self.units)
        inside = None
        if configured_rate is not None and self.units:
            inside = bool(drawn["low"] <= configured_rate <= drawn["high"])
        counts = [self.layers_drawn[layer] for layer in _LAYERS]
        verdicts = (NoiseVerdict.APPLIED, NoiseVerdict.REJECTED, NoiseVerdict.NOT_APPLICABLE)
        return {
            "by_turn": {"drawn": drawn} | {str(v): share(self.verdicts[v], self.units) for v in verdicts},
            "by_conversation": {
                "drawn": share(self.conversations_drawn, self.conversations),
                "applied": share(self.conversations_applied, self.conversations),
                "first_query_applied": share(self.first_applied, self.conversations),
            },
            "configured_rate": configured_rate,
            "rate_in_interval": inside,
            "layers": {
                layer: {
                    "drawn": self.layers_drawn[layer],
                    "applied": self.layers_applied[layer],
                    "edit_distance": cells.estimate(key.child(layer)),
                }
                for layer, cells in self._distance.items()
            },
            "layer_mix_test": chi_square_3(counts, layer_weights) if layer_weights else None,
            "strategies": dict(sorted(self.strategies.items())),
        }
