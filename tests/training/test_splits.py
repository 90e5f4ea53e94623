"""Splits: by persona, stable, near the asked shares."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.errors import ConfigError
from personaloom.records import Ids
from personaloom.training import Splitter
from personaloom.training.splits import block_counts


def count(splitter, personas):
    return Counter(splitter.split_of(Ids.persona(i)) for i in range(personas))


@pytest.mark.parametrize("seed", range(5))
def test_ten_personas_hold_the_default_shares_exactly(seed):
    assert count(Splitter(seed=seed), 10) == {"train": 8, "val": 1, "test": 1}


@settings(deadline=None)
@given(st.integers(0, 2**63), st.integers(1, 300))
def test_counts_stay_within_one_block_of_the_asked_shares(seed, personas):
    splitter = Splitter({"train": 0.7, "val": 0.2, "test": 0.1}, seed)
    counts = count(splitter, personas)
    for name, share in splitter.ratios.items():
        assert abs(counts[name] - share * personas) <= splitter.counts[name]


def test_a_larger_dataset_moves_nobody_and_order_of_asking_does_not_matter():
    forward = [Splitter(seed=3).split_of(Ids.persona(i)) for i in range(100)]
    splitter = Splitter(seed=3)
    backward = [splitter.split_of(Ids.persona(i)) for i in reversed(range(100))]
    assert forward == backward[::-1]


def test_the_split_is_the_one_that_was_published_with_this_version():
    """A change here moves personas of existing datasets: raise the exporter's algorithm version with it."""
    assert "".join(Splitter(seed=42).split_of(Ids.persona(i))[1] for i in range(20)) == "rarrrerrrrrrrrrrrare"


def test_another_seed_is_another_split():
    assert count(Splitter(seed=1), 1000) == count(Splitter(seed=2), 1000)
    assert [Splitter(seed=1).split_of(Ids.persona(i)) for i in range(50)] != [
        Splitter(seed=2).split_of(Ids.persona(i)) for i in range(50)
    ]


def test_a_global_id_falls_where_its_local_one_does():
    splitter = Splitter()
    for i in range(30):
        assert splitter.split_of(f"abc123:{Ids.persona(i)}") == splitter.split_of(Ids.persona(i))


def test_ids_of_other_peoples_data_are_drawn_one_by_one():
    splitter = Splitter()
    counts = Counter(splitter.split_of(f"persona_{i}") for i in range(2000))
    assert abs(counts["train"] - 1600) < 80
    assert counts["val"] > 140
    assert counts["test"] > 140


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ((0.8, 0.1, 0.1), (8, 1, 1)),
        ((1.0, 0.0, 0.0), (1, 0, 0)),
        ((0.5, 0.25, 0.25), (2, 1, 1)),
        ((0.3333, 0.3333, 0.3334), (1, 1, 1)),
        ((0.995, 0.0025, 0.0025), (398, 1, 1)),
        ((0.98, 0.01, 0.01), (98, 1, 1)),
    ],
)
def test_a_block_is_the_smallest_that_represents_the_shares(ratios, expected):
    assert block_counts(ratios) == expected


def test_shares_that_no_small_block_holds_are_rounded_by_largest_remainder():
    counts = block_counts((0.1234, 0.3456, 0.531))
    assert sum(counts) == 1000
    assert counts == (123, 346, 531)


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ({"train": 0.8, "val": 0.1, "test": 0.2}, "sum to 1.1"),
        ({"train": 1.2, "val": -0.1, "test": -0.1}, "training_data.split.val"),
        ({"train": "all"}, "'all'"),
        ({"train": float("nan")}, "nan"),
        ({"train": True}, "True"),
        ({"../evil": 1.0}, "cannot name a split"),
        ({"train": 0.9999, "val": 0.0001}, "smallest share"),
        ({}, "sum to 0"),
    ],
)
def test_bad_shares_are_refused_with_the_key_and_the_remedy(ratios, said):
    with pytest.raises(ConfigError, match=said.replace("..", r"\.\.")):
        Splitter(ratios)


def test_splits_that_are_not_named_exist_and_stay_empty():
    splitter = Splitter({"train": 0.5, "held_out": 0.5})
    assert splitter.names == ("train", "val", "test", "held_out")
    assert count(splitter, 100) == {"train": 50, "held_out": 50}
