"""Rules are decided exactly: against plain enumeration of every persona of small banks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from persona_banks import all_personas, banks, keeps

from personaloom.errors import BankError
from personaloom.personas import Dimension, PersonaBank, Rule, Value
from personaloom.personas.constraints import conflict, reachable, solve, start_domains
from personaloom.personas.network import compile_network


def satisfiable(bank: PersonaBank) -> bool:
    """By enumeration: some persona keeps the rules, and each dimension is had by one of them."""
    required = [d.name for d in bank.dimensions if d.is_constraint]
    found = list(all_personas(bank, required))
    return bool(found) and all(any(d.name in features for features in found) for d in bank.dimensions)


@given(banks())
@settings(deadline=None, max_examples=150)
def test_unsatisfiable_rules_are_found_exactly(bank):
    """``check`` refuses a bank if and only if enumeration finds no persona, or a dimension that nobody can have."""
    if satisfiable(bank):
        assert bank.check() is bank
    else:
        with pytest.raises(BankError) as caught:
            bank.check()
        assert any(f"'{rule.name}'" in str(caught.value) for rule in bank.rules)


@given(banks())
@settings(deadline=None, max_examples=80)
def test_the_rules_named_in_a_contradiction_really_contradict_and_none_can_be_left_out(bank):
    required = [column for column, d in enumerate(bank.dimensions) if d.is_constraint]
    domains = start_domains(bank, required)
    if solve(domains, bank.boxes) is not None:
        return
    guilty = conflict(domains, bank.boxes)
    names = [bank.names[column] for column in required]

    def any_left(numbers) -> bool:
        some = PersonaBank(bank.dimensions, tuple(bank.rules[number] for number in numbers))
        return next(all_personas(some, names), None) is not None

    assert not any_left(guilty)
    assert all(any_left([other for other in guilty if other != one]) for one in guilty)


def _columns(bank: PersonaBank) -> list[int]:
    return [column for column, d in enumerate(bank.dimensions) if d.is_constraint]


@given(banks())
@settings(deadline=None, max_examples=80)
def test_reachable_states_are_those_that_some_persona_has(bank):
    required = [d.name for d in bank.dimensions if d.is_constraint]
    found = list(all_personas(bank, required))
    if not found:
        return
    for dimension, mask in zip(bank.dimensions, reachable(bank, _columns(bank)), strict=True):
        had = {features.get(dimension.name, "") for features in found}
        states = ("", *dimension.value_names)
        assert {state for code, state in enumerate(states) if mask >> code & 1} == had


@given(banks(weights=True))
@settings(deadline=None, max_examples=80)
def test_drawing_in_order_never_runs_into_a_dead_end(bank):
    """Every partial assignment that the compiled tables allow can be completed, and all completions are reached."""
    required = frozenset(column for column, d in enumerate(bank.dimensions) if d.is_constraint)
    names = [bank.names[column] for column in required]
    expected = {tuple(sorted(features.items())) for features in all_personas(bank, names)}
    if not expected:
        return
    network = compile_network(bank, required, weighted=True)
    found, codes = set(), [0] * len(bank.dimensions)

    def walk(depth: int) -> None:
        if depth == len(network.nodes):
            features = {
                n: d.value_names[c - 1] for n, d, c in zip(bank.names, bank.dimensions, codes, strict=True) if c
            }
            assert all(keeps(rule, features) for rule in bank.rules)
            found.add(tuple(sorted(features.items())))
            return
        node = network.nodes[depth]
        states = [int(state) for state in node.allowed[node.row(codes)].nonzero()[0]]
        assert states, "a dead end"
        for state in states:
            codes[node.column] = state
            walk(depth + 1)
        codes[node.column] = 0

    walk(0)
    assert found == expected


def test_conditional_weights_that_go_in_a_circle_are_refused():
    def dimension(name):
        return Dimension(name, (Value("x"), Value("y")))

    rules = (
        Rule("one", when={"a": frozenset("x")}, weights={"b": {"x": 2.0}}, line=3),
        Rule("two", when={"b": frozenset("x")}, weights={"a": {"x": 2.0}}, line=4),
    )
    with pytest.raises(BankError, match=r"circle.*'one' \(line 3\), 'two' \(line 4\)"):
        PersonaBank((dimension("a"), dimension("b")), rules).check()


def test_rules_that_link_too_many_dimensions_at_once_are_refused_with_a_remedy():
    dimensions = tuple(Dimension(f"d{n}", tuple(Value(f"v{k}") for k in range(30))) for n in range(7))
    target = "d6"
    rules = tuple(
        Rule(
            f"r{k}",
            when={f"d{n}": frozenset((f"v{k}",)) for n in range(6)},
            then={target: frozenset((f"v{k}",))},
        )
        for k in range(30)
    )
    with pytest.raises(BankError, match=r"depend on too many dimensions at once.*→ split a rule"):
        compile_network(PersonaBank(dimensions, rules).check(), frozenset(), weighted=False)
