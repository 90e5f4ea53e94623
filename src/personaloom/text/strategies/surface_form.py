# ruff: noqa: E501, SIM905, RUF001 - word lists and patterns read best as they are
"""Surface noise in how a request is put: fragments of sentences, punctuation, feelings, negation, bits of life."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from personaloom.keyed import Key
from personaloom.text.phrases import (
    EMOTION,
    EMOTION_PHRASES,
    FRAGMENT,
    FRAGMENT_PHRASES,
    NEGATION_PHRASES,
    URGENT_PHRASES,
)
from personaloom.text.register import register
from personaloom.text.semantics import slots_of
from personaloom.text.similarity import tokens
from personaloom.text.spans import Scan, scan
from personaloom.text.strategies.base import (
    add_sentence,
    added,
    free_places,
    handles,
    pick_some,
    prefix,
    splice,
    tidy,
    tier,
)
from personaloom.text.synonyms import NEGATED, canonical_tokens

__all__ = [
    "detect_emotion",
    "detect_fragments",
    "detect_incomplete",
    "detect_negation",
    "detect_punctuation",
    "emotional_attitude",
    "incomplete_sentence",
    "negative_expression",
    "punctuation_format",
    "real_life_fragments",
]

_STARTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), new)
    for pattern, new in (
        (r"(?:can|could|would|will) (?:you|u) (?:please )?(?:help me (?:to )?)?(?=[a-z]{3,})", ""),
        (r"i(?: would|['’]d) like to (?=[a-z])", "want to "),
        (r"i (?=(?:want|need|have|wanna|am trying) )", ""),
        (r"(?:i am|i['’]m) (?=[a-z])", ""),
        (r"(?:what is|what are|what['’]s) (?:the )?(?=[a-z])", ""),
        (r"how (?:do|can|should|would) (?:i|we|you|one) (?=[a-z])", "how to "),
        (r"(?:please|kindly) (?=(?:give|send|show|provide) me )", ""),
    )
)
_ARTICLE = re.compile(r"(?<![\w'’\-])(?:the|an?|my|some) (?=[\w\"'`])", re.IGNORECASE)
_GRAMMAR = frozenset(
    "i i'm i'd a an the my some can could would will you is are am do does did to please me it this that of what what's".split()
)
_FINAL = re.compile(r"[.!?,;…]+\s*\Z")


def incomplete_sentence(text: str, key: Key, features: Mapping[str, str]) -> str | None:  # noqa: ARG001 - the shape of all generators
    """Subject, auxiliary or articles left out; where there are none, the sentence trails off."""
    if not handles(text):
        return None
    parsed = scan(text)
    lead = len(text) - len(text.lstrip())
    for pattern, new in _STARTS:
        match = pattern.match(text, lead)
        if match and parsed.free(match.start(), match.end()) and text[match.end() :].strip(" .?!"):
            return tidy(
                text,
                text[:lead],
                new[:1].upper() + new[1:] if text[lead].isupper() else new,
                text[match.end() :],
            )
    articles = free_places(parsed, _ARTICLE)
    if articles:
        return splice(text, ((start, end, "") for start, end in pick_some(articles, key, 0.6, "articles")))
    body = text.rstrip()
    if body.endswith(("```", "…", "...")) or len(tokens(body)) < 2:
        return None
    return _FINAL.sub("", body) + "..."


def detect_incomplete(clean: str, noisy: str) -> bool:
    """Words of grammar are gone, or the text trails off."""
    before = Counter(token for token in canonical_tokens(clean) if token in _GRAMMAR)
    after = Counter(token for token in canonical_tokens(noisy) if token in _GRAMMAR)
    trails = noisy.rstrip(" \"'").endswith(("...", "…", " -", "—")) and not clean.rstrip().endswith(("...", "…"))
    return bool(before - after) or trails


_COMMA = re.compile(r",(?= )")
_EMOJI = re.compile("[\U0001f300-\U0001faff☀-➿]|[:;]-?[)(DP/]")
_MARKS = re.compile(r"[.,;:!?…\-—()]")
_EMOJIS = ("🙏", "😅", "🤔", "🙂", "😊")


def punctuation_format(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """Careless punctuation and capitals; a formal persona only slips, a casual one stops caring."""
    if not handles(text):
        return None
    level = tier(features)
    kinds = (
        ("spaced", "final", "comma", "wide") if level == 0 else ("final", "lower", "comma", "double", "dots", "spaced")
    )
    kinds = (*kinds, "emoji", "lower") if level == 2 else kinds
    out = text
    for number, kind in enumerate(key.shuffled(kinds, "order")):
        changed = _punctuate(out, kind, key)
        if changed != out and (out == text or key.chance(0.2 + 0.15 * level, "more", number)):
            out = changed
    if out == text and not text.rstrip().endswith("```"):
        out = text.rstrip() + ("..." if level else ".")
    return out if out != text else None


def _punctuate(text: str, kind: str, key: Key) -> str:
    body, parsed = text.rstrip(), scan(text)
    mark = body[-1:] if body[-1:] in ".!?" and parsed.free(len(body) - 1, len(body)) else ""
    if kind == "final":
        return body.rstrip(".!? ") if mark and body.strip(".!? ") else text
    if kind == "double":
        return body[:-1] + ("??" if mark == "?" else "!!") if mark else text
    if kind == "dots":
        return body[:-1] + "..." if mark == "." and not body.endswith("..") else text
    if kind == "spaced":
        return body[:-1].rstrip(".!?") + " " + mark if mark and not body.endswith("..") else text
    if kind == "emoji":
        return text if body.endswith("```") else f"{body} {key.choice(_EMOJIS, 'emoji')}"
    if kind == "lower":
        return splice(text, ((w.start, w.end, w.text.lower()) for w in parsed.words if not w.text.islower()))
    commas = free_places(parsed, _COMMA)
    if kind == "comma":
        return splice(text, ((a, b, "") for a, b in commas))
    ends = free_places(parsed, re.compile(r"(?<=[.,?!]) (?=\w)"))
    return splice(text, ((a, b, "  ") for a, b in ends[:1]))


def detect_punctuation(clean: str, noisy: str) -> bool:
    """Marks or capitals are gone, doubled, or new ones have come, emoji included."""
    before, after = Counter(_MARKS.findall(clean)), Counter(_MARKS.findall(noisy))
    if before - after or added(_EMOJI, clean, noisy):
        return True
    for odd in ("!!", "??", "?!", "...", "…", "  ", " ?", " !", " ."):
        if noisy.count(odd) > clean.count(odd):
            return True
    first, second = clean.lstrip()[:1], noisy.lstrip()[:1]
    if (first.isupper() and second.islower()) or sum(map(str.isupper, noisy)) < sum(map(str.isupper, clean)):
        return True
    return noisy.rstrip()[-1:] in ".!?" and clean.rstrip()[-1:] not in ".!?"


def emotional_attitude(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """A feeling about the request, in the persona's register."""
    if not handles(text):
        return None
    level = tier(features)
    pressing = key.chance(min(1.0, register(features).urgency * 0.6), "urgent")
    return add_sentence(text, key.choice((URGENT_PHRASES if pressing else EMOTION_PHRASES)[level], "phrase"))


