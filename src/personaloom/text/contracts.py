# ruff: noqa: E501, RUF001 - word lists and patterns read best as they are
"""The contracts of noise, checked by rules: what a noisy text still says of what the clean one said."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

from personaloom.records import NoiseLayer, Semantics
from personaloom.text.lexicon import COMMON_WORDS, FUNCTION_WORDS, VERB_CLASS
from personaloom.text.phrases import BLURRED, CHANGE, CONTEXT, DELEGATE, MULTI, VAGUE_ANY, VAGUE_BY_SLOT
from personaloom.text.semantics import (
    Request,
    content_words,
    lemma,
    requests,
    same_verb,
    semantics_of,
    slots_of,
)
from personaloom.text.similarity import FuzzySet, tokens
from personaloom.text.slots import Slot
from personaloom.text.spans import Scan, scan
from personaloom.text.strategies.ambiguous import contradictions
from personaloom.text.strategies.base import added
from personaloom.text.synonyms import NEGATED, PHRASES, canonical, canonical_tokens, synonym_group

__all__ = ["Finding", "check", "missing_slot_names", "suspicion"]

_SEALED = frozenset({"link", "email", "file", "code"})
_DIGIT = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rules found.

    Attributes:
        holds: whether the layer's contract holds.
        reason: why not, for people; ``""`` where it holds.
        semantics: of the noisy text, with what is missing, vague and in conflict compared with the clean one.
    """

    holds: bool
    reason: str
    semantics: Semantics = field(default_factory=Semantics)


class _Said:
    """What a text says, made ready for many questions."""

    def __init__(self, text: str, beside: str = "") -> None:
        self.text, self.lower = text, text.lower()
        canon = canonical_tokens(text)
        self.tokens = frozenset(canon) | frozenset(tokens(text))
        self.numbers = frozenset(token for token in self.tokens if token[0].isdigit())
        self.bare_numbers = frozenset(
            part.replace(",", "") for token in self.numbers for part in (token, *_DIGIT.findall(token))
        )
        verbs = (lemma(token) for token in self.tokens if token.isalpha())
        self.verb_classes = frozenset(VERB_CLASS[verb] for verb in verbs if verb in VERB_CLASS)
        self.fuzzy = FuzzySet(
            [token for token in self.tokens if token not in FUNCTION_WORDS and not token[0].isdigit()]
        )
        self.breaks = _across_breaks(tokens(text), COMMON_WORDS.union(tokens(beside)))
        self.groups = frozenset(group for token in self.tokens for group in synonym_group(token))
        self.groups |= {group for p in PHRASES if p in self.lower for group in synonym_group(p)}

    def says(self, word: str) -> bool:
        if word[0].isdigit():
            return word in self.numbers
        form = canonical(word)
        return (
            form in self.tokens
            or word in self.fuzzy
            or form in self.fuzzy
            or word in self.breaks
            or not self.groups.isdisjoint(synonym_group(form) | synonym_group(word))
        )


