"""A bank compiled for sampling: one table per dimension, by the states of the dimensions drawn before it.

Dimensions are drawn in an order in which conditions come before what they decide. A value is drawn in proportion to its
weight among the values that (1) the rules allow beside what was drawn before and (2) leave every later dimension a way
out. The second part is exact: constraints on later dimensions are projected back onto earlier ones, last dimension
first (adaptive consistency: Dechter and Pearl, Artificial Intelligence 34, 1987), so that sampling never has to turn
back. States that no rule tells apart share a row, which keeps tables small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from personaloom.errors import BankError
from personaloom.personas.constraints import start_domains
from personaloom.personas.order import drawing_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from personaloom.personas.model import ConditionalTable, PersonaBank, Rule

__all__ = ["Network", "Node", "compile_network"]

MAX_CELLS = 20_000_000
"""Largest table that a dimension may need; beyond it the rules link too many dimensions at once."""
RANGE = 1 << 32
"""Draws lie below this, so each probability is met to within 2**-32."""


@dataclass(frozen=True, slots=True)
class Node:
    """How one dimension is drawn.

    Attributes:
        column: its position in the bank.
        parents: columns whose states choose the row.
        classes: per parent, state to class times stride; their sum is the row.
        thresholds: flat, per row one ascending number per value plus ``row * 2**32``; the value drawn is the first
            above the draw.
        can_set, can_unset: per row, whether some value, or unset, is allowed.
        allowed: shape (rows, states), 0 being unset.
    """

    column: int
    parents: tuple[int, ...]
    classes: tuple[npt.NDArray[np.int64], ...]
    thresholds: npt.NDArray[np.uint64]
    can_set: npt.NDArray[np.bool_]
    can_unset: npt.NDArray[np.bool_]
    allowed: npt.NDArray[np.bool_]

    @property
    def values(self) -> int:
        """How many values the dimension has."""
        return int(self.allowed.shape[1]) - 1

    def row(self, codes: Sequence[int]) -> int:
        """The row for one assignment of the earlier dimensions."""
        total = 0
        for parent, of in zip(self.parents, self.classes, strict=True):
            total += int(of[codes[parent]])
        return total

    def rows(self, codes: npt.NDArray[np.uint16]) -> npt.NDArray[np.int64]:
        """The rows for many assignments; ``codes`` has shape (columns, n)."""
        total = np.zeros(codes.shape[1], dtype=np.int64)
        for parent, of in zip(self.parents, self.classes, strict=True):
            total += of[codes[parent]]
        return total


@dataclass(frozen=True, slots=True)
class Network:
    """The nodes in drawing order."""

    nodes: tuple[Node, ...]
    required: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Projected:
    """A constraint on earlier columns that elimination produced: the table says which classes are possible."""

    scope: tuple[int, ...]
    classes: tuple[npt.NDArray[np.int64], ...]
    table: npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Bucket:
    """All that bears on one dimension, seen from the states of its parents."""

    masks: list[Mapping[int, int]] = field(default_factory=list)
    projected: list[_Projected] = field(default_factory=list)


def compile_network(
    bank: PersonaBank,
    required: frozenset[int],
    *,
    weighted: bool,
    first: tuple[int, ...] = (),
) -> Network:
    """Compile a bank.

    Args:
        bank: checked.
        required: columns that must be set.
        weighted: draw by the bank's weights, conditional ones included; else all allowed values are equally likely.
        first: columns to draw before all others (strata).

    Raises:
        BankError: conditional weights go in a circle, or the rules link too many dimensions at once.
    """
    order = drawing_order(bank, first, weighted=weighted)
    place = {column: position for position, column in enumerate(order)}
    buckets = {column: _Bucket() for column in order}
    for box in bank.boxes:
        buckets[max(box.masks, key=place.__getitem__)].masks.append(box.masks)
    domains = start_domains(bank, required)
    nodes: dict[int, Node] = {}
    for column in reversed(order):
        conditions = _Conditions(bank, column, place, skip=not weighted or column in first)
        node, projected = _node(bank, column, buckets[column], domains[column], conditions)
        nodes[column] = node
        if projected is not None and projected.scope:
            buckets[max(projected.scope, key=place.__getitem__)].projected.append(projected)
    return Network(tuple(nodes[column] for column in order), required)


class _Conditions:
    """What the weights of one dimension depend on."""

    def __init__(self, bank: PersonaBank, column: int, place: Mapping[int, int], *, skip: bool) -> None:
        name = bank.dimensions[column].name
        self.weighted = not skip
        values = bank.dimensions[column].values
        self.base = [v.weight if self.weighted else 1.0 for v in values]
        self.rules: list[Rule] = [rule for rule in bank.rules if name in rule.weights] if self.weighted else []
        self.changes = [
            {code: rule.weights[name][v.name] for code, v in enumerate(values) if v.name in rule.weights[name]}
            for rule in self.rules
        ]
        self.whens = [_when_masks(bank, rule) for rule in self.rules]
        table: ConditionalTable | None = next((t for t in bank.tables if t.target == name), None)
        self.table = table if self.weighted else None
        self.table_columns = [bank.positions[given] for given in self.table.given] if self.table else []
        later = [c for when in self.whens for c in when if place[c] > place[column]]
        if later:
            raise AssertionError(f"{name} is drawn before what its weights depend on: {later}")


def _when_masks(bank: PersonaBank, rule: Rule) -> dict[int, int]:
    out = {}
    for name, states in rule.when.items():
        column = bank.positions[name]
        mask = 1 if "" in states else 0
        for code, value in enumerate(bank.dimensions[column].value_names, start=1):
            mask |= (value in states) << code
        out[column] = mask
    return out


def _node(
    bank: PersonaBank, column: int, bucket: _Bucket, domain: int, conditions: _Conditions
) -> tuple[Node, _Projected | None]:
    states = [len(dimension.values) + 1 for dimension in bank.dimensions]
    parents = sorted(
        {c for masks in bucket.masks for c in masks}
        | {c for one in bucket.projected for c in one.scope}
        | {c for when in conditions.whens for c in when}
        | set(conditions.table_columns)
    )
    if column in parents:
        parents.remove(column)
    classes, members = {}, {}
    for parent in parents:
        classes[parent], members[parent] = _classes(parent, states[parent], bucket, conditions)
    shape = tuple(len(members[parent]) for parent in parents)
    if int(np.prod(shape, dtype=object)) * states[column] > MAX_CELLS:
        linked = ", ".join(bank.names[parent] for parent in parents)
        raise BankError(
            f"bank {bank.source or bank.name}: the rules about '{bank.names[column]}' depend on too many dimensions at "
            f"once ({linked}) → split a rule, or name fewer dimensions in its 'if'"
        )
    allowed = _allowed(bucket, column, parents, members, shape, states[column], domain)
    strides = [int(np.prod(shape[position + 1 :], dtype=np.int64)) for position in range(len(shape))]
    flat = allowed.reshape(-1, states[column])
    weights = _row_weights(conditions, parents, members, shape, flat)
    node = Node(
        column,
        tuple(parents),
        tuple(classes[parent] * stride for parent, stride in zip(parents, strides, strict=True)),
        _thresholds(flat, weights),
        np.asarray(flat[:, 1:].any(axis=1)),
        flat[:, 0].copy(),
        flat,
    )
    possible = np.asarray(allowed.any(axis=-1))
    if possible.all():
        return node, None
    return node, _Projected(tuple(parents), tuple(classes[parent] for parent in parents), possible)


def _classes(
    parent: int, states: int, bucket: _Bucket, conditions: _Conditions
) -> tuple[npt.NDArray[np.int64], list[int]]:
    """State to class, and one member of each class: states are told apart only where something here does."""
    every = range(states)
    given = (*bucket.masks, *conditions.whens)
    marks = [[masks[parent] >> state & 1 for state in every] for masks in given if parent in masks]
    marks += [one.classes[one.scope.index(parent)].tolist() for one in bucket.projected if parent in one.scope]
    if parent in conditions.table_columns:
        marks.append(list(every))
    seen: dict[tuple[int, ...], int] = {}
    members: list[int] = []
    classes = np.zeros(states, dtype=np.int64)
    for state in every:
        signature = tuple(mark[state] for mark in marks)
        if signature not in seen:
            seen[signature] = len(seen)
            members.append(state)
        classes[state] = seen[signature]
    return classes, members


def _allowed(
    bucket: _Bucket,
    column: int,
    parents: Sequence[int],
    members: Mapping[int, list[int]],
    shape: tuple[int, ...],
    states: int,
    domain: int,
) -> npt.NDArray[np.bool_]:
    own = np.array([domain >> state & 1 for state in range(states)], dtype=bool)
    allowed = np.broadcast_to(own, (*shape, states)).copy()
    for masks in bucket.masks:
        axes = [
            [at for at, member in enumerate(members[parent]) if masks[parent] >> member & 1]
            if parent in masks
            else list(range(len(members[parent])))
            for parent in parents
        ]
        axes.append([state for state in range(states) if masks[column] >> state & 1])
        allowed[np.ix_(*(np.array(axis, dtype=np.int64) for axis in axes))] = False
    for one in bucket.projected:
        index = []
        for at, of in zip(one.scope, one.classes, strict=True):
            axis = of[np.array(members[at])] if at != column else of
            position = parents.index(at) if at != column else len(parents)
            index.append(axis.reshape([-1 if i == position else 1 for i in range(len(parents) + 1)]))
        allowed &= one.table[tuple(index)]
    return allowed


def _row_weights(
    conditions: _Conditions,
    parents: Sequence[int],
    members: Mapping[int, list[int]],
    shape: tuple[int, ...],
    flat: npt.NDArray[np.bool_],
) -> list[tuple[float, ...]]:
    """Per row the weights of the values, before the rules' exclusions."""
    rows = len(flat)
    if not conditions.rules and conditions.table is None:
        return [tuple(conditions.base)] * rows
    axes = np.unravel_index(np.arange(rows), shape) if shape else ()
    states = {parent: [members[parent][int(at)] for at in axis] for parent, axis in zip(parents, axes, strict=True)}
    out = []
    for row in range(rows):
        weights = list(conditions.base)
        if conditions.table is not None:
            weights = _table_row(conditions, {parent: of[row] for parent, of in states.items()}, weights)
        for when, changes in zip(conditions.whens, conditions.changes, strict=True):
            if all(mask >> states[c][row] & 1 for c, mask in when.items()):
                for code, weight in changes.items():
                    weights[code] = weight if weights[code] else 0.0
        out.append(tuple(weights))
    return out


