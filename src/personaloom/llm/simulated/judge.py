"""The judge's calls: scores from a few counts of words and a die. They test the plumbing and judge nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from personaloom.keyed import Key
from personaloom.text.semantics import content_words
from personaloom.text.similarity import levenshtein
from personaloom.text.wording import Dice

__all__ = ["judgement"]

Messages = Sequence[Mapping[str, Any]]

_SIMULATED = "Simulated"


def judgement(facts: Mapping[str, Any], key: Key) -> dict[str, Any]:
    """``{scores: [{name, score, reason}]}``, or for ``mode: pair`` ``{winner, reason}``."""
    if facts.get("mode") == "pair":
        return _winner(facts, Dice(key.child("pair")))
    dice = Dice(key.child("scores"))
    return {"scores": [_scored(str(criterion["name"]), facts, dice) for criterion in facts.get("criteria") or ()]}


def _scored(name: str, facts: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    talk: Messages = facts.get("conversation") or ()
    if name == "persona_adherence":
        seen = _voice(talk, facts)
        said = f"{seen:.0%} of the person's features leave a word in the messages."
    elif name == "noise_realism":
        seen = _light(facts.get("noise") or ())
        said = f"{seen:.0%} of each noisy message is as it was meant."
    else:
        seen = _held(talk) if name == "coherence" else _answered(talk)
        said = f"{seen:.0%} of a message's words are taken up by the next one."
    score = min(5, max(1, round(2 + 4 * seen) + dice.between(-1, 1)))
    return {"name": name, "score": score, "reason": f"{_SIMULATED}: {said}"}


def _winner(facts: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """The one whose answers take up more; now and then the one that stands first, as real judges do."""
    first, second = (_answered(facts.get(name) or ()) for name in ("conversation", "other"))
    if dice.percent(10):
        return {"winner": "first", "reason": f"{_SIMULATED}: it stands first."}
    if abs(first - second) < 0.02:
        return {"winner": "tie", "reason": f"{_SIMULATED}: both answer alike."}
    winner = "first" if first > second else "second"
    return {"winner": winner, "reason": f"{_SIMULATED}: its answers take up more of the questions."}


def _words(message: Mapping[str, Any]) -> set[str]:
    return set(content_words(str(message.get("content", ""))))


def _share(one: set[str], two: set[str]) -> float:
    return len(one & two) / len(one) if one else 0.5


def _answered(talk: Messages) -> float:
    pairs = list(pairwise(talk))[::2]
    return sum(_share(_words(asked), _words(answer)) for asked, answer in pairs) / len(pairs) if pairs else 0.0


def _held(talk: Messages) -> float:
    pairs = list(pairwise(talk))
    return sum(bool(_words(one) & _words(two)) for one, two in pairs) / len(pairs) if pairs else 0.0


def _voice(talk: Messages, facts: Mapping[str, Any]) -> float:
    said = {word for message in talk if message.get("role") == "user" for word in _words(message)}
    values = [set(content_words(str(value))) for value in (facts.get("features") or {}).values()]
    return sum(bool(value & said) for value in values) / len(values) if values else 0.5


def _light(noise: Sequence[Mapping[str, Any]]) -> float:
    kept = []
    for unit in noise:
        clean, noisy = str(unit.get("clean", ""))[:400], str(unit.get("noisy", ""))[:400]
        kept.append(1 - levenshtein(clean, noisy) / max(len(clean), len(noisy), 1))
    return sum(kept) / len(kept) if kept else 0.5