class _Read:
    """A text taken apart, each way once: one judgement asks for the same parts of the same two texts many times."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def parsed(self) -> Scan:
        return scan(self.text)

    @cached_property
    def asked(self) -> tuple[Request, ...]:
        return tuple(requests(self.parsed))

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(slots_of(self.parsed, self.asked))

    @cached_property
    def content(self) -> tuple[str, ...]:
        return tuple(content_words(self.text))

    def semantics(self) -> Semantics:
        return semantics_of(self.asked, self.slots)


# A few texts are enough: what is judged twice is judged at once, or when it is asked for again.
_read = lru_cache(maxsize=64)(_Read)
_said = lru_cache(maxsize=64)(_Said)


def _across_breaks(words: Sequence[str], known: Collection[str]) -> frozenset[str]:
    """Words that a wrong word break hides: ``data base`` is ``database``, and ``anemail`` is ``email``."""
    found = {a + b for a, b in pairwise(words)}
    for word in words:
        if 5 <= len(word) <= 30 and word not in known:
            for at in range(1, len(word)):
                if word[:at] in known:
                    found.add(word[at:])
                if word[at:] in known:
                    found.add(word[:at])
    return frozenset(part for part in found if len(part) > 2)


def _slot_kept(name: str, value: str, said: _Said) -> bool:
    """Whether a slot's value can still be read from a text; wording and spelling may differ, numbers may not."""
    kind = name.rpartition("_")[0] if name[-1:].isdigit() else name
    if kind in _SEALED:
        return value in said.text
    lower = value.lower()
    if lower in NEGATED and NEGATED[lower] in said.lower:
        return True
    words = [word.replace("’", "'") for word in content_words(value)]
    numbers = [word for word in words if word[0].isdigit()]
    if any(number.replace(",", "") not in said.bare_numbers for number in numbers):
        return False
    plain = [word for word in words if not word[0].isdigit()]
    if not plain and not numbers:
        return lower.strip() in said.lower
    if not plain:
        return True
    found = sum(
        said.says(word)
        or all(said.says(part) for part in re.split(r"[-']", word) if len(part) > 1 and part not in FUNCTION_WORDS)
        for word in plain
    )
    return found * 2 >= len(plain)


def _details(slots: Sequence[Slot]) -> frozenset[str]:
    """Words of the slots other than the thing asked about."""
    kept = (slot for slot in slots if slot.kind not in {"object", "topic", "name"})
    return frozenset(word for slot in kept for word in content_words(slot.value))


def _intent_kept(request: Request, details: Collection[str], said: _Said, *, strict: bool) -> bool:
    core = [word for word in request.words if word not in details]
    found = sum(said.says(word) for word in core)
    if core and found * 2 >= len(core):
        return True
    verb = VERB_CLASS.get(request.verb, -1) in said.verb_classes or said.says(request.verb or "-")
    return verb and (not strict or not core)