def _table_row(conditions: _Conditions, states: Mapping[int, int], base: list[float]) -> list[float]:
    table = conditions.table
    if table is None:
        return base
    values = len(base)
    sizes = _table_sizes(table, values, len(conditions.table_columns))
    at = 0
    for column, size in zip(conditions.table_columns, sizes, strict=True):
        at = at * size + states[column]
    found = list(table.table[at * values : (at + 1) * values])
    return found if any(found) else base


def _table_sizes(table: ConditionalTable, values: int, count: int) -> tuple[int, ...]:
    sizes = table.sizes
    if len(sizes) != count or int(np.prod(sizes, dtype=object)) * values != len(table.table):
        raise BankError(f"the table of '{table.target}' has {len(table.table)} cells, not {sizes} times {values}")
    return sizes


def _thresholds(flat: npt.NDArray[np.bool_], weights: list[tuple[float, ...]]) -> npt.NDArray[np.uint64]:
    values = flat.shape[1] - 1
    out = np.empty((len(flat), values), dtype=np.uint64)
    cache: dict[tuple[bytes, tuple[float, ...]], npt.NDArray[np.uint64]] = {}
    for row, (allowed, given) in enumerate(zip(flat[:, 1:], weights, strict=True)):
        signature = (allowed.tobytes(), given)
        if signature not in cache:
            cache[signature] = _cumulative(allowed.tolist(), given)
        out[row] = cache[signature]
    out += (np.arange(len(flat), dtype=np.uint64) << np.uint64(32))[:, None]
    return out.reshape(-1)


def _cumulative(allowed: Sequence[bool], weights: Sequence[float]) -> npt.NDArray[np.uint64]:
    """Exact thresholds; where the rules leave only values of weight 0, those are equally likely."""
    ratios = [float(weight).as_integer_ratio() for weight in weights]
    scale = max(denominator for _, denominator in ratios)  # powers of two: the largest is a multiple of all
    whole = [n * (scale // d) if ok else 0 for ok, (n, d) in zip(allowed, ratios, strict=True)]
    if not any(whole):
        whole = [int(ok) for ok in allowed]
    total = sum(whole)
    if not total:
        return np.full(len(whole), RANGE, dtype=np.uint64)
    return np.array([running * RANGE // total for running in accumulate(whole)], dtype=np.uint64)
