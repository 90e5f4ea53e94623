"""Who gets which query: every query once before any comes again, whatever the order of the file or of the calls."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from personaloom.keyed import Key
from personaloom.records import SeedQuery

__all__ = ["Deal", "Dealer"]

_KEPT_PASSES = 4  # personas in flight stand in one pass or two; each order is a list of the set's size


class Deal(NamedTuple):
    """A dealt query, and how often the set had been dealt out before."""

    seed_query: SeedQuery
    pass_number: int


class Dealer:
    """Deals a set of queries to personas, like cards.

    All slots of all personas are numbered through; slot ``n`` is in pass ``n // len(queries)``, and each pass has an
    order of its own, drawn from the queries' ids. So nothing depends on how many personas there will be, on the order
    of the file, or on who asks first. Where a pass ends inside a persona's share, the next one begins with queries
    that this persona has not met (possible when the set holds at least two shares).

    Args:
        queries: with different ids; at least one.
        seed: of the dealing (``seeds.queries``).
        share: queries for each persona, at least 1.
        extra: so many first personas get one query more (for datasets of an exact size).
        held: conversations that the first personas came with: these fill their first slots, and are not dealt.
    """

    def __init__(
        self, queries: Sequence[SeedQuery], seed: int, share: int, extra: int = 0, held: Sequence[int] = ()
    ) -> None:
        if not queries:
            raise ValueError("there are no queries to deal")
        if share < 1:
            raise ValueError(f"a persona gets at least 1 query, not {share}")
        self.queries = queries
        self.seed = seed
        self.share = share
        self.extra = extra
        self.held = tuple(held)
        dealt = [max(0, self._plain(index) - has) for index, has in enumerate(self.held)]
        self._starts = list(accumulate(dealt, initial=0))
        self._drawn: OrderedDict[int, list[SeedQuery]] = OrderedDict()
        self._orders: OrderedDict[int, list[SeedQuery]] = OrderedDict()

    def deal(self, persona_index: int, slot: int) -> Deal:
        """The query of a persona's slot.

        Raises:
            ValueError: a negative index, or a slot that this persona has not, or that is filled already.
        """
        first = self.held_of(persona_index)
        if persona_index < 0 or not first <= slot < self.share_of(persona_index):
            last = self.share_of(max(persona_index, 0)) - 1
            raise ValueError(f"persona {persona_index}, slot {slot}: slots go from {first} to {last}")
        number, place = divmod(self.start_of(persona_index) + slot - first, len(self.queries))
        return Deal(_kept(self._orders, number, self._order)[place], number)

    def share_of(self, persona_index: int) -> int:
        """How many slots a persona has."""
        return max(self._plain(persona_index), self.held_of(persona_index))

    def held_of(self, persona_index: int) -> int:
        """How many of them are filled with what it came with."""
        return self.held[persona_index] if 0 <= persona_index < len(self.held) else 0

    def start_of(self, persona_index: int) -> int:
        """How many slots of all personas before this one are dealt."""
        known = len(self.held)
        if persona_index < known:
            return self._starts[persona_index]
        more = (persona_index - known) * self.share + min(persona_index, self.extra) - min(known, self.extra)
        return self._starts[known] + more

    def _plain(self, persona_index: int) -> int:
        return self.share + (persona_index < self.extra)

    def _persona_at(self, position: int) -> int:
        """The persona that a slot belongs to, by the slot's number over all that are dealt."""
        known = len(self.held)
        if position < self._starts[known]:
            return bisect_right(self._starts, position) - 1
        rest, long = position - self._starts[known], max(0, self.extra - known)
        if rest < long * (self.share + 1):
            return known + rest // (self.share + 1)
        return known + (rest - long) // self.share

    def supplement(self, persona_index: int, slot: int, supplement: int) -> Deal:
        """A replacement for a slot, by its number from 1.

        It is none of the queries dealt to this persona, and no two of a persona's replacements are the same, as long
        as the set has any left. It depends on nobody's failures. Its pass is that of the slot.
        """
        if supplement < 1:
            raise ValueError(f"supplements are counted from 1, not {supplement}")
        replaced = self.deal(persona_index, slot)
        others_of = range(self.held_of(persona_index), self.share_of(persona_index))
        own = {self.deal(persona_index, other).seed_query.query_id for other in others_of}
        others = self._without(own) or self._without({replaced.seed_query.query_id}) or list(self.queries)
        place = ((supplement - 1) * self.share_of(persona_index) + slot) % len(others)
        key = Key(self.seed, "deal", "supplement", persona_index)
        return Deal(key.sample(others, place + 1)[place], replaced.pass_number)

    def _without(self, ids: set[str]) -> list[SeedQuery]:
        """The others, in an order that is not the file's."""
        return [query for query in _kept(self._drawn, 0, self._draw) if query.query_id not in ids]

    def _draw(self, number: int) -> list[SeedQuery]:
        key = Key(self.seed, "deal", number)
        return sorted(self.queries, key=lambda query: key.wide(query.query_id))

    def _order(self, number: int) -> list[SeedQuery]:
        """A pass as it is dealt: as drawn, but what the persona astride its beginning has met comes a little later.

        Only the first ``share`` places can change, so the end of the pass before is as it was drawn.
        """
        order = _kept(self._drawn, number, self._draw)
        boundary = number * len(order)
        astride = self._persona_at(boundary)
        share, met_count = self.share_of(astride), boundary - self.start_of(astride)
        if met_count == 0 or len(order) < 2 * (self.share + bool(self.extra)):
            return order
        before = _kept(self._drawn, number - 1, self._draw)
        met = {query.query_id for query in before[-met_count:]}
        fresh = [query for query in order[:share] if query.query_id not in met][: share - met_count]
        first = {query.query_id for query in fresh}
        return fresh + [query for query in order if query.query_id not in first]


def _kept(
    kept: OrderedDict[int, list[SeedQuery]], number: int, make: Callable[[int], list[SeedQuery]]
) -> list[SeedQuery]:
    """The order of a pass, made once; the oldest makes room."""
    order = kept.get(number)
    if order is None:
        order = kept[number] = make(number)
        while len(kept) > _KEPT_PASSES:
            kept.popitem(last=False)
    return order
