"""What a persona bank is: dimensions, their values, and rules that say how values hang together.

A *state* of a dimension is one of its values or ``UNSET`` (the persona does not have the dimension). Inside, states are
integers: 0 is unset, ``k`` is the k-th value, counted from 1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from personaloom.personas.constraints import Box

__all__ = ["UNSET", "ConditionalTable", "Dimension", "PersonaBank", "Rule", "Value"]

UNSET = ""
"""The state of a dimension that a persona does not have."""

ALGORITHM = 1
"""Raised whenever the same bank would give other personas."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a dimension; ``weight`` is relative to its siblings and read by the weighted sampler only."""

    name: str
    weight: float = 1.0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One feature that a persona can have.

    Attributes:
        name: the key in ``PersonaSpec.features``.
        values: at least one, names unique.
        description: what it means, for people and for the model that writes system prompts.
        category: basic_info, demographics, behavioral, communication_style, constraint, or one of the user's own.
        is_constraint: always sampled (up to ``sampler.max_constraints``), not at the availability rate.
        line: where its file defines it, from 1; 0 where it was not read from a file.
    """

    name: str
    values: tuple[Value, ...]
    description: str = ""
    category: str = "behavioral"
    is_constraint: bool = False
    line: int = 0

    @property
    def value_names(self) -> tuple[str, ...]:
        """Names of the values, in order."""
        return tuple(value.name for value in self.values)


Literal = Mapping[str, frozenset[str]]
"""Dimension name to the states it may be in; a conjunction over the dimensions."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How values hang together. ``when`` holds if every dimension in it is in one of the states given.

    Attributes:
        when: the condition; empty means always.
        then: implication. Each dimension, if the persona has it, is in one of these states.
        exclude: exclusion. Not all of these together.
        needs: at least one of these conjunctions holds, the dimensions being set.
        weights: conditional weights, dimension to value to weight; values not named keep theirs, later rules win.
        line: where the file has it.
    """

    name: str
    when: Literal = field(default_factory=dict)
    then: Literal = field(default_factory=dict)
    exclude: Literal = field(default_factory=dict)
    needs: tuple[Literal, ...] = ()
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    line: int = 0

    @property
    def place(self) -> str:
        """For messages: the name, and the line where there is one."""
        return f"'{self.name}'" + (f" (line {self.line})" if self.line else "")


@dataclass(frozen=True, slots=True)
class ConditionalTable:
    """The distribution of one dimension given others, as fitted from a population.

    Attributes:
        target: dimension name.
        given: names of the dimensions it depends on; empty for a marginal.
        sizes: states of each given dimension, unset included.
        table: flat, in C order, of shape ``(len(given[0].values) + 1, …, len(target.values))``; index 0 of a condition
            is its unset state. Rows need not sum to 1.
    """

    target: str
    given: tuple[str, ...]
    sizes: tuple[int, ...]
    table: tuple[float, ...]


@dataclass(frozen=True)
class PersonaBank:
    """Dimensions and rules. Immutable; made by ``PersonaBank.load``, or by hand and then checked with ``check``."""

    dimensions: tuple[Dimension, ...]
    rules: tuple[Rule, ...] = ()
    name: str = "bank"
    source: str = ""
    tables: tuple[ConditionalTable, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    """Facts for the manifest, such as the error of a population fit."""

    @staticmethod
    def load(path: str = "default") -> PersonaBank:
        """Read a bank: ``default``, ``compact``, or the path of a ``persona.yaml`` in either published shape.

        Raises:
            BankError: the file cannot be read, is no bank, or its rules cannot be kept; every fault is listed with
                file, line, dimension and remedy.
        """
        from personaloom.personas.reading import load_bank  # noqa: PLC0415 - YAML is read on use

        return load_bank(path)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Dimension name to its column."""
        return {dimension.name: column for column, dimension in enumerate(self.dimensions)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Dimension names in order."""
        return tuple(dimension.name for dimension in self.dimensions)

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """The hard rules as forbidden combinations of states."""
        from personaloom.personas.constraints import boxes_of  # noqa: PLC0415 - it needs this module

        return boxes_of(self)

    def dimension(self, name: str) -> Dimension:
        """The dimension of this name (KeyError where there is none)."""
        return self.dimensions[self.positions[name]]

    def values_of(self, name: str) -> tuple[str, ...]:
        """Values of a dimension, or ``()`` where the bank has no such dimension."""
        return self.dimension(name).value_names if name in self.positions else ()

    def descriptions(self, names: Mapping[str, str]) -> dict[str, str]:
        """For a persona's features: what each dimension means, and its value where that is described too."""
        texts = self._texts
        return {name: texts[name].get(value, texts[name][""]) for name, value in names.items() if name in texts}

    @cached_property
    def _texts(self) -> dict[str, dict[str, str]]:
        """Dimension name to what it means, under "", and with each described value."""
        return {
            d.name: {"": d.description}
            | {v.name: f"{d.description} Here: {v.description}" for v in d.values if v.description}
            for d in self.dimensions
        }

    @cached_property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """Category to its dimensions' names, in order of first appearance."""
        out: dict[str, tuple[str, ...]] = {}
        for dimension in self.dimensions:
            out[dimension.category] = (*out.get(dimension.category, ()), dimension.name)
        return out

    def fingerprint(self) -> str:
        """SHA-256 over all that decides which personas come out and what their prompts say; not name or path."""
        content = [
            ALGORITHM,
            [
                [d.name, d.description, d.category, d.is_constraint]
                + [[v.name, v.weight, v.description] for v in d.values]
                for d in self.dimensions
            ],
            [
                [
                    _plain(rule.when), _plain(rule.then), _plain(rule.exclude), [_plain(need) for need in rule.needs],
                    {name: dict(weights) for name, weights in rule.weights.items()},
                ]
                for rule in self.rules
            ],
            [[table.target, table.given, table.sizes, table.table] for table in self.tables],
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()

    def check(self) -> PersonaBank:
        """This bank, found to be usable: every dimension can be had by some persona that keeps all rules (exact).

        Raises:
            BankError: it is not, with a smallest set of rules that contradict each other.
        """
        from personaloom.personas.constraints import check_bank  # noqa: PLC0415 - it needs this module

        check_bank(self)
        return self


def _plain(literal: Literal) -> dict[str, list[str]]:
    return {name: sorted(states) for name, states in literal.items()}
