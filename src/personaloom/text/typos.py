# ruff: noqa: RUF001 - typographic apostrophes occur in texts
"""Typing slips in single words and in whole texts, with the frequencies of real ones.

The order of the mechanical slips (dropped letter, then added letter, mostly a doubled one, then a wrong letter, then
two exchanged) and the rule that a misspelt word has one slip are those of Pollock and Zamora, "Collection and
characterization of spelling errors in scientific and scholarly text", JASIS 34 (1983) 51-58; that the first letter is
seldom wrong is in Yannakoudakis and Fawthrop (1983). The exact shares below are ours.
"""

from __future__ import annotations

import re

from personaloom.keyed import Key
from personaloom.text.lexicon import NUMBER_WORDS
from personaloom.text.misspellings import HOMOPHONES, MISSPELLINGS, NEIGHBOURS
from personaloom.text.similarity import levenshtein
from personaloom.text.spans import scan

__all__ = ["KNOWN_SHARE", "MIX", "add_typos", "slip", "typos"]

KNOWN_SHARE = 35
"""Of a hundred slips in a word that is on the list, so many are its known misspelling."""
HOMOPHONE_SHARE = 8
"""Of a hundred slips in a word that has one, so many are its homophone."""
MIX = (("drop", 36), ("double", 19), ("insert", 8), ("neighbour", 21), ("transpose", 16))
"""Mechanical slips, shares of a hundred."""
_BOUNDS: tuple[str, ...] = tuple(name for name, share in MIX for _ in range(share))
_SUBTLE: tuple[str, ...] = tuple("drop" if i < 55 else "double" if i < 90 else "transpose" for i in range(100))

_NUMBERS = frozenset(NUMBER_WORDS) | {"half", "dozen", "hundred", "thousand", "million"}
_CANDIDATE = re.compile(r"(?<![\w'’\-])[a-z]{4,}(?![\w'’\-])")
_SHORT_CANDIDATE = re.compile(r"(?<![\w'’\-])[a-z]{2,}(?![\w'’\-])")
_MUST_SCAN = re.compile(r"[`\"“«@#/_~]|(?<!\w)['‘]|\.[A-Za-z]|www|\(\)")
_LOW = (1 << 128) - 1
_DIGIT = re.compile(r"\d")


def slip(word: str, number: int, *, subtle: bool = False) -> str:
    """A word of at least two lower-case letters with one slip; never the word itself.

    Args:
        word: lower-case ASCII letters.
        number: a uniform integer of at least 64 bits, which decides everything.
        subtle: only slips that a careful reader overlooks, too.
    """
    number, share = divmod(number, 100)
    known = MISSPELLINGS.get(word)
    if known and share < KNOWN_SHARE:
        return known[number % len(known)]
    if share >= 100 - HOMOPHONE_SHARE and word in HOMOPHONES:
        return HOMOPHONES[word][0]
    number, kind = divmod(number, 100)
    return _mechanical(word, (_SUBTLE if subtle else _BOUNDS)[kind], number)


def _mechanical(word: str, kind: str, number: int) -> str:
    number, place = divmod(number, len(word) - 1)
    at = place + 1  # the first letter stays
    letter = word[at]
    if kind == "transpose":
        if at == len(word) - 1:
            at -= 1
        if at and word[at] != word[at + 1]:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        kind = "drop"
    if kind == "drop" and len(word) > 2:
        return word[:at] + word[at + 1 :]
    if kind == "neighbour" or kind == "insert":  # noqa: PLR1714 - read beside the other kinds
        near = NEIGHBOURS.get(letter)
        if near:
            return word[:at] + near[number % len(near)] + word[at + (kind == "neighbour") :]
    return word[:at] + letter + word[at:]


def candidates(text: str, pattern: re.Pattern[str] = _CANDIDATE) -> list[tuple[int, int]]:
    """Places of the words that a typo may hit: lower-case, at least four letters, in no protected span.

    Most short texts have nothing that could be protected but capitalised names, which the pattern never matches, and
    numbers, whose unit is the word behind them; only the others are scanned in full.
    """
    if _MUST_SCAN.search(text) is not None:
        return [(w.start, w.end) for w in scan(text).words if pattern.fullmatch(w.text) and w.text not in _NUMBERS]
    places = [match.span() for match in pattern.finditer(text)]
    if _DIGIT.search(text) is not None:
        return [
            place
            for place in places
            if not (text[place[0] - 1 : place[0]] == " " and text[place[0] - 2 : place[0] - 1].isdigit())
        ]
    return places


def add_typos(text: str, key: Key, *, rate: float, most: int | None = None, subtle: bool = False) -> str | None:
    """Put typos into a text; see ``typos``."""
    return typos(text, key, rate, most, subtle=subtle)[0]


def typos(text: str, key: Key, rate: float, most: int | None = None, *, subtle: bool = False) -> tuple[str | None, int]:
    """Put typos into a text.

    Args:
        text: any text; only lower-case words outside the protected spans are touched.
        key: decides everything; one digest of it is enough for one typo.
        rate: expected share of those words that get one; at least one gets one.
        most: at most so many.
        subtle: see ``slip``.

    Returns:
        The text with at least one typo, or None where no word can have one; and its Levenshtein distance.
    """
    places = candidates(text) or candidates(text, _SHORT_CANDIDATE)
    if not places:
        return None, 0
    wanted = rate * len(places)
    count = int(wanted)
    number = key.wide("typos")
    if (number & 0xFFFFF) < (wanted - count) * 0x100000:
        count += 1
    count = min(max(count, 1), len(places), most or len(places))
    if count == 1:
        start, end = places[(number >> 20 & 0xFFFFFFFF) % len(places)]
        word = text[start:end]
        if word in _NUMBERS:  # looked at only now: it is seldom one, and looking at all of them takes time
            places = _without_numbers(text, places)
            if not places:
                return None, 0
            start, end = places[(number >> 20 & 0xFFFFFFFF) % len(places)]
            word = text[start:end]
        new = slip(word, number >> 52 & _LOW, subtle=subtle)
        return text[:start] + new + text[end:], _word_distance(word, new)
    places = _without_numbers(text, places)
    count = min(count, len(places))
    stream = key.stream("more typos")
    for index in range(count):
        other = index + next(stream) % (len(places) - index)
        places[index], places[other] = places[other], places[index]
    pieces, at = [], 0
    for start, end in sorted(places[:count]):
        pieces += [text[at:start], slip(text[start:end], next(stream), subtle=subtle)]
        at = end
    noisy = "".join([*pieces, text[at:]])
    if not count:
        return None, 0
    return noisy, levenshtein(text, noisy)


def _without_numbers(text: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [place for place in places if text[place[0] : place[1]] not in _NUMBERS]


def _word_distance(word: str, new: str) -> int:
    """Levenshtein distance, quickly where one slip is the difference."""
    longer = len(new) - len(word)
    at = 0
    for a, b in zip(word, new, strict=False):
        if a != b:
            break
        at += 1
    if longer == 1:
        if word[at:] == new[at + 1 :]:
            return 1
    elif longer == -1:
        if word[at + 1 :] == new[at:]:
            return 1
    elif not longer:
        if word[at + 1 :] == new[at + 1 :]:
            return 1
        if word[at + 2 :] == new[at + 2 :]:
            return 2
    return levenshtein(word, new)
