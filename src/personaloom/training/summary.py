"""The reference's export statistics, counted while the samples stream by."""

from __future__ import annotations

from collections import Counter
from typing import Any

from personaloom.records import NoiseLayer, TrainingSample, utc_now
from personaloom.training.collector import applied_noise

__all__ = ["ExportSummary"]


class ExportSummary:
    """Counts samples one at a time; memory grows with the number of personas only."""

    def __init__(self, splits: tuple[str, ...]) -> None:
        self.by_split: Counter[str] = Counter(dict.fromkeys(splits, 0))
        self._layers: Counter[str] = Counter({str(layer): 0 for layer in NoiseLayer})
        self._strategies: Counter[str] = Counter()
        self._personas: Counter[str] = Counter()
        self._noisy_by_split: Counter[str] = Counter(dict.fromkeys(splits, 0))
        self._turns = self._steps = self._noisy_first = 0

    def add(self, sample: TrainingSample, split: str) -> None:
        """Count one sample."""
        noise = applied_noise(sample)
        self.by_split[split] += 1
        self._personas[sample.persona_id] += 1
        self._turns += sample.num_turns
        self._steps += sample.num_turns if sample.prompt_trajectory is None else len(sample.prompt_trajectory)
        self._layers.update(str(entry["noise_type"]) for entry in noise)
        self._strategies.update(name for entry in noise for name in entry.get("applied_strategies") or ())
        self._noisy_by_split[split] += bool(noise)
        self._noisy_first += any(entry.get("turn") == 0 for entry in noise)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with the reference's field names.

        ``noise_rate`` is the share of samples with noise applied to any user turn; ``unit_noise_rate`` the share of
        user turns. ``layer_distribution`` counts turns. ``persona_distribution`` counts samples by persona.
        """
        total = sum(self.by_split.values())
        noisy, units = sum(self._noisy_by_split.values()), sum(self._layers.values())
        return {
            "total_samples": total,
            "samples_by_split": dict(self.by_split),
            "avg_turns": _share(self._turns, total),
            "avg_trajectory_length": _share(self._steps, total),
            "distractor_stats": {
                "samples_with_noise": noisy,
                "noise_rate": _share(noisy, total),
                "layer_distribution": dict(self._layers),
                "strategy_distribution": dict(sorted(self._strategies.items())),
                "samples_with_noise_by_split": dict(self._noisy_by_split),
                "initial_queries_with_noise": self._noisy_first,
                "units": self._turns,
                "units_with_noise": units,
                "unit_noise_rate": _share(units, self._turns),
            },
            "persona_distribution": dict(self._personas),
            "created_at": utc_now(),
        }


def _share(part: float, whole: int) -> float:
    return part / whole if whole else 0.0
