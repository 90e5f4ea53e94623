# ruff: noqa: RUF001 - typographic apostrophes occur in texts
"""How far two texts are apart: edit distance and word overlap, both in (near) linear time on long texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

__all__ = ["FuzzySet", "containment", "levenshtein", "near", "overlap", "tokens"]

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")


def tokens(text: str) -> list[str]:
    """Words and numbers in lower case, punctuation left out; ``don't`` is one token."""
    return [token.replace("’", "'") for token in _TOKEN.findall(text.lower())]


def _trim(a: str, b: str) -> tuple[str, str]:
    """Without the common start and end, found by bisection: both are long in typical pairs."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    a, b = a[low:], b[low:]
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[len(a) - middle :] == b[len(b) - middle :]:
            low = middle
        else:
            high = middle - 1
    return (a[: len(a) - low], b[: len(b) - low]) if low else (a, b)


def levenshtein(a: str, b: str) -> int:
    """Insertions, deletions and substitutions that turn ``a`` into ``b``, in characters.

    Myers' bit-parallel algorithm (1999) in Hyyrö's form (2003) with one Python integer as the bit vector: two texts of
    20,000 characters take about a tenth of a second.
    """
    if a == b:
        return 0
    a, b = _trim(a, b)
    if len(a) > len(b):
        a, b = b, a
    if not a:
        return len(b)
    places: dict[str, int] = {}
    for index, char in enumerate(a):
        places[char] = places.get(char, 0) | (1 << index)
    mask, last = (1 << len(a)) - 1, 1 << (len(a) - 1)
    plus, minus, distance = mask, 0, len(a)
    for char in b:
        match = places.get(char, 0)
        diagonal = (((match & plus) + plus) ^ plus) | match | minus
        up = minus | (mask & ~(diagonal | plus))
        down = plus & diagonal
        if up & last:
            distance += 1
        elif down & last:
            distance -= 1
        up = ((up << 1) | 1) & mask
        down = (down << 1) & mask
        plus = down | (mask & ~(diagonal | up))
        minus = up & diagonal
    return distance


def near(a: str, b: str) -> bool:
    """Whether two words differ by one typing slip at most: one edit, or two neighbouring letters exchanged."""
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1:
        return False
    a, b = _trim(a, b)
    return max(len(a), len(b)) <= 1 or (len(a) == 2 and a == b[::-1])


def overlap(a: Iterable[str], b: Iterable[str]) -> float:
    """Shared tokens over all tokens (multiset Jaccard), 1.0 for two empty texts."""
    first, second = Counter(a), Counter(b)
    union = (first | second).total()
    return (first & second).total() / union if union else 1.0


def containment(part: Collection[str], whole: Collection[str]) -> float:
    """Share of ``part``'s different tokens that occur in ``whole``; 1.0 where ``part`` is empty."""
    wanted = set(part)
    return len(wanted & set(whole)) / len(wanted) if wanted else 1.0


class FuzzySet:
    """A set of words that also answers for misspelt ones: one slip, a clipped form (``doc``), a plural.

    Looking up costs the length of the word, not the size of the set: words are indexed by what is left when one
    letter is dropped, so two words one slip apart meet in at least one entry.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = frozenset(words)
        self._index: dict[str, list[str]] = {}
        self._starts: set[str] = set()
        for word in self.words:
            if len(word) >= 3 and word.isalpha():
                self._starts.add(word)
            for shape in _shapes(word):
                self._index.setdefault(shape, []).append(word)

    def __contains__(self, word: str) -> bool:
        """Exactly, or nearly where the word has at least four letters."""
        if word in self.words:
            return True
        if len(word) < 4 or not word.isalpha():
            return False
        if any(word[:end] in self._starts for end in range(3, len(word)) if len(word) - end >= 3 or end >= 5):
            return True  # clipped: "info" for "information"
        return self.near(word)

    def near(self, word: str) -> bool:
        """Whether a word of the set is one slip away, or this very word."""
        return word in self.words or any(
            near(word, other) for shape in _shapes(word) for other in self._index.get(shape, ())
        )


def _shapes(word: str) -> Iterable[str]:
    """The word and what is left of it without one letter; words of more than 30 characters only as they are."""
    if len(word) > 30 or not word.isalpha():
        return (word,)
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}