def missing_slot_names(clean: str, noisy: str, extra: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Names of the clean text's slots whose value the noisy text has not."""
    said = _said(noisy, clean)
    found = [(slot.name, slot.value) for slot in _read(clean).slots]
    return [name for name, value in (*found, *extra) if not _slot_kept(name, value, said)]


def _vague_names(clean: str, noisy: str, gone: Sequence[str]) -> list[str]:
    """Which of the gone slots something vague stands for."""
    vague, loose = [], sum(added(pattern, clean, noisy) for pattern in (VAGUE_ANY, CONTEXT, DELEGATE))
    blurred: dict[str, bool] = {}
    for name in gone:
        kind = name.rpartition("_")[0] if name[-1:].isdigit() else name
        if kind not in blurred:
            pattern = VAGUE_BY_SLOT.get(kind)
            blurred[kind] = pattern is not None and added(pattern, clean, noisy)
        if blurred[kind]:
            vague.append(name)
            loose = max(0, loose - 1)
    for name in gone:
        if name not in vague and loose > 0 and len(vague) < len(gone):
            vague.append(name)
            loose -= 1
    if not gone:
        vague += [
            label for label, pattern in (("reference", CONTEXT), ("priority", DELEGATE)) if added(pattern, clean, noisy)
        ]
    return vague


def _after(clean: str, noisy: str, gone: Sequence[str]) -> Semantics:
    read = _read(noisy).semantics()
    vague = _vague_names(clean, noisy, gone)
    conflicts = contradictions(clean, noisy)
    if added(CHANGE, clean, noisy) and (turn := _last(CHANGE, noisy)):
        conflicts.append(f"change of mind: {turn}")
    missing = [name for name in gone if name not in vague]
    return Semantics(read.intents, read.slots, missing=missing, vague=vague, conflicts=conflicts)


def _last(pattern: re.Pattern[str], text: str) -> str:
    found = [match.start() for match in pattern.finditer(text)]
    return text[found[-1] : found[-1] + 60].strip() if found else ""


def check(clean: str, noisy: str, layer: NoiseLayer, extra_slots: Sequence[tuple[str, str]] = ()) -> Finding:
    """Whether a noisy text keeps its layer's contract.

    Args:
        clean: the clean text.
        noisy: what was made of it.
        layer: decides the contract.
        extra_slots: further slots of the clean text, as a model read them; those whose value does not occur in it are
            left aside.

    Returns:
        The finding. Time grows in proportion to the texts' length.
    """
    known = _said(clean)
    extra = [(name, value) for name, value in extra_slots if value.strip() and _slot_kept(name, value, known)]
    if reason := suspicion(clean, noisy, layer):
        return Finding(holds=False, reason=reason, semantics=_read(noisy).semantics())
    said, slots, asked = _said(noisy, clean), _read(clean).slots, _read(clean).asked
    gone = [s.name for s in slots if not _slot_kept(s.name, s.value, said)]
    gone += [name for name, value in extra if name not in gone and not _slot_kept(name, value, said)]
    after = _after(clean, noisy, gone)
    details, strict = _details(slots), layer is NoiseLayer.SURFACE
    lost = [request.phrase for request in asked if not _intent_kept(request, details, said, strict=strict)]
    intent_lost = bool(asked) and (asked[0].phrase in lost or len(lost) * 2 > len(asked))
    if layer is NoiseLayer.AMBIGUOUS:
        return _ambiguous(clean, noisy, asked, after, unclear=bool(lost))
    if intent_lost:
        return Finding(holds=False, reason=f"the intent is gone: {lost[0]}", semantics=after)
    if layer is NoiseLayer.SURFACE:
        return Finding(not gone, f"slots are gone: {', '.join(gone)}" if gone else "", after)
    holds = bool(after.missing or after.vague)
    return Finding(holds, "" if holds else "no slot is missing or vague", after)


def _ambiguous(clean: str, noisy: str, asked: Sequence[Request], after: Semantics, *, unclear: bool) -> Finding:
    count = len({request.phrase for request in asked if request.kind != "tell"})
    if asked and not count and added(MULTI, clean, noisy):
        # A comment with a request behind it: the comment is still one of the things said.
        after = after.with_(intents=list(dict.fromkeys([asked[0].phrase, *after.intents])))
    several = len(set(after.intents)) >= 2 and len(set(after.intents)) > count
    conflicts = list(after.conflicts)
    if added(BLURRED, clean, noisy) and (unclear or _verb_gone(asked, noisy)):
        conflicts.append(f"unclear intent: {_last(BLURRED, noisy)}")
    after = after.with_(conflicts=conflicts)
    holds = several or bool(conflicts)
    return Finding(holds, "" if holds else "one clear intent, no contradiction and no change of mind", after)


def _verb_gone(asked: Sequence[Request], noisy: str) -> bool:
    """The noisy text's first request has a verb that asks for something else than the clean text's."""
    now = _read(noisy).asked
    return bool(asked) and (not now or not same_verb(now[0].verb, asked[0].verb))


_ANSWER = re.compile(
    r"\s*[\"'*#]*(?:sure(?:ly|[,!.:]| thing)|certainly|of course|absolutely|great question|good question|happy to|i(?:['’]d| would) be (?:happy|glad)|here(?:['’]s| is| are) (?:the|a|an|your|some|my|how|what|one|is)|"
    r"as an? (?:ai|language|assistant)|i(?:['’]m| am) (?:sorry,? (?:but )?i|unable|an ai)|i (?:can ?not|can['’]?t|won['’]t) (?:help|assist|provide|do that|fulfil|comply|rewrite)|below is|the answer|answer:|thank you for (?:your|asking)|"
    r"dear [\w\[]|subject:|title:|#+ |\*\*|\{|\[|<\w|1[.)] |step 1|to (?:answer|do this|summari[sz]e)|there are (?:several|many|a few|two|three|\w+ ways)|you (?:can|should|could|need to|may|might) )",
    re.IGNORECASE,
)  # fmt: skip
_META = re.compile(
    r"noisy[ _](?:text|version)|rewritten (?:text|version|message)|original (?:text|message):|clean text|as requested,|\bstrategy\b.*\bapplied\b|<think|```json",
    re.IGNORECASE,
)
_FINITE = re.compile(
    r"(?<![\w'’])(?:is|are|was|were|has|had|means|includes?|consists?|equals?|refers?|depends?|contains?|will be|becomes?|involves?|can be|helps|allows|makes)(?![\w'’])",
    re.IGNORECASE,
)
_CUE = re.compile(
    r"(?<![\w'’])(?:gimme|lemme|wanna|need|please|pls|plz|help|can (?:you|u)|could (?:you|u)|would like|how|what|why|which|when|where|who|tell me|"
    r"give me|show me|want|looking for|wondering)(?![\w'’])"
    r"|\A(?:[\w'’ ]{0,30}, ?(?:but )?|(?:so|well|okay|ok|hey|yo|alright|and|sooo*)[, ]+){0,3}(?:is|are|do|does|did|should|can|could|would|will|has|have|was|were|am) (?!the answer)",
    re.IGNORECASE,
)
_LIST = re.compile(r"^\s*(?:\d+[.)]|[-*•]) \S", re.MULTILINE)
_BOUNDS = {NoiseLayer.SURFACE: (0.35, 1.8, 140, 0.45), NoiseLayer.INCOMPLETE: (0.15, 1.8, 160, 0.55), NoiseLayer.AMBIGUOUS: (0.15, 2.5, 320, 0.7)}  # fmt: skip
"""By layer: least and most length as a share of the clean text's, characters on top, and the share of new words."""


def suspicion(clean: str, noisy: str, layer: NoiseLayer, expected: Collection[str] = ()) -> str:
    """Why a text cannot be a noisy version at all: the same, empty, an answer, about itself, or something else.

    Returns:
        The reason, or ``""``.
    """
    if not noisy.strip():
        return "the noisy text is empty"
    if " ".join(noisy.split()) == " ".join(clean.split()) and noisy.strip() == clean.strip():
        return "the text was repeated unchanged"
    if _META.search(noisy) and not _META.search(clean):
        return "it talks about the rewriting instead of being rewritten"
    if _ANSWER.match(noisy) and not _ANSWER.match(clean):
        return "it answers the request instead of rewriting it"
    low, high, extra, share = _BOUNDS[layer]
    if len(noisy) < low * len(clean) - 12 or len(noisy) > high * len(clean) + extra:
        return f"its length is out of proportion ({len(noisy)} characters for {len(clean)})"
    if len(_LIST.findall(noisy)) > len(_LIST.findall(clean)) + 1:
        return "it answers the request with a list"
    known = _said(clean)
    words = [word for word in _read(noisy).content if word not in expected]
    fresh = [word for word in words if not known.says(word)]
    if words and layer is not NoiseLayer.AMBIGUOUS and len(fresh) > max(7, share * len(words)):
        return "most of its words have nothing to do with the clean text"
    return _not_asking(clean, noisy, layer)


def _not_asking(clean: str, noisy: str, layer: NoiseLayer) -> str:
    """A clean text that asks and a noisy one that states is an answer."""
    before, after = _read(clean).asked, _read(noisy).asked
    asked = bool(before) and before[0].kind != "tell"
    if asked and "?" not in noisy and all(request.kind == "tell" for request in after) and _FINITE.search(noisy):
        return "it states something instead of asking"
    mine = [word for word in _read(clean).content if not word[0].isdigit()][:60]
    said = _said(noisy, clean)
    kept = sum(said.says(word) for word in mine)
    if mine and kept == 0 and not (layer is NoiseLayer.AMBIGUOUS and BLURRED.search(noisy)):
        return "nothing of the clean text is left"
    if layer is NoiseLayer.AMBIGUOUS and len(mine) > 3 and kept * 4 < len(mine) and not BLURRED.search(noisy):
        return "too little of the clean text is left"
    return ""
