"""How somebody writes, as numbers that do not depend on how much was written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from personaloom.quality.textual import words

__all__ = ["MEASURES", "VECTOR", "measures", "vector"]

_WORDS = (
    "a about after all also an and any are as at be because been but by can could did do does each even "
    "for from get give go had has have he help here how i if in into is it its just know like look make "
    "maybe me more most my need no not of on one only or other our out over please really should show so "
    "some such tell than thank thanks that the their them then there these they thing think this those to "
    "too up us use very want was we well were what when where which who why will with without would yes "
    "you your"
)
_FUNCTION_WORDS = tuple(_WORDS.split())
_PLACE = {word: index for index, word in enumerate(_FUNCTION_WORDS)}
_POLITE = frozenset(["please", "thank", "thanks", "kindly", "appreciate", "grateful", "sorry", "pardon"])
_SLANG = (
    "hey hi yo yeah yep nope ok okay gonna wanna gotta kinda sorta lol btw pls plz thx cool awesome stuff "
    "guys u ur idk tbh cuz dunno lemme"
)
_CASUAL = frozenset(_SLANG.split())
_HEDGES = frozenset(
    ["maybe", "perhaps", "possibly", "probably", "might", "seems", "somewhat", "think", "guess", "suppose", "roughly"]
)
_MARK = re.compile(r"[^\w\s]")

MEASURES = (
    "words_per_message",
    "letters_per_word",
    "contractions",
    "casual_words",
    "polite_words",
    "hedges",
    "exclamations",
    "questions",
    "commas",
    "lower_case_starts",
    "digits",
)
"""All but the first two are rates: per 100 words, or (``lower_case_starts``) per message."""

VECTOR = (*MEASURES[1:], *_FUNCTION_WORDS)
"""What the parts of a voice vector are: length is left out, so that two people are not told apart by it."""


def measures(messages: Sequence[str], tokens: Sequence[str] | None = None) -> dict[str, float]:
    """The style measures of one or more messages of one person; all zero for no words.

    Args:
        messages: as written.
        tokens: their words, where they are known already.
    """
    if tokens is None:
        tokens = [token for text in messages for token in words(text)]
    count = len(tokens) or 1
    marks = Counter(mark for text in messages for mark in _MARK.findall(text))
    rate = 100 / count
    starts = [text.lstrip()[:1] for text in messages]
    return {
        "words_per_message": len(tokens) / (len(messages) or 1),
        "letters_per_word": sum(map(len, tokens)) / count,
        "contractions": rate * sum("'" in token for token in tokens),
        "casual_words": rate * sum(token in _CASUAL for token in tokens),
        "polite_words": rate * sum(token in _POLITE for token in tokens),
        "hedges": rate * sum(token in _HEDGES for token in tokens),
        "exclamations": rate * marks["!"],
        "questions": rate * marks["?"],
        "commas": rate * marks[","],
        "lower_case_starts": sum(start.islower() for start in starts) / (len(messages) or 1),
        "digits": rate * sum(token.isdigit() for token in tokens),
    }


def vector(messages: Sequence[str], tokens: Sequence[str]) -> list[float]:
    """The voice vector of a conversation's user messages: the measures without length, then function-word rates.

    Function words carry authorship and little topic (Mosteller and Wallace 1964; Burrows 2002).

    Args:
        messages: as written.
        tokens: their words.
    """
    found = measures(messages, tokens)
    rates = [0.0] * len(_FUNCTION_WORDS)
    step = 100 / (len(tokens) or 1)
    for token in tokens:
        place = _PLACE.get(token)
        if place is not None:
            rates[place] += step
    return [*(found[name] for name in MEASURES[1:]), *rates]
