"""Histograms of a corpus, the same for ours and for a real one, and the distance between two of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from personaloom.keyed import Key
from personaloom.quality.intervals import share
from personaloom.quality.textual import ngrams, question_type, words
from personaloom.records import TrainingSample
from personaloom.text.misspellings import misspelt_forms

__all__ = ["CorpusProfile", "Decontamination", "jensen_shannon"]


def jensen_shannon(one: Mapping[str, float], two: Mapping[str, float]) -> float | None:
    """Jensen-Shannon divergence of two histograms in bits: 0 for equal shapes, 1 for no overlap (Lin 1991).

    None where either is empty.
    """
    first, second = sum(one.values()), sum(two.values())
    if not first or not second:
        return None
    total = 0.0
    for name in sorted({*one, *two}):
        p, q = one.get(name, 0) / first, two.get(name, 0) / second
        middle = (p + q) / 2
        total += sum(part * math.log2(part / middle) for part in (p, q) if part > 0) / 2
    return max(0.0, total)


class CorpusProfile:
    """Turns, message lengths, question types and misspellings of a corpus, counted while it streams by.

    Lengths are in words, in bins that double (1, 2-3, 4-7, …). Misspellings are words on a list of well-known ones, so
    that their rate is a lower bound. Every histogram is also kept for two keyed halves, whose distance says how much is
    chance.
    """

    def __init__(self) -> None:
        self._halves = ({name: Counter[str]() for name in self._names}, {name: Counter[str]() for name in self._names})
        self.samples = self.words = self.misspelt = 0
        self._wrong = frozenset(misspelt_forms())

    _names = ("turns", "user_words", "assistant_words", "question_types")

    def add(self, sample: TrainingSample, user: Sequence[tuple[str, list[str]]], assistant: Iterable[int]) -> None:
        """Count a sample.

        Args:
            sample: for its id and number of turns.
            user: text and words of each user message.
            assistant: number of words of each answer.
        """
        half = self._halves[Key("half").below(2, sample.sample_id)]
        self.samples += 1
        half["turns"][str(sample.num_turns)] += 1
        for text, tokens in user:
            half["user_words"][_bin(len(tokens))] += 1
            half["question_types"][question_type(text, tokens)] += 1
            self.words += len(tokens)
            self.misspelt += sum(token in self._wrong for token in tokens)
        half["assistant_words"].update(map(_bin, assistant))

    def add_sample(self, sample: TrainingSample) -> None:
        """Count a sample, taking its messages apart."""
        messages = sample.full_conversation or [{"role": "user", "content": sample.initial_query}]
        user = [(m["content"], words(m["content"])) for m in messages if m["role"] == "user"]
        self.add(sample, user, (len(m["content"].split()) for m in messages if m["role"] == "assistant"))

    def histogram(self, name: str) -> Counter[str]:
        """One histogram, both halves together."""
        return self._halves[0][name] + self._halves[1][name]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: histograms in order of their bins, and the rate of misspelt words."""
        histograms = {name: dict(sorted(self.histogram(name).items(), key=_order)) for name in self._names}
        return {**histograms, "misspelt_words": share(self.misspelt, self.words), "samples": self.samples}

    def distance(self, other: CorpusProfile) -> dict[str, Any]:
        """Jensen-Shannon divergence of each histogram, with what chance alone gives: that of our own two halves."""
        found = {
            name: {
                "jensen_shannon_bits": jensen_shannon(self.histogram(name), other.histogram(name)),
                "between_own_halves": jensen_shannon(self._halves[0][name], self._halves[1][name]),
            }
            for name in self._names
        }
        spelling = {"own": share(self.misspelt, self.words), "reference": share(other.misspelt, other.words)}
        return {**found, "misspelt_words": spelling, "reference_samples": other.samples}


def _bin(count: int) -> str:
    if count < 2:
        return str(count)
    low = 1 << (count.bit_length() - 1)
    return f"{low}-{2 * low - 1}"


def _order(item: tuple[str, int]) -> tuple[int, str]:
    head = item[0].split("-")[0]
    return (int(head), "") if head.isdigit() else (-1, item[0])


class Decontamination:
    """Finds conversations that have a long n-gram of a benchmark in them (Brown et al. 2020, appendix C: 13 words).

    Args:
        benchmarks: name to its texts; a text shorter than ``n`` words is looked for as a whole from 5 words on.
        n: length of the n-gram.
    """

    def __init__(self, benchmarks: Mapping[str, Iterable[str]], n: int = 13) -> None:
        self.n = n
        self._grams: dict[int, dict[str, str]] = {}
        self.names = tuple(benchmarks)
        self.hits: Counter[str] = Counter(dict.fromkeys(self.names, 0))
        self.examples: list[dict[str, str]] = []
        for name, texts in benchmarks.items():
            for text in texts:
                self._learn(name, words(text))

    def _learn(self, name: str, tokens: list[str]) -> None:
        length = min(self.n, len(tokens))
        if length >= min(5, self.n):
            table = self._grams.setdefault(length, {})
            for gram in ngrams(tokens, length):
                table.setdefault(" ".join(gram), name)

    def look(self, sample_id: str, messages: Iterable[Sequence[str]]) -> str | None:
        """The benchmark that a conversation overlaps with, or None; counted.

        Args:
            sample_id: of the conversation.
            messages: the words of each message.
        """
        for tokens in messages:
            for length, table in self._grams.items():
                for gram in ngrams(tokens, length):
                    name = table.get(" ".join(gram))
                    if name is not None:
                        return self._found(sample_id, name, gram)
        return None

    def _found(self, sample_id: str, name: str, gram: Sequence[str]) -> str:
        self.hits[name] += 1
        if len(self.examples) < 20:
            self.examples.append({"sample_id": sample_id, "benchmark": name, "ngram": " ".join(gram)})
        return name

    def report(self, samples: int) -> dict[str, Any]:
        """JSON-ready: the share of samples by benchmark, and the first twenty."""
        found = {name: share(self.hits[name], samples) for name in self.names}
        return {"n": self.n, "benchmarks": found, "examples": self.examples}
