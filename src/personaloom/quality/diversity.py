"""How varied the text is, measured on equal lengths: a keyed sample of conversations, cut into equal blocks."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from personaloom.keyed import Key
from personaloom.quality.intervals import estimate
from personaloom.quality.textual import compression_ratio, distinct_n, mattr, mtld, self_repetition, shared_ngram_share

__all__ = ["KeyedSample", "diversity"]

_BLOCK_WORDS, _BLOCK_CHARS, _BLOCKS = 1000, 20_000, 50
_DOCUMENTS, _DOCUMENT_WORDS = 500, 100
_LONGEST = 4000


class KeyedSample:
    """The ``most`` conversations with the smallest keyed numbers: a uniform sample that does not depend on order.

    A conversation's words are kept up to 4,000 a role, so that memory is bounded.
    """

    def __init__(self, key: Key, most: int = 1000) -> None:
        self._key = key
        self.most = most
        self._heap: list[tuple[int, str, str, list[str], list[str]]] = []

    def wants(self, sample_id: str) -> int | None:
        """The keyed number of a conversation that belongs to the sample so far, or None."""
        number = self._key.integer(sample_id)
        return number if len(self._heap) < self.most or -self._heap[0][0] > number else None

    def add(self, number: int, sample_id: str, persona: str, user: list[str], assistant: list[str]) -> None:
        """Take a conversation in, and the largest out where there are too many."""
        entry = (-number, sample_id, persona, user[:_LONGEST], assistant[:_LONGEST])
        if len(self._heap) < self.most:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heapreplace(self._heap, entry)

    def documents(self, role: str) -> list[tuple[str, list[str]]]:
        """(persona, words) of each sampled conversation that has any, in keyed order; ``user`` or ``assistant``."""
        place = 3 if role == "user" else 4
        ordered = sorted(self._heap, reverse=True)
        return [(entry[2], entry[place]) for entry in ordered if entry[place]]  # type: ignore[misc]


def diversity(sample: KeyedSample, key: Key) -> dict[str, Any]:
    """The measures of diversity for user and assistant; each with its unit and interval."""
    return {role: _of_role(sample.documents(role), key.child(role)) for role in ("user", "assistant")}


def _of_role(documents: Sequence[tuple[str, list[str]]], key: Key) -> dict[str, Any]:
    stream = [token for _, tokens in documents for token in tokens]
    blocks = list(_blocks(stream))
    mattrs: dict[str, list[float]] = defaultdict(list)
    mtlds: dict[str, list[float]] = defaultdict(list)
    for persona, tokens in documents:
        _keep(mattrs, persona, mattr(tokens))
        _keep(mtlds, persona, mtld(tokens))
    cut = [tokens[:_DOCUMENT_WORDS] for _, tokens in documents if len(tokens) >= _DOCUMENT_WORDS // 4][:_DOCUMENTS]
    return {
        **{f"distinct_{n}": _over_blocks([distinct_n(block, n) for block in blocks], key.child(n)) for n in (1, 2, 3)},
        "mattr_50": estimate(mattrs, key.child("mattr")),
        "mtld": estimate(mtlds, key.child("mtld")),
        "compression_ratio": _over_blocks(list(_compressions(stream)), key.child("compression")),
        "self_repetition": self_repetition(cut) if len(cut) > 1 else None,
        "shared_4gram_share": shared_ngram_share(cut) if len(cut) > 1 else None,
        "block_words": len(blocks[0]) if blocks else 0,
        "documents": len(documents),
        "repetition_documents": len(cut),
        "repetition_words": _DOCUMENT_WORDS,
    }


def _keep(cells: dict[str, list[float]], persona: str, value: float | None) -> None:
    if value is not None:
        cells[persona].append(value)


def _blocks(stream: Sequence[str]) -> Iterator[Sequence[str]]:
    """Whole blocks of 1,000 words; a stream that has less is one block, whose size the result names."""
    if len(stream) < _BLOCK_WORDS:
        if stream:
            yield stream
        return
    for start in range(0, min(len(stream), _BLOCKS * _BLOCK_WORDS) - _BLOCK_WORDS + 1, _BLOCK_WORDS):
        yield stream[start : start + _BLOCK_WORDS]


def _compressions(stream: Sequence[str]) -> Iterator[float]:
    text = " ".join(stream[: _BLOCKS * _BLOCK_CHARS // 4])
    for start in range(0, max(1, len(text) - _BLOCK_CHARS + 1), _BLOCK_CHARS):
        if text:
            yield compression_ratio(text[start : start + _BLOCK_CHARS])


def _over_blocks(values: Sequence[float], key: Key) -> dict[str, Any]:
    return estimate({f"{number:06d}": [value] for number, value in enumerate(values)}, key, unit="blocks")
