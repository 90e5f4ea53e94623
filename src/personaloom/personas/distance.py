"""Is a new row within Hamming distance d of any row before it? Exactly, without comparing all pairs.

Cut the columns into ``K = d - 1 + m`` disjoint blocks. Two rows that differ in fewer than d columns differ in at most
``d - 1`` blocks, so they agree exactly on at least m of them. Rows are therefore indexed by the hash of every choice of
m blocks, and a new row is compared only with those it meets there. A larger m means more tables and fewer meetings;
for short rows and large d a plain scan over all rows wins. The cheapest is chosen from how often columns agree; the
answer is the same for all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from personaloom.keyed import Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Codes = npt.NDArray[np.uint16]

__all__ = ["DistanceIndex", "Plan", "choose_plan"]

# Measured on one core at 20,000 rows of 44 columns; only their ratios matter, and only for speed.
_MEET_NS = 3.0
"""A column of a row that is met in a table."""
_TABLE_NS = 200.0
"""A table, per row."""
_SCAN_NS, _SCAN_CALL_NS = 0.06, 1_300.0
"""A column of a row in a scan of many rows; and a column of the scan itself."""
_DIRECT_NS = 0.6
"""A column of a row in a comparison with a few rows."""
_VISIT_NS = 60_000.0
"""A table, per visit with however few rows."""
_MAX_TABLE_BYTES = 600_000_000
_ENTRY_BYTES = 13
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Plan:
    """How near rows are found.

    Attributes:
        blocks: disjoint sets of columns; empty for a scan.
        tables: choices of blocks that are indexed together.
        cost_ns: expected time per row, at the size it was planned for.
    """

    blocks: tuple[tuple[int, ...], ...]
    tables: tuple[tuple[int, ...], ...]
    cost_ns: float

    @property
    def method(self) -> str:
        """``scan``, or ``blocks 3 choose 1``."""
        if not self.tables:
            return "scan"
        return f"blocks {len(self.blocks)} choose {len(self.tables[0])}"


def choose_plan(agreement: Sequence[float], distance: int, rows: int) -> Plan:
    """The cheapest exact method.

    Args:
        agreement: per column, the chance that two rows agree in it.
        distance: d.
        rows: how many rows there will be.
    """
    width = len(agreement)
    plans = [Plan((), (), width * (_SCAN_CALL_NS + _SCAN_NS * rows / 2))]
    for together in range(1, 5):
        count = distance - 1 + together
        if count > width or math.comb(count, together) * rows * _ENTRY_BYTES > _MAX_TABLE_BYTES:
            continue
        blocks, logs = _balanced(agreement, count)
        tables = tuple(combinations(range(count), together))
        meetings = sum(math.exp(sum(logs[block] for block in table)) for table in tables) * rows / 2
        plans.append(Plan(blocks, tables, len(tables) * _TABLE_NS + meetings * width * _MEET_NS))
    return min(plans, key=lambda plan: plan.cost_ns)


def _balanced(agreement: Sequence[float], count: int) -> tuple[tuple[tuple[int, ...], ...], list[float]]:
    """Blocks that are about equally telling: the most telling column left goes to the least telling block."""
    logs = [0.0] * count
    blocks: list[list[int]] = [[] for _ in range(count)]
    for column in sorted(range(len(agreement)), key=lambda c: (agreement[c], c)):
        block = min(range(count), key=lambda b: (-logs[b], len(blocks[b]), b))
        blocks[block].append(column)
        logs[block] += math.log(max(agreement[column], 1e-9))
    return tuple(tuple(block) for block in blocks), logs


class _Table:
    """A hash table with chains, in arrays: bucket to its newest entry, entry to the one before it."""

    def __init__(self, bits: int, entries: int) -> None:
        self.bits = bits
        self.heads = np.full(1 << bits, -1, dtype=np.int32)
        self.before = np.empty(entries, dtype=np.int32)

    def bucket(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        mixed = (keys ^ (keys >> np.uint64(31))) * _MIX
        return (mixed >> np.uint64(64 - self.bits)).astype(np.int64)

    def insert(self, keys: npt.NDArray[np.uint64], first_entry: int) -> None:
        buckets = self.bucket(keys)
        order = np.argsort(buckets, kind="stable")
        sorted_buckets = buckets[order]
        entries = (order + first_entry).astype(np.int32)
        starts = np.ones(len(order), dtype=bool)
        starts[1:] = sorted_buckets[1:] != sorted_buckets[:-1]
        previous = np.empty(len(order), dtype=np.int32)
        previous[1:] = entries[:-1]
        previous[starts] = self.heads[sorted_buckets[starts]]
        self.before[entries] = previous
        ends = np.ones(len(order), dtype=bool)
        ends[:-1] = starts[1:]
        self.heads[sorted_buckets[ends]] = entries[ends]


class DistanceIndex:
    """Rows of states, and a way to ask which of them are near.

    Rows are written by ``put`` at any index not above the highest one yet; a row may be put again, with other states.

    Args:
        width: columns.
        distance: d; rows nearer than this are found.
        plan: from ``choose_plan``.
        capacity: rows to make room for; more are taken, at the price of a rebuild.
    """

    def __init__(self, width: int, distance: int, plan: Plan, capacity: int) -> None:
        self.width, self.distance, self.plan = width, distance, plan
        self.rows = 0
        self._capacity = max(capacity, 64)
        self.codes = np.zeros((self._capacity, width), dtype=np.uint16)
        key = Key("personaloom", "distance-index")
        self._factors = np.array([key.integer(column) | 1 for column in range(width)], dtype=np.uint64)
        self._make_tables()

    def _make_tables(self) -> None:
        entries = self._capacity + self._capacity // 4 + 64
        bits = max(6, (entries - 1).bit_length())
        self._tables = [_Table(bits, entries) for _ in self.plan.tables]
        self._row_of = np.empty(entries if self._tables else 0, dtype=np.int32)
        self._entries = 0
        kind = np.uint8 if self.codes.max() < 256 else np.uint16
        self._columns: npt.NDArray[Any] = np.ascontiguousarray(
            self.codes.T if not self._tables else self.codes[:0], kind
        )

    def put(self, first: int, codes: Codes) -> None:
        """Write rows ``first`` … with these states, shape (n, columns)."""
        last = first + len(codes)
        if last > self._capacity:
            self._grow(last)
        self.codes[first:last] = codes
        if not self._tables:
            if codes.size and codes.max() > 255:
                self._columns = self._columns.astype(np.uint16)
            self._columns[:, first:last] = codes.T
        self.rows = max(self.rows, last)
        if self._tables:
            self._index(first, codes)

    def _index(self, first: int, codes: Codes) -> None:
        if self._entries + len(codes) > len(self._row_of):
            self._grow(self._capacity)
            return
        self._row_of[self._entries : self._entries + len(codes)] = np.arange(first, first + len(codes))
        for table, keys in zip(self._tables, self._keys(codes), strict=True):
            table.insert(keys, self._entries)
        self._entries += len(codes)

    def _grow(self, rows: int) -> None:
        """Make room and index all rows anew, which also drops entries of rows that were put again."""
        self._capacity = max(rows, self._capacity + self._capacity // 2)
        codes = np.zeros((self._capacity, self.width), dtype=np.uint16)
        codes[: self.rows] = self.codes[: self.rows]
        self.codes = codes
        self._make_tables()
        if self._tables and self.rows:
            for first in range(0, self.rows, 65536):
                self._index(first, self.codes[first : min(first + 65536, self.rows)])

    def _keys(self, codes: Codes) -> list[npt.NDArray[np.uint64]]:
        weighed = codes * self._factors
        blocks = [weighed[:, list(block)].sum(axis=1, dtype=np.uint64) for block in self.plan.blocks]
        out = []
        for table in self.plan.tables:
            total = blocks[table[0]].copy()
            for block in table[1:]:
                total += blocks[block]
            out.append(total)
        return out

    def near(self, codes: Codes, low: int, high: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """For each query, whether any row at ``low <= index < high[query]`` is nearer than d. Shape (n,)."""
        found = np.zeros(len(codes), dtype=bool)
        if self._direct(len(codes)):
            for query, states in enumerate(codes):
                found[query] = len(self._scan(states, low, int(high[query]))) > 0
            return found
        for table, keys in zip(self._tables, self._keys(codes), strict=True):
            entries = table.heads[table.bucket(keys)]
            going = (entries >= 0) & ~found
            queries, entries = np.flatnonzero(going), entries[going]
            while len(queries):
                rows = self._row_of[entries]
                inside = (rows >= low) & (rows < high[queries])
                found[queries[inside]] = self._close(codes, queries[inside], rows[inside])
                entries = table.before[entries]
                going = (entries >= 0) & ~found[queries]
                queries, entries = queries[going], entries[going]
        return found

    def neighbours(self, states: npt.NDArray[np.uint16], low: int, high: int) -> list[int]:
        """Indices of the rows in ``[low, high)`` nearer than d to one row of states, shape (columns,)."""
        if self._direct(1):
            return [int(row) for row in self._scan(states, low, high)]
        out: set[int] = set()
        codes = states[None, :]
        for table, keys in zip(self._tables, self._keys(codes), strict=True):
            entry = int(table.heads[table.bucket(keys)[0]])
            while entry >= 0:
                row = int(self._row_of[entry])
                if low <= row < high and np.count_nonzero(self.codes[row] != states) < self.distance:
                    out.add(row)
                entry = int(table.before[entry])
        return sorted(out)

    def _close(
        self, codes: Codes, queries: npt.NDArray[np.int64], rows: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.bool_]:
        close: npt.NDArray[np.bool_] = np.count_nonzero(self.codes[rows] != codes[queries], axis=1) < self.distance
        return close

    def _scan(self, states: npt.NDArray[np.uint16], low: int, high: int) -> npt.NDArray[np.int64]:
        """Near rows by looking at all of them: few at once, many column by column in single bytes."""
        if high <= low:
            return np.empty(0, dtype=np.int64)
        if self._tables:
            return np.flatnonzero(np.count_nonzero(self.codes[low:high] != states, axis=1) < self.distance) + low
        total: npt.NDArray[Any] = np.zeros(high - low, dtype=np.uint8 if self.width < 256 else np.uint16)
        differs = np.empty(high - low, dtype=bool)
        for column in range(self.width):
            np.not_equal(self._columns[column, low:high], self._columns.dtype.type(states[column]), out=differs)
            np.add(total, differs.view(np.uint8), out=total)
        return np.flatnonzero(total < self.distance) + low

    def _direct(self, queries: int) -> bool:
        """Whether so few queries are cheaper answered by comparing with every row."""
        return not self._tables or queries * self.rows * self.width * _DIRECT_NS < len(self._tables) * _VISIT_NS
