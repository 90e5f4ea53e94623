"""The user's turns: a follow-up in character that refers to the answer, or satisfaction."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from personaloom.llm.simulated.reading import Point, points
from personaloom.text.style import Register, flourish, trait
from personaloom.text.topics import Topic, read_topic
from personaloom.text.wording import Dice, Grammar, bank, capital
from personaloom.text.wording.english import article

__all__ = ["user_turn"]

SATISFIED_PERCENT = 15
_KINDS = (
    "example", "shorter", "source", "why", "alternative", "measure", "time", "cost", "risk", "apply", "order", "doubt",
    "step", "next", "general", "format",
)  # fmt: skip
_LEANINGS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("example_pref", r"(?<!no )example", ("example",)),
    ("citation_pref", r"source|reference|citation|link", ("source", "source")),
    ("budget_constraint", r"free|cheap|budget", ("cost", "cost")),
    ("risk_posture", r"avoid|cautious|averse|low", ("risk", "risk")),
    ("time_sensitivity", r"today|hour|urgent|high|tight", ("time", "shorter")),
    ("follow_up_tendency", r"detail|dig|deep", ("step", "why")),
    ("follow_up_tendency", r"challenge|question", ("doubt", "doubt", "why")),
    ("follow_up_tendency", r"related|next", ("next", "general")),
    ("length_pref", r"one|short|brief|concise", ("shorter",)),
    ("explanation_depth", r"full|depth|deep|step", ("step", "why")),
    ("learning_style", r"example|trying", ("example", "step")),
    ("decision_style", r"numbers", ("measure",)),
    ("decision_style", r"pros|weigh", ("alternative", "risk")),
    ("detail_orientation", r"every|thorough|high|detail", ("step", "measure")),
)


def user_turn(facts: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """``{satisfied, message}``."""
    if facts.get("may_end") and dice.percent(SATISFIED_PERCENT):
        return {"satisfied": True, "message": ""}
    return {"satisfied": False, "message": _message(facts, dice)}


def _message(facts: Mapping[str, Any], dice: Dice) -> str:
    features: Mapping[str, str] = facts.get("features") or {}
    history: Sequence[Mapping[str, str]] = facts.get("history") or ()
    register = Register.of(features)
    words, name = bank("followup"), register.name
    topic = read_topic(str(facts.get("topic") or (history[0]["content"] if history else "")))
    answer = next((m["content"] for m in reversed(history) if m.get("role") == "assistant"), "")
    spoken = {m["content"] for m in history if m.get("role") == "user"}
    found = _fresh(points(answer), " ".join(spoken))
    for _ in range(4):
        text = _follow_up(words, name, topic, found, features, dice)
        if facts.get("feedback"):
            text = _feedback(words, name, topic, found, dice) + text
        if text not in spoken:
            break
    return text


def _fresh(found: list[Point], said: str) -> list[Point]:
    """The points that the user has not named yet, or all of them."""
    return [point for point in found if point.head not in said] or found


def _ref(words: Grammar, topic: Topic, found: Sequence[Point], dice: Dice) -> str:
    plain = {"topicword": _plain(topic.short)}
    if not found or dice.percent(6):
        return words.say("ref.topic", dice, plain)
    named = [point for point in found if point.kind != "quote"]
    point = dice.pick(named if named and dice.percent(80) else found)
    head = point.head
    if point.kind == "quote" or " " not in head:
        shown = head
    else:
        shown = head[0].lower() + head[1:] if dice.percent(40) and head[1:2].islower() and head[:2] != "I " else head
    return words.say(f"ref.{point.kind}", dice, {"number": point.number, "head": shown})


def _plain(phrase: str) -> str:
    """Back from the assistant's voice to the user's."""
    return re.sub(r"\byour\b", "my", phrase)


def _follow_up(
    words: Grammar, name: str, topic: Topic, found: Sequence[Point], features: Mapping[str, str], dice: Dice
) -> str:
    kind = dice.pick(_weights(features))
    form = trait(features, "format_pref_primary", "format_pref")
    if kind == "format" and not form:
        kind = "general"
    context = _context(words, features, dice)
    facts = {
        "ref": _ref(words, topic, found, dice),
        "term": _term(topic, dice),
        "context": context,
        "contextlow": context,
        "format": form,
    }
    text = words.say(f"{name}.{kind}", dice, facts)
    if dice.percent(30):
        tail = words.say(f"{name}.tail", dice, {"term": _term(topic, dice)})
        text = f"{text} {tail}" if text[-1] in ".!?" else f"{text}. {tail}"
    return (text if name == "casual" else capital(text)) + flourish(features, dice)


def _weights(features: Mapping[str, str]) -> list[str]:
    """Kinds of follow-up, those that fit the persona's traits several times."""
    kinds = list(_KINDS)
    for dimension, pattern, more in _LEANINGS:
        value = features.get(dimension)
        if value and re.search(pattern, str(value), re.IGNORECASE):
            kinds += more * 2
    return kinds


def _term(topic: Topic, dice: Dice) -> str:
    return f"“{dice.pick(topic.terms)}”" if dice.percent(50) else "the " + dice.pick(topic.terms) + " part"


def _context(words: Grammar, features: Mapping[str, str], dice: Dice) -> str:
    known = {"role": article(trait(features, "role")), "industry": trait(features, "industry")}
    rules = [name for name, value in known.items() if value.strip()] * 2
    register = Register.of(features)
    rules += ["skill"] if register.skill else []
    rules += ["time"] if register.urgency > 0 else []
    together = trait(features, "collaboration_context")
    rules += ["alone"] if "own" in together else ["team"] if together else ["team", "alone"]
    rule = dice.pick(rules)
    if rule == "skill":
        return "I am fairly new to all this" if register.skill < 0 else "I know the basics already"
    return words.say(f"context.{rule}", dice, known)


def _feedback(words: Grammar, name: str, topic: Topic, found: Sequence[Point], dice: Dice) -> str:
    text = words.say(f"{name}.feedback", dice, {"ref2": _ref(words, topic, found, dice)})
    text = text if name == "casual" else capital(text)
    return text if text.endswith(" ") else text + " "
