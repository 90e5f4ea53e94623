"""Splits by persona: no persona in two splits, stable when the dataset grows, equal over the levels of a sweep.

Personas are cut into blocks by their index. A block is the smallest number of personas that holds the asked ratios
exactly (10 for 0.8/0.1/0.1); inside each block a keyed permutation says who goes where. So every whole block has
exactly the asked shares, a persona's split depends on its index and the seed alone, and growth moves nobody.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from personaloom.errors import ConfigError, Fault
from personaloom.keyed import Key

__all__ = ["SPLIT_NAMES", "Splitter", "block_counts"]

SPLIT_NAMES = ("train", "val", "test")
"""Splits that always exist, if only as empty files."""

_DEFAULT: Mapping[str, float] = {"train": 0.8, "val": 0.1, "test": 0.1}
_LARGEST_BLOCK = 1000
_TOLERANCE = 0.001
_INDEX = re.compile(r"(?:^|:)p(\d{6,})$")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def block_counts(ratios: Sequence[float]) -> tuple[int, ...]:
    """How many personas of a block each split gets; their sum is the size of the block.

    The smallest block that represents the ratios to within a thousandth of a persona, at most 1,000; ratios that
    need a larger one are rounded there by largest remainder.
    """
    for size in range(1, _LARGEST_BLOCK + 1):
        counts = [round(ratio * size) for ratio in ratios]
        near = all(abs(ratio * size - count) < _TOLERANCE for ratio, count in zip(ratios, counts, strict=True))
        if near and sum(counts) == size:
            return tuple(counts)
    return _largest_remainder(ratios, _LARGEST_BLOCK)


def _largest_remainder(ratios: Sequence[float], size: int) -> tuple[int, ...]:
    counts = [math.floor(ratio * size) for ratio in ratios]
    by_remainder = sorted(range(len(ratios)), key=lambda i: (counts[i] - ratios[i] * size, i))
    for index in by_remainder[: size - sum(counts)]:
        counts[index] += 1
    return tuple(counts)


class Splitter:
    """Which split a persona belongs to.

    Args:
        ratios: split name to share; the shares sum to 1. ``train``, ``val`` and ``test`` always exist, with share 0
            where they are not named; further names are allowed (lower case, digits, underscores).
        seed: another seed is another assignment with the same shares.

    Raises:
        ConfigError: a share is negative, no number, or too small to be held (below 0.001), a name cannot be a file
            name, or the shares do not sum to 1; all faults at once.
    """

    def __init__(self, ratios: Mapping[str, float] = _DEFAULT, seed: int = 0) -> None:
        _judge(ratios)
        self.ratios: dict[str, float] = dict.fromkeys(SPLIT_NAMES, 0.0) | {k: float(v) for k, v in ratios.items()}
        self.seed = seed
        self.counts = dict(zip(self.ratios, block_counts(tuple(self.ratios.values())), strict=True))
        self._key = Key(seed, "split")
        self._slots = [name for name, count in self.counts.items() for _ in range(count)]
        self._last: tuple[int, list[str]] = (-1, [])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the splits, empty ones included, in order."""
        return tuple(self.ratios)

    @property
    def block_size(self) -> int:
        """Personas in a block: any so many personas in a row, from a multiple of it, hold the shares exactly."""
        return len(self._slots)

    def split_of(self, persona_id: str) -> str:
        """The split of a persona.

        Ids of the form ``p000012`` (also behind ``<fingerprint>:``) are dealt in blocks; any other id is drawn on its
        own, so that its shares hold only in expectation.
        """
        found = _INDEX.search(persona_id)
        if found is None:
            return self._key.weighted(self.names, tuple(self.counts.values()), "id", persona_id)
        block, place = divmod(int(found[1]), self.block_size)
        return self._block(block)[place]

    def _block(self, block: int) -> list[str]:
        number, names = self._last  # read once: threads may share a splitter
        if number != block:
            names = self._key.shuffled(self._slots, "block", block)
            self._last = (block, names)
        return names

    def settings(self) -> dict[str, object]:
        """What decides a split, JSON-ready, for fingerprints."""
        return {"ratios": self.ratios, "seed": self.seed}


def _judge(ratios: Mapping[str, float]) -> None:
    where = "training_data.split"
    faults = [fault for name, share in ratios.items() for fault in _judge_one(f"{where}.{name}", name, share)]
    if not faults and abs(math.fsum(ratios.values()) - 1.0) > 1e-3:
        total = math.fsum(ratios.values())
        faults.append(Fault(where, f"the shares sum to {total:g}", "make them sum to 1, such as 0.8, 0.1 and 0.1"))
    if faults:
        raise ConfigError(faults, "the split cannot be used")


def _judge_one(where: str, name: str, share: object) -> list[Fault]:
    if not _NAME.fullmatch(name):
        return [Fault(where, f"{name!r} cannot name a split", "use lower-case letters, digits and underscores")]
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not math.isfinite(share):
        return [Fault(where, f"a share is a number, not {share!r}", "give a share from 0 to 1")]
    if share < 0 or share > 1:
        return [Fault(where, f"a share lies in [0, 1], not {share!r}", "give a share from 0 to 1")]
    if 0 < share < 1 / _LARGEST_BLOCK:
        return [Fault(where, f"{share!r} is below the smallest share of 0.001", "give 0, or 0.001 and more")]
    return []
