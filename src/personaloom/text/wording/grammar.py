r"""Phrase banks as small grammars: one alternative a line, filled in by keyed draws.

A bank is a text file::

    # a comment
    @opening
    Here is [a plan|a way] for {subject}.
    {^thing} can be [done|handled] in {count} steps.

``@name`` starts a rule, each following line is one alternative. ``{name}`` is a variable of the call, or else another
rule; ``{^name}`` capitalises it. ``[a|b|]`` is a choice on the spot, ``\n`` a line break, and a backslash makes the
next character plain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from personaloom.text.wording.dice import Dice

__all__ = ["Grammar", "capital", "parse"]


@dataclass(frozen=True, slots=True)
class Ref:
    """A variable or a rule."""

    name: str
    capital: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives on the spot."""

    options: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A compiled alternative: literal strings, references and choices in order."""

    parts: tuple[str | Ref | Choice, ...]


_TOKEN = re.compile(r"\\(.)|\{(\^?)([\w.]+)\}|([\[\]|])", re.DOTALL)


def capital(text: str) -> str:
    """The text with a capital first letter and nothing else changed."""
    start = 1 if text[:1] in '“"(' else 0
    return text[:start] + text[start : start + 1].upper() + text[start + 1 :]


class _Compiler:
    """One pass over one line; brackets nest."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.options: list[list[list[str | Ref | Choice]]] = [[[]]]

    def literal(self, text: str) -> None:
        if not text:
            return
        phrase = self.options[-1][-1]
        last = phrase[-1] if phrase else None
        if isinstance(last, str):
            phrase[-1] = last + text
        else:
            phrase.append(text)

    def bracket(self, mark: str) -> None:
        if mark == "[":
            self.options.append([[]])
        elif len(self.options) == 1:
            raise ValueError(f"{mark!r} outside of brackets: {self.line!r}; write \\{mark} for the plain character")
        elif mark == "|":
            self.options[-1].append([])
        else:
            choice = Choice(tuple(Phrase(tuple(parts)) for parts in self.options.pop()))
            self.options[-1][-1].append(choice)

    def run(self) -> Phrase:
        start = 0
        for match in _TOKEN.finditer(self.line):
            self.literal(self.line[start : match.start()])
            start = match.end()
            escaped, caret, name, mark = match.groups()
            if escaped:
                self.literal("\n" if escaped == "n" else escaped)
            elif name:
                self.options[-1][-1].append(Ref(name, bool(caret)))
            else:
                self.bracket(mark)
        self.literal(self.line[start:])
        if len(self.options) != 1:
            raise ValueError(f"a bracket is not closed: {self.line!r}")
        return Phrase(tuple(self.options[0][0]))


def parse(source: str) -> dict[str, tuple[str, ...]]:
    """The rules of a bank as plain lines, in order.

    Raises:
        ValueError: a line stands before the first rule, a rule has no line, or a rule occurs twice.
    """
    rules: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, raw in enumerate(source.splitlines(), 1):
        line = raw.rstrip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("@"):
            name = line[1:].strip()
            if name in rules:
                raise ValueError(f"line {number}: the rule {name!r} is there already")
            current = rules[name] = []
        elif current is None:
            raise ValueError(f"line {number}: a phrase before the first @rule: {line!r}")
        else:
            current.append(line)
    for name, lines in rules.items():
        if not lines:
            raise ValueError(f"the rule {name!r} has no phrase")
    return {name: tuple(lines) for name, lines in rules.items()}


class Grammar:
    """Compiled rules; ``|`` of two grammars has the rules of both, the right one's where they meet."""

    def __init__(self, rules: Mapping[str, Sequence[Phrase]]) -> None:
        self._rules = dict(rules)

    @classmethod
    def from_text(cls, source: str) -> Grammar:
        """Compile a bank."""
        rules = parse(source)
        return cls({name: tuple(_Compiler(line).run() for line in lines) for name, lines in rules.items()})

    def __or__(self, other: Grammar) -> Grammar:
        return Grammar(self._rules | other._rules)

    def __contains__(self, rule: str) -> bool:
        return rule in self._rules

    @property
    def names(self) -> list[str]:
        """Rule names, sorted."""
        return sorted(self._rules)

    def size(self, rule: str) -> int:
        """How many alternatives a rule has."""
        return len(self._rules[rule])

    def say(self, rule: str, dice: Dice, variables: Mapping[str, str]) -> str:
        """One text of a rule.

        Raises:
            KeyError: neither a variable nor a rule has a name that the text needs.
        """
        out: list[str] = []
        self._emit(dice.pick(self._rules[rule]), out, dice, variables)
        return "".join(out)

    def several(self, rule: str, count: int, dice: Dice, variables: Mapping[str, str]) -> list[str]:
        """Texts of up to ``count`` different alternatives of a rule."""
        texts = []
        for phrase in dice.some(self._rules[rule], count):
            out: list[str] = []
            self._emit(phrase, out, dice, variables)
            texts.append("".join(out))
        return texts

    def _emit(self, phrase: Phrase, out: list[str], dice: Dice, variables: Mapping[str, str]) -> None:
        for part in phrase.parts:
            if type(part) is str:
                out.append(part)
            elif type(part) is Ref:
                value = variables.get(part.name)
                if value is None:
                    value = self.say(part.name, dice, variables)
                out.append(capital(value) if part.capital else value)
            elif type(part) is Choice:
                self._emit(dice.pick(part.options), out, dice, variables)

    def deal(self, rule: str, order: Sequence[int], dice: Dice, variables: Mapping[str, str]) -> list[str]:
        """Texts of a rule's alternatives in this order; indices beyond the rule are taken round again."""
        phrases = self._rules[rule]
        texts = []
        for index in order:
            out: list[str] = []
            self._emit(phrases[index % len(phrases)], out, dice, variables)
            texts.append("".join(out))
        return texts
