# ruff: noqa: E501, SIM905 - word lists and patterns read best as they are
"""How a persona writes, read from its features: the same strategy comes out differently for different people.

Any bank will do: dimensions are found by what their names contain, values by the words in them. What a persona does not
say counts as average.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Register", "register"]

_WORD = re.compile(r"[a-z]+")
_LOW = frozenset(
    "low minimal none never rarely novice beginner basic poor brief little new casual informal relaxed quick loose easygoing lenient gist overview big".split()
)
_HIGH = frozenset(
    "high very expert advanced always formal professional academic meticulous thorough precise detailed strict polished exact comprehensive extensive proficient power careful scholarly ceremonious low_tolerance".split()
)
_CASUAL = frozenset(
    "casual informal friendly playful humorous funny slang relaxed chatty conversational laid warm witty enthusiastic blunt".split()
)
_FORMAL = frozenset(
    "formal professional academic polite serious neutral respectful ceremonious scholarly corporate business authoritative courteous diplomatic".split()
)
_URGENT = frozenset("urgent immediate asap high rush rushed tight critical now emergency".split())
_YOUNG = frozenset("teen teens teenager young".split())


@dataclass(frozen=True, slots=True)
class Register:
    """How somebody writes; each between 0 and 1, 0.5 where the features do not say.

    Attributes:
        informality: 0 writes like a lawyer, 1 like to a friend.
        carelessness: 0 rereads every word, 1 sends the first draft.
        clumsiness: 0 types blind, 1 hunts for the keys.
        urgency: 0 has all day.
    """

    informality: float = 0.5
    carelessness: float = 0.5
    clumsiness: float = 0.5
    urgency: float = 0.5

    @property
    def typo_factor(self) -> float:
        """How many typos, compared with the average persona: 0.3 to 2.0."""
        mixed = 0.45 * self.carelessness + 0.3 * self.informality + 0.25 * self.clumsiness
        return round(0.3 + 1.4 * mixed + (0.3 if mixed > 0.75 else 0.0), 6)

    @property
    def subtle(self) -> bool:
        """Whether slips must be ones that a careful reader misses too."""
        return self.informality < 0.35 or self.carelessness < 0.35


def register(features: Mapping[str, str]) -> Register:
    """Read a persona's way of writing from its features."""
    informality: list[float] = []
    care: list[float] = []
    skill: list[float] = []
    urgency: list[float] = []
    for name, value in features.items():
        dimension, words = str(name).lower(), set(_WORD.findall(str(value).lower()))
        if "informal" in words:
            words.discard("formal")
        if "formal" in dimension:
            informality.append(_scale(words, {"casual", "informal", "relaxed", *_LOW}, {*_FORMAL, "high", "very"}))
        elif "tone" in dimension or "style" in dimension:
            informality.append(_scale(words, _CASUAL, _FORMAL))
        elif "detail" in dimension or "precision" in dimension:
            care.append(_scale(words, _LOW, _HIGH))
        elif "error_tolerance" in dimension:
            care.append(1.0 - _scale(words, _LOW, _HIGH))
        elif "tech" in dimension:
            skill.append(_scale(words, _LOW, _HIGH))
        elif "time" in dimension or "urgen" in dimension:
            urgency.append(1.0 if words & _URGENT else 0.3)
        elif "age" in dimension and words & _YOUNG:
            informality.append(0.2)
    return Register(
        informality=1.0 - _mean(informality),
        carelessness=1.0 - _mean(care),
        clumsiness=1.0 - _mean(skill),
        urgency=_mean(urgency),
    )


def _scale(words: set[str], low: set[str] | frozenset[str], high: set[str] | frozenset[str]) -> float:
    """0.1 for a value from the low end, 0.9 from the high end, 0.5 for neither or both."""
    is_low, is_high = bool(words & low), bool(words & high)
    return 0.5 if is_low == is_high else (0.9 if is_high else 0.1)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.5
