"""The distractor's calls: semantics, noise and its check, from the same rules as the deterministic engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from personaloom.keyed import Key
from personaloom.records import NoiseLayer, Semantics
from personaloom.text.contracts import check
from personaloom.text.semantics import extract
from personaloom.text.strategies import STRATEGIES, compose
from personaloom.text.wording import Dice
from personaloom.text.wording.english import contract, expand

__all__ = ["noisy", "semantics", "verdict"]

_PARAPHRASES = (
    (r"\bCan you\b", "Could you"),
    (r"\bcan you\b", "could you"),
    (r"\bHow do I\b", "How can I"),
    (r"\bhow do I\b", "how can I"),
    (r"\bI want to\b", "I would like to"),
    (r"\bI need to\b", "I have to"),
    (r"\bWhat's\b", "What is"),
    (r"\bfor example\b", "for instance"),
    (r"\bPlease\b ", "Kindly "),
    (r"\bhelp me\b", "assist me"),
    (r"\bstart\b", "begin"),
    (r"\bhowever\b", "still"),
    (r"\bCould you\b", "Would you"),
    (r"\bI'd like\b", "I would like"),
    (r"\bbecause\b", "since"),
    (r"\balso\b", "as well"),
)


def _slots(found: Semantics) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in found.slots.items()]


def semantics(facts: Mapping[str, Any]) -> dict[str, Any]:
    """``{intents, slots}`` of a text."""
    found = extract(str(facts.get("text", "")))
    return {"intents": list(found.intents), "slots": _slots(found)}


def noisy(facts: Mapping[str, Any], key: Key) -> dict[str, Any]:
    """``{noisy_text}``: the strategies asked for, applied; the text itself where none of them finds a hold."""
    text = str(facts.get("text", ""))
    if facts.get("control") == "placebo":
        return {"noisy_text": _paraphrase(text, Dice(key.child("placebo")))}
    asked = [entry["name"] if isinstance(entry, Mapping) else str(entry) for entry in facts.get("strategies") or ()]
    names = [name for name in asked if name in STRATEGIES]
    made, _ = compose(text, names, key.child("noise"), facts.get("features") or {})
    return {"noisy_text": made}


def _paraphrase(text: str, dice: Dice) -> str:
    """Other small words, nothing noisy: one or two set phrases swapped, else contractions one way or the other."""
    fitting = [(pattern, new) for pattern, new in _PARAPHRASES if re.search(pattern, text)]
    out = text
    for pattern, new in dice.some(fitting, 2):
        out = re.sub(pattern, new, out, count=1)
    if out == text:
        out = contract(text) if contract(text) != text else expand(text)
    if out == text:
        out = (
            dice.pick(
                (
                    "I have a question. ",
                    "One question: ",
                    "I would like to ask something. ",
                    "I need some help. ",
                )
            )
            + text
        )
    return out


def verdict(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the rules say about a noisy text and its layer's contract."""
    layer = facts.get("layer") or NoiseLayer.SURFACE
    finding = check(str(facts.get("clean", "")), str(facts.get("noisy", "")), NoiseLayer(layer))
    found = finding.semantics
    return {
        "holds": finding.holds,
        "reason": finding.reason,
        "intents": list(found.intents),
        "slots": _slots(found),
        "missing": list(found.missing),
        "vague": list(found.vague),
        "conflicts": [str(conflict) for conflict in found.conflicts],
    }
