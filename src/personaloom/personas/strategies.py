"""The three strategies: random, weighted and stratified."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from personaloom.errors import ConfigError, Fault
from personaloom.keyed import Key
from personaloom.personas.model import PersonaBank, Value
from personaloom.personas.samplers import PersonaSampler

if TYPE_CHECKING:
    from personaloom.personas.strata import StrataPlan
    from personaloom.personas.text_bank import TextPersonaBank

__all__ = ["RandomSampler", "StratifiedSampler", "WeightedSampler"]

_MAX_STRATA = 100_000


class RandomSampler(PersonaSampler):
    """All values that the rules allow are equally likely; weights are not read."""


class WeightedSampler(PersonaSampler):
    """Values come in proportion to their weights, conditional ones included.

    Args:
        bank, seed, **settings: as for every sampler.
        weights: replace weights of the bank, dimension to value to weight; values not named keep theirs.
    """

    strategy = "weighted"
    weighted = True

    def __init__(
        self,
        bank: PersonaBank | TextPersonaBank,
        seed: int = 0,
        *,
        weights: Mapping[str, Mapping[str, float]] | None = None,
        **settings: Any,
    ) -> None:
        if weights and isinstance(bank, PersonaBank):
            bank = _reweighted(bank, weights)
        super().__init__(bank, seed, **settings)


def _reweighted(bank: PersonaBank, weights: Mapping[str, Mapping[str, float]]) -> PersonaBank:
    faults = []
    for name, given in weights.items():
        for value, weight in given.items():
            key = f"sampler.weights.{name}"
            if name not in bank.positions:
                faults.append(Fault(key, "the bank has no such dimension", f"choose from {', '.join(bank.names)}"))
                break
            if value not in bank.values_of(name):
                faults.append(
                    Fault(f"{key}.{value}", "no such value", f"choose from {', '.join(bank.values_of(name))}")
                )
            elif not 0 <= weight < float("inf"):
                faults.append(Fault(f"{key}.{value}", f"is {weight}", "a number that is at least 0"))
    if faults:
        raise ConfigError(faults, "the sampler's weights cannot be used")
    dimensions = tuple(
        dataclasses.replace(
            d,
            values=tuple(Value(v.name, float(weights[d.name].get(v.name, v.weight)), v.description) for v in d.values),
        )
        if d.name in weights
        else d
        for d in bank.dimensions
    )
    tables = tuple(table for table in bank.tables if table.target not in weights)
    return dataclasses.replace(bank, dimensions=dimensions, tables=tables).check()


class StratifiedSampler(PersonaSampler):
    """Equal numbers of every combination of some dimensions' values, as far as rules and distance allow.

    At every prefix the counts of strata differ by at most one. Combinations that the rules forbid are no strata. A
    stratum that runs out of personas at the distance asked for is left out from there on; ``statistics`` reports the
    difference.

    Args:
        bank, seed, **settings: as for every sampler.
        strata: names of the dimensions; they are always set.
        weighted: draw the other dimensions by weight instead of evenly.
    """

    strategy = "stratified"

    def __init__(
        self,
        bank: PersonaBank | TextPersonaBank,
        seed: int = 0,
        *,
        strata: Sequence[str] = ("domain",),
        weighted: bool = False,
        **settings: Any,
    ) -> None:
        self.strata = tuple(strata)
        self.weighted = weighted
        super().__init__(bank, seed, **settings)

    def _extra_required(self) -> tuple[str, ...]:
        unknown = [name for name in self.strata if name not in self._features.positions]
        if unknown or not self.strata or len(set(self.strata)) != len(self.strata):
            given = f"is {list(self.strata)}"
            remedy = f"name different dimensions of the bank: {', '.join(self._features.names)}"
            raise ConfigError([Fault("sampler.strata", given, remedy)], "the sampler's settings cannot be used")
        return self.strata

    def _own_settings(self) -> list[Any]:
        return [] if self._dealer else [*super()._own_settings(), list(self.strata), self.weighted]

    def _strata(self) -> StrataPlan:
        from personaloom.personas.strata import StrataPlan  # noqa: PLC0415 - NumPy only on use

        combinations: list[list[int]] = []
        codes = [0] * len(self._features.dimensions)
        nodes = self.network.nodes[: len(self.strata)]

        def walk(depth: int) -> None:
            if depth == len(nodes):
                combinations.append([codes[node.column] for node in nodes])
                if len(combinations) > _MAX_STRATA:
                    raise ConfigError(
                        [
                            Fault(
                                "sampler.strata",
                                f"gives more than {_MAX_STRATA:,} strata",
                                "name fewer dimensions",
                            )
                        ],
                        "the sampler's settings cannot be used",
                    )
                return
            node = nodes[depth]
            allowed = node.allowed[node.row(codes)]
            for state in range(1, node.values + 1):
                if allowed[state]:
                    codes[node.column] = state
                    walk(depth + 1)

        walk(0)
        return StrataPlan([node.column for node in nodes], combinations, Key(self.seed, "persona", "strata"))

    def statistics(self, count: int) -> dict[str, Any]:
        """With ``strata``: how many there are, their smallest and largest count, and which ran out."""
        facts = super().statistics(count)
        plan = self._running().strata if self._dealer is None else None
        if plan is not None:
            used = plan.of(0, count)
            counts = [0] * len(plan)
            for stratum in used:
                counts[stratum] += 1
            facts["strata"] = {
                "dimensions": list(self.strata),
                "count": len(plan),
                "smallest": min(counts),
                "largest": max(counts),
                "exhausted": [self._named(plan, stratum) for stratum in plan.exhausted],
            }
        return facts

    def _named(self, plan: StrataPlan, stratum: int) -> dict[str, str]:
        states = plan.states[stratum].tolist()
        dimensions = [self._features.dimensions[column] for column in plan.columns]
        return {d.name: d.value_names[state - 1] for d, state in zip(dimensions, states, strict=True)}
