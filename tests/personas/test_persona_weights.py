"""Personas come with the frequencies that the bank's weights and rules say."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from persona_banks import all_personas, banks

from personaloom.errors import BankError
from personaloom.personas import Dimension, PersonaBank, RandomSampler, Rule, Value, WeightedSampler
from personaloom.personas.order import drawing_order

OFF = {"enabled": False}
COUNT = 100_000


def chi_square(seen: Counter, expected: dict) -> float:
    """Standard normal deviate of the chi-square statistic (Wilson and Hilferty), for expected shares."""
    total = sum(seen.values())
    assert set(seen) <= {key for key, share in expected.items() if share > 0}
    cells = [(seen[key], share * total) for key, share in expected.items() if share > 0]
    freedom = len(cells) - 1
    if freedom == 0:
        return 0.0
    statistic = sum((got - want) ** 2 / want for got, want in cells)
    return ((statistic / freedom) ** (1 / 3) - 1 + 2 / (9 * freedom)) / math.sqrt(2 / (9 * freedom))


@pytest.fixture(scope="module")
def default() -> tuple[PersonaBank, np.ndarray]:
    bank = PersonaBank.load("default")
    sampler = WeightedSampler(bank, 7, diversity=OFF, required_dimensions=["age_band", "role", "domain"])
    return bank, sampler.sample_population(COUNT).codes


FREE = ["age_band", "region", "settlement", "english_proficiency", "tone_pref", "motivation", "scenario"]


@pytest.mark.parametrize("name", FREE[:-1])
def test_chi_square_of_the_default_bank_agrees_with_its_weights(default, name):
    bank, codes = default
    column, values = bank.positions[name], bank.dimension(name).values
    seen = Counter(codes[:, column][codes[:, column] > 0].tolist())
    total = sum(value.weight for value in values)
    assert abs(chi_square(seen, {c: v.weight / total for c, v in enumerate(values, start=1)})) < 4


def test_chi_square_of_the_default_bank_agrees_with_its_conditional_weights_and_implications(default):
    """Role given age: replaced weights at 18-24, and only what the implications leave under 18 and at 75."""
    bank, codes = default
    age, role = bank.dimension("age_band"), bank.dimension("role")
    rules = {rule.name: rule for rule in bank.rules}
    for band in age.value_names:
        weights = {value.name: value.weight for value in role.values}
        if band == "18-24":
            weights |= rules["young-people-study"].weights["role"]
        if band in ("65-74", "75 and over"):
            weights |= rules["old-people-rest"].weights["role"]
        if band == "under 18":
            weights = {name: w for name, w in weights.items() if name in rules["minors-are-at-school"].then["role"]}
        if band == "75 and over":
            allowed = rules["nobody-works-in-operations-at-eighty"].then["role"]
            weights = {name: w for name, w in weights.items() if name in allowed}
        if band in ("under 18", "18-24", "25-34", "35-44", "45-54"):
            weights.pop("retiree", None)
        chosen = codes[:, bank.positions["age_band"]] == age.value_names.index(band) + 1
        seen = Counter(role.value_names[code - 1] for code in codes[chosen, bank.positions["role"]].tolist())
        total = sum(weights.values())
        assert abs(chi_square(seen, {name: weight / total for name, weight in weights.items()})) < 4, band


def test_the_random_sampler_makes_all_allowed_values_equally_likely():
    bank = PersonaBank.load("default")
    codes = RandomSampler(bank, 3, diversity=OFF).sample_population(COUNT).codes
    for name in ("region", "age_band", "english_proficiency"):
        column = codes[:, bank.positions[name]]
        values = len(bank.dimension(name).values)
        assert (
            abs(chi_square(Counter(column[column > 0].tolist()), dict.fromkeys(range(1, values + 1), 1 / values))) < 4
        )


def expected_shares(bank: PersonaBank) -> dict:
    """All dimensions asked for, in drawing order, each by weight among the states that leave a way out; by enumeration."""
    required = [d.name for d in bank.dimensions if d.is_constraint]
    possible = list(all_personas(bank, required))
    order = [bank.names[column] for column in drawing_order(bank)]
    shares: Counter = Counter()

    def walk(depth, taken, share, left):
        if depth == len(order):
            shares[tuple(sorted(taken.items()))] += share
            return
        name = order[depth]
        weights = {value.name: value.weight for value in bank.dimension(name).values}
        for rule in bank.rules:
            if name in rule.weights and all(taken.get(n, "") in states for n, states in rule.when.items()):
                weights |= rule.weights[name]
        ways = {state: [f for f in left if f.get(name, "") == state] for state in {f.get(name, "") for f in left}}
        total = sum(weights[state] for state in ways if state)
        for state, rest in ways.items():
            if state:
                walk(depth + 1, {**taken, name: state}, share * weights[state] / total, rest)
            elif not total:
                walk(depth + 1, taken, share, rest)

    walk(0, {}, 1.0, possible)
    return dict(shares)


@given(banks(weights=True, max_dimensions=4, max_values=3))
@settings(deadline=None, max_examples=40)
def test_joint_frequencies_on_small_banks_agree_with_weights_given_the_rules(bank):
    try:
        bank.check()
    except BankError:
        return
    count = 4000
    sampler = WeightedSampler(
        bank,
        11,
        diversity=OFF,
        feature_availability_rate=1.0,
        min_features=0,
        max_features=len(bank.dimensions),
    )
    seen = Counter(tuple(sorted(persona.features.items())) for persona in sampler.sample(count))
    assert abs(chi_square(seen, expected_shares(bank))) < 5.5


def test_later_conditional_weights_win_and_values_not_named_keep_theirs():
    def dimension(name, *weights):
        return Dimension(name, tuple(Value(f"{name}{k}", w) for k, w in enumerate(weights)))

    rules = (
        Rule("first", when={"a": frozenset(("a0", "a1"))}, weights={"b": {"b0": 5.0, "b1": 5.0}}),
        Rule("second", when={"a": frozenset(("a1",))}, weights={"b": {"b1": 1.0}}),
    )
    bank = PersonaBank((dimension("b", 1, 1, 2), dimension("a", 1, 1, 1)), rules).check()
    how = {"diversity": OFF, "feature_availability_rate": 1.0, "min_features": 0, "max_features": 2}
    seen: dict[str, Counter] = {}
    for persona in WeightedSampler(bank, 5, **how).sample(20_000):
        seen.setdefault(persona.features["a"], Counter())[persona.features["b"]] += 1
    wanted = {"a0": (5, 5, 2), "a1": (5, 1, 2), "a2": (1, 1, 2)}
    for a, weights in wanted.items():
        shares = {f"b{k}": weight / sum(weights) for k, weight in enumerate(weights)}
        assert abs(chi_square(seen[a], shares)) < 4


def test_a_weight_of_zero_is_never_drawn_and_sampler_weights_replace_the_banks():
    bank = PersonaBank.load("compact")
    sampler = WeightedSampler(
        bank, 5, weights={"tone_pref": {"playful": 0, "blunt": 50}}, required_dimensions=["tone_pref"]
    )
    seen = Counter(persona.features["tone_pref"] for persona in sampler.sample(2000))
    assert seen["playful"] == 0
    assert seen["blunt"] > 1700


def test_availability_is_met_where_the_bounds_leave_it_alone():
    bank = PersonaBank.load("default")
    sampler = RandomSampler(bank, 3, feature_availability_rate=0.4, min_features=0, max_features=44, diversity=OFF)
    there = sampler.sample_population(20_000).codes[:, bank.positions["region"]] > 0
    assert abs(there.mean() - 0.4) < 4 * math.sqrt(0.24 / 20_000)


def test_trimming_to_max_features_favours_no_dimension():
    """Dimensions that no rule touches are trimmed equally often."""
    bank = PersonaBank.load("default")
    codes = RandomSampler(bank, 3, diversity=OFF).sample_population(40_000).codes
    free = [
        "region",
        "settlement",
        "risk_posture",
        "learning_style",
        "motivation",
        "emotional_state",
        "citation_pref",
    ]
    shares = [(codes[:, bank.positions[name]] > 0).mean() for name in free]
    assert max(shares) - min(shares) < 6 * math.sqrt(0.25 / 40_000)