def detect_emotion(clean: str, noisy: str) -> bool:
    """A word of feeling or urgency has come, or exclamation marks have."""
    return added(EMOTION, clean, noisy) or noisy.count("!") > clean.count("!")


_NEGATION = re.compile(
    r"\b(?:not|no|never|nothing|none|without|cannot|nobody|can't|nor|cant|dont|wont|isnt|doesnt|didnt|havent)\b|\w+n['’]t\b",
    re.IGNORECASE,
)
_WISH = re.compile(rf"(?<![\w'’\-])(?:(an?) )?({'|'.join(NEGATED)})(?![\w'’\-])(?! (?:but|and|or)\b)", re.IGNORECASE)
_AUXILIARY = re.compile(
    r"(?<![\w'’])(?:can|could|would|won't|is|are|do|does|should) (?=(?:you|it|there|this|that)\b)",
    re.IGNORECASE,
)


def negative_expression(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """A wish said by what is not wanted, or a need by what one cannot do."""
    if not handles(text):
        return None
    parsed = scan(text)
    tones = [slot.start for slot in slots_of(parsed) if slot.kind == "tone"]
    wishes = [(a, b) for a, b in free_places(parsed, _WISH) if any(a <= at < b for at in tones)]
    if wishes and key.chance(0.75, "wish"):
        start, end = key.choice(wishes, "which")
        match = _WISH.match(text, start)
        if match:
            new = ("a " if match[1] else "") + NEGATED[match[2].lower()]
            return text[:start] + (new[0].upper() + new[1:] if text[start].isupper() else new) + text[end:]
    return _say_first(text, key.choice(NEGATION_PHRASES[tier(features)], "phrase"), parsed)


def _say_first(text: str, phrase: str, parsed: Scan) -> str:
    return prefix(text, phrase, parsed) if phrase.endswith(".") else prefix(text, phrase + ",", parsed)


def detect_negation(clean: str, noisy: str) -> bool:
    """More negations than before."""
    return len(_NEGATION.findall(noisy)) > len(_NEGATION.findall(clean))


def real_life_fragments(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """A bit of where the writer is and what goes on there."""
    if not handles(text):
        return None
    return prefix(text, key.choice(FRAGMENT_PHRASES[tier(features)], "phrase"))


def detect_fragments(clean: str, noisy: str) -> bool:
    """A bit of life that the clean text has not."""
    return added(FRAGMENT, clean, noisy)
