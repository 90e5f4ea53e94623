"""A persona's register, and a request in it: formality, length, warmth, in words that keep what was asked.

Rules cannot rewrite a sentence freely without losing something of it. So a request is taken out of its frame ("Can you
…", "How do I …"), its core stays, and the frame, the surroundings and the small words change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from personaloom.keyed import Key
from personaloom.text.topics import asked
from personaloom.text.wording import Dice, bank, capital
from personaloom.text.wording.english import article, contract, expand, humane, words_of

__all__ = ["Register", "flourish", "restyle", "trait"]

_SCALES: dict[str, tuple[str, str]] = {
    "formality": (
        "formal professional academic polite official respectful ceremonious diplomatic authoritative reserved",
        "casual informal slang relaxed playful humorous colloquial chatty conversational friendly witty ironic",
    ),
    "length": (
        "long detailed verbose extensive comprehensive lengthy thorough paragraphs depth deep full page pages every",
        "short brief concise terse minimal succinct line keyword keywords compact quick summary few only just gist",
    ),
    "warmth": (
        "friendly warm enthusiastic encouraging empathetic supportive positive appreciative kind cheerful thanks",
        "blunt direct critical cold sceptical skeptical dry strict impatient harsh complains corrects missing",
    ),
    "urgency": (
        "urgent high immediate tight asap critical rush today hour now immediately",
        "low flexible relaxed no none",
    ),
    "skill": (
        "expert advanced senior high proficient lead principal professional experienced power executive builds",
        "beginner novice low student junior basic none entry intern newcomer limited first struggles training",
    ),
}
_MIDDLE = frozenset(
    {
        "semi",
        "neutral",
        "balanced",
        "moderate",
        "medium",
        "mixed",
        "middle",
        "average",
        "standard",
        "mid",
        "half",
    }
)
_ALIASES = {
    "query_length": ("query_length_pref", "query_length"),
    "answer_length": ("length_pref", "explanation_depth", "response_length", "detail_orientation"),
    "formality": ("formality_level", "formality", "communication_style", "tone_pref", "tone"),
    "warmth": ("tone_pref", "tone", "feedback_style"),
    "urgency": ("time_sensitivity", "urgency"),
    "skill": ("tech_proficiency", "seniority", "ai_familiarity", "expertise"),
}


@lru_cache(maxsize=4096)
def _lean(value: str, scale: str) -> int:
    """Where a value of a bank lies on a scale: -1, 0 or 1, by its words."""
    up, down = _SCALES[scale]
    words = {word for part in words_of(value.lower().replace("_", " ")) for word in (part, *part.split("-"))}
    if words & _MIDDLE:
        return 0
    return bool(words & set(up.split())) - bool(words & set(down.split()))


def trait(features: Mapping[str, str], *names: str) -> str:
    """The value of the first of these dimensions that a persona has, as a person would write it, or ``""``."""
    for name in names:
        value = features.get(name)
        if value:
            return humane(str(value))
    return ""


@dataclass(frozen=True, slots=True)
class Register:
    """How somebody writes: each scale is -1, 0 or 1.

    Attributes:
        formality: casual to formal.
        query_length, answer_length: what they write, and what they like to read.
        warmth: blunt to warm.
        urgency: 1 where time is short.
        skill: beginner to expert.
    """

    formality: int = 0
    query_length: int = 0
    answer_length: int = 0
    warmth: int = 0
    urgency: int = 0
    skill: int = 0

    @classmethod
    def of(cls, features: Mapping[str, str]) -> Register:
        """The register that a persona's features ask for; what they do not say is 0."""
        scales = {"query_length": "length", "answer_length": "length"}
        found = {}
        for field, names in _ALIASES.items():
            value = next((str(features[name]) for name in names if features.get(name)), "")
            found[field] = _lean(value, scales.get(field, field)) if value else 0
        return cls(**found)

    @property
    def name(self) -> str:
        """The phrase banks' name for it: formal, neutral, casual or terse."""
        if self.query_length < 0 and self.formality <= 0:
            return "terse"
        return self.voice

    @property
    def voice(self) -> str:
        """Without length: formal, neutral or casual."""
        return ("casual", "neutral", "formal")[self.formality + 1]


def flourish(features: Mapping[str, str], dice: Dice) -> str:
    """An emoji behind a message, for those who use them."""
    use = trait(features, "emoji_use", "emoji")
    share = {"a lot": 60, "now and then": 15, "often": 60, "frequent": 60, "sometimes": 15}.get(use, 0)
    return " " + dice.pick(("🙂", "😅", "🙏", "😊", "🤔", "👍", "✨")) if share and dice.percent(share) else ""


