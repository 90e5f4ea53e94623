"""Persona after persona, each the first of its candidates that is far enough from all before it.

That sentence is the definition, and it makes persona i independent of how many are asked for. The work is done in
batches: all first candidates of a batch are drawn and checked together, and only those with a near row before them are
gone through one by one, in order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from personaloom.personas.distance import DistanceIndex, Plan, choose_plan

if TYPE_CHECKING:
    import numpy.typing as npt

    from personaloom.personas.candidates import Candidates
    from personaloom.personas.strata import StrataPlan

    Codes = npt.NDArray[np.uint16]

__all__ = ["Engine", "ExhaustedError"]

_LARGEST, _SMALLEST = 8192, 64
_TRIALS = (4, 16, 64)
_LOOK = 192


class ExhaustedError(Exception):
    """Persona ``row`` found no candidate within its attempts; all rows before it stand."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


@dataclass(slots=True)
class Engine:
    """Makes the states of personas 0, 1, 2, …, and keeps them.

    Attributes:
        candidates: where they come from.
        distance: d; at 0 nothing is compared.
        max_attempts: candidates for one persona.
        strata: which stratum each persona belongs to, or None.
        replaced: candidates that were too close, so far.
    """

    candidates: Candidates
    distance: int
    max_attempts: int
    strata: StrataPlan | None = None
    replaced: int = 0
    done: int = 0
    _index: DistanceIndex | None = None
    _codes: list[Codes] = field(default_factory=list)
    _batch: int = _LARGEST

    @property
    def method(self) -> str:
        """How near rows are found."""
        return self._index.plan.method if self._index else "none"

    def codes(self, count: int) -> Codes:
        """States of the first ``count`` personas, shape (count, columns).

        Raises:
            ExhaustedError: one of them cannot be had.
        """
        if self.distance == 0:
            return self._independent(count)
        if self._index is None and count:
            self._index = DistanceIndex(self.candidates.width, self.distance, self._plan(count), count)
        while self.done < count:
            size = min(self._batch, count - self.done)
            before = self.replaced
            self._extend(self._index_or_fail(), size)
            replaced = self.replaced - before
            self._batch = max(_SMALLEST, size // 2) if replaced * 16 > size else min(_LARGEST, self._batch * 2)
        return self._index.codes[:count] if self._index else np.zeros((0, self.candidates.width), dtype=np.uint16)

    def window(self, first: int, count: int) -> Codes:
        """States of personas ``first`` to ``first + count - 1``; without distance or strata nothing else is made."""
        if self.distance == 0 and self.strata is None:
            return self.candidates.draw(range(first, first + count), list(repeat(0, count)))
        return self.codes(first + count)[first:]

    def _index_or_fail(self) -> DistanceIndex:
        if self._index is None:
            raise AssertionError("the index is made before it is used")
        return self._index

    def _independent(self, count: int) -> Codes:
        while self.done < count:
            size = min(_LARGEST, count - self.done)
            self._codes.append(self._first(self.done, size).astype(np.uint16))
            self.done += size
        if len(self._codes) != 1:
            empty = np.zeros((0, self.candidates.width), dtype=np.uint16)
            self._codes = [np.concatenate([empty, *self._codes])]
        return self._codes[0][:count]

    def _plan(self, count: int) -> Plan:
        """Choose by how often columns agree in a first look at the candidates; the choice never changes the rows."""
        size = _LOOK
        look = self.candidates.draw(range(size), list(repeat(0, size)), self._forced_look(size))
        agreement = [float(((np.bincount(column) / size) ** 2).sum()) for column in look.T]
        return choose_plan(agreement, self.distance, max(count, 2))

    def _forced_look(self, size: int) -> dict[int, Codes] | None:
        return self.strata.cycle(size) if self.strata else None

    def _first(self, start: int, size: int) -> Codes:
        forced = self.strata.forced(start, size) if self.strata else None
        return self.candidates.draw(range(start, start + size), list(repeat(self._base(start), size)), forced)

    def _base(self, row: int) -> int:
        """The number of the first attempt; a row that moved to another stratum goes on where it was."""
        return self.strata.moves(row) * self.max_attempts if self.strata else 0

    def _extend(self, index: DistanceIndex, size: int) -> None:
        """Add ``size`` rows."""
        start, stop = self.done, self.done + size
        first = self._first(start, size)
        index.put(start, first)
        waiting = sorted((start + np.flatnonzero(index.near(first, 0, np.arange(start, stop)))).tolist(), reverse=True)
        suspects = set(waiting)
        while waiting:
            row = waiting.pop()
            suspects.discard(row)
            if not index.near(index.codes[row : row + 1], 0, np.array([row]))[0]:
                continue
            states = self._retry(index, row)
            self.replaced += 1
            index.put(row, states[None, :])
            fresh = [later for later in index.neighbours(states, row + 1, stop) if later not in suspects]
            if fresh:
                suspects.update(fresh)
                waiting = sorted(suspects, reverse=True)
        self.done = stop

    def _retry(self, index: DistanceIndex, row: int) -> npt.NDArray[np.uint16]:
        """The first later candidate of a row that is far from all before it."""
        base, attempt, trial = self._base(row), 1, 0
        forced = self.strata.forced(row, 1) if self.strata else None
        while attempt < self.max_attempts:
            size = min(_TRIALS[min(trial, len(_TRIALS) - 1)], self.max_attempts - attempt)
            many = {column: np.repeat(states, size) for column, states in forced.items()} if forced else None
            attempts = range(base + attempt, base + attempt + size)
            codes = self.candidates.draw(list(repeat(row, size)), list(attempts), many)
            far = np.flatnonzero(~index.near(codes, 0, np.full(size, row)))
            if len(far):
                found: npt.NDArray[np.uint16] = codes[far[0]]
                return found
            attempt, trial = attempt + size, trial + 1
        self.done = row
        index.rows = row
        raise ExhaustedError(row)
