"""The little English grammar that phrase banks need: gerunds, articles, whose word it is, contractions."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["article", "contract", "expand", "flip", "gerund", "humane", "joined", "words_of"]

_VOWELS = "aeiou"
_DOUBLED = re.compile(
    r"(?:re)?(?:begin|cut|dig|drop|fit|get|hit|let|plan|pot|put|quit|rub|run|set|shop|sit|skip|spot|stop|swap|swim|tip|trim|win)"
)
_WORD = re.compile(r"[^\W_]+(?:['\u2019\-][^\W_]+)*")
_CONTRACTIONS = {
    "i am": "I'm", "i would": "I'd", "i have": "I've", "i will": "I'll", "do not": "don't", "does not": "doesn't",
    "did not": "didn't", "is not": "isn't", "are not": "aren't", "cannot": "can't", "can not": "can't",
    "will not": "won't",
    "would not": "wouldn't", "should not": "shouldn't", "could not": "couldn't", "it is": "it's", "that is": "that's",
    "what is": "what's", "there is": "there's", "we are": "we're", "they are": "they're", "you are": "you're",
    "has not": "hasn't", "have not": "haven't", "was not": "wasn't", "were not": "weren't", "let us": "let's",
    "we have": "we've", "they have": "they've", "you have": "you've", "we will": "we'll", "how is": "how's",
}  # fmt: skip
_EXPANSIONS = {short.lower(): full for full, short in _CONTRACTIONS.items() if full != "can not"}
_EXPANSIONS |= {
    "wanna": "want to",
    "gonna": "going to",
    "gotta": "have to",
    "kinda": "rather",
    "pls": "please",
    "thx": "thank you",
}
_CONTRACT = re.compile(r"\b(" + "|".join(_CONTRACTIONS) + r")\b(?!')", re.IGNORECASE)
_EXPAND = re.compile(r"\b(" + "|".join(map(re.escape, _EXPANSIONS)) + r")\b", re.IGNORECASE)
_FLIP = {
    "my": "your", "mine": "yours", "me": "you", "myself": "yourself", "i": "you", "our": "your", "ours": "yours",
    "us": "you",
    "we": "you", "ourselves": "yourselves", "i'm": "you're", "i've": "you've", "i'd": "you'd", "i'll": "you'll",
    "we're": "you're", "we've": "you've", "am": "are",
}  # fmt: skip
_FLIPPED = re.compile(r"\b(" + "|".join(sorted(_FLIP, key=len, reverse=True)) + r")\b(?!')", re.IGNORECASE)


def words_of(text: str) -> list[str]:
    """Words and numbers, as written."""
    return _WORD.findall(text)


def gerund(verb: str) -> str:
    """``repot`` → ``repotting``; regular rules and the common doublings."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and verb != "be":
        return verb[:-1] + "ing"
    if _DOUBLED.fullmatch(verb):
        return verb + verb[-1] + "ing"
    return verb + "ing"


def article(phrase: str) -> str:
    """The noun phrase with ``a`` or ``an``, unless it has a determiner or is a plural."""
    first = phrase.partition(" ")[0].lower()
    if not first or first in {"a", "an", "the", "my", "our", "your", "some", "no", "both"} or first.isdigit():
        return phrase
    if phrase.endswith("s") and not phrase.endswith(("ss", "us", "is")):
        return phrase
    vowel = first[:1] in _VOWELS and not first.startswith(("uni", "use", "eu", "one"))
    return f"{'an' if vowel or first in {'hr', 'seo', 'mba', 'hour', 'honest'} else 'a'} {phrase}"


@lru_cache(maxsize=4096)
def humane(value: str) -> str:
    """A value of a bank as a person would write it: without underscores."""
    return " ".join(value.replace("_", " ").split())


def flip(text: str) -> str:
    """First person to second: what a user calls ``my`` an assistant calls ``your``."""
    return _FLIPPED.sub(lambda m: _FLIP[m.group().lower()], text)


def contract(text: str) -> str:
    """With contractions, as people talk."""
    return _CONTRACT.sub(lambda m: _cased(m.group(), _CONTRACTIONS[m.group().lower()]), text)


def expand(text: str) -> str:
    """Without contractions and clipped words, as people write to an office."""
    return _EXPAND.sub(lambda m: _cased(m.group(), _EXPANSIONS[m.group().lower()]), text.replace("\u2019", "'"))


def _cased(old: str, new: str) -> str:
    if new.lower().startswith(("i ", "i'")):
        return new[0].upper() + new[1:]
    return new[0].upper() + new[1:] if old[0].isupper() else new


def joined(items: list[str], word: str = "and") -> str:
    """``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"
