"""Samplers keep their promises on banks small enough to check everything."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from persona_banks import all_personas, banks, distance, keeps

from personaloom.errors import BankError, ConfigError, InfeasibleError
from personaloom.personas import (
    Dimension,
    PersonaBank,
    RandomSampler,
    Rule,
    StratifiedSampler,
    Value,
    WeightedSampler,
)

OFF = {"enabled": False}
SAMPLERS = st.sampled_from([RandomSampler, WeightedSampler])


@st.composite
def tasks(draw, **how):
    """A bank that can be sampled, and settings that fit it."""
    bank = draw(banks(weights=True, **how))
    try:
        bank.check()
    except BankError:
        reject()
    size = len(bank.dimensions)
    low = draw(st.integers(0, size))
    settings_ = {
        "feature_availability_rate": draw(st.sampled_from([0.0, 0.3, 0.7, 1.0])),
        "min_features": low,
        "max_features": draw(st.integers(max(1, low), size)),
        "required_dimensions": draw(st.lists(st.sampled_from(bank.names), max_size=2, unique=True)),
        "max_constraints": draw(st.one_of(st.none(), st.integers(0, size))),
    }
    return bank, draw(st.integers(0, 99)), settings_


def fitting(bank, how):
    """By enumeration: the personas that rules and bounds allow."""
    constraints = [d.name for d in bank.dimensions if d.is_constraint]
    limit = how["max_constraints"]
    trimmed = limit is not None and limit < len(constraints)
    required = {*how["required_dimensions"], *(() if trimmed else constraints)}
    return [
        features
        for features in all_personas(bank, required)
        if how["min_features"] <= len(features) <= how["max_features"]
        and (not trimmed or sum(name in features for name in constraints) <= limit)
    ]


@given(tasks(), SAMPLERS)
@settings(deadline=None, max_examples=150)
def test_rules_bounds_and_required_dimensions_are_kept_or_the_sampler_says_that_they_cannot(task, kind):
    bank, seed, how = task
    possible = fitting(bank, how)
    try:
        sampler = kind(bank, seed, diversity=OFF, **how)
    except InfeasibleError:
        assert not possible or _needs_more(bank, how)
        return
    personas = list(sampler.sample(40))
    assert len(personas) == 40
    assert all(persona.features in possible for persona in personas)
    assert all(keeps(rule, persona.features) for rule in bank.rules for persona in personas)


def _needs_more(bank, how) -> bool:
    """Refused by counting alone: constraint dimensions are taken up to their limit, which the maximum must hold."""
    constraints = {d.name for d in bank.dimensions if d.is_constraint}
    limit = len(constraints) if how["max_constraints"] is None else how["max_constraints"]
    needed = set(how["required_dimensions"])
    always = len(needed - constraints) + max(len(needed & constraints), min(len(constraints), limit))
    return always > how["max_features"]


@given(tasks(max_dimensions=7, max_values=6), SAMPLERS, st.integers(1, 6))
@settings(deadline=None, max_examples=150)
def test_the_distance_is_certified_for_every_pair(task, kind, d):
    bank, seed, how = task
    try:
        sampler = kind(bank, seed, diversity={"min_hamming_distance": d, "max_attempts": 30}, **how)
    except InfeasibleError:
        return
    try:
        personas = list(sampler.sample(25))
    except InfeasibleError as refused:
        personas = list(sampler.sample(reached(refused)))
    assert all(distance(a.features, b.features) >= d for a, b in combinations(personas, 2))
    assert len(personas) <= sampler.packing_bound()


@given(tasks(max_values=6), SAMPLERS, st.integers(0, 4), st.integers(1, 30), st.integers(1, 30))
@settings(deadline=None, max_examples=100)
def test_a_persona_is_the_same_however_many_are_asked_for(task, kind, d, few, more):
    bank, seed, how = task
    how = {**how, "diversity": {"min_hamming_distance": d, "max_attempts": 20} if d else OFF}
    try:
        whole = list(kind(bank, seed, **how).sample(few + more))
    except InfeasibleError:
        return
    assert list(kind(bank, seed, **how).sample(few)) == whole[:few]
    assert list(kind(bank, seed, **how).sample(more, start=few)) == whole[few:]
    growing = kind(bank, seed, **how)
    list(growing.sample(few))
    assert list(growing.sample(few + more)) == whole
    growing.reset()
    assert list(growing.sample_population(few + more)) == whole


@given(tasks(max_values=5), st.integers(1, 2), st.integers(1, 60))
@settings(deadline=None, max_examples=100)
def test_strata_differ_by_at_most_one_at_every_prefix(task, dimensions, count):
    bank, seed, how = task
    strata = bank.names[:dimensions]
    try:
        personas = list(StratifiedSampler(bank, seed, strata=strata, diversity=OFF, **how).sample(count))
    except InfeasibleError:
        return
    required = [*strata, *how["required_dimensions"], *_always(bank, how)]
    possible = {tuple(features[name] for name in strata) for features in all_personas(bank, required)}
    counts = Counter(dict.fromkeys(possible, 0))
    for persona in personas:
        counts[tuple(persona.features[name] for name in strata)] += 1
        assert max(counts.values()) - min(counts.values()) <= 1


def reached(refused: InfeasibleError) -> int:
    """How many personas the message says there are."""
    return int(str(refused).split(": ", 1)[1].split(" were reached", 1)[0].replace(",", ""))


def _always(bank, how):
    constraints = [d.name for d in bank.dimensions if d.is_constraint]
    return [] if how["max_constraints"] is not None and how["max_constraints"] < len(constraints) else constraints


def grid(sizes, **flags):
    return PersonaBank(
        tuple(Dimension(f"d{n}", tuple(Value(f"v{k}") for k in range(size)), **flags) for n, size in enumerate(sizes))
    )


def test_a_bank_that_is_too_small_stops_with_the_number_reached_the_bound_and_what_to_change():
    sampler = RandomSampler(grid([3, 3, 3], is_constraint=True), 1, min_features=3, max_features=3)
    with pytest.raises(InfeasibleError) as caught:
        sampler.sample(4)
    text = str(caught.value)
    assert "4 personas at a Hamming distance of at least 3" in text
    assert "no sampler could give more than 3 (packing bound)" in text
    assert "→ ask for at most num_personas=" in text
    assert "sampler.diversity.min_hamming_distance" in text
    assert len(list(sampler.sample(reached(caught.value)))) == reached(caught.value)


def test_personas_before_the_one_that_fails_are_the_same_as_when_only_they_are_asked_for():
    sampler = RandomSampler(grid([3] * 4), 5, min_features=0, max_features=4)
    with pytest.raises(InfeasibleError) as caught:
        sampler.sample(10_000)
    count = reached(caught.value)
    again = RandomSampler(grid([3] * 4), 5, min_features=0, max_features=4)
    assert list(sampler.sample(count)) == list(again.sample(count))


def test_a_stratum_that_runs_out_is_reported_and_the_others_stay_balanced():
    """Stratum 'small' allows only two personas at this distance; 'large' goes on alone."""
    kinds = Dimension("kind", (Value("small"), Value("large"), Value("wide")))
    rest = grid([8, 8, 8], is_constraint=True).dimensions
    only = {name: frozenset(("v0", "v1")) for name in ("d0", "d1", "d2")}
    bank = PersonaBank((kinds, *rest), (Rule("few", when={"kind": frozenset(("small",))}, then=only),)).check()
    how = {
        "min_features": 4,
        "max_features": 4,
        "diversity": {"min_hamming_distance": 2, "max_attempts": 200},
    }
    sampler = StratifiedSampler(bank, 3, strata=["kind"], **how)
    personas = list(sampler.sample(60))
    counts = Counter(persona.features["kind"] for persona in personas)
    facts = sampler.statistics(60)["strata"]
    assert counts["small"] <= 4
    assert abs(counts["large"] - counts["wide"]) <= 1
    assert facts["exhausted"] == [{"kind": "small"}]
    assert facts["smallest"] == counts["small"]
    assert all(distance(a.features, b.features) >= 2 for a, b in combinations(personas, 2))
    assert list(StratifiedSampler(bank, 3, strata=["kind"], **how).sample(30)) == personas[:30]


def test_the_draws_are_fixed_for_ever():
    """If this fails, no dataset made so far can be continued: raise ALGORITHM in samplers.py and say so."""
    rules = (
        Rule("a", when={"d0": frozenset(("v0",))}, then={"d1": frozenset(("v1", "v2"))}),
        Rule("b", when={"d2": frozenset(("v1",))}, weights={"d3": {"v0": 7.0}}),
    )
    bank = PersonaBank(grid([3, 5, 7, 9, 4, 4, 4]).dimensions, rules).check()
    digest = hashlib.sha256()
    for kind in (RandomSampler, WeightedSampler, StratifiedSampler):
        more = {"strata": ["d0"]} if kind is StratifiedSampler else {}
        for persona in kind(bank, 42, min_features=3, max_features=6, **more).sample(200):
            digest.update(json.dumps(persona.to_dict()).encode())
    assert digest.hexdigest() == "df2d8e9bd32ba0c9319c3c063619efc0e89482d85cf8d49a56cb8099385930af"


@pytest.mark.parametrize(
    ("how", "key"),
    [
        ({"feature_availability_rate": 1.2}, "sampler.feature_availability_rate"),
        ({"min_features": 9, "max_features": 4}, "sampler.min_features"),
        ({"min_constraints": 3, "max_constraints": 1}, "sampler.min_constraints"),
        ({"diversity": {"min_hamming_distance": 0}}, "sampler.diversity.min_hamming_distance"),
        ({"diversity": {"max_attempts": 0}}, "sampler.diversity.max_attempts"),
        ({"diversity": {"min_distance": 3}}, "sampler.diversity.min_distance"),
    ],
)
def test_a_setting_out_of_range_is_named_with_its_key(how, key):
    with pytest.raises(ConfigError, match=key):
        RandomSampler(PersonaBank.load("compact"), 1, **how)


@pytest.mark.parametrize(
    "how",
    [
        {"min_features": 13},
        {"required_dimensions": ["no_such"]},
        {"min_features": 1, "max_features": 1},
        {"min_constraints": 3},
        {"max_constraints": 0, "required_dimensions": ["length_pref"]},
    ],
)
def test_settings_that_the_bank_cannot_meet_are_refused_at_once_with_a_remedy(how):
    with pytest.raises(InfeasibleError, match="→"):
        RandomSampler(PersonaBank.load("compact"), 1, **how)


def test_required_dimensions_that_rules_forbid_together_are_refused_with_the_rule():
    bank = PersonaBank(
        grid([2, 2]).dimensions,
        (Rule("never", exclude={n: frozenset(("v0", "v1")) for n in ("d0", "d1")}, line=7),),
    ).check()
    with pytest.raises(InfeasibleError, match=r"d0, d1 and keeps the rules 'never' \(line 7\)"):
        RandomSampler(bank, 1, min_features=0, required_dimensions=["d0", "d1"])


def test_bad_strata_and_bad_weights_are_refused_by_name():
    bank = PersonaBank.load("compact")
    with pytest.raises(ConfigError, match=r"sampler.strata: is \['dmain'\]"):
        StratifiedSampler(bank, 1, strata=["dmain"])
    with pytest.raises(ConfigError, match=r"sampler.weights.domain.lawn: no such value"):
        WeightedSampler(bank, 1, weights={"domain": {"lawn": 2}})
    with pytest.raises(ConfigError, match=r"sampler.weights.dmain: the bank has no such dimension"):
        WeightedSampler(bank, 1, weights={"dmain": {"law": 2}})


def test_fingerprints_change_with_what_changes_the_personas_and_with_nothing_else():
    bank = PersonaBank.load("compact")
    base = RandomSampler(bank, 1).fingerprint()
    assert RandomSampler(bank, 1).fingerprint() == base
    others = [
        RandomSampler(bank, 2), WeightedSampler(bank, 1), StratifiedSampler(bank, 1), RandomSampler(bank, 1, max_features=11),
        RandomSampler(PersonaBank.load("default"), 1), RandomSampler(bank, 1, diversity=OFF),
    ]  # fmt: skip
    assert len({base, *(sampler.fingerprint() for sampler in others)}) == len(others) + 1
