# ruff: noqa: E501, RUF001 - patterns read best as they are
"""Semantic ambiguity: several intents, an unclear one, wishes that exclude each other, a change of mind."""

from __future__ import annotations

import re
from collections.abc import Mapping

from personaloom.keyed import Key
from personaloom.text.phrases import (
    BLURRED,
    BLURRED_ORDERS,
    CHANGE,
    CHANGE_LEADS,
    CHANGE_TURNS,
    CONTRADICTION_PHRASES,
    CONTRADICTIONS,
    MULTI,
    MULTI_LEADS,
    OTHER_REQUESTS,
)
from personaloom.text.semantics import requests
from personaloom.text.similarity import tokens
from personaloom.text.spans import scan
from personaloom.text.strategies.base import add_sentence, added, handles, tier

__all__ = [
    "contradictions",
    "detect_blur",
    "detect_change",
    "detect_contradiction",
    "detect_multi",
    "intent_ambiguity",
    "mind_changing",
    "multi_intent",
    "self_contradiction",
]


_DOUBTS = (
    "I am not yet sure what I want from it.",
    "Not sure what I want exactly.",
    "not sure what i want tbh",
)
_ASKED = re.compile(
    r"(?:what|how|why|when|where|which|who)(?:['’]s| (?:much|many|long|often|far|old|big))? (?:is|are|was|were|do|does|did|can|could|should|would|will|to)? ?"
    r"|(?:is|are|do|does|did|should|can|could|would|will|was|were) (?:it |there |i |you |we )?",
    re.IGNORECASE,
)


def _asks(text: str) -> bool:
    return handles(text) and bool(requests(scan(text)))


def multi_intent(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """A second request that has nothing to do with the first."""
    if not _asks(text):
        return None
    level, own = tier(features), set(tokens(text))
    others = [other for other in OTHER_REQUESTS if len(own & set(tokens(other))) < 4] or list(OTHER_REQUESTS)
    lead, other = key.choice(MULTI_LEADS[level], "lead"), key.choice(others, "other")
    return add_sentence(text, f"{lead} {other}" + ("" if level == 2 else "?"))


def detect_multi(clean: str, noisy: str) -> bool:
    """More requests than before, or a new connector and a question behind it."""
    before = {request.phrase for request in requests(scan(clean)) if request.kind != "tell"}
    after = {request.phrase for request in requests(scan(noisy)) if request.kind != "tell"}
    return len(after) > max(len(before), 1) or (len(after) > len(before) and added(MULTI, clean, noisy))


def intent_ambiguity(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """The verb that says what to do replaced by one that does not."""
    if not handles(text):
        return None
    parsed = scan(text)
    first = next(iter(requests(parsed)), None)
    if first is None or first.verb_start < 0 or first.kind == "tell" or not first.words:
        return None
    if first.kind == "question":
        return _blurred_question(text, first.verb_start, tier(features))
    if not parsed.free(first.verb_start, first.verb_end):
        return None
    level = tier(features)
    verb = key.choice(BLURRED_ORDERS[level], "verb")
    if text[first.verb_start].isupper():
        verb = verb[0].upper() + verb[1:]
    rest = text[first.verb_end :]
    if rest.lower().startswith((" me ", " us ")):
        rest = rest[3:]
    return add_sentence(text[: first.verb_start] + verb + rest, _DOUBTS[level])


def _blurred_question(text: str, start: int, level: int) -> str | None:
    """What is asked about stays, what is asked goes."""
    match = _ASKED.match(text, start)
    if match is None or not text[match.end() :].strip(" ?.!"):
        return None
    new = "something about "
    rest = f"{new.capitalize() if text[start].isupper() else new}{text[match.end() :]}"
    return add_sentence(text[:start] + rest, _DOUBTS[level])


def detect_blur(clean: str, noisy: str) -> bool:
    """A verb or pronoun that could mean several things, where the clean text was specific."""
    return added(BLURRED, clean, noisy)


def contradictions(clean: str, noisy: str) -> list[str]:
    """Labels of the contradictions that the noisy text has and the clean text has not."""
    found = []
    for label, first, second in CONTRADICTIONS:
        one, other = first.search(noisy), second.search(noisy)
        if (
            one
            and other
            and not (first.search(clean) and second.search(clean))
            and not _inside(one.span(), other.span())
        ):
            found.append(f"{one.group()} ↔ {other.group()} ({label})")
    return found


def _inside(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def self_contradiction(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """Two wishes that cannot both be met."""
    if not _asks(text):
        return None
    for phrase in key.shuffled(CONTRADICTION_PHRASES[tier(features)], "phrase"):
        noisy = add_sentence(text, phrase)
        if contradictions(text, noisy):
            return noisy
    return None


def detect_contradiction(clean: str, noisy: str) -> bool:
    """A new pair of wishes that exclude each other."""
    return bool(contradictions(clean, noisy))


def mind_changing(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """A correction at the end of the request."""
    if not _asks(text):
        return None
    lead = key.choice(CHANGE_LEADS[tier(features)], "lead")
    turn = key.choice(CHANGE_TURNS, "turn")
    return add_sentence(text, f"{lead} {turn}" + ("" if tier(features) == 2 else "."))


def detect_change(clean: str, noisy: str) -> bool:
    """Words of a change of mind that the clean text has not."""
    return added(CHANGE, clean, noisy)
