"""Which stratum each persona belongs to: round after round through all strata, each round in its own keyed order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from personaloom.keyed import Key

    Codes = npt.NDArray[np.uint16]

__all__ = ["StrataPlan"]


class StrataPlan:
    """The stratum of each persona.

    At every prefix, counts of strata differ by at most one. A stratum that can give no further persona at the distance
    asked for is left out from then on; the others stay balanced.

    Args:
        columns: the stratified columns.
        strata: their joint states that the rules allow, one row a stratum.
        key: names the orders.
    """

    def __init__(self, columns: Sequence[int], strata: Sequence[Sequence[int]], key: Key) -> None:
        self.columns = tuple(columns)
        self.states = np.array(strata, dtype=np.uint16).reshape(len(strata), len(self.columns))
        self._key = key
        self._round = 0
        self._plan: list[int] = []
        self._moved: dict[int, int] = {}
        self.exhausted: list[int] = []

    def __len__(self) -> int:
        return len(self.states)

    def of(self, first: int, count: int) -> list[int]:
        """Strata of the personas from ``first`` on."""
        while len(self._plan) < first + count:
            order = self._key.shuffled(range(len(self)), self._round)
            gone = set(self.exhausted)
            self._plan += [stratum for stratum in order if stratum not in gone]
            self._round += 1
        return self._plan[first : first + count]

    def forced(self, first: int, count: int) -> dict[int, Codes]:
        """States of the stratified columns for the personas from ``first`` on."""
        states = self.states[self.of(first, count)]
        return {column: states[:, at] for at, column in enumerate(self.columns)}

    def cycle(self, count: int) -> dict[int, Codes]:
        """States of any ``count`` strata, for a look at what candidates are like."""
        states = self.states[np.arange(count) % len(self)]
        return {column: states[:, at] for at, column in enumerate(self.columns)}

    def moves(self, row: int) -> int:
        """How often this persona had to leave a stratum."""
        return self._moved.get(row, 0)

    def give_up(self, row: int) -> bool:
        """The stratum of this persona is exhausted: leave it out from here on. False where none is left."""
        stratum = self._plan[row]
        self.exhausted.append(stratum)
        self._plan[row:] = [other for other in self._plan[row:] if other != stratum]
        self._moved[row] = self.moves(row) + 1
        return len(self.exhausted) < len(self)
