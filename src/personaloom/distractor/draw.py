"""Which units are made noisy, in which layer and how: draws that are nested over levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from personaloom.distractor.settings import LayerSetting, RuleSetting
from personaloom.keyed import SPAN, Key, threshold
from personaloom.records import NoiseLayer

__all__ = ["Drawer", "NoiseDraw"]


@dataclass(frozen=True, slots=True)
class NoiseDraw:
    """What was drawn for a unit.

    Attributes:
        active: whether the unit is to be made noisy.
        layer: drawn from its own key, so that it is the same at every level; None where not active.
        strategies: names, in order of application; the same at every level.
        key: of the unit; what the generators leave open is drawn from its children.
    """

    active: bool
    layer: NoiseLayer | None
    strategies: tuple[str, ...]
    key: Key


class Drawer:
    """Draws units.

    One uniform number a unit is compared with the level, so whatever is drawn at a level is drawn at every higher one;
    layer and strategies come from keys of their own, which know nothing of the level.

    Args:
        seed: ``seeds.noise``.
        probability: the level, 0 to 1.
        layers: for the semantic model.
        rules: for the rule-based model; then every unit is surface noise. Exactly one of the two is given.
    """

    def __init__(
        self,
        seed: int,
        probability: float,
        layers: Sequence[LayerSetting] = (),
        rules: Sequence[RuleSetting] = (),
    ) -> None:
        self._root = Key(seed, "noise")
        self._threshold = threshold(probability)
        self._layers = {setting.layer: setting for setting in layers}
        self._names = list(self._layers)
        self._weights = [self._layers[name].weight for name in self._names]
        self._rules = tuple(rules)
        self._hits = [int(rule.probability * SPAN) for rule in rules]

    def active_key(self, unit_id: str) -> Key | None:
        """The unit's key where it is drawn, else None: half of ``draw``, for batches."""
        key = self._root.child(unit_id)
        return None if self._threshold < SPAN and key.integer("active") >= self._threshold else key

    def draw(self, unit_id: str) -> NoiseDraw:
        """The draw of a unit: a pure function of seed, unit id and settings."""
        key = self.active_key(unit_id)
        if key is None:
            return NoiseDraw(active=False, layer=None, strategies=(), key=self._root.child(unit_id))
        if self._rules:
            return NoiseDraw(active=True, layer=NoiseLayer.SURFACE, strategies=self._drawn_rules(key), key=key)
        layer = key.weighted(self._names, self._weights, "layer")
        return NoiseDraw(active=True, layer=layer, strategies=self._drawn_strategies(key, self._layers[layer]), key=key)

    def _drawn_strategies(self, key: Key, setting: LayerSetting) -> tuple[str, ...]:
        drawn = tuple(
            s.name
            for s in setting.strategies
            if s.mandatory or key.chance(s.probability, "strategy", str(setting.layer), s.name)
        )
        if drawn:
            return drawn
        # A layer that was drawn has at least one strategy: the one missing draw is by the same probabilities.
        names, chances = [s.name for s in setting.strategies], [s.probability for s in setting.strategies]
        return (key.weighted(names, chances, "strategy", str(setting.layer)),)

    def _drawn_rules(self, key: Key) -> tuple[str, ...]:
        rules = self._rules
        if len(rules) == 1:
            return (rules[0].name,)
        drawn = tuple(
            rule.name
            for rule, hit in zip(rules, self._hits, strict=True)
            if hit >= SPAN or key.integer("rule", rule.name) < hit
        )
        return drawn or (key.weighted([r.name for r in rules], [r.probability for r in rules], "rule"),)
