"""The worked examples of a prompt, and replies that repeat them instead of doing the task.

Small models copy what they were shown. A reply that takes an example's answer, or a word that only an example has, is
malformed and asked for again, so that no example becomes data. Examples are messages of their own, between the system's
and the one that is to be answered. What is an example's alone:

- a sentence of six words or more from a text in the JSON of its answer, or a whole answer in prose;
- a word that the template lists in a comment, ``*`` for any ending::

      {# examples: falcon*, violin maker #}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson

from personaloom.llm.types import ChatMessage

__all__ = ["Examples"]

_MARKS = re.compile(r"\{#-?\s*examples:\s*(.+?)\s*-?#\}", re.DOTALL)
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"[^.!?]+")
_LEAST_WORDS = 6
"""A shorter text (``yes``, a domain) can be right twice."""


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of one template.

    Attributes:
        end: how many of a call's messages are the system's or an example's.
        marks: finds a word that is an example's alone; None where none is named.
    """

    end: int
    marks: re.Pattern[str] | None

    @classmethod
    def of(cls, source: str, roles: Sequence[str]) -> Examples:
        """Of a template, from its source and the roles of its parts."""
        named = _MARKS.search(source)
        marks = [_mark(word.strip()) for word in named.group(1).split(",") if word.strip()] if named else []
        pattern = re.compile(rf"\b(?:{'|'.join(marks)})\b", re.IGNORECASE) if marks else None
        return cls(len(roles) - (roles[-1] == "user"), pattern)

    def repeated(self, reply: str, asked: Sequence[ChatMessage]) -> str:
        """What a reply takes from the examples and not from what was asked, or an empty text.

        Args:
            reply: as the model wrote it, JSON or prose.
            asked: the messages of the call, those of the template first.
        """
        answers = [answer for message in asked[1 : self.end] if message.role == "assistant"
                   for answer in _said(message.content)]  # fmt: skip
        if not answers:
            return ""
        said = f" {_bare(reply)} "
        taken = [answer for answer in answers if f" {answer} " in said]
        marks = self.marks.findall(reply) if self.marks is not None else []
        if not taken and not marks:
            return ""
        # The system's message may say who the person is, and the person may be what an example is about.
        given = _bare("\n".join(message.content for message in (*asked[:1], *asked[max(1, self.end) :])))
        return next((text for text in (*marks, *taken) if _bare(text) not in given), "")


def _mark(word: str) -> str:
    return re.escape(word.removesuffix("*")) + (r"\w*" if word.endswith("*") else "")


def _bare(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


@lru_cache(maxsize=256)
def _said(answer: str) -> tuple[str, ...]:
    """What is telling in an example's answer, as bare words."""
    try:
        pieces = [sentence for text in _texts(orjson.loads(answer)) for sentence in _SENTENCE.findall(text)]
    except orjson.JSONDecodeError:
        pieces = [answer]
    return tuple(words for words in map(_bare, pieces) if words.count(" ") >= _LEAST_WORDS - 1)


def _texts(value: object) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
