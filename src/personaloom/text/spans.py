# ruff: noqa: RUF001 - word lists and patterns read best as they are
"""What of a text may be touched: tokens, sentences, and the spans that noise leaves alone.

Protected are code blocks and inline code, URLs, e-mail addresses, paths and file names, identifiers, numbers with their
units, quoted strings and names. One regular expression finds them all in a single pass; every repetition in it is
bounded or possessive, so a text of 20,000 characters takes time in proportion to its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from personaloom.text.lexicon import COMMON_WORDS, FOREIGN_WORDS, FUNCTION_WORDS

__all__ = ["Kind", "Scan", "Span", "Word", "is_english", "protected_texts", "scan", "sentences"]


class Kind(StrEnum):
    """Why a span is protected."""

    CODE = "code"
    URL = "url"
    EMAIL = "email"
    PATH = "path"
    IDENTIFIER = "identifier"
    NUMBER = "number"
    QUOTE = "quote"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]``, and why it is protected."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Word:
    """A word that may be touched: letters only, apostrophes and hyphens inside included."""

    start: int
    end: int
    text: str

    @property
    def lower(self) -> str:
        """In lower case, with a straight apostrophe."""
        return self.text.lower().replace("’", "'")


@dataclass(frozen=True, slots=True)
class Scan:
    """A text taken apart: ``protected`` spans and free ``words``, each in order of place and never overlapping."""

    text: str
    protected: tuple[Span, ...]
    words: tuple[Word, ...]

    def free(self, start: int, end: int) -> bool:
        """Whether ``text[start:end]`` touches no protected span."""
        return not any(span.start < end and start < span.end for span in self.protected)


_UNITS = (
    r"am|pm|a\.m\.|p\.m\.|kg|g|mg|lbs?|oz|km|cm|mm|m|mi|miles?|feet|ft|inch(?:es)?|ml|l|litres?|liters?|kb|mb|gb|tb|ms|s|"
    r"min|mins|minutes?|hours?|hrs?|h|days?|weeks?|months?|years?|yrs?|dollars?|euros?|pounds?|usd|eur|gbp|bucks|percent|"
    r"words?|pages?|paragraphs?|sentences?|characters?|lines?|slides?|people|k|bn|million|billion|thousand"
)
_SCANNER = re.compile(
    r"(?P<code>```[\s\S]*?(?:```|\Z)|`[^`\n]+`)"
    r"|(?P<url>(?:https?|ftp)://[^\s<>\"]+|www\.[^\s<>\"]+)"
    r"|(?P<email>(?<![\w.+\-])[\w.+\-]{1,64}+@[\w\-]{1,63}(?:\.[\w\-]{1,63})+)"
    r"|(?P<path>(?<![\w/])(?:~|\.\.?)?/[\w.\-]{1,100}(?:/[\w.\-]{1,100}){0,20}"
    r"|(?<![\w.])[\w\-]{1,60}+\.(?:py|js|ts|md|txt|csv|json|ya?ml|xml|html?|css|pdf|docx?|xlsx?|pptx?|png|jpe?g|sql|sh|c|cpp|h|"
    r"java|rs|go|rb|ipynb|toml|ini|log|zip)\b)"
    r"|(?P<identifier>(?<!\w)[@#]\w{1,60}|(?<!\w)[^\W_]{1,40}+(?:_\w{1,60}|\(\))|(?<!\w)_\w{1,60})"
    r"|(?P<number>(?<!\w)[$€£¥₹#~]?\d+(?:[.,:/\-]\d+)*+"
    rf"(?:\s?(?:%|°[CF]?)|[ \-]?(?:{_UNITS})\b|(?:st|nd|rd|th|[^\W\d_]{{1,4}})\b)?)"
    r"|(?P<quote>\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”|«[^»\n]{1,300}»|(?<!\w)'[^'\n]{1,120}'(?!\w)|‘[^’\n]{1,120}’(?!\w))"
    r"|(?P<word>[^\W\d_]+(?:['’\-][^\W\d_]+)*\d*)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…]+[\"')\]]*(?=\s)|\n+")
_LETTER = re.compile(r"[^\W\d_]")
_LATIN_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
_OPENING = re.compile(r"(?:^|[.!?:…\n]|[-*•])[\s\"'(\[]*\Z")


def scan(text: str) -> Scan:
    """Take a text apart in one pass."""
    protected: list[Span] = []
    words: list[Word] = []
    capitals: list[Word] = []
    for match in _SCANNER.finditer(text):
        kind, start, end = match.lastgroup, match.start(), match.end()
        if kind != "word":
            protected.append(Span(start, _without_tail(text, start, end) if kind == "url" else end, Kind(str(kind))))
            continue
        word = match.group()
        if word.islower() or word in {"I", "I'm", "I’m", "I'd", "I’d", "I've", "I’ve", "I'll", "I’ll"}:
            words.append(Word(start, end, word))
        elif not word.isalpha() and any(char.isdigit() for char in word):
            protected.append(Span(start, end, Kind.IDENTIFIER))
        else:
            capitals.append(Word(start, end, word))
    _sort_capitals(text, capitals, protected, words)
    return Scan(text, tuple(protected), tuple(words))


def _without_tail(text: str, start: int, end: int) -> int:
    """A full stop or bracket behind a URL belongs to the sentence."""
    while end > start and text[end - 1] in ".,;:!?)]}'":
        end -= 1
    return end


def _sort_capitals(text: str, capitals: Sequence[Word], protected: list[Span], words: list[Word]) -> None:
    """A capital makes a name, except where it only opens a sentence with a common word."""
    if not capitals:
        return
    known = {word.text for word in words}
    for word in capitals:
        lower = word.lower
        plain = word.text[1:].islower() or len(word.text) == 1
        opens = plain and _OPENING.search(text[max(0, word.start - 12) : word.start]) is not None
        if (opens or word.text == "I") and (
            lower in COMMON_WORDS or lower in known or lower.partition("'")[0] in COMMON_WORDS or not lower.isascii()
        ):
            words.append(word)
        else:
            protected.append(Span(word.start, word.end, Kind.NAME))
    words.sort(key=lambda item: item.start)
    protected.sort(key=lambda span: span.start)


def protected_texts(text: str, *, names: bool = True) -> list[str]:
    """The protected pieces of a text in order, as they stand; without names where ``names`` is false."""
    return [text[s.start : s.end] for s in scan(text).protected if names or s.kind is not Kind.NAME]


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence or line that is not blank, its closing punctuation included."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if text[start : match.end()].strip():
            yield start, match.end()
        start = match.end()
    if text[start:].strip():
        yield start, len(text)


def is_english(text: str) -> bool:
    """Whether the strategies can handle this text: Latin letters, and no more foreign than English function words.

    A guess by design, on the careful side: a text of which less than 80 % of the letters are ASCII is not English. Code
    and URLs do not count.
    """
    plain = re.sub(r"```[\s\S]*?(?:```|\Z)|`[^`\n]+`|https?://\S+", " ", text)
    letters = _LETTER.findall(plain)
    if not letters:
        return False
    if sum(char.isascii() for char in letters) < 0.8 * len(letters):
        return False
    found = [word.lower().replace("’", "'") for word in _LATIN_WORD.findall(plain)]
    english = sum(word in FUNCTION_WORDS or word in COMMON_WORDS for word in found)
    foreign = sum(word in FOREIGN_WORDS for word in found)
    return foreign == 0 or english > 2 * foreign
