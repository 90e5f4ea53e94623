"""The assistant's answers: on the topic, in a shape that fits the question, with the domain's own steps and checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from personaloom.keyed import Key
from personaloom.llm.simulated.coding import code_block
from personaloom.llm.simulated.reading import Point, points, quoted, unquoted
from personaloom.llm.simulated.variables import Variables
from personaloom.text.style import Register, trait
from personaloom.text.topics import Topic, read_topic
from personaloom.text.wording import Dice, Grammar, capital, domain_bank

__all__ = ["answer"]

_FOLLOW_UPS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("example", r"\bexamples?\b|illustrat|in practice"),
        ("shorter", r"\bshorter\b|\bsum\b|summar|condense|short version|in a few lines"),
        ("source", r"\bsources?\b|\breference|evidence|verify|based on|cite"),
        ("alternative", r"alternative|instead of|another way|other options|without \S+\?"),
        ("measure", r"measure|is working|how do i know|actually works|what sign|is done"),
        ("time", r"how long|how much time|time needed|take\b.*\?"),
        ("cost", r"\bcosts?\b|budget|cheaper|expensive"),
        ("risk", r"\brisks?\b|go wrong|pitfall|catch|backfire|reservation"),
        ("apply", r"my (?:situation|case)|in my case|apply|adapt"),
        ("order", r"priorit|\bfirst\b"),
        ("doubt", r"convinced|not sure i buy|contradict|flopped|failed|didn't (?:work|help)|does not match"),
        ("next", r"what(?:'s| is|) next|next step|comes next|then what|next\?"),
        ("why", r"\bwhy\b|reason|what's the point"),
        (
            "step",
            r"more detail|how exactly|break (?:it )?down|expand on|how precisely|stuck at|step by step|set out",
        ),
    )
)
_FORMATS = (("bullet", "points"), ("checklist", "points"), ("list", "points"), ("number", "steps"), ("step", "steps"),
            ("table", "table"), ("paragraph", "prose"), ("prose", "prose"), ("narrative", "prose"))  # fmt: skip
_SHAPES = {
    "howto": ("steps", "steps", "steps", "points", "prose"),
    "fix": ("steps", "steps", "points"),
    "plan": ("steps", "points", "outline"),
    "compare": ("table", "table", "points", "prose"),
    "write": ("draft", "draft", "outline"),
    "explain": ("prose", "prose", "points", "steps"),
    "question": ("prose", "prose", "points"),
    "recommend": ("points", "points", "table", "prose"),
    "list": ("points", "points", "steps"),
    "analyse": ("points", "outline", "prose"),
    "transform": ("steps", "points", "draft"),
}


def answer(facts: Mapping[str, Any], key: Key, conversation: Key) -> str:
    """An answer to the last message of ``facts["history"]``.

    Args:
        facts: history, topic and, where the assistant knows the persona, its features.
        key: of this call.
        conversation: the same for all turns, so that a later answer goes on with other steps than an earlier one.
    """
    history: Sequence[Mapping[str, str]] = facts.get("history") or ()
    last = history[-1]["content"] if history else ""
    topic = read_topic(str(facts.get("topic") or last))
    return _Answer(topic, facts.get("features") or {}, Dice(key), Dice(conversation)).to(history, last)


class _Answer:
    """One answer in the making."""

    def __init__(self, topic: Topic, features: Mapping[str, str], dice: Dice, conversation: Dice) -> None:
        self.topic = topic
        self.dice = dice
        self.words: Grammar = domain_bank(topic.domain, "assistant")
        self.register = Register.of(features) if features else Register(answer_length=dice.pick((-1, 0, 0, 0, 1)))
        self.voice = self.register.voice
        self.shape = next(
            (s for word, s in _FORMATS if word in trait(features, "format_pref_primary", "format_pref")), ""
        )
        self.vars = Variables(topic, self.words, dice)
        self.order = conversation.some(range(self.words.size("steps")), 99)
        self.turn = 0

    def to(self, history: Sequence[Mapping[str, str]], last: str) -> str:
        self.turn = sum(message.get("role") == "assistant" for message in history)
        if self.turn == 0:
            return self._first(last)
        return self._later(history, last)

    # -- the first answer ----------------------------------------------------------------------------------------

    def _first(self, last: str) -> str:
        kind = self.topic.kind if self.topic.doing or self.topic.kind != "howto" else "question"
        shape = self.shape if self.shape and self.dice.percent(75) else self.dice.pick(_SHAPES[kind])
        parts = [self._opening(kind)]
        named = any(term in parts[0].lower() for term in self.topic.terms)
        if not named or self.dice.percent(45):
            parts[0] += " " + self.say("touch")
        if self.topic.code and self.dice.percent(80):
            parts += code_block(last, self.topic, self.vars, self.dice)
        parts += self._body(shape, self._size(3, 5, 7))
        extras = self._extras()
        parts += dice_cut(extras, self._size(1, 2, 2), self.dice)
        if self.dice.percent(70):
            parts.append(self._closing())
        return "\n\n".join(parts)

    def _opening(self, kind: str) -> str:
        text = capital(self.say(f"open.{kind}"))
        if self.voice != "neutral" and self.dice.percent(45):
            text = f"{self.say(f'voice.{self.voice}')} {text}"
        return text

    def _size(self, short: int, middle: int, long: int) -> int:
        """A count that goes with the length the reader likes."""
        return (short, middle, long)[self.register.answer_length + 1] + self.dice.below(2)

    def _extras(self) -> list[Callable[[], str]]:
        return [
            lambda: self.say("example"),
            lambda: self.say("caution"),
            lambda: self.say("why"),
        ]

    def _closing(self) -> str:
        rule = f"close.{self.voice}"
        return self.say(rule if rule in self.words and self.dice.percent(60) else "close")

    # -- bodies --------------------------------------------------------------------------------------------------

    def _body(self, shape: str, count: int) -> list[str]:
        return {
            "steps": self._steps,
            "points": self._points,
            "prose": self._prose,
            "table": self._table,
            "outline": self._outline,
            "draft": self._draft,
        }[shape](count)

    def _lines(self, count: int) -> list[tuple[str, str]]:
        """Head and detail of the next steps of this conversation."""
        start = 0 if self.turn == 0 else 5 + 3 * self.turn
        order = [self.order[(start + i) % len(self.order)] for i in range(min(count, len(self.order)))]
        lines = self.words.deal("steps", order, self.dice, self.vars)
        return [(head, capital(self._longer(detail))) for head, _, detail in (line.partition(": ") for line in lines)]

    def _longer(self, detail: str) -> str:
        """With a second sentence now and then, oftener for those who like to read."""
        share = (0, 35, 65)[self.register.answer_length + 1]
        return f"{detail} {capital(self.say('detail'))}" if self.dice.percent(share) else detail

    def _steps(self, count: int) -> list[str]:
        style = self.dice.pick(("{n}. **{h}.** {d}", "{n}. **{h}**: {d}", "{n}. {h}. {d}", "{n}) {h}: {d}"))
        lines = [style.format(n=n, h=h, d=d) for n, (h, d) in enumerate(self._lines(count), 1)]
        return [self._lead("steps") + "\n".join(lines)]

    def _points(self, count: int) -> list[str]:
        style = self.dice.pick(("- **{h}**: {d}", "- **{h}.** {d}", "* {h}: {d}", "- {h}. {d}"))
        lines = [style.format(h=h, d=d) for h, d in self._lines(count)]
        return [self._lead("points") + "\n".join(lines)]

    def _lead(self, rule: str) -> str:
        if self.register.answer_length > 0 and self.dice.percent(30):
            return "### " + self.say(f"lead.{rule}").rstrip(":") + "\n\n"
        return self.say(f"lead.{rule}") + "\n\n" if self.dice.percent(55) else ""

    def _prose(self, count: int) -> list[str]:
        lines = self._lines(count)
        texts = []
        for number, (head, detail) in enumerate(lines):
            rule = "link" if number == 0 else "link.last" if number == len(lines) - 1 else "link.next"
            low = head[0].lower() + head[1:]
            texts.append(f"{self.say(rule)}, {low}. {detail}" if self.dice.percent(65) else f"{head}. {detail}")
        if len(texts) < 3:
            return [" ".join(texts)]
        half = (len(texts) + 1) // 2
        return [" ".join(texts[:half]), " ".join(texts[half:])]

    def _table(self, count: int) -> list[str]:
        left, right = _sides(self.topic, self.dice)
        self.vars.fixed |= {"left": left, "right": right}
        aspects = [self.vars.get("measures") or "" for _ in range(min(count, 6))]
        rows = [f"| {capital(a)} | {self.say('cell')} | {self.say('cell')} |" for a in dict.fromkeys(aspects)]
        table = "\n".join([self.say("head.compare"), "| --- | --- | --- |", *rows])
        return [table, *self._points(max(2, count // 2))]

    def _outline(self, count: int) -> list[str]:
        sections = [self.vars.get("outline") or "" for _ in range(min(count + 1, 6))]
        lines = self._lines(len(sections))
        rows = [
            f"{n}. **{capital(s)}**: {head[0].lower()}{head[1:]}."
            for n, (s, (head, _)) in enumerate(zip(sections, lines, strict=False), 1)
        ]
        return ["\n".join(rows), *self._prose(2)]

    def _draft(self, count: int) -> list[str]:
        greeting, bye = self.say("draft.greet"), self.say("draft.bye")
        lines = self.words.several("draft.line", max(3, min(count, 6)), self.dice, self.vars)
        half = len(lines) // 2
        text = "\n\n".join([greeting, " ".join(lines[:half]), " ".join(lines[half:]), bye])
        return ["\n".join(f"> {line}".rstrip() for line in text.split("\n")), *self._points(2)]

    # -- later answers -------------------------------------------------------------------------------------------

    def _later(self, history: Sequence[Mapping[str, str]], last: str) -> str:
        plain = unquoted(last)
        kind = next((name for name, pattern in _FOLLOW_UPS if pattern.search(plain)), "general")
        before = points(next((m["content"] for m in reversed(history) if m.get("role") == "assistant"), ""))
        self.vars.fixed["quoted"] = self._pointed_at(before, last)
        self.vars.fixed["heads"] = self._heads(before)
        self.vars.add_terms(read_topic(last).terms)
        opening = capital(self.say(f"f.{kind}.open"))
        body = self.words.several(f"f.{kind}.body", 1 + self.dice.below(2), self.dice, self.vars)
        if kind == "shorter":
            return f"{opening} {self.say('f.shorter.heads')} {capital(body[0])}"
        if self.register.answer_length < 0:
            parts = [f"{opening} {' '.join(map(capital, body))}"]
            return "\n\n".join([*parts, *self._body("points", 2)] if self.dice.percent(50) else parts)
        parts = [
            opening + (" " + self.say("touch") if self.dice.percent(40) else ""),
            " ".join(map(capital, body)),
        ]
        shape = self._asked_shape(last) or self.dice.pick(("steps", "points", "prose", "prose"))
        if self.topic.code and self.dice.percent(35):
            parts += code_block(last, self.topic, self.vars, self.dice)
        parts += self._body(shape, self._size(1, 2, 4))
        parts += dice_cut(self._extras(), self.dice.below(2) + (self.register.answer_length > 0), self.dice)
        if self.dice.percent(40):
            parts.append(self._closing())
        return "\n\n".join(parts)

    def _asked_shape(self, last: str) -> str:
        if "format" not in last.lower() and " as " not in last:
            return ""
        return next((shape for word, shape in _FORMATS if word in last.lower()), "")

    def _heads(self, before: Sequence[Point]) -> str:
        """The main points of the last answer in one line."""
        named = [point.head for point in before if point.kind != "quote"][:6]
        chosen = self.dice.some(named, 3)
        if not chosen:
            return capital(self.topic.short)
        return capital("; ".join(head[0].lower() + head[1:] for head in chosen if head in named))

    def _pointed_at(self, before: Sequence[Point], last: str) -> str:
        """What the user refers to: words in quotes, a numbered step of the last answer, or the topic."""
        words = quoted(last)
        if not words and (match := re.search(r"\b(?:step|point|number)\s+(\d{1,2})\b", last, re.IGNORECASE)):
            words = next((p.head for p in before if p.number == match.group(1)), "")
        return f"“{words}”" if words else self.topic.short

    def say(self, rule: str) -> str:
        return self.words.say(rule, self.dice, self.vars)


def _sides(topic: Topic, dice: Dice) -> tuple[str, str]:
    """What the two columns of a comparison are called: the options, where the subject names them."""
    plain = re.sub(r"^(?:the )?(?:differences? between|pros and cons of)\s+", "", topic.subject)
    match = re.fullmatch(r"(.{2,40}?)(?: and | with | versus | vs\.? | or )(.{2,40})", plain)
    if topic.kind == "compare" and match and "|" not in plain:
        return capital(match.group(1).rpartition(", ")[2] or match.group(1)), capital(match.group(2))
    return dice.pick((("One way", "The other"), ("Option A", "Option B"), ("The small version", "The full version")))


def dice_cut(makers: Sequence[Callable[[], str]], count: int, dice: Dice) -> list[str]:
    """So many of the makers' texts, in keyed order."""
    return [make() for make in dice.some(makers, count)]
