"""Many keyed draws at once: SHA-256 blocks as arrays of integers."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from personaloom.keyed import Key

__all__ = ["Draws"]

_WORDS_A_BLOCK = 8


class Draws:
    """``width`` pairs of 32-bit integers for each (row, attempt), decided by the key and those two numbers alone.

    Block ``j`` of a row is SHA-256 of the key's digest, the row, the attempt and ``j``; a column's pair is fixed, so a
    draw does not depend on how many rows are asked for together, nor on how many columns come after it.
    """

    def __init__(self, key: Key, width: int) -> None:
        self.width = width
        self._root = bytes.fromhex(key.hex("draws"))
        blocks = -(-2 * width // _WORDS_A_BLOCK)
        self._tails = [block.to_bytes(2, "big") for block in range(blocks)]

    def pairs(self, rows: Iterable[int], attempts: Iterable[int]) -> npt.NDArray[np.uint32]:
        """Uniform integers below 2**32, shape (rows, width, 2)."""
        root, tails = self._root, self._tails
        named = zip(rows, attempts, strict=True)
        heads = [root + row.to_bytes(8, "big") + attempt.to_bytes(4, "big") for row, attempt in named]
        digests = [sha256(head + tail).digest() for head in heads for tail in tails]
        words = np.frombuffer(b"".join(digests), dtype=">u4").astype(np.uint32)
        rectangle = words.reshape(len(heads), len(tails) * _WORDS_A_BLOCK)
        return rectangle[:, : 2 * self.width].reshape(len(heads), self.width, 2)
