"""Texts that go round in circles, as those of very small models do."""

from __future__ import annotations

from collections import Counter

from personaloom.text.words import sentences

__all__ = ["goes_round"]

_LEAST_WORDS = 4


def goes_round(text: str, times: int = 3) -> str:
    """The sentence that a text says over and over, or an empty text.

    Args:
        text: any text; a refrain is no circle as long as the other lines are at least as long in all.
        times: how often a sentence of four words or more has to stand there; together they make up more than half of
            the words.
    """
    told = sentences(text)
    if len(told) < times:
        return ""
    long = [words for words in told if len(words) >= _LEAST_WORDS]
    if len(long) - len(set(long)) < max(1, times - 1):
        return ""
    words, found = Counter(long).most_common(1)[0]
    whole = sum(map(len, told))
    return " ".join(words) if found >= times and 2 * found * len(words) > whole else ""
