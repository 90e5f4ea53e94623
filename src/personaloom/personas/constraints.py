"""Rules as forbidden boxes of states, and an exact search for an assignment that keeps them all.

A box forbids a product of sets of states: ``{column: mask}`` means that not all these columns may be in their masks at
once. Sets of states are bit masks (bit 0 is unset). Implications, exclusions and needs all become boxes, so that one
search decides all of them: it narrows the states by propagation and splits a set where that is not enough. It is
complete, so its "no" is a proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from personaloom.errors import BankError, Fault
from personaloom.personas.order import drawing_order

if TYPE_CHECKING:
    from personaloom.personas.model import Literal, PersonaBank, Rule

__all__ = ["Box", "boxes_of", "check_bank", "conflict", "reachable", "solve", "start_domains"]


@dataclass(frozen=True, slots=True)
class Box:
    """One forbidden combination; ``rule`` is the position of the rule it comes from."""

    masks: Mapping[int, int]
    rule: int


def boxes_of(bank: PersonaBank) -> tuple[Box, ...]:
    """All boxes of a bank's rules, in order."""
    return tuple(
        Box(box, number)
        for number, rule in enumerate(bank.rules)
        for box in _rule_boxes(bank, rule)
        if all(box.values())
    )


def _rule_boxes(bank: PersonaBank, rule: Rule) -> Iterable[dict[int, int]]:
    when = _masks(bank, rule.when)
    if rule.exclude:
        yield _meet(when, _masks(bank, rule.exclude))
    for column, mask in _masks(bank, rule.then).items():
        yield _meet(when, {column: _full(bank, column) & ~(mask | 1)})
    if rule.needs:
        alternatives = [list(_masks(bank, need).items()) for need in rule.needs]
        for failing in product(*alternatives):
            box = when
            for column, mask in failing:
                box = _meet(box, {column: _full(bank, column) & ~mask})
            yield box


def _masks(bank: PersonaBank, literal: Literal) -> dict[int, int]:
    out: dict[int, int] = {}
    for name, states in literal.items():
        column = bank.positions[name]
        values = bank.dimensions[column].value_names
        mask = 1 if "" in states else 0
        for code, value in enumerate(values, start=1):
            mask |= (value in states) << code
        out[column] = mask
    return out


def _full(bank: PersonaBank, column: int) -> int:
    return (1 << (len(bank.dimensions[column].values) + 1)) - 1


def _meet(left: Mapping[int, int], right: Mapping[int, int]) -> dict[int, int]:
    out = dict(left)
    for column, mask in right.items():
        out[column] = out.get(column, mask) & mask
    return out


def start_domains(bank: PersonaBank, required: Iterable[int] = ()) -> list[int]:
    """The states each dimension can be in before any rule: no unset where required, no value of weight 0."""
    needed = set(required)
    domains = []
    for column, dimension in enumerate(bank.dimensions):
        mask = 0 if column in needed else 1
        for code, value in enumerate(dimension.values, start=1):
            mask |= (value.weight > 0) << code
        domains.append(mask)
    return domains


def solve(domains: Sequence[int], boxes: Sequence[Box]) -> list[int] | None:
    """Some assignment (a state per column) within the domains that no box forbids, or None: there is none."""
    stack = [list(domains)]
    while stack:
        current = stack.pop()
        split = _narrow(current, boxes)
        if split is None:
            continue
        column, mask = split
        if column < 0:
            return [(mask & -mask).bit_length() - 1 for mask in current]
        for part in (current[column] & mask, current[column] & ~mask):
            branch = list(current)
            branch[column] = part
            stack.append(branch)
    return None


def _narrow(domains: list[int], boxes: Sequence[Box]) -> tuple[int, int] | None:
    """Propagate in place: None at a contradiction, else where to split next, or (-1, 0) when all boxes are avoided."""
    if not all(domains):
        return None
    changed = True
    split = (-1, 0)
    while changed:
        changed, split = False, (-1, 0)
        for box in boxes:
            escapes = []
            for column, mask in box.masks.items():
                if not domains[column] & mask:
                    break  # this column is never inside: the box is avoided
                if domains[column] & ~mask:
                    escapes.append((column, mask))
            else:
                if not escapes:
                    return None
                if len(escapes) == 1:
                    column, mask = escapes[0]
                    domains[column] &= ~mask
                    changed = True
                else:
                    split = escapes[0]
    return split


def conflict(domains: Sequence[int], boxes: Sequence[Box]) -> tuple[int, ...]:
    """Positions of rules that no assignment keeps together, none of which can be left out.

    The domains must be unsatisfiable under all boxes.
    """
    kept = sorted({box.rule for box in boxes})
    for rule in list(kept):
        fewer = [other for other in kept if other != rule]
        if solve(domains, [box for box in boxes if box.rule in fewer]) is None:
            kept = fewer
    return tuple(kept)


def reachable(bank: PersonaBank, required: Iterable[int]) -> list[int]:
    """Per column, the mask of states that some persona that has the required columns and keeps all rules can be in."""
    domains = start_domains(bank, required)
    touched = {column for box in bank.boxes for column in box.masks}
    missing = [mask if column in touched else 0 for column, mask in enumerate(domains)]
    out = list(domains)
    for column in sorted(touched):
        while missing[column]:
            trial = list(domains)
            trial[column] = missing[column]
            found = solve(trial, bank.boxes)
            if found is None:
                out[column] &= ~missing[column]
                break
            for other, mask in enumerate(_one_step_from(found, domains, bank.boxes)):
                missing[other] &= ~mask
    return out


def _one_step_from(found: Sequence[int], domains: Sequence[int], boxes: Sequence[Box]) -> list[int]:
    """Per column, the states that it can be in while all others stay as in this assignment, which keeps all rules.

    One search so shows hundreds of states to be reachable.
    """
    out = list(domains)
    for box in boxes:
        outside = [column for column, mask in box.masks.items() if not mask >> found[column] & 1]
        if len(outside) == 1:
            out[outside[0]] &= ~box.masks[outside[0]]
    return out


def check_bank(bank: PersonaBank) -> None:
    """Raise BankError unless every dimension can be set by a persona that keeps all rules."""
    drawing_order(bank)  # refuses weights that go in a circle
    required = [column for column, dimension in enumerate(bank.dimensions) if dimension.is_constraint]
    domains = start_domains(bank, required)
    faults: list[Fault] = []
    found = solve(domains, bank.boxes)
    if found is None:
        faults.append(_contradiction(bank, domains, "no persona can keep these rules together"))
    else:
        near = _one_step_from(found, domains, bank.boxes)
        for column, dimension in enumerate(bank.dimensions):
            trial = list(domains)
            trial[column] &= ~1
            if not near[column] & ~1 and solve(trial, bank.boxes) is None:
                text = f"dimension '{dimension.name}': no persona can have it and keep the rules"
                faults.append(_contradiction(bank, trial, text))
    if faults:
        raise BankError(
            "\n  ".join([f"the rules of bank {bank.source or bank.name} cannot be kept:", *map(str, faults)])
        )


def _contradiction(bank: PersonaBank, domains: Sequence[int], text: str) -> Fault:
    guilty = [bank.rules[number] for number in conflict(domains, bank.boxes)]
    line = f":{guilty[0].line}" if guilty and guilty[0].line else ""
    named = ", ".join(rule.place for rule in guilty) or "no rule: every value has weight 0"
    return Fault(f"{bank.source or bank.name}{line}", f"{text}: {named}", "drop or loosen one of them")
