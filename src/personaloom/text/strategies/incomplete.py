# ruff: noqa: E501 - word lists and patterns read best as they are
"""Incomplete information: the intent stays, slots go missing or become vague."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from personaloom.keyed import Key
from personaloom.text.lexicon import FUNCTION_WORDS, QUESTION_WORDS
from personaloom.text.phrases import (
    CONTEXT,
    CONTEXT_PHRASES,
    DELEGATE,
    DELEGATE_PHRASES,
    VAGUE_ANY,
    VAGUE_BY_SLOT,
    VAGUE_PHRASES,
)
from personaloom.text.semantics import requests, slots_of
from personaloom.text.similarity import tokens
from personaloom.text.slots import FIXED, Slot
from personaloom.text.spans import scan
from personaloom.text.strategies.base import add_sentence, added, cut, handles, tier

__all__ = [
    "context_dependency",
    "detect_context",
    "detect_delegation",
    "detect_missing",
    "detect_vague",
    "missing_slots",
    "unclear_priority",
    "vague_slot_values",
]

_SEALED = frozenset({"link", "email", "file", "code", "quote"})
_NEEDED_BEFORE = re.compile(
    r"(?:\b(?:is|are|was|were|be|an?|the|my|and|or|than|it|make|keep|takes?|lasts?|spend|have|has|got|costs?|needs?|every|each|only|about)|[:,(])\s*\Z",
    re.IGNORECASE,
)

_NEEDED_AFTER_VERB = re.compile(r"\b(?:takes?|lasts?|spend|costs?|is|are|be)\s+\Z", re.IGNORECASE)


def _removable(text: str) -> list[Slot]:
    """Slots that can go as a whole phrase and leave a sentence."""
    found = []
    for slot in slots_of(scan(text)):
        if slot.kind in FIXED or slot.kind == "topic":
            continue
        bare = slot.cut_start == slot.start
        if _NEEDED_AFTER_VERB.search(text[max(0, slot.cut_start - 12) : slot.cut_start]):
            continue
        if (
            bare
            and slot.kind not in {"deadline", "tone", "constraint", "length"}
            and _NEEDED_BEFORE.search(text[max(0, slot.start - 8) : slot.start])
        ):
            continue
        if bare and slot.kind in {"quantity", "tool", "format", "language"}:
            continue
        found.append(slot)
    return found


def missing_slots(text: str, key: Key, features: Mapping[str, str]) -> str | None:  # noqa: ARG001 - the shape of all generators
    """One or two slots left out."""
    if not handles(text):
        return None
    slots = _removable(text)
    quantities = _bare_quantities(text)
    if not slots:
        return _without_number(text, quantities, key)
    count = 1 + (len(slots) > 2 and key.chance(0.4, "two"))
    out = text
    for slot in sorted(key.sample(slots, count, "which"), key=lambda slot: -slot.start):
        out = cut(out, slot.cut_start, slot.cut_end)
    out = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", out) if out != text and " a " in f" {text}" else out
    return out if out.strip(" .?!,") and gone_slots(text, out) else None


def _bare_quantities(text: str) -> list[Slot]:
    return [slot for slot in slots_of(scan(text)) if slot.kind == "quantity" and " " in slot.value]


def _without_number(text: str, slots: Sequence[Slot], key: Key) -> str | None:
    """``give me 3 recipes`` without its number; what is counted stays."""
    if not slots:
        return None
    slot = key.choice(slots, "quantity")
    number = slot.value.split(" ", 1)[0]
    return cut(text, slot.start, slot.start + len(number) + 1)


def detect_missing(clean: str, noisy: str) -> bool:
    """Decided by the contract: a slot is gone and nothing vague stands for it."""
    return bool(gone_slots(clean, noisy))


def gone_slots(clean: str, noisy: str) -> list[str]:
    """Names of the clean text's slots that the noisy text has not."""
    from personaloom.text.contracts import missing_slot_names  # noqa: PLC0415 - contracts stands above the strategies

    return missing_slot_names(clean, noisy)


