"""Training arms of equal size, so that a difference between them is not a difference in the amount of data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from personaloom.errors import ConfigError, Fault
from personaloom.keyed import Key
from personaloom.records import TrainingSample

__all__ = ["ARM_MODES", "Arm", "count_tokens", "equal_arms"]

ARM_MODES = ("samples", "tokens")
_PIECE = re.compile(r"\w+|[^\w\s]")


def count_tokens(text: str) -> int:
    """Words and punctuation marks: an estimate that is the same for every arm, whatever tokenizer a trainer has."""
    return sum(1 for _ in _PIECE.finditer(text))


@dataclass(frozen=True)
class Arm:
    """What one arm trains on.

    Attributes:
        name: of the arm.
        sample_ids: chosen samples.
        tokens: in their conversations, by the counter that was given.
        available: samples the arm had.
    """

    name: str
    sample_ids: frozenset[str]
    tokens: int
    available: int

    def select(self, samples: Iterable[TrainingSample]) -> Iterator[TrainingSample]:
        """Those of the samples that were chosen, in their order."""
        return (sample for sample in samples if sample.sample_id in self.sample_ids)


def equal_arms(
    arms: Mapping[str, Iterable[TrainingSample]],
    by: str = "samples",
    seed: int = 0,
    counter: Callable[[str], int] = count_tokens,
) -> dict[str, Arm]:
    """Choose from each arm as much as the smallest one has.

    Samples are taken in a keyed order of their ids, which is the same in every arm: arms of one sweep keep the same
    samples as far as they can. By tokens, an arm stops before the sample that would pass the smallest arm's total, so
    that it is short of it by less than one sample.

    Args:
        arms: name to samples; each is read once, and only ids and token counts are kept.
        by: ``samples`` or ``tokens``.
        seed: of the order.
        counter: tokens of a text.

    Raises:
        ConfigError: ``by`` is neither.
    """
    if by not in ARM_MODES:
        raise ConfigError([Fault("arms.by", f"{by!r} is no choice", f"choose {' or '.join(ARM_MODES)}")])
    key = Key(seed, "arm")
    sized = {name: _sized(samples, key, counter) for name, samples in arms.items()}
    if by == "samples":
        limit = min((len(rows) for rows in sized.values()), default=0)
        return {name: _arm(name, rows[:limit], len(rows)) for name, rows in sized.items()}
    budget = min((sum(tokens for _, _, tokens in rows) for rows in sized.values()), default=0)
    return {name: _arm(name, _within(rows, budget), len(rows)) for name, rows in sized.items()}


_Row = tuple[int, str, int]


def _sized(samples: Iterable[TrainingSample], key: Key, counter: Callable[[str], int]) -> list[_Row]:
    rows = [
        (
            key.integer(sample.sample_id),
            sample.sample_id,
            sum(counter(m["content"]) for m in sample.full_conversation or ()),
        )
        for sample in samples
    ]
    return sorted(rows)


def _within(rows: list[_Row], budget: int) -> list[_Row]:
    chosen, total = [], 0
    for row in rows:
        if total + row[2] > budget:
            break
        chosen.append(row)
        total += row[2]
    return chosen


def _arm(name: str, rows: list[_Row], available: int) -> Arm:
    return Arm(name, frozenset(row[1] for row in rows), sum(row[2] for row in rows), available)
