# ruff: noqa: E501 - word lists and patterns read best as they are
"""Controls: what noise is compared with. A rewrite that adds none, and random edits of the same size."""

from __future__ import annotations

import re
from collections.abc import Mapping

from personaloom.keyed import Key
from personaloom.text.contracts import check
from personaloom.text.phrases import MULTI
from personaloom.text.semantics import requests
from personaloom.text.similarity import levenshtein
from personaloom.text.spans import Kind, scan
from personaloom.text.strategies.base import added, handles, splice
from personaloom.text.strategies.surface_words import synonym_rewrite

__all__ = ["PLACEBO_INSTRUCTION", "is_placebo", "paraphrase", "random_edits"]

PLACEBO_INSTRUCTION = (
    "Rewrite the message in other words of the same register, correctly spelt and complete. Add no noise of any kind: "
    "no slang, no error, nothing left out, nothing vague, nothing added."
)

_FRAMES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), new)
    for pattern, new in (
        (r"(?:can|could|would|will) you (?:please )?(?=[a-z]{3,})", ("Please ", "I would like you to ", "Could you please ", "Can you ")),
        (r"please (?=[a-z]{3,})", ("Could you ", "I would like you to ", "Can you please ")),
        (r"how (?:do|can|should) i (?=[a-z])", ("What is the way to ", "What should I do to ", "How would I ")),
        (r"what is (?=[a-z])", ("Could you tell me what is ", "I would like to know what is ")),
        (r"i (?:want|need|would like) to (?=[a-z])", ("I would like to ", "I want to ", "I need to ")),
    )
)  # fmt: skip


def paraphrase(text: str, key: Key, features: Mapping[str, str]) -> str | None:
    """The same request in another frame and with a synonym or two: nothing added, nothing lost."""
    if not handles(text):
        return None
    parsed = scan(text)
    out = text
    for pattern, frames in _FRAMES:
        match = pattern.match(text)
        if match and parsed.free(0, match.end()):
            out = _framed(text, match, key.choice(frames, "frame"))
            break
    else:
        first = next(iter(requests(parsed)), None)
        start = len(text) - len(text.lstrip())
        if first and first.kind == "order" and first.verb_start == start and parsed.free(start, first.verb_end):
            out = (
                text[:start]
                + key.choice(("Please ", "Could you ", "I would like you to "), "frame")
                + text[start].lower()
                + text[start + 1 :]
            )
    return synonym_rewrite(out, key, features) or (out if out != text else None)


def _framed(text: str, match: re.Match[str], frame: str) -> str:
    if frame.strip().lower() == match.group().strip().lower():
        frame = "Please " if match.group().lower().startswith(("can", "could", "would", "will")) else "I would like to "
    return (frame if text[:1].isupper() else frame[0].lower() + frame[1:]) + text[match.end() :]


_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
_LOWER = re.compile(r"[a-z]")


def random_edits(text: str, distance: int, key: Key, growth: int = 0) -> str | None:
    """Edits at random places outside the protected spans (names apart), ``distance`` apart from the text.

    Args:
        text: any text.
        distance: Levenshtein distance wanted.
        key: decides places and letters.
        growth: characters that the matched noise added, or, negative, took away.

    Returns:
        A text at exactly that distance where the text has room for it, else as near as it comes; None where no
        character may be touched.
    """
    if distance < 1:
        return None
    spans = [span for span in scan(text).protected if span.kind is not Kind.NAME]
    closed = bytearray(len(text))
    for span in spans:
        closed[span.start : span.end] = b"\1" * (span.end - span.start)
    places = [match.start() for match in _LOWER.finditer(text) if not closed[match.start()]]
    if not places:
        return None
    growth = max(-len(places), -distance, min(growth, distance))
    stream = key.stream("random edits")
    order = key.shuffled(places, "places")
    best, nearest, extra = text, distance, 0
    for _ in range(8):
        edited = _edited(text, order, max(distance + extra, abs(growth)), growth, stream)
        short = distance - levenshtein(text, edited)
        if abs(short) < nearest:
            best, nearest = edited, abs(short)
        if not short:
            break
        extra += short
    return best if best != text else None


def _edited(text: str, order: list[int], distance: int, growth: int, stream: object) -> str:
    """Deletions or insertions for the growth, substitutions for the rest, insertions where letters run out."""
    numbers = iter(stream)  # type: ignore[call-overload]
    dropped = -min(growth, 0)
    replaced = min(distance - abs(growth), len(order) - dropped)
    inserted = max(distance - dropped - max(replaced, 0), 0)
    edits = dict.fromkeys(order[:dropped], "")
    for place in order[dropped : dropped + replaced]:
        edits[place] = _other(text[place], next(numbers))
    out = splice(text, [(place, place + 1, new) for place, new in edits.items()])
    if not inserted:
        return out
    slots: dict[int, str] = {}
    for _ in range(inserted):
        number = next(numbers)
        number, at = divmod(number, len(order))
        slots[order[at]] = slots.get(order[at], "") + _LETTERS[number % len(_LETTERS)]
    return splice(
        text,
        [(place, place + 1, slots.get(place, "") + edits.get(place, text[place])) for place in {*slots, *edits}],
    )


def _other(letter: str, number: int) -> str:
    new = _LETTERS[number % len(_LETTERS)]
    return new if new != letter else _LETTERS[(number + 1) % len(_LETTERS)]


def is_placebo(clean: str, noisy: str) -> str:
    """Why a rewrite is no placebo, or ``""``: it must keep everything and show no noise that the rules can see."""
    from personaloom.records import NoiseLayer  # noqa: PLC0415 - only here
    from personaloom.text.strategies import STRATEGIES  # noqa: PLC0415 - the table imports nothing from here, and must not

    finding = check(clean, noisy, NoiseLayer.SURFACE)
    if not finding.holds:
        return finding.reason
    for name in (
        "typo_misspelling",
        "word_segmentation",
        "multi_intent",
        "self_contradiction",
        "mind_changing",
        "real_life_fragments",
    ):
        if name == "multi_intent" and not added(MULTI, clean, noisy):
            continue
        if STRATEGIES[name].detect(clean, noisy):
            return f"a control rewrite must add no noise, and this one shows {name}"
    return ""
