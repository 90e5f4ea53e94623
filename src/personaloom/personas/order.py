"""The order in which dimensions are drawn: what a value depends on comes before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from personaloom.errors import BankError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from personaloom.personas.model import PersonaBank

__all__ = ["drawing_order"]


def drawing_order(bank: PersonaBank, first: tuple[int, ...] = (), *, weighted: bool = True) -> tuple[int, ...]:
    """Columns in drawing order: ``first``, then the bank's own order as far as dependencies allow.

    A dimension with conditional weights must follow its conditions; one that an implication speaks about follows its
    condition where it can; one with needs follows what it needs.

    Raises:
        BankError: conditional weights depend on each other in a circle.
    """
    must = _must_edges(bank) if weighted else set()
    should = _should_edges(bank)
    left = [column for column in range(len(bank.dimensions)) if column not in first]
    order = list(first)
    while left:
        pick = _free(left, must | should) or _free(left, must)
        if pick is None:
            _circle(bank, left, must)
        else:
            order.append(left.pop(left.index(pick[0])))
    return tuple(order)


def _free(left: list[int], edges: Iterable[tuple[int, int]]) -> tuple[int] | None:
    """The first column that waits for no other (in a tuple, as column 0 is false)."""
    waiting = {after for before, after in edges if before in left}
    return next(((column,) for column in left if column not in waiting), None)


def _must_edges(bank: PersonaBank) -> set[tuple[int, int]]:
    at = bank.positions
    edges = {(at[c], at[t]) for rule in bank.rules for t in rule.weights for c in rule.when}
    return edges | {(at[given], at[table.target]) for table in bank.tables for given in table.given}


def _should_edges(bank: PersonaBank) -> set[tuple[int, int]]:
    at = bank.positions
    edges = {(at[c], at[t]) for rule in bank.rules for t in rule.then for c in rule.when}
    edges |= {(at[n], at[c]) for rule in bank.rules for need in rule.needs for n in need for c in rule.when}
    return {(before, after) for before, after in edges if before != after}


def _circle(bank: PersonaBank, left: list[int], must: set[tuple[int, int]]) -> None:
    names = ", ".join(bank.names[column] for column in left if any(column == after for _, after in must))
    rules = [rule.place for rule in bank.rules if any(bank.positions[t] in left for t in rule.weights)]
    raise BankError(
        f"bank {bank.source or bank.name}: the conditional weights of {names} depend on each other in a circle "
        f"({', '.join(rules)}) → drop one of these rules"
    )
