"""What a simulated speaker reads in the other side's message: its points, and what it points at."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Point", "points", "quoted", "unquoted"]

_LIMIT = 6000  # characters of an answer that are looked at
_ITEM = re.compile(r"^[ \t]*(?:(\d{1,2})[.)]|[-*•])[ \t]+(.+)$", re.MULTILINE)
_BOLD = re.compile(r"\*\*([^*\n]{3,80})\*\*")
_FENCE = re.compile(r"```[\s\S]*?(?:```|\Z)")
_SENTENCE = re.compile(r"[^.!?\n]{20,240}[.!?]")
_QUOTE = re.compile(r"“([^”\n]{2,120})”|\"([^\"\n]{2,120})\"")
_MARKS = re.compile(r"[*_`#>|“”\"]+")
_LINK = re.compile(
    r"(?:First|To begin with|At the start|Then|After that|Next|From there|Once that stands|Finally|Last of all|"
    r"In the end)\b,?"
)
_LABELS = frozenset({"caveat", "example", "note", "tip", "summary", "important", "warning", "conclusion", "in brief"})
_PART = re.compile(r"[|“”]|\*\*")  # of a table, or with a quote or bold words inside
_WORDS = 8


@dataclass(frozen=True, slots=True)
class Point:
    """A part of an answer that can be named.

    Attributes:
        kind: ``step`` (numbered), ``point`` (a bullet or bold words) or ``quote`` (a sentence).
        number: of a step, else ``""``.
        head: its first words, without markdown.
    """

    kind: str
    number: str
    head: str


def _head(text: str) -> str:
    """The first words of a part: up to its first stop or colon, at most eight."""
    plain = _MARKS.sub("", text).strip()
    stop = re.search(r"[.:;!?](?:\s|$)|\s[\u2013\u2014]\s", plain)
    words = (plain[: stop.start()] if stop and stop.start() > 3 else plain).split()
    cut = len(words) > _WORDS
    return " ".join(words[:_WORDS]).rstrip(",;:.") + (" …" if cut else "")


def points(answer: str) -> list[Point]:
    """The parts of an answer in order: list items, else bold words, and sentences of its prose."""
    text = _FENCE.sub(" ", answer[:_LIMIT])
    found = [
        Point("step" if number else "point", number or "", _head(body))
        for number, body in _ITEM.findall(text)
        if "|" not in body
    ]
    if not found:
        found = [Point("point", "", _head(bold)) for bold in _BOLD.findall(text)]
    prose = _ITEM.sub(" ", text)
    sentences = [Point("quote", "", _head(s)) for s in _SENTENCE.findall(prose)[:6] if not _PART.search(s)]
    return [point for point in [*found, *sentences] if _telling(point)]


def _telling(point: Point) -> bool:
    """Not a label such as "Caveat", and long enough to be worth a quote."""
    words = point.head.split()
    if point.kind == "quote":
        return len(words) > 3 and not _LINK.match(point.head)
    return len(point.head) > 3 and point.head.lower() not in _LABELS


def quoted(message: str) -> str:
    """What a message quotes last (a comment on the answer comes before the question), or ``""``."""
    found = [(first or second).rstrip(" …") for first, second in _QUOTE.findall(message)]
    return next((words for words in reversed(found) if " " in words), found[-1] if found else "")


def unquoted(message: str) -> str:
    """A message without what it quotes."""
    return _QUOTE.sub(" ", message)
