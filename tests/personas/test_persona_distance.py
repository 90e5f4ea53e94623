"""Near rows are found exactly, whatever method is chosen."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.keyed import Key
from personaloom.personas import PersonaBank, RandomSampler
from personaloom.personas.bounds import packing_bound
from personaloom.personas.distance import DistanceIndex, Plan, choose_plan


def rows(width, states, count, seed):
    stream = Key(seed, "rows").stream()
    return np.array([[next(stream) % states for _ in range(width)] for _ in range(count)], dtype=np.uint16)


def plans(width, d):
    """A scan, and every choice of m blocks of d - 1 + m that fits."""
    yield Plan((), (), 0.0)
    for together in (1, 2, 3):
        count = d - 1 + together
        if count <= width and math.comb(count, together) <= 66:
            blocks = tuple(tuple(range(b, width, count)) for b in range(count))
            yield Plan(blocks, tuple(combinations(range(count), together)), 0.0)


@pytest.mark.parametrize("d", range(1, 13))
def test_every_method_agrees_with_all_pairs_for_d_from_1_to_12(d):
    width, count = 14, 150
    data = rows(width, 3, count, d)
    data[50:60] = data[40:50]  # some exact repetitions
    expected = [any((data[i] != data[j]).sum() < d for j in range(i)) for i in range(count)]
    for plan in plans(width, d):
        index = DistanceIndex(width, d, plan, 10)
        for start in range(0, count, 37):
            index.put(start, data[start : start + 37])
        assert index.near(data, 0, np.arange(count)).tolist() == expected, plan.method
        near = [j for j in range(20, 90) if (data[7] != data[j]).sum() < d]
        assert index.neighbours(data[7], 20, 90) == near, plan.method


@given(st.integers(1, 10), st.integers(2, 4), st.integers(1, 12), st.integers(0, 999))
@settings(deadline=None, max_examples=60)
def test_the_index_agrees_with_all_pairs_also_where_rows_are_put_again(width, states, d, seed):
    data = rows(width, states, 60, seed)
    for plan in plans(width, d):
        index = DistanceIndex(width, d, plan, 8)
        index.put(0, data[:40][::-1])
        index.put(0, data[:25])
        index.put(25, data[25:])
        expected = [any((data[i] != data[j]).sum() < d for j in range(i)) for i in range(60)]
        assert index.near(data, 0, np.arange(60)).tolist() == expected


@pytest.mark.parametrize("d", range(1, 13))
def test_a_sampler_keeps_d_from_1_to_12_against_all_pairs(d):
    how = {"min_features": 10, "max_features": 20, "diversity": {"min_hamming_distance": d}}
    codes = RandomSampler(PersonaBank.load("default"), d, **how).sample_population(250).codes
    assert min((a != b).sum() for a, b in combinations(codes, 2)) >= d


@pytest.mark.parametrize("d", [2, 3, 4, 5])
def test_tight_banks_are_filled_exactly_whatever_the_batch(d):
    """With many rejected candidates the batches shrink; the personas are those of the plain definition."""
    how = {
        "min_features": 5,
        "max_features": 12,
        "diversity": {"min_hamming_distance": d, "max_attempts": 40},
    }
    bank = PersonaBank.load("compact")
    sampler = RandomSampler(bank, 9, **how)
    count = 300 if d < 5 else 120
    codes = sampler.sample_population(count).codes
    source = RandomSampler(bank, 9, **how)._engine.candidates
    kept: list[np.ndarray] = []
    for row in range(count):
        for attempt in range(40):
            candidate = source.draw([row], [attempt])[0]
            if all((candidate != other).sum() >= d for other in kept):
                kept.append(candidate)
                break
    assert np.array_equal(np.array(kept), codes)


def test_the_method_follows_the_expected_cost():
    telling = [0.27] * 44
    assert choose_plan(telling, 3, 100_000).method == "blocks 3 choose 1"
    assert choose_plan(telling, 9, 100_000).method.endswith(("choose 2", "choose 3"))
    assert choose_plan([0.9] * 6, 5, 1_000).method == "scan"
    assert choose_plan([0.3] * 4, 6, 10).method == "scan"  # more blocks than columns


@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_no_set_of_rows_passes_the_packing_bound(sizes, d):
    space = list(product(*(range(size) for size in sizes)))
    kept: list[tuple[int, ...]] = []
    for row in space:
        if all(sum(x != y for x, y in zip(row, other, strict=True)) >= d for other in kept):
            kept.append(row)
    assert len(kept) <= packing_bound(sizes, d)


def test_known_packing_bounds():
    assert packing_bound([2] * 7, 3) == 16  # the Hamming code is perfect
    assert packing_bound([3] * 4, 3) == 9  # the ternary one too
    assert packing_bound([2] * 8, 4) == 16  # even distance: one column less
    assert packing_bound([5] * 3, 3) == 5  # Singleton
    assert packing_bound([5] * 3, 4) == 1
