"""Near-duplicates by MinHash (Broder 1997), with bands of its signatures (Leskovec, Rajaraman and Ullman, ch. 3)."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from personaloom.quality.intervals import share

__all__ = ["NearDuplicates"]

_PERMUTATIONS, _BANDS, _SHINGLE = 64, 16, 5
_ROWS = _PERMUTATIONS // _BANDS


class NearDuplicates:
    """Finds conversations that share most of their five-word shingles.

    A signature of 64 minima is kept for each conversation (256 bytes), up to ``most``. Two conversations that agree in
    one of 16 bands of 4 are compared by their whole signatures; at a true similarity of 0.8 that finds them with a
    probability of 0.9998.

    Args:
        threshold: Jaccard similarity, estimated, from which two conversations count as near-copies.
        most: conversations beyond this number are not looked at, and the result says so.
    """

    def __init__(self, threshold: float = 0.8, most: int = 200_000) -> None:
        self._class: Any = import_module("datasketch").MinHash  # here: it brings scipy
        self._first = self._class(num_perm=_PERMUTATIONS, seed=1, hashfunc=int)
        self.threshold = threshold
        self.most = most
        self.seen = 0
        self._ids: list[str] = []
        self._rows: list[bytes] = []

    def add(self, sample_id: str, tokens: Sequence[str]) -> None:
        """Add a conversation by its words."""
        self.seen += 1
        if len(self._ids) < self.most:
            self._ids.append(sample_id)
            self._rows.append(self._signature(tokens))

    def _signature(self, tokens: Sequence[str]) -> bytes:
        import numpy as np  # noqa: PLC0415 - heavy

        crc = zlib.crc32
        codes = np.array([crc(token.encode("utf-8", "replace")) for token in tokens] or [0], dtype=np.uint64)
        width = min(_SHINGLE, len(codes))
        shingles = np.zeros(len(codes) - width + 1, dtype=np.uint64)
        for place in range(width):  # a polynomial of the words' codes, modulo 2**64
            shingles = shingles * np.uint64(0x100000001B3) + codes[place : place + len(shingles)]
        shingles = (shingles ^ (shingles >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) >> np.uint64(32)
        sketch = self._class(
            num_perm=_PERMUTATIONS, hashfunc=int, permutations=self._first.permutations, scheme=self._first.scheme
        )
        sketch.update_batch(np.unique(shingles).tolist())
        return bytes(sketch.hashvalues.astype(np.uint32).tobytes())

    def groups(self) -> list[list[str]]:
        """Groups of near-copies, each of two or more ids, the largest first."""
        import numpy as np  # noqa: PLC0415 - heavy

        if not self._rows:
            return []
        matrix = np.frombuffer(b"".join(self._rows), dtype=np.uint32).reshape(len(self._rows), _PERMUTATIONS)
        parent = list(range(len(self._rows)))
        for band in range(_BANDS):
            keys = np.zeros(len(matrix), dtype=np.uint64)
            for row in range(band * _ROWS, (band + 1) * _ROWS):  # one number a band: a clash is compared and refused
                keys = keys * np.uint64(0x9E3779B97F4A7C15) + matrix[:, row]
            order = np.argsort(keys, kind="stable")
            equal = keys[order[1:]] == keys[order[:-1]]
            for place in np.flatnonzero(equal).tolist():
                self._join(matrix, parent, int(order[place]), int(order[place + 1]))
        found: dict[int, list[str]] = defaultdict(list)
        for index, sample_id in enumerate(self._ids):
            found[_root(parent, index)].append(sample_id)
        return sorted((group for group in found.values() if len(group) > 1), key=lambda group: (-len(group), group))

    def _join(self, matrix: Any, parent: list[int], one: int, two: int) -> None:
        first, second = _root(parent, one), _root(parent, two)
        if first != second and float((matrix[one] == matrix[two]).mean()) >= self.threshold:
            parent[max(first, second)] = min(first, second)

    def report(self, examples: int = 5) -> dict[str, Any]:
        """Share of conversations that another one nearly repeats, and the largest groups."""
        groups = self.groups()
        return {
            "share": share(sum(map(len, groups)), len(self._ids)),
            "groups": len(groups),
            "largest": len(groups[0]) if groups else 0,
            "examples": [group[:5] for group in groups[:examples]],
            "threshold": self.threshold,
            "looked_at": len(self._ids),
            "not_looked_at": self.seen - len(self._ids),
        }


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index
