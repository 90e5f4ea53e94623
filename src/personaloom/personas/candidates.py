"""Candidates: which states persona i gets at attempt a, from nothing but the key, i and a.

Each dimension has two draws. The second decides whether it is there: an optional dimension is available where its draw
lies below the availability rate, and bounds on the number of features keep the smallest draws, so that which ones are
trimmed or added is as random as the rest. The first draw picks the value from the compiled table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from personaloom.errors import InfeasibleError
from personaloom.keyed import threshold
from personaloom.personas.draws import Draws
from personaloom.personas.repair import Repairer
from personaloom.plural import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from personaloom.keyed import Key
    from personaloom.personas.model import PersonaBank
    from personaloom.personas.network import Network
    from personaloom.personas.settings import SamplerSettings

    Codes = npt.NDArray[np.uint16]

__all__ = ["Candidates", "Presence", "presence_of"]

_ROUNDS = 3
"""How often the vectorised pass asks for more or fewer dimensions before the exact search takes a row over."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Which dimensions are always there, and the bounds on the others.

    Attributes:
        fixed: columns that are always set.
        constraints: constraint columns of which ``take`` are set (those not fixed, where max_constraints trims).
        take: how many of them.
        optional: the other columns.
        constraint_columns: all constraint columns, for the bounds.
        low, high: bounds on set columns.
        constraints_low, constraints_high: bounds on set constraint columns.
    """

    fixed: tuple[int, ...]
    constraints: tuple[int, ...]
    take: int
    optional: tuple[int, ...]
    constraint_columns: tuple[int, ...]
    low: int
    high: int
    constraints_low: int
    constraints_high: int


def presence_of(bank: PersonaBank, settings: SamplerSettings, extra_required: Sequence[str] = ()) -> Presence:
    """Sort the bank's dimensions by when they are set.

    Raises:
        InfeasibleError: a required dimension is not in the bank, or the bounds leave no room.
    """
    for name in (*settings.required_dimensions, *extra_required):
        if name not in bank.positions:
            raise InfeasibleError(
                f"sampler.required_dimensions names '{name}', which the bank has not → "
                f"sampler.required_dimensions=[], or choose from {', '.join(bank.names)}"
            )
    required = {bank.positions[name] for name in (*settings.required_dimensions, *extra_required)}
    every = [column for column, dimension in enumerate(bank.dimensions) if dimension.is_constraint]
    limit = len(every) if settings.max_constraints is None else settings.max_constraints
    trimmed = len(every) > limit
    fixed = sorted(required | (set() if trimmed else set(every)))
    free = tuple(column for column in every if column not in fixed)
    take = max(0, limit - len(required & set(every))) if trimmed else 0
    optional = tuple(c for c in range(len(bank.dimensions)) if c not in fixed and c not in every)
    _check_bounds(bank, settings, len(fixed), take, len(every), len(required & set(every)), limit)
    return Presence(
        tuple(fixed), free, take, optional, tuple(every),
        settings.min_features, settings.max_features, settings.min_constraints, max(limit, 0),
    )  # fmt: skip


def _check_bounds(
    bank: PersonaBank,
    settings: SamplerSettings,
    fixed: int,
    take: int,
    constraints: int,
    needed: int,
    limit: int,
) -> None:
    problem = ""
    if settings.min_features > len(bank.dimensions):
        has = f"the bank has {many(len(bank.dimensions), 'dimension')}"
        problem = (
            f"sampler.min_features is {settings.min_features}, {has} → "
            f"sampler.min_features={len(bank.dimensions)} or less"
        )
    elif fixed + take > settings.max_features:
        problem = (
            f"sampler.max_features is {settings.max_features}, but {fixed + take} dimensions are always set "
            "(constraint and required ones) → raise sampler.max_features or lower sampler.max_constraints"
        )
    elif settings.min_constraints > constraints:
        problem = f"sampler.min_constraints is {settings.min_constraints}, the bank has {constraints} → lower it"
    elif needed > limit:
        problem = f"sampler.max_constraints is {limit}, but {needed} constraint dimensions are required → raise it"
    if problem:
        raise InfeasibleError(problem)


class Candidates:
    """The stream of candidates of one sampler.

    Args:
        network: the compiled bank.
        presence: which dimensions are set when.
        rate: availability of optional dimensions.
        key: names the stream.
        width: columns of the bank.
    """

    def __init__(self, network: Network, presence: Presence, rate: float, key: Key, width: int) -> None:
        self.network = network
        self.presence = presence
        self.width = width
        self._draws = Draws(key, width)
        self._threshold = threshold(rate) >> 32
        self._repairer = Repairer(network, presence, width)
        self._low_bits = max(width - 1, 1).bit_length()
        if self._repairer.find([0] * width, [True] * width, {}) is None:
            raise InfeasibleError(
                f"no persona keeps the rules with {presence.low} to {presence.high} features, "
                f"{presence.constraints_low} to {presence.constraints_high} of them constraints → change "
                "sampler.min_features, sampler.max_features, sampler.min_constraints or sampler.max_constraints"
            )

    def draw(self, rows: Sequence[int], attempts: Sequence[int], forced: dict[int, Codes] | None = None) -> Codes:
        """States of the candidates, shape (rows, columns).

        Args:
            rows: persona indices.
            attempts: as many attempt numbers.
            forced: columns whose states are given (strata); they must be in ``presence.fixed``.
        """
        pairs = self._draws.pairs(rows, attempts)
        values = np.ascontiguousarray(pairs[:, :, 0].T)
        there = self._unique(pairs[:, :, 1])
        asked = np.zeros(len(there), dtype=np.int64)
        codes = self._values(values, self._mask(there, asked), forced or {})
        for _ in range(_ROUNDS):
            wrong = np.flatnonzero(self._off(codes))
            if not len(wrong):
                return codes.T
            asked[wrong] += self._off(codes)[wrong]
            part = {column: states[wrong] for column, states in (forced or {}).items()}
            codes[:, wrong] = self._values(values[:, wrong], self._mask(there[wrong], asked[wrong]), part)
        for row in np.flatnonzero(self._off(codes)):
            mask = self._mask(there[row : row + 1], np.zeros(1, dtype=np.int64))[0]
            fixed = {column: int(states[row]) for column, states in (forced or {}).items()}
            found = self._repairer.find(values[:, row].tolist(), mask.tolist(), fixed)
            if found is None:
                raise InfeasibleError(
                    "a stratum has no persona within the bounds on features → change sampler.min_features, "
                    "sampler.max_features, or the strata"
                )
            codes[:, row] = found
        return codes.T

    def _unique(self, draws: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """Presence draws with the column in the lowest bits, so that no two of a row are equal."""
        columns = np.arange(self.width, dtype=np.uint32)
        return (draws >> np.uint32(self._low_bits) << np.uint32(self._low_bits)) | columns

    def _mask(self, there: npt.NDArray[np.uint32], asked: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which columns should be set, shape (rows, columns); ``asked`` is how many more than the bounds alone say."""
        p = self.presence
        mask = np.zeros(there.shape, dtype=bool)
        mask[:, list(p.fixed)] = True
        if p.constraints:
            _smallest(mask, there, p.constraints, np.full(len(there), p.take))
        if p.optional:
            available = (there[:, list(p.optional)].astype(np.uint64) < self._threshold).sum(axis=1)
            base = len(p.fixed) + p.take
            count = np.clip(available, p.low - base, p.high - base) + asked
            _smallest(mask, there, p.optional, np.clip(count, 0, len(p.optional)))
        return mask

    def _values(self, draws: npt.NDArray[np.uint32], mask: npt.NDArray[np.bool_], forced: dict[int, Codes]) -> Codes:
        """States by column, shape (columns, rows)."""
        codes: Codes = np.zeros(draws.shape, dtype=np.uint16)
        for node in self.network.nodes:
            column = node.column
            if column in forced:
                codes[column] = forced[column]
                continue
            row = node.rows(codes) if node.parents else np.zeros(codes.shape[1], dtype=np.int64)
            wanted = (row.astype(np.uint64) << np.uint64(32)) + draws[column]
            picked = np.searchsorted(node.thresholds, wanted, side="right") - row * node.values
            there = (mask[:, column] & node.can_set[row]) | ~node.can_unset[row]
            codes[column] = np.where(there, picked + 1, 0)
        return codes

    def _off(self, codes: Codes) -> npt.NDArray[np.int64]:
        """By how many features each column of ``codes`` misses the bounds: above 0 too few, below 0 too many."""
        p = self.presence
        count: npt.NDArray[np.int64] = np.count_nonzero(codes, axis=0).astype(np.int64)
        off: npt.NDArray[np.int64] = np.clip(count, p.low, p.high) - count
        if p.constraint_columns:
            constraints = np.count_nonzero(codes[list(p.constraint_columns)], axis=0)
            missed = np.clip(constraints, p.constraints_low, p.constraints_high) - constraints
            off = np.where(off == 0, missed, off)
        return off


def _smallest(
    mask: npt.NDArray[np.bool_],
    draws: npt.NDArray[np.uint32],
    columns: Sequence[int],
    count: npt.NDArray[np.int64],
) -> None:
    """Set, in ``mask``, the ``count`` columns with the smallest draws in each row."""
    chosen = draws[:, list(columns)]
    ranked = np.sort(chosen, axis=1)
    cut = np.take_along_axis(ranked, np.maximum(count - 1, 0)[:, None], axis=1)
    mask[:, list(columns)] = (chosen <= cut) & (count > 0)[:, None]
