"""Dealing: no query twice before all are dealt, whatever the order of files, calls and failures."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.queries import Dealer, QuerySet, UserQueryGenerator
from personaloom.records import SeedQuery

RELAXED = settings(deadline=None, max_examples=60)
SIZES = st.integers(1, 40)
SHARES = st.integers(1, 7)
SEEDS = st.integers(0, 2**32)


def query_set(size, reverse=False):
    queries = [SeedQuery(f"id{n}", f"query {n}") for n in range(size)]
    return queries[::-1] if reverse else queries


def dealt(dealer, personas):
    return [dealer.deal(p, s) for p in range(personas) for s in range(dealer.share)]


@RELAXED
@given(size=SIZES, share=SHARES, seed=SEEDS)
def test_no_query_is_dealt_twice_until_the_set_is_exhausted(size, share, seed):
    deals = dealt(Dealer(query_set(size), seed, share), 3 * size // share + 2)
    for number in range(deals[-1].pass_number):
        ids = [deal.seed_query.query_id for deal in deals if deal.pass_number == number]
        assert len(ids) == size == len(set(ids))


@RELAXED
@given(size=SIZES, share=SHARES, seed=SEEDS, extra=st.integers(1, 9))
def test_more_personas_keep_the_first_ones(size, share, seed, extra):
    few, many = (
        dealt(Dealer(query_set(size), seed, share), 6),
        dealt(Dealer(query_set(size), seed, share), 6 + extra),
    )
    assert many[: len(few)] == few


@RELAXED
@given(size=SIZES, share=SHARES, seed=SEEDS)
def test_the_order_of_the_file_does_not_matter(size, share, seed):
    one, other = Dealer(query_set(size), seed, share), Dealer(query_set(size, reverse=True), seed, share)
    assert dealt(one, 9) == dealt(other, 9)
    assert one.supplement(2, 0, 1) == other.supplement(2, 0, 1)


@RELAXED
@given(size=SIZES, share=SHARES, seed=SEEDS, personas=st.permutations(range(12)))
def test_who_asks_first_does_not_matter(size, share, seed, personas):
    """Also with more passes in use than orders are kept."""
    expected, shuffled = Dealer(query_set(size), seed, share), Dealer(query_set(size), seed, share)
    got = {(p, s): shuffled.deal(p, s) for p in personas for s in range(share)}
    assert [got[p, s] for p in range(12) for s in range(share)] == dealt(expected, 12)


@RELAXED
@given(share=SHARES, seed=SEEDS, data=st.data())
def test_a_persona_never_meets_a_query_twice_where_the_set_holds_two_shares(share, seed, data):
    dealer = Dealer(query_set(data.draw(st.integers(2 * share, 40))), seed, share)
    for persona in range(60):
        assert len({dealer.deal(persona, slot).seed_query.query_id for slot in range(share)}) == share


def test_passes_and_seeds_have_orders_of_their_own():
    deals = dealt(Dealer(query_set(30), 1, 5), 12)
    assert [d.seed_query for d in deals[:30]] != [d.seed_query for d in deals[30:]]
    assert dealt(Dealer(query_set(30), 2, 5), 6) != deals[:30]


@RELAXED
@given(size=st.integers(1, 40), share=SHARES, seed=SEEDS)
def test_supplements_are_new_to_the_persona_as_long_as_the_set_has_any_left(size, share, seed):
    dealer = Dealer(query_set(size), seed, share)
    own = {dealer.deal(3, slot).seed_query.query_id for slot in range(share)}
    numbers = [(n, slot) for n in (1, 2, 3) for slot in range(share)]
    made = [dealer.supplement(3, slot, n).seed_query.query_id for n, slot in numbers]
    left = size - len(own)
    if left:
        assert not own & set(made)
        assert len(set(made)) == min(left, len(made))
    assert made == [
        Dealer(query_set(size), seed, share).supplement(3, slot, n).seed_query.query_id for n, slot in numbers
    ]


def test_a_set_of_one_query_still_deals():
    dealer = Dealer(query_set(1), 0, 5)
    assert [dealer.deal(0, slot).pass_number for slot in range(5)] == [0, 1, 2, 3, 4]
    assert dealer.supplement(0, 0, 1).seed_query.query_id == "id0"


@pytest.mark.parametrize(("persona", "slot"), [(-1, 0), (0, 5), (0, -1)])
def test_a_slot_that_does_not_exist_is_refused(persona, slot):
    with pytest.raises(ValueError, match="slots go from 0 to 4"):
        Dealer(query_set(9), 0, 5).deal(persona, slot)


def test_impossible_dealers_are_refused():
    with pytest.raises(ValueError, match="no queries"):
        Dealer([], 0, 5)
    with pytest.raises(ValueError, match="at least 1 query"):
        Dealer(query_set(3), 0, 0)
    with pytest.raises(ValueError, match="counted from 1"):
        Dealer(query_set(3), 0, 1).supplement(0, 0, 0)


def test_the_memory_of_orders_is_bounded_and_a_dealer_can_be_sent_to_another_process():
    dealer = Dealer(query_set(3), 7, 5)
    expected = dealt(dealer, 200)
    assert len(dealer._orders) <= 4
    assert len(dealer._drawn) <= 4
    assert dealt(pickle.loads(pickle.dumps(dealer)), 200) == expected


@pytest.mark.parametrize(("personas", "passes"), [(0, 0), (1, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_passes_say_how_often_the_set_is_begun(personas, passes):
    queries = QuerySet.of([f"query {n}" for n in range(20)])
    assert UserQueryGenerator(queries, queries_per_persona=5).passes(personas) == passes


@given(size=st.integers(12, 40), share=st.integers(1, 5), extra=st.integers(0, 6))
def test_extra_slots_keep_the_set_from_being_dealt_twice_too(size, share, extra):
    """Every query once before any comes again, and no persona meets one twice, with longer first shares as well."""
    dealer = Dealer(query_set(size), 3, share, extra)
    dealt = [[dealer.deal(p, s) for s in range(dealer.share_of(p))] for p in range(12)]
    flat = [deal for hand in dealt for deal in hand]
    assert len(flat) == dealer.start_of(12)
    for start in range(0, len(flat) - size + 1, size):
        assert len({deal.seed_query.query_id for deal in flat[start : start + size]}) == size
    for hand in dealt:
        assert len({deal.seed_query.query_id for deal in hand}) == len(hand)


def test_slots_that_came_filled_are_not_dealt_and_the_rest_shares_the_set_without_a_repeat():
    held, share = (5, 2, 0, 7), 5
    dealer = Dealer([SeedQuery(f"q{n}", f"text {n}") for n in range(30)], 3, share, held=held)
    assert [dealer.share_of(persona) for persona in range(6)] == [5, 5, 5, 7, 5, 5]
    places = [(persona, slot) for persona in range(8) for slot in range(dealer.share_of(persona))]
    left = [(persona, slot) for persona, slot in places if slot >= dealer.held_of(persona)]
    deals = [dealer.deal(*place) for place in left]
    assert len(left) == dealer.start_of(8) == 28
    assert len({deal.seed_query.query_id for deal in deals}) == 28
    assert {deal.pass_number for deal in deals} == {0}
    assert [dealer._persona_at(number) for number in range(28)] == [persona for persona, _ in left]
    with pytest.raises(ValueError, match="slots go from 2 to 4"):
        dealer.deal(1, 1)
