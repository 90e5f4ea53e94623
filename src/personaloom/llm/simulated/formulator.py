"""System prompts: a persona's features as prose in the second person."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from personaloom.text.style import Register, trait
from personaloom.text.wording import Dice, Grammar, bank, capital
from personaloom.text.wording.english import article, humane

__all__ = ["persona_prompt"]

_LEAST, _MOST = 80, 200  # words
_WEIGHTY = (
    "role", "tone_pref", "formality_level", "query_length_pref", "domain", "scenario", "industry", "time_sensitivity",
    "follow_up_tendency", "feedback_style", "format_pref_primary", "length_pref", "explanation_depth", "seniority",
    "specialization", "deliverable_type", "example_pref", "citation_pref", "tech_proficiency",
)  # fmt: skip
_VERBS = (
    "wants|asks|digs|accepts|challenges|moves|points|expects|shrugs|notices|repeats|goes|weighs|puts|says|thanks|names|"
    "corrects|complains|shares|leaves|avoids|checks|writes|builds|struggles|prefers|likes|needs|works|reads|follows|gives|"
    "takes|keeps|trusts|tends|skips|tries|seeks|values|uses|relies|learns|stops|rephrases|questions|praises|confirms|"
    "explains|forgets|ignores|waits|forgives"
)
_THIRD_PERSON = re.compile(
    rf"(rarely |always |often |usually |never |sometimes )?({_VERBS})\b(?! to think about)(.*)", re.DOTALL
)
_NEXT_VERB = re.compile(rf"\b(and|or|but|then) ({_VERBS})\b")
_THINGS = frozenset(
    {
        "deliverable_type",
        "format_pref_primary",
        "format_pref",
        "role",
        "specialization",
        "industry",
        "domain",
        "vocabulary",
    }
)
"""Dimensions whose values are things: ``questions to think about`` is nothing that somebody does."""
_OWN = {"their": "your", "them": "you", "they": "you", "themselves": "yourself", "theirs": "yours"}


def persona_prompt(features: Mapping[str, str], dice: Dice) -> str:
    """A prompt of 80 to 200 words that starts with "You are", mentions the role and as many other features as fit."""
    words = bank("persona")
    told = {name: str(value) for name, value in features.items() if str(value).strip()}
    opening = _opening(words, told, dice)
    rest = [name for name in told if name != "role"]
    weighty = [name for name in _WEIGHTY if name in rest]
    names = dice.some(weighty, len(weighty)) + dice.some([n for n in rest if n not in weighty], len(rest))
    habits = _habits(words, Register.of(told), dice)
    closing = words.say("close", dice, {})
    fixed = sum(len(part.split()) for part in (opening, *habits, closing))
    traits = _fitting([_trait(words, name, told[name], dice) for name in names], _MOST - fixed - 20)
    missing = _LEAST - fixed - sum(len(part.split()) for part in traits)
    pads = words.several("pad", max(dice.below(2), -(-missing // 9) if missing > 0 else 0), dice, {})
    body = _arranged(traits, habits, pads, dice)
    return f"{opening} {body} {closing}"


def _opening(words: Grammar, features: Mapping[str, str], dice: Dice) -> str:
    who = article(trait(features, "role", "occupation", "profession"))
    return words.say("open" if who.strip() else "open.plain", dice, {"who": who})


def _trait(words: Grammar, name: str, value: str, dice: Dice) -> str:
    text = humane(value)
    label = words.say(f"d.{name}", dice, {}) if f"d.{name}" in words else humane(name).removesuffix(" pref")
    second = "" if name in _THINGS else _second_person(text)
    if second:
        return words.say("f.verb", dice, {"d": label, "v": second})
    rule = f"f.{name}" if f"f.{name}" in words else "f.other"
    return capital(words.say(rule, dice, {"d": label, "v": _owned(text)}))


def _second_person(value: str) -> str:
    """``wants a recommendation`` → ``want a recommendation``; ``""`` for a value that has no verb."""
    match = _THIRD_PERSON.fullmatch(value)
    if not match:
        return ""
    rest = _NEXT_VERB.sub(lambda found: f"{found.group(1)} {_base(found.group(2))}", match.group(3))
    return f"{match.group(1) or ''}{_base(match.group(2))}{_owned(rest)}"


def _base(verb: str) -> str:
    """``goes`` → ``go``."""
    return verb[:-3] + "y" if verb.endswith("ies") else verb[:-2] if verb == "goes" else verb[:-1]


def _owned(text: str) -> str:
    """``examples from the own field`` → ``examples from your own field``."""
    words = " ".join(_OWN.get(word, word) for word in text.split(" "))
    return re.sub(r"\bthe own\b", "your own", words)


def _habits(words: Grammar, register: Register, dice: Dice) -> list[str]:
    """What the register means for how this person writes."""
    names = [register.voice]
    names += {-1: ["terse"], 1: ["long"]}.get(register.query_length, [])
    names += {-1: ["blunt"], 1: ["warm"]}.get(register.warmth, [])
    names += ["urgent"] if register.urgency > 0 else []
    names += {-1: ["novice"], 1: ["expert"]}.get(register.skill, [])
    return [words.say(f"habit.{name}", dice, {}) for name in names[: 3 + dice.below(2)]]


def _fitting(sentences: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for sentence in sentences:
        room -= len(sentence.split())
        if room < 0:
            break
        kept.append(sentence)
    return kept


def _arranged(traits: list[str], habits: list[str], pads: list[str], dice: Dice) -> str:
    """Traits, habits and the rest in one of several orders; pairs of short traits are joined with a semicolon."""
    joined: list[str] = []
    for sentence in traits:
        short = joined and len(joined[-1].split()) < 9 and ";" not in joined[-1] and len(sentence.split()) < 9
        if short and dice.percent(35):
            follow = sentence if sentence.startswith("I ") else sentence[0].lower() + sentence[1:]
            joined[-1] = f"{joined[-1].rstrip('.')}; {follow}"
        else:
            joined.append(sentence)
    half = len(joined) // 2
    orders = (
        [*joined, *habits, *pads],
        [*habits, *joined, *pads],
        [*joined[:half], *habits, *joined[half:], *pads],
        [*joined[:half], *pads, *habits, *joined[half:]],
    )
    gap = dice.pick((" ", " ", "\n\n"))
    parts = dice.pick(orders)
    middle = max(1, len(parts) // 2)
    return " ".join(parts[:middle]) + gap + " ".join(parts[middle:]) if len(parts) > 1 else " ".join(parts)