_FENCE = re.compile(r"```[\s\S]*?(?:```|\Z)|`[^`\n]+`|\"[^\"\n]*\"|“[^”\n]*”")


def _outside(text: str, change: object) -> str:
    """Apply a change to what is neither code nor quoted."""
    out, start = [], 0
    for match in _FENCE.finditer(text):
        out += [change(text[start : match.start()]), match.group()]  # type: ignore[operator]  # a str -> str callable
        start = match.end()
    out.append(change(text[start:]))  # type: ignore[operator]  # see above
    return "".join(out)


def _small_words(text: str, register: Register) -> str:
    """The same words as this register writes the little ones."""
    if register.formality > 0:
        return _outside(text, expand)
    if register.formality < 0:
        return _outside(text, contract)
    return text


def _lowered(text: str) -> str:
    """With a small first letter, unless the first word is a name, an acronym or ``I``."""
    first = text.partition(" ")[0]
    if len(first) > 1 and first[0].isupper() and first[1:].islower() and first.isalpha():
        return text[0].lower() + text[1:]
    return text


def restyle(query: str, features: Mapping[str, str], key: Key, mode: str = "whole") -> str:
    """A request in a persona's voice.

    Args:
        query: what is asked.
        features: dimension name to value.
        key: decides between the ways to say it.
        mode: ``whole`` changes the frame, the small words and the surroundings; ``partial`` keeps the request word for
            word and only changes what stands round it.

    Returns:
        The request with all content words of the original, in their order.
    """
    register = Register.of(features)
    dice = Dice(key)
    if mode == "partial":
        return _partial(query.strip(), register, dice)
    return _whole(query.strip(), register, features, dice)


def _partial(query: str, register: Register, dice: Dice) -> str:
    words, name = bank("query"), register.name
    before = words.say(f"{name}.before", dice, {}) if name != "terse" or dice.percent(60) else ""
    after = words.say(f"{name}.after", dice, {}) if not before or dice.percent(50) else ""
    gap = "\n\n" if "\n" in query or len(query) > 400 else " "
    return gap.join(part for part in (before, query, after) if part)


def _whole(query: str, register: Register, features: Mapping[str, str], dice: Dice) -> str:
    words, name = bank("query"), register.name
    ask = asked(query)
    core = _small_words(ask.core, register)
    core = _lowered(core) if ask.form != "tell" else core
    if ask.form == "tell" and core and core[-1] not in ".!?:…":
        core += "."
    hello = {f"{name}.hello": ""} if ask.start > 0 else {}
    frame = words.say(f"{name}.{ask.form}", dice, {"core": core, "clause": core, "text": capital(core), **hello})
    before = _small_words(query[: ask.start].strip(), register)
    after = _small_words(query[ask.end :].strip(), register)
    head = _ended(frame, register)
    parts = [before, head, *_surroundings(register, features, dice, len(query))]
    closing = words.say(f"{name}.close", dice, {}) if dice.percent((45, 25, 50)[register.formality + 1]) else ""
    line = " ".join(part for part in parts if part)
    if after:
        line = f"{line}\n\n{after}" if "\n" in after or "```" in after else f"{line} {after}"
    return f"{line} {closing}".strip() + flourish(features, dice)


def _surroundings(register: Register, features: Mapping[str, str], dice: Dice, size: int) -> list[str]:
    """The sentences that a persona who writes at length puts round a request."""
    words = bank("query")
    if register.name == "terse":
        return [words.say("terse.about", dice, {})] if dice.percent(25) else []
    wanted = {-1: 0, 0: dice.below(2) if size < 300 else 0, 1: 2 + dice.below(2)}[register.query_length]
    if not wanted:
        return []
    known = {
        "role": article(trait(features, "role", "occupation", "profession")),
        "industry": trait(features, "industry"),
        "deliverable": article(trait(features, "deliverable_type")),
        "format": trait(features, "format_pref_primary", "format_pref"),
    }
    options = [name for name, value in known.items() if value.strip()]
    options += ["example", "depth"] if register.query_length > 0 else []
    options += ["urgent"] if register.urgency > 0 else []
    options += {1: ["expert"], -1: ["novice"]}.get(register.skill, [])
    chosen = dice.some(options, wanted)
    return [_ended(words.say(f"{register.voice}.about.{name}", dice, known), register) for name in sorted(chosen)]


def _ended(sentence: str, register: Register) -> str:
    if register.formality >= 0:
        return capital(sentence)
    return sentence if sentence[-1] in ".!?:)" else sentence + "."
