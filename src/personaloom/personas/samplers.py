"""Samplers: personas from a bank, with promises that are kept or refused.

Persona i depends on the bank, the settings, the seed and i: not on how many are asked for, the machine, the number of
processes or the Python version. A promise that cannot be kept raises ``InfeasibleError`` before anything is given out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from personaloom.errors import BankError, ConfigError, Fault, InfeasibleError
from personaloom.keyed import Key
from personaloom.personas.bounds import packing_bound
from personaloom.personas.constraints import conflict, reachable, solve, start_domains
from personaloom.personas.model import PersonaBank
from personaloom.personas.population import Population, specs
from personaloom.personas.settings import Diversity, SamplerSettings, published_settings
from personaloom.personas.text_bank import Dealer, TextPersonaBank

if TYPE_CHECKING:
    from personaloom.personas.engine import Engine
    from personaloom.personas.strata import StrataPlan
    from personaloom.records import PersonaSpec

__all__ = ["PersonaSampler"]

ALGORITHM = 1
"""Raised whenever the same settings would give other personas."""
_CHUNK = 8192


class PersonaSampler:
    """Base of the samplers; a sampler of your own overrides ``sample`` and ``fingerprint``, or less.

    Args:
        bank: what to sample from. A ``TextPersonaBank`` is dealt in keyed order, and the settings below do not apply.
        seed: ``seeds.personas``.
        feature_availability_rate: chance of an optional dimension.
        min_features, max_features: set dimensions of a persona, constraint dimensions included.
        required_dimensions: always set.
        min_constraints, max_constraints: set constraint dimensions; None is all.
        diversity: ``Diversity`` or a mapping ``{enabled, min_hamming_distance, max_attempts}``.
        config: a published ``sampling_config.yaml``, whose settings replace those above. Its seed and strategy do not:
            ``seed`` and the choice of sampler decide, and a strategy that differs is refused.

    Raises:
        ConfigError: a setting is out of range.
        InfeasibleError: no persona at all fits the settings.
        BankError: the bank cannot be sampled.
    """

    strategy: ClassVar[str] = "random"
    weighted: bool = False

    def __init__(
        self,
        bank: PersonaBank | TextPersonaBank,
        seed: int = 0,
        *,
        feature_availability_rate: float = 0.7,
        min_features: int = 10,
        max_features: int = 20,
        required_dimensions: Sequence[str] = (),
        min_constraints: int = 0,
        max_constraints: int | None = None,
        diversity: Diversity | Mapping[str, Any] | None = None,
        config: str | None = None,
    ) -> None:
        self.bank = bank
        self.seed = int(seed)
        given: dict[str, Any] = {
            "feature_availability_rate": float(feature_availability_rate),
            "min_features": min_features,
            "max_features": max_features,
            "required_dimensions": tuple(required_dimensions),
            "min_constraints": min_constraints,
            "max_constraints": max_constraints,
            "diversity": diversity,
        }
        if config:
            given |= self._published(config)
        given["diversity"] = Diversity.of(given["diversity"])
        self.settings = SamplerSettings(**given)
        self._dealer = Dealer(bank, self.seed) if isinstance(bank, TextPersonaBank) else None
        self._engine = None if self._dealer else self._start()

    def _published(self, config: str) -> dict[str, Any]:
        found = published_settings(config)
        strategy = found.pop("strategy", self.strategy)
        found.pop("seed", None)
        if strategy != self.strategy:
            fault = Fault(
                config, f"its strategy is '{strategy}', the sampler is {self.strategy}", f"sampler={strategy}"
            )
            raise ConfigError([fault], "sampler.config cannot be used")
        return found

    @property
    def _features(self) -> PersonaBank:
        if isinstance(self.bank, TextPersonaBank):
            raise BankError("a bank of text personas has no dimensions to sample → it is dealt")
        return self.bank

    def _extra_required(self) -> tuple[str, ...]:
        return ()

    def _strata(self) -> StrataPlan | None:
        return None

    def _start(self) -> Engine:
        from personaloom.personas.candidates import Candidates, presence_of  # noqa: PLC0415 - NumPy only on use
        from personaloom.personas.engine import Engine  # noqa: PLC0415 - NumPy only on use
        from personaloom.personas.network import compile_network  # noqa: PLC0415 - NumPy only on use

        bank, settings = self._features, self.settings
        presence = presence_of(bank, settings, self._extra_required())
        _check_required(bank, presence.fixed)
        first = tuple(bank.positions[name] for name in self._extra_required())
        self.network = compile_network(bank, frozenset(presence.fixed), weighted=self.weighted, first=first)
        key = Key(self.seed, "persona")
        candidates = Candidates(self.network, presence, settings.feature_availability_rate, key, len(bank.dimensions))
        return Engine(candidates, settings.diversity.distance, settings.diversity.max_attempts, self._strata())

    def sample(self, count: int, start: int = 0) -> Iterator[PersonaSpec]:
        """Personas ``start`` to ``start + count - 1``.

        The states of all of them are found before this returns (that is the fast part); the ``PersonaSpec`` objects are
        made one by one.

        Raises:
            InfeasibleError: the bank cannot give so many at the distance asked for.
        """
        if count < 0 or start < 0:
            raise ValueError(f"count and start are at least 0, not {count} and {start}")
        if self._dealer:
            return self._dealer.deal(count, start)
        if self._engine_free():
            return self._windows(count, start)
        codes = self._codes(start + count)
        return specs(self._features, codes[start:], start)

    def sample_population(self, count: int) -> Population | Sequence[PersonaSpec]:
        """The first ``count`` personas in compact form (about 2 bytes a dimension), as a sequence."""
        if self._dealer:
            return self._dealer.hand(count)
        return Population(self._features, self._codes(count))

    def reset(self) -> None:
        """Forget the personas made so far, to free memory; the same ones come again."""
        if self._dealer is None:
            self._engine = self._start()

    def fingerprint(self) -> str:
        """SHA-256 over bank, seed, settings and algorithm version."""
        content = [ALGORITHM, self.strategy, self.seed, self.bank.fingerprint(), *self._own_settings()]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _own_settings(self) -> list[Any]:
        return [] if self._dealer else [dataclasses.asdict(self.settings)]

    def statistics(self, count: int) -> dict[str, Any]:
        """Facts about the first ``count`` personas for the manifest (see ``personas/statistics.py``)."""
        if self._dealer:
            return self._dealer.statistics(count)
        from personaloom.personas.statistics import population_statistics  # noqa: PLC0415 - NumPy only on use

        engine = self._running()
        codes = self._codes(count)
        facts = population_statistics(
            self._features, codes, self.settings.diversity.distance, self.seed, self._reachable
        )
        facts["sampler"] = self.strategy
        facts["availability"]["configured"] = self.settings.feature_availability_rate
        facts["distance"]["method"] = engine.method
        facts["distance"]["replaced_candidates"] = engine.replaced
        facts["distance"]["packing_bound"] = str(self.packing_bound()) if self.settings.diversity.distance else None
        if self._features.report:
            facts["bank"] = dict(self._features.report)
        return facts

    def packing_bound(self) -> int:
        """An upper bound on the personas that any sampler could give at this distance."""
        sizes = [mask.bit_count() for mask in self._reachable]
        return packing_bound(sizes, max(1, self.settings.diversity.distance))

    @cached_property
    def _reachable(self) -> list[int]:
        """Per dimension, the mask of states that some persona can be in."""
        return reachable(self._features, self.network.required)

    def _loose_bound(self) -> int:
        """The bound without a look at the rules: quick to have."""
        distance = self._running().distance
        if distance == 0:
            return sys.maxsize
        return packing_bound([mask.bit_count() for mask in start_domains(self._features)], distance)

    def _running(self) -> Engine:
        if self._engine is None:
            raise BankError("a bank of text personas has no dimensions to sample → it is dealt")
        return self._engine

    def _engine_free(self) -> bool:
        return self._running().distance == 0 and self._running().strata is None

    def _windows(self, count: int, start: int) -> Iterator[PersonaSpec]:
        """Without distance and strata each persona stands alone: any window can be made without those before it."""
        engine = self._running()
        for first in range(start, start + count, _CHUNK):
            size = min(_CHUNK, start + count - first)
            yield from specs(self._features, engine.window(first, size), first)

    def _codes(self, count: int) -> Any:
        from personaloom.personas.engine import ExhaustedError  # noqa: PLC0415 - NumPy only on use

        engine = self._running()
        # Past the bound there is nothing to find: look only as far as needed to say how many were reached.
        wanted = min(count, self._loose_bound() + 1)
        while True:
            try:
                codes = engine.codes(wanted)
                if wanted < count:
                    raise AssertionError(f"{wanted:,} personas pass the packing bound")
                return codes
            except ExhaustedError as end:
                if engine.strata is None or not engine.strata.give_up(end.row):
                    raise self._infeasible(count, end.row) from None

    def _infeasible(self, count: int, reached: int) -> InfeasibleError:
        d = self.settings.diversity
        bound = self.packing_bound()
        verdict = (
            f"no sampler could give more than {bound:,} (packing bound)"
            if bound < count
            else f"the packing bound is {bound:,}, so more may exist than this sampler finds"
        )
        return InfeasibleError(
            f"{count:,} personas at a Hamming distance of at least {d.min_hamming_distance} cannot be had from bank "
            f"'{self.bank.name}': {reached:,} were reached with {d.max_attempts} attempts each, and {verdict} → "
            f"ask for at most num_personas={reached}, lower sampler.diversity.min_hamming_distance, raise "
            "sampler.max_features or sampler.diversity.max_attempts, or use a bank with more dimensions or values"
        )


def _check_required(bank: PersonaBank, fixed: Sequence[int]) -> None:
    domains = start_domains(bank, fixed)
    if solve(domains, bank.boxes) is None:
        rules = ", ".join(bank.rules[number].place for number in conflict(domains, bank.boxes))
        names = ", ".join(bank.names[column] for column in fixed)
        raise InfeasibleError(f"no persona has all of {names} and keeps the rules {rules} → require fewer dimensions")
