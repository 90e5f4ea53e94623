"""What a strategy is, and the small edits that all of them are made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from personaloom.keyed import Key
from personaloom.records import NoiseLayer
from personaloom.text.register import Register, register
from personaloom.text.spans import Scan, is_english, scan

__all__ = [
    "Generate",
    "Strategy",
    "add_sentence",
    "added",
    "cut",
    "handles",
    "prefix",
    "substitute",
    "tidy",
    "tier",
]

Features = Mapping[str, str]
Generate = Callable[[str, Key, Features], "str | None"]
Detect = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way of making a text noisy, defined once for all engines.

    Attributes:
        name: as in the reference's strategy file.
        layer: which contract its results must keep.
        contract: that contract, for people and for the checking model.
        instruction: what an LLM is told to do.
        generate: ``(text, key, persona features)`` to the noisy text, or None where the text gives no hold for it.
        detect: ``(clean, noisy)`` to whether its effect is there.
    """

    name: str
    layer: NoiseLayer
    contract: str
    instruction: str
    generate: Generate
    detect: Detect


def handles(text: str) -> bool:
    """Whether the generators can work on this text at all."""
    return bool(text.strip()) and is_english(text)


def tier(features: Features) -> int:
    """0 for a formal writer, 1 for an average one, 2 for a casual one: the index of the phrase lists."""
    return _tier(register(features))


def _tier(voice: Register) -> int:
    return 0 if voice.informality < 0.35 else 2 if voice.informality > 0.65 else 1


def added(pattern: re.Pattern[str], clean: str, noisy: str) -> bool:
    """Whether something occurs more often in the noisy text than in the clean one."""
    if pattern.search(noisy) is None:
        return False
    before = Counter(match.group().lower() for match in pattern.finditer(clean))
    after = Counter(match.group().lower() for match in pattern.finditer(noisy))
    return after.total() > before.total() or bool(after - before)


_CLOSED = re.compile(r"[.!?…][\"')\]]*\Z")


def add_sentence(text: str, sentence: str) -> str:
    """The text with a sentence behind it, joined as people join them."""
    body = text.rstrip()
    if body.endswith("```"):
        return f"{body}\n\n{sentence}"
    if _CLOSED.search(body) or sentence[:1].isupper():
        joint = " " if _CLOSED.search(body) else ". " if body[-1:].isalnum() or body[-1:] in "\"')]`”" else " "
        return f"{body}{joint}{sentence}"
    joint = ", " if body[-1:].isalnum() or body[-1:] in "\"')]`”" else " "
    return f"{body}{joint}{sentence}"


def prefix(text: str, phrase: str, parsed: Scan | None = None) -> str:
    """The text with a phrase before it; the old first word loses its capital where it may."""
    body = text.lstrip()
    lead = len(text) - len(body)
    parsed = parsed or scan(text)
    opens = phrase[-1:] in ".!?"
    word = next((word for word in parsed.words if word.start == lead), None)
    if word and not opens and word.text[0].isupper() and word.lower not in {"i", "i'm", "i'd", "i've", "i'll"}:
        body = body[0].lower() + body[1:]
    return f"{phrase} {body}"


def cut(text: str, start: int, end: int) -> str:
    """The text without ``text[start:end]``, its gap closed and its capital kept."""
    return tidy(text, text[:start], "", text[end:])


def substitute(text: str, start: int, end: int, new: str) -> str:
    """The text with ``text[start:end]`` replaced, its capital kept."""
    if text[start : start + 1].isupper() and start == 0:
        new = new[:1].upper() + new[1:]
    return text[:start] + new + text[end:]


def tidy(text: str, before: str, new: str, after: str) -> str:
    """Join pieces after a cut: no double space, no space before a comma, a capital where there was one."""
    if not new:
        if before.endswith((" ", "\n")) or not before:
            after = after.lstrip(" ") if not after.startswith("\n") else after
        if after[:1] in ",.;:!?" and before.endswith(" "):
            before = before.rstrip(" ")
        if before.endswith(",") and after[:1] in ",.;:!?":
            before = before[:-1]
        if not before.strip():
            after = after.lstrip(" ,;:")
            before = ""
    out = before + new + after
    if not before and text[:1].isupper() and out[:1].islower():
        out = out[0].upper() + out[1:]
    return out


def pick_some(items: Sequence[tuple[int, int]], key: Key, share: float, purpose: str) -> list[tuple[int, int]]:
    """A keyed part of some places, at least one, in order of place."""
    if not items:
        return []
    kept = [place for i, place in enumerate(items) if key.chance(share, purpose, i)]
    return kept or [key.choice(items, purpose, "one")]


def splice(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """Several replacements at once; places are of the old text and must not overlap."""
    pieces, at = [], 0
    for start, end, new in sorted(edits):
        pieces += [text[at:start], new]
        at = end
    return "".join([*pieces, text[at:]])


def free_places(parsed: Scan, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    """Where a pattern matches outside the protected spans, in one pass over both."""
    places, spans, at = [], parsed.protected, 0
    for match in pattern.finditer(parsed.text):
        start, end = match.span()
        while at < len(spans) and spans[at].end <= start:
            at += 1
        if at == len(spans) or spans[at].start >= end:
            places.append((start, end))
    return places
