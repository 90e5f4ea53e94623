"""Many small draws from one key, cheaply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from personaloom.keyed import Key

T = TypeVar("T")

_MARGIN = 1 << 32

__all__ = ["Dice"]


class Dice:
    """The draws of one decision, one after the other.

    A text takes a hundred small choices; hashing a name for each would cost more than writing it. They are taken from
    one key's stream as digits of its 128-bit numbers in a mixed base, so a draw is one ``divmod``. The bias of a draw
    is below 2**-32.
    """

    __slots__ = ("_number", "_room", "_stream")

    def __init__(self, key: Key) -> None:
        self._stream = key.stream("dice")
        self._number = 0
        self._room = 0

    def below(self, bound: int) -> int:
        """A uniform integer, ``0 <= n < bound``."""
        if self._room < bound * _MARGIN:
            self._number = next(self._stream)
            self._room = 1 << 128
        self._room //= bound
        self._number, drawn = divmod(self._number, bound)
        return drawn

    def between(self, low: int, high: int) -> int:
        """A uniform integer, ``low <= n <= high``."""
        return low + self.below(high - low + 1)

    def pick(self, items: Sequence[T]) -> T:
        """One item, all equally likely."""
        return items[self.below(len(items))]

    def percent(self, share: int) -> bool:
        """True in ``share`` of 100 cases."""
        return self.below(100) < share

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """Up to ``count`` different items in random order."""
        pool = list(items)
        count = min(count, len(pool))
        for first in range(count):
            other = first + self.below(len(pool) - first)
            pool[first], pool[other] = pool[other], pool[first]
        return pool[:count]
