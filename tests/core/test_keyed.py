"""Keyed draws: same name, same number, everywhere; nested over probabilities; fair."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personaloom.keyed import SPAN, Key, encode, threshold

parts = st.lists(st.one_of(st.text(max_size=8), st.integers(-(10**6), 10**6)), min_size=1, max_size=5)


def test_draws_are_the_same_on_every_platform_and_version():
    """Numbers that are written down here once and for all: a change of them would change every user's dataset."""
    key = Key(42, "persona", 12)
    assert key.integer("noise") == 3420073711777990340
    assert key.child("query", 3).hex()[:16] == "584285e904e5027a"
    assert key.shuffled(range(6), "deal") == [3, 5, 4, 1, 0, 2]


@given(parts, parts)
def test_different_names_are_different_encodings(a, b):
    assert (encode(a) == encode(b)) == (a == b)


@given(parts, parts)
def test_a_child_is_the_longer_name(a, b):
    assert Key(*a).child(*b).integer() == Key(*a, *b).integer() == Key(*a).integer(*b)


@given(parts, st.floats(0, 1), st.floats(0, 1))
def test_what_happens_at_a_level_happens_at_every_higher_one(name, p, q):
    low, high = sorted((p, q))
    assert Key(*name).chance(high) or not Key(*name).chance(low)


@given(st.floats(0, 1))
def test_thresholds_are_exact_at_the_ends_and_monotone(p):
    assert threshold(0.0) == 0
    assert threshold(1.0) == SPAN
    assert 0 <= threshold(p) <= SPAN


@given(parts, st.lists(st.integers(), min_size=1, max_size=30))
def test_shuffles_and_samples_keep_the_items(name, items):
    assert Counter(Key(*name).shuffled(items)) == Counter(items)
    some = Key(*name).sample(items, len(items) // 2)
    assert Key(*name).sample(items, len(items))[: len(some)] == some


def test_weighted_draws_follow_their_weights():
    counts = Counter(Key(1, n).weighted("abc", [0.1, 0.2, 0.7]) for n in range(6000))
    for item, weight in zip("abc", (0.1, 0.2, 0.7), strict=True):
        assert abs(counts[item] / 6000 - weight) < 4 * (weight * (1 - weight) / 6000) ** 0.5


@pytest.mark.parametrize("weights", [[0, 0], [-1, 2], [1]])
def test_impossible_weights_are_refused(weights):
    with pytest.raises(ValueError):
        Key(1).weighted("ab", weights)


@pytest.mark.parametrize("part", [1.5, True, None, b"x"])
def test_a_name_is_made_of_text_and_whole_numbers(part):
    with pytest.raises(TypeError):
        Key(part)
