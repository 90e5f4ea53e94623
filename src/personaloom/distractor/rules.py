# ruff: noqa: E501, SIM905, ARG001 - word lists read best in one line; all rules have the same arguments
"""The rule-based model: six edits of words and letters, without any model, keyed.

All of them are surface noise: protected spans, and the words that carry the intent and the slots, stay readable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from personaloom.distractor.settings import RuleSetting
from personaloom.keyed import SPAN, Key
from personaloom.text.register import register
from personaloom.text.semantics import requests, slots_of
from personaloom.text.spans import Scan, scan
from personaloom.text.strategies.base import handles, splice, tier
from personaloom.text.strategies.controls import paraphrase
from personaloom.text.synonyms import SYNONYMS
from personaloom.text.typos import add_typos, typos

__all__ = ["fast_typo", "perturb"]

Features = Mapping[str, str]
_DROPPABLE = frozenset(
    "a an the just really very please some that quite also maybe perhaps actually basically so then there of to is are be will would "
    "me us my our your this these those and it".split()
)
_FILLERS = (
    ("indeed", "in fact", "rather", "perhaps", "generally"),
    ("just", "really", "actually", "basically", "maybe", "sort of"),
    ("like", "just", "kinda", "literally", "you know", "um", "basically"),
)


def _count(rate: float, places: int, key: Key, purpose: str) -> int:
    """The expected number, rounded up or down by chance, at least one."""
    wanted = rate * places
    count = int(wanted) + (key.integer(purpose) < int((wanted - int(wanted)) * SPAN))
    return min(max(count, 1), places)


def typo(text: str, key: Key, features: Features, parameters: Mapping[str, float]) -> str | None:
    """``intensity``: share of the ordinary words that get a slip, scaled by how carefully the persona writes."""
    if not features:
        return add_typos(text, key, rate=parameters["intensity"])
    voice = register(features)
    rate = min(1.0, parameters["intensity"] * voice.typo_factor)
    return add_typos(text, key, rate=rate, subtle=voice.subtle)


def _held(parsed: Scan) -> set[int]:
    """Places that a deletion or a swap must leave alone: the verb of a request and every slot's value."""
    held: set[int] = set()
    for request in requests(parsed):
        if request.verb_start >= 0:
            held.update(range(request.verb_start, request.verb_end))
    for slot in slots_of(parsed):
        held.update(range(slot.start, slot.end))
    return held


def _pairs(parsed: Scan) -> list[tuple[int, int, int, int]]:
    """Neighbouring free words with one space between, neither of which opens a sentence."""
    found = []
    for a, b in zip(parsed.words, parsed.words[1:], strict=False):
        if parsed.text[a.end : b.start] == " " and a.text.islower() and b.text.islower() and a.text != b.text:
            found.append((a.start, a.end, b.start, b.end))
    return found


def word_swap(text: str, key: Key, features: Features, parameters: Mapping[str, float]) -> str | None:
    """``num_swaps``: pairs of neighbouring words exchanged."""
    parsed = scan(text)
    pairs = _pairs(parsed)
    if len(pairs) > 1:
        pairs = [pair for pair in pairs if pair[0] > 0] or pairs
    edits: list[tuple[int, int, str]] = []
    taken: set[int] = set()
    for a, a_end, b, b_end in key.shuffled(pairs, "swaps"):
        if a in taken or b in taken:
            continue
        taken |= {a, b}
        edits.append((a, b_end, f"{text[b:b_end]} {text[a:a_end]}"))
        if len(edits) >= parameters["num_swaps"]:
            break
    return splice(text, edits) if edits else None


def word_deletion(text: str, key: Key, features: Features, parameters: Mapping[str, float]) -> str | None:
    """``deletion_rate``: share of the words that carry little meaning left out."""
    parsed = scan(text)
    held = _held(parsed)
    places = [
        (w.start, w.end + 1)
        for w in parsed.words
        if w.lower in _DROPPABLE and w.start not in held and text[w.end : w.end + 1] == " "
    ]
    if not places:
        return None
    count = _count(parameters["deletion_rate"] * len(parsed.words) / len(places), len(places), key, "how many")
    chosen = key.sample(places, count, "deletions")
    out = splice(text, [(start, end, "") for start, end in chosen])
    return out[0].upper() + out[1:] if text[:1].isupper() and out[:1].islower() else out


def word_insertion(text: str, key: Key, features: Features, parameters: Mapping[str, float]) -> str | None:
    """``insertion_rate``: fillers per word, put between ordinary words."""
    parsed = scan(text)
    pairs = _pairs(parsed)
    places = [a_end for _, a_end, _, _ in pairs] or [w.end for w in parsed.words[:1]]
    if not places:
        return None
    count = _count(parameters["insertion_rate"] * len(parsed.words) / len(places), len(places), key, "how many")
    fillers = _FILLERS[tier(features)]
    return splice(
        text,
        [(at, at, f" {key.choice(fillers, 'filler', at)}") for at in key.sample(places, count, "insertions")],
    )


def synonym_replacement(text: str, key: Key, features: Features, parameters: Mapping[str, float]) -> str | None:
    """``replacement_rate``: share of the words with a synonym that are replaced by it."""
    places = [w for w in scan(text).words if w.lower in SYNONYMS]
    if not places:
        return None
    edits = []
    for word in key.sample(places, _count(parameters["replacement_rate"], len(places), key, "how many"), "synonyms"):
        new = key.choice(SYNONYMS[word.lower], "synonym", word.start)
        edits.append((word.start, word.end, new[0].upper() + new[1:] if word.text[0].isupper() else new))
    return splice(text, edits)


def _paraphrase(text: str, key: Key, features: Features, parameters: Mapping[str, float]) -> str | None:
    return paraphrase(text, key, features)


_APPLY: Mapping[str, Callable[[str, Key, Features, Mapping[str, float]], str | None]] = {
    "paraphrase": _paraphrase,
    "synonym_replacement": synonym_replacement,
    "word_deletion": word_deletion,
    "word_insertion": word_insertion,
    "word_swap": word_swap,
    "typo": typo,
}
"""In order of application: letters last, so that words are still known when they are looked up."""


def perturb(
    text: str, names: tuple[str, ...], settings: Mapping[str, RuleSetting], key: Key, features: Features
) -> tuple[str, list[str]]:
    """Apply the drawn rules.

    Returns:
        The text, and the rules that changed it.
    """
    if not handles(text):
        return text, []
    applied = []
    for name, rule in _APPLY.items():
        if name in names:
            changed = rule(text, key if name == "typo" else key.child(name), features, settings[name].parameters)
            if changed is not None and changed != text:
                text = changed
                applied.append(name)
    return text, applied


def fast_typo(text: str, intensity: float, key: Key) -> tuple[str | None, int]:
    """The typo rule alone and for no particular persona, for batches: the text, or None, and its edit distance."""
    if not text.isascii() and not handles(text):
        return None, 0
    return typos(text, key, intensity)
