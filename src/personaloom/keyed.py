"""Keyed randomness: every random choice is drawn from the name of the thing it decides.

There is no shared stream. ``Key(seed, "persona", 12).child("query", 3)`` names a decision; its draws depend on the
name alone, never on the order of the calls, the number of processes, the platform or the Python version. That is what
makes a run a pure function of (config, seed), growth prefix-stable and sweeps paired.

A draw is an integer taken from SHA-256 of the key and is compared with integer thresholds; no floating-point
distribution is involved, so nothing that a library release can change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

KeyPart = str | int
BITS = 64
SPAN = 1 << BITS

__all__ = ["BITS", "SPAN", "Key", "KeyPart", "encode", "threshold"]


def encode(parts: Sequence[KeyPart]) -> bytes:
    """Encode key parts without ambiguity: each part carries its type and its length.

    Raises:
        TypeError: a part is neither ``str`` nor ``int`` (a bool or a float would tie the draw to a representation).
    """
    out = bytearray()
    for part in parts:
        if type(part) is str:
            raw = part.encode()
            out += b"s%d:" % len(raw)
        elif type(part) is int:
            raw = b"%d" % part
            out += b"i%d:" % len(raw)
        else:
            raise TypeError(f"a key part is a str or an int, not {type(part).__name__}: {part!r}")
        out += raw
    return bytes(out)


def threshold(probability: float) -> int:
    """The integer below which a 64-bit draw counts as a hit: ``floor(probability * 2**64)``, computed exactly."""
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"a probability lies in [0, 1], not {probability!r}")
    numerator, denominator = float(probability).as_integer_ratio()
    return (numerator << BITS) // denominator


class Key:
    """The name of a random decision, and the draws that belong to it.

    Two draws of one key with the same ``purpose`` are the same number: ask for different things under different names.
    Immutable; children are cheap (SHA-256 state is copied, not recomputed).
    """

    __slots__ = ("_state",)

    def __init__(self, *parts: KeyPart) -> None:
        self._state = hashlib.sha256(encode(parts))

    def child(self, *parts: KeyPart) -> Key:
        """The key of a more specific decision."""
        key = object.__new__(Key)
        key._state = self._state.copy()
        key._state.update(encode(parts))
        return key

    def integer(self, *purpose: KeyPart) -> int:
        """A uniform 64-bit integer, ``0 <= n < 2**64``."""
        state = self._state.copy()
        state.update(encode(purpose))
        return int.from_bytes(state.digest()[:8], "big")

    def wide(self, *purpose: KeyPart) -> int:
        """A uniform 256-bit integer: wide enough that a remainder of it has no bias worth naming (below 2**-190)."""
        state = self._state.copy()
        state.update(encode(purpose))
        return int.from_bytes(state.digest(), "big")

    def hex(self, *purpose: KeyPart) -> str:
        """The key's own digest in hexadecimal (64 characters), for names that must be unique and reproducible."""
        return f"{self.wide(*purpose):064x}"

    def chance(self, probability: float, *purpose: KeyPart) -> bool:
        """Whether an event of this probability happens.

        Nested: what happens at a probability happens at every higher one, because the same integer is compared with a
        higher threshold.
        """
        return self.integer(*purpose) < threshold(probability)

    def below(self, bound: int, *purpose: KeyPart) -> int:
        """A uniform integer, ``0 <= n < bound``."""
        if bound < 1:
            raise ValueError(f"bound must be at least 1, not {bound}")
        return self.wide(*purpose) % bound

    def between(self, low: int, high: int, *purpose: KeyPart) -> int:
        """A uniform integer, ``low <= n <= high``."""
        return low + self.below(high - low + 1, *purpose)

    def choice(self, items: Sequence[T], *purpose: KeyPart) -> T:
        """One item, all equally likely."""
        return items[self.below(len(items), *purpose)]

    def weighted(self, items: Sequence[T], weights: Sequence[float], *purpose: KeyPart) -> T:
        """One item, each with a chance in proportion to its weight; weights are relative and need not sum to 1.

        Raises:
            ValueError: a weight is negative or not finite, or all are zero.
        """
        if len(items) != len(weights):
            raise ValueError(f"{len(items)} items with {len(weights)} weights")
        # Exact: floats are dyadic rationals, so over the common denominator they are integers.
        ratios = [float(weight).as_integer_ratio() for weight in weights]
        scale = max(denominator for _, denominator in ratios)
        whole = [numerator * (scale // denominator) for numerator, denominator in ratios]
        if min(whole) < 0 or sum(whole) == 0:
            raise ValueError(f"weights must be at least 0 and not all 0: {list(weights)!r}")
        ticket = self.wide(*purpose) % sum(whole)
        for item, weight in zip(items, whole, strict=True):
            if ticket < weight:
                return item
            ticket -= weight
        raise AssertionError("unreachable: the ticket is below the sum of the weights")

    def shuffled(self, items: Sequence[T], *purpose: KeyPart) -> list[T]:
        """The items in a random order (Fisher-Yates)."""
        out = list(items)
        stream = self.stream(*purpose)
        for last in range(len(out) - 1, 0, -1):
            other = next(stream) % (last + 1)
            out[last], out[other] = out[other], out[last]
        return out

    def sample(self, items: Sequence[T], count: int, *purpose: KeyPart) -> list[T]:
        """``count`` different items in random order; a larger count keeps the first ones.

        Raises:
            ValueError: fewer than ``count`` items.
        """
        if count > len(items):
            raise ValueError(f"cannot draw {count} of {len(items)}")
        out = list(items)
        stream = self.stream(*purpose)
        for first in range(count):
            other = first + next(stream) % (len(out) - first)
            out[first], out[other] = out[other], out[first]
        return out[:count]

    def stream(self, *purpose: KeyPart) -> Iterator[int]:
        """Endless 128-bit integers of this key, for algorithms that need many numbers."""
        state = self._state.copy()
        state.update(encode(purpose))
        seed = state.digest()
        counter = 0
        while True:
            block = hashlib.sha256(seed + counter.to_bytes(8, "big")).digest()
            yield int.from_bytes(block[:16], "big")
            yield int.from_bytes(block[16:], "big")
            counter += 1
