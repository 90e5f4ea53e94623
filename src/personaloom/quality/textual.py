"""Measures of text: pure functions of lists of words."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = [
    "compression_ratio", "distinct_n", "evenness", "mattr", "mtld", "ngrams", "overlap_share", "question_type",
    "self_repetition", "shared_ngram_share", "words",
]  # fmt: skip

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def words(text: str) -> list[str]:
    """Words and numbers in lower case, without punctuation; ``don't`` is one word."""
    return _WORD.findall(text.lower().replace("\u2019", "'"))


def ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """All runs of ``n`` words, in order."""
    return list(zip(*(tokens[start:] for start in range(n)), strict=False))


def distinct_n(tokens: Sequence[str], n: int) -> float:
    """Different n-grams over all n-grams (Li et al. 2016, arXiv 1510.03055); 0 for a text shorter than n.

    It falls with length, so compare texts of equal length only.
    """
    grams = ngrams(tokens, n)
    return len(set(grams)) / len(grams) if grams else 0.0


def mattr(tokens: Sequence[str], window: int = 50) -> float | None:
    """Moving-average type-token ratio (Covington and McFall 2010): the mean over all windows; it ignores length.

    None for a text shorter than the window.
    """
    if len(tokens) < window:
        return None
    counts = Counter(tokens[:window])
    total = len(counts)
    for leaving, coming in zip(tokens, tokens[window:], strict=False):
        counts[leaving] -= 1
        if not counts[leaving]:
            del counts[leaving]
        counts[coming] += 1
        total += len(counts)
    return total / (window * (len(tokens) - window + 1))


def mtld(tokens: Sequence[str], threshold: float = 0.72, shortest: int = 50) -> float | None:
    """Measure of textual lexical diversity (McCarthy and Jarvis 2010, Behavior Research Methods 42).

    The mean number of words over which the type-token ratio stays above ``threshold``, read forwards and backwards
    and averaged. None for a text shorter than ``shortest`` words, where the measure is not stable.
    """
    if len(tokens) < shortest:
        return None
    return (_factor_length(tokens, threshold) + _factor_length(tokens[::-1], threshold)) / 2


def _factor_length(tokens: Sequence[str], threshold: float) -> float:
    factors, start, types = 0.0, 0, set[str]()
    ratio = 1.0
    for place, token in enumerate(tokens):
        types.add(token)
        ratio = len(types) / (place + 1 - start)
        if ratio <= threshold:
            factors, start, types, ratio = factors + 1, place + 1, set(), 1.0
    if start < len(tokens):
        factors += (1 - ratio) / (1 - threshold)
    # A text in which no word comes twice has no factor: its length is a lower bound.
    return len(tokens) / factors if factors else float(len(tokens))


def compression_ratio(text: str) -> float:
    """Size over compressed size with DEFLATE (Shaib et al. 2024, arXiv 2403.00553); higher is more repetitive.

    It grows with length, so compare texts of equal length only. 0 for an empty text.
    """
    raw = text.encode("utf-8", "replace")
    return len(raw) / len(zlib.compress(raw, 6)) if raw else 0.0


def self_repetition(documents: Sequence[Sequence[str]], n: int = 4) -> float:
    """How much documents repeat each other's n-grams (Salkar et al. 2022; Shaib et al. 2024, arXiv 2403.00553).

    The mean over documents of ``log(1 + sum of the numbers of other documents that have each of its n-grams)``. It
    grows with the number and the length of documents, so compare equal numbers of equal lengths.
    """
    sets = [set(ngrams(tokens, n)) for tokens in documents]
    holders = Counter(gram for grams in sets for gram in grams)
    scores = [math.log1p(sum(holders[gram] - 1 for gram in grams)) for grams in sets]
    return sum(scores) / len(scores) if scores else 0.0


def shared_ngram_share(documents: Sequence[Sequence[str]], n: int = 4) -> float:
    """Mean share of a document's different n-grams that some other document has too; of documents with any."""
    sets = [grams for grams in (set(ngrams(tokens, n)) for tokens in documents) if grams]
    holders = Counter(gram for grams in sets for gram in grams)
    shares = [sum(holders[gram] > 1 for gram in grams) / len(grams) for grams in sets]
    return sum(shares) / len(shares) if shares else 0.0


def overlap_share(text: Sequence[str], source: Sequence[str], n: int = 3) -> float | None:
    """Share of the different n-grams of ``text`` that ``source`` has; None where ``text`` has none."""
    own = set(ngrams(text, n))
    return len(own & set(ngrams(source, n))) / len(own) if own else None


_WH = frozenset(["what", "how", "why", "when", "where", "who", "which"])
_POLAR = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "am",
        "do",
        "does",
        "did",
        "can",
        "could",
        "will",
        "would",
        "should",
        "shall",
        "may",
        "might",
        "has",
        "have",
        "had",
        "isn't",
        "aren't",
        "don't",
        "doesn't",
        "didn't",
        "can't",
        "couldn't",
        "won't",
        "wouldn't",
        "shouldn't",
    ]
)


def question_type(text: str, tokens: Iterable[str] | None = None) -> str:
    """``what``, ``how``, … by the first question word; ``yes_no``, ``other_question``, or ``statement``.

    A rule of thumb for comparing two corpora with the same code, not a parser.
    """
    found = list(words(text) if tokens is None else tokens)
    asked = "?" in text
    if found and found[0] in _POLAR:
        return "yes_no"
    for token in found if asked else found[:1]:
        head = token.split("'")[0]
        if head in _WH:
            return head
    return "other_question" if asked else "statement"


def evenness(counts: Iterable[int]) -> float | None:
    """Shannon entropy over its maximum for that many kinds (Pielou 1966): 1 where all are equally common.

    None for fewer than two kinds.
    """
    found = [count for count in counts if count]
    total = sum(found)
    if len(found) < 2:
        return None
    return -sum(n / total * math.log(n / total) for n in found) / math.log(len(found))