def vague_slot_values(text: str, key: Key, features: Mapping[str, str]) -> str | None:  # noqa: ARG001 - the shape of all generators
    """One or two exact values made vague."""
    if not handles(text):
        return None
    slots = [slot for slot in slots_of(scan(text)) if slot.kind in VAGUE_PHRASES and slot.kind not in _SEALED]
    exact = [slot for slot in slots if slot.kind not in {"object", "name", "topic"}] or slots
    if not exact:
        return None
    count = 1 + (len(exact) > 2 and key.chance(0.4, "two"))
    out = text
    for slot in sorted(key.sample(exact, count, "which"), key=lambda slot: -slot.start):
        out = _blurred(out, slot, key.choice(VAGUE_PHRASES[slot.kind], "phrase", slot.name))
    asked = {word for request in requests(scan(text)) for word in (request.verb, *request.words)}
    left = asked & set(tokens(out))
    # "Explain that thing" still says what to do; "what is that thing" says nothing any more.
    says_enough = bool(left - QUESTION_WORDS - FUNCTION_WORDS) or not asked
    return out if says_enough and detect_vague(text, out) else None


_DETERMINER = re.compile(r"(?:\b(?:an?|the|my|our|your|some|this|these|those|that)\s+)+\Z", re.IGNORECASE)
_OWN_PREPOSITION = frozenset({"deadline", "budget", "constraint"})


def _blurred(text: str, slot: Slot, phrase: str) -> str:
    """Replace a slot; kinds whose vague form brings its own preposition lose the old one."""
    if slot.kind in _OWN_PREPOSITION:
        start = slot.cut_start
        if slot.kind == "budget" and phrase.startswith(("a ", "some ")) and start < slot.start:
            phrase = f"for {phrase}"
    elif slot.kind == "length" and text[slot.end : slot.end + 1] == " " and slot.cut_start == slot.start:
        start, phrase = slot.start, "not too long"
    else:
        start = slot.start
        if before := _DETERMINER.search(text[max(0, start - 20) : start]):
            start -= len(before.group())
    new = phrase[0].upper() + phrase[1:] if start == 0 and text[:1].isupper() else phrase
    return text[:start] + new + text[slot.end :]


def detect_vague(clean: str, noisy: str) -> bool:
    """Something vague has come, and a slot's value is gone."""
    patterns = (VAGUE_ANY, *VAGUE_BY_SLOT.values())
    return any(added(pattern, clean, noisy) for pattern in patterns) and bool(gone_slots(clean, noisy))


_OPEN_KINDS = frozenset(
    {
        "deadline",
        "format",
        "tone",
        "audience",
        "length",
        "budget",
        "tool",
        "language",
        "quantity",
        "duration",
        "location",
        "constraint",
    }
)


def _handed_over(text: str, key: Key, phrase: str) -> str | None:
    """Replace a slot by a phrase that leaves it open, or add the phrase where there is none to replace."""
    slots = [slot for slot in _removable(text) if slot.kind in _OPEN_KINDS]
    if not slots:
        return add_sentence(text, phrase) if requests(scan(text)) else None
    slot = key.choice(slots, "slot")
    return add_sentence(cut(text, slot.cut_start, slot.cut_end), f"{phrase} for {_NOUNS[slot.kind]}")


_NOUNS = {
    "deadline": "the timing", "format": "the format", "tone": "the tone", "audience": "the audience", "length": "the length", "budget": "the budget",
    "tool": "the tool", "language": "the language", "quantity": "how many", "duration": "how long", "location": "the place", "constraint": "the limits",
}  # fmt: skip


def context_dependency(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """A slot that only an earlier conversation, which never was, could fill."""
    if not handles(text):
        return None
    return _handed_over(text, key, key.choice(CONTEXT_PHRASES[tier(features)], "phrase"))


def detect_context(clean: str, noisy: str) -> bool:
    """A reference to something that was never said."""
    return added(CONTEXT, clean, noisy)


def unclear_priority(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """A decision handed over to the assistant instead of a value."""
    if not handles(text):
        return None
    return _handed_over(text, key, key.choice(DELEGATE_PHRASES[tier(features)], "phrase"))


def detect_delegation(clean: str, noisy: str) -> bool:
    """The decision is left to the assistant."""
    return added(DELEGATE, clean, noisy)
