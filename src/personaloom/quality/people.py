"""What is gathered about personas while samples stream by."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from personaloom.keyed import Key
from personaloom.quality.intervals import share
from personaloom.quality.population import collapse, effect_sizes, retrieval
from personaloom.quality.textual import evenness
from personaloom.quality.voice import MEASURES, measures, vector
from personaloom.records import TrainingSample

__all__ = ["People"]

_MOST = 400
_CONVERSATIONS = 20


class People:
    """Counts personas and features, and keeps the voices of a keyed sample of personas.

    Args:
        key: draws the sample and the comparisons.
        most: personas whose voices are kept: those with the smallest keyed numbers, whatever the order.
    """

    def __init__(self, key: Key, most: int = _MOST) -> None:
        self._key = key
        self._most = most
        self._counts: Counter[str] = Counter()
        self._values: dict[str, Counter[str]] = defaultdict(Counter)
        self._categories: Counter[str] = Counter()
        self._heap: list[tuple[int, str]] = []
        self._voices: dict[str, list[tuple[str, list[float]]]] = {}
        self._styles: dict[str, list[tuple[str, list[float]]]] = {}
        self._features: dict[str, dict[str, str]] = {}

    def add(self, sample: TrainingSample, messages: Sequence[str], tokens: Sequence[str]) -> None:
        """Count a sample.

        Args:
            sample: for its persona.
            messages: the user's messages.
            tokens: their words.
        """
        persona = sample.persona_id
        self._counts[persona] += 1
        features = sample.persona_features or {}
        if self._counts[persona] == 1:
            for name, value in features.items():
                self._values[name][str(value)] += 1
        category = (sample.metadata or {}).get("category")
        if category:
            self._categories[str(category)] += 1
        if tokens and self._admitted(persona):
            self._features.setdefault(persona, {name: str(value) for name, value in features.items()})
            if len(self._voices[persona]) < _CONVERSATIONS:
                self._voices[persona].append((sample.sample_id, vector(messages, tokens)))
                found = measures(messages, tokens)
                self._styles[persona].append((sample.sample_id, [found[name] for name in MEASURES]))

    def _admitted(self, persona: str) -> bool:
        if persona in self._voices:
            return True
        number = self._key.integer("persona", persona)
        if len(self._heap) >= self._most:
            if -self._heap[0][0] <= number:
                return False
            _, leaving = heapq.heappop(self._heap)
            del self._voices[leaving], self._styles[leaving]
            self._features.pop(leaving, None)
        heapq.heappush(self._heap, (-number, persona))
        self._voices[persona], self._styles[persona] = [], []
        return True

    def counts(self) -> dict[str, int]:
        """Samples by persona."""
        return dict(self._counts)

    def coverage(self, dimensions: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
        """Personas, and for each feature how many of its values occur, how evenly, and which of the bank's do not."""
        found = {name: _covered(counts, (dimensions or {}).get(name)) for name, counts in sorted(self._values.items())}
        missing = sorted(set(dimensions or {}) - set(found))
        return {
            "personas": len(self._counts),
            "samples_per_persona_evenness": evenness(self._counts.values()),
            "features": found,
            "dimensions_never_seen": missing,
            "query_categories": {
                "counts": dict(sorted(self._categories.items())),
                "evenness": evenness(self._categories.values()),
            },
        }

    def report(self) -> dict[str, Any]:
        """Retrieval, effect sizes of features and collapse, on the sampled personas."""
        voices = {name: [row for _, row in sorted(rows)] for name, rows in self._voices.items() if rows}
        styles = {name: _mean([row for _, row in sorted(rows)]) for name, rows in self._styles.items() if rows}
        profiles = {name: _mean(rows) for name, rows in voices.items()}
        return {
            "looked_at": len(voices),
            "retrieval": retrieval(voices, self._key.child("retrieval")),
            "style_effects": effect_sizes(self._features, styles),
            "collapse": collapse(profiles, self._key.child("collapse")),
        }


def _mean(rows: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def _covered(counts: Counter[str], values: Sequence[str] | None) -> dict[str, Any]:
    known = None if values is None else [str(value) for value in values]
    seen = None if known is None else sum(value in counts for value in known)
    return {
        "values": len(counts),
        "personas": counts.total(),
        "evenness": evenness(counts.values()),
        "of_bank": None if known is None or seen is None else share(seen, len(known))["value"],
        "most_common": sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5],
    }
