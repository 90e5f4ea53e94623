"""Iterative proportional fitting of a joint distribution to marginals and two-way tables.

Deming and Stephan, Annals of Mathematical Statistics 11, 1940. Dimensions that no chain of tables links are independent
and are fitted apart, each group on its full joint table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from personaloom.errors import BankError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from personaloom.personas.tables import PopulationTables, Table

__all__ = ["Conditional", "Fit", "fit"]

MAX_CELLS = 4_000_000
"""Largest joint table of a group with circles, and largest conditional table."""


@dataclass(frozen=True, slots=True)
class Conditional:
    """One dimension given others; index 0 along a condition is its unset state. Shape as in ``ConditionalTable``."""

    target: str
    given: tuple[str, ...]
    table: Table


@dataclass(slots=True)
class Fit:
    """The fitted distribution, as a product of conditionals in drawing order.

    Attributes:
        marginals: of the fitted distribution, dimension to shares.
        conditionals: one per dimension.
        error: the largest difference between a share of a target and of the fit.
        worst: the target that has it.
        rounds: most rounds that a group took.
        converged: whether the error is within the tolerance.
    """

    marginals: dict[str, Table] = field(default_factory=dict)
    conditionals: list[Conditional] = field(default_factory=list)
    error: float = 0.0
    worst: str = ""
    rounds: int = 0
    converged: bool = True

    def note(self, error: float, worst: str, rounds: int) -> None:
        """Take in how well a part was fitted."""
        self.rounds = max(self.rounds, rounds)
        if error >= self.error:
            self.error, self.worst = error, worst


_Target = tuple[tuple[int, ...], "Table", str]
"""Axes of a joint table, the shares wanted there, and a name."""


def fit(tables: PopulationTables, tolerance: float, max_rounds: int) -> Fit:
    """Fit all groups.

    Raises:
        BankError: a group with a circle of tables is too large for its joint table.
    """
    out = Fit()
    for group in _groups(tables):
        edges = [pair for pair in tables.pairs if pair[0] in group]
        if len(edges) == len(group) - 1:
            _fit_tree(out, tables, group, edges, tolerance, max_rounds)
        else:
            _fit_joint(out, tables, group, edges, tolerance, max_rounds)
    out.converged = out.error <= tolerance
    return out


def _groups(tables: PopulationTables) -> list[list[str]]:
    """Connected dimensions, in an order in which each but the first is linked to one before it."""
    left = list(tables.values)
    groups = []
    while left:
        group = [left.pop(0)]
        for name in group:
            linked = [b if a == name else a for a, b in tables.pairs if name in (a, b)]
            fresh = [other for other in left if other in linked]
            group += fresh
            left = [other for other in left if other not in fresh]
        groups.append(group)
    return groups


def _fit_tree(
    out: Fit,
    tables: PopulationTables,
    group: Sequence[str],
    edges: Sequence[tuple[str, str]],
    tolerance: float,
    max_rounds: int,
) -> None:
    """Without a circle each table is fitted to the marginals of its two dimensions, and the product is the joint."""
    out.marginals[group[0]] = tables.marginals[group[0]]
    out.conditionals.append(Conditional(group[0], (), tables.marginals[group[0]]))
    for name in group[1:]:
        a, b = next(e for e in edges if name in e and (e[0] if e[1] == name else e[1]) in out.marginals)
        table = tables.pairs[a, b] if b == name else tables.pairs[a, b].T
        parent = a if b == name else b
        start, wanted = out.marginals[parent], tables.marginals[name]
        targets: list[_Target] = [
            ((0, 1), table, f"{parent} x {name}"),
            ((0,), start, parent),
            ((1,), wanted, name),
        ]
        joint, rounds = _proportional(np.ones(table.shape), targets, tolerance, max_rounds)
        # The parent's marginal is what its own part of the tree gave it, exactly.
        joint = _conditional(joint) * start[:, None]
        out.note(*_miss(joint, targets), rounds)
        out.marginals[name] = joint.sum(axis=0)
        out.conditionals.append(Conditional(name, (parent,), np.concatenate([joint.sum(axis=0)[None], joint])))


def _conditional(joint: Table) -> Table:
    """Rows that sum to 1; a row without mass follows the whole."""
    total = joint.sum(axis=1, keepdims=True)
    whole = np.broadcast_to(joint.sum(axis=0) / max(float(joint.sum()), 1e-300), joint.shape)
    return np.where(total > 0, joint / np.where(total > 0, total, 1.0), whole)


def _fit_joint(
    out: Fit,
    tables: PopulationTables,
    group: Sequence[str],
    edges: Sequence[tuple[str, str]],
    tolerance: float,
    max_rounds: int,
) -> None:
    shape = tuple(len(tables.values[name]) for name in group)
    cells = int(np.prod([size + 1 for size in shape], dtype=object))
    if cells > MAX_CELLS:
        raise BankError(
            f"the two-way tables link {', '.join(group)} in circles, whose joint table has {cells:,} cells; at most "
            f"{MAX_CELLS:,} can be fitted → name fewer tables in persona_bank.pairs, or merge values"
        )
    at = {name: axis for axis, name in enumerate(group)}
    targets: list[_Target] = [((at[name],), tables.marginals[name], name) for name in group]
    for a, b in edges:
        table = tables.pairs[a, b] if at[a] < at[b] else tables.pairs[a, b].T
        first, second = sorted((at[a], at[b]))
        targets.append(((first, second), table, f"{a} x {b}"))
    joint, rounds = _proportional(np.ones(shape), targets, tolerance, max_rounds)
    out.note(*_miss(joint, targets), rounds)
    for name, axis in at.items():
        out.marginals[name] = _project(joint, (axis,))
    _chain(out, group, joint)


def _chain(out: Fit, group: Sequence[str], joint: Table) -> None:
    """The joint as conditionals, each given all dimensions before it; unset conditions are summed over."""
    for position, name in enumerate(group):
        part = _project(joint, tuple(range(position + 1)))
        for axis in range(position):
            part = np.concatenate([part.sum(axis=axis, keepdims=True), part], axis=axis)
        out.conditionals.append(Conditional(name, tuple(group[:position]), part))


def _project(joint: Table, axes: tuple[int, ...]) -> Table:
    others = tuple(axis for axis in range(joint.ndim) if axis not in axes)
    projected: Table = joint.sum(axis=others) if others else joint
    return projected


def _proportional(joint: Table, targets: Sequence[_Target], tolerance: float, max_rounds: int) -> tuple[Table, int]:
    """Scale to each target in turn until all fit, or until nothing moves any more."""
    joint = joint / joint.sum()
    for done in range(1, max_rounds + 1):
        before = joint
        for axes, wanted, _ in targets:
            have = _project(joint, axes)
            factor = np.where(have > 0, wanted / np.where(have > 0, have, 1.0), 0.0)
            shape = tuple(joint.shape[axis] if axis in axes else 1 for axis in range(joint.ndim))
            joint = joint * factor.reshape(shape)
            joint = joint / max(float(joint.sum()), 1e-300)
        if _miss(joint, targets)[0] <= tolerance or float(np.abs(joint - before).max()) <= tolerance * 1e-3:
            return joint, done
    return joint, max_rounds


def _miss(joint: Table, targets: Sequence[_Target]) -> tuple[float, str]:
    misses = [(float(np.abs(_project(joint, axes) - wanted).max()), name) for axes, wanted, name in targets]
    return max(misses)
