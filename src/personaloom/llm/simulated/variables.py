"""The variables of an answer: fixed ones, and decks from which each use takes the next card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from personaloom.text.topics import Topic
from personaloom.text.wording import Dice, Grammar

__all__ = ["Variables"]

_DECKS = ("measures", "questions", "outline", "cautions", "examples")


class Variables(Mapping[str, str]):
    """What phrase banks may name in an answer.

    ``measures``, ``questions``, ``outline``, ``cautions``, ``examples`` and ``term`` never give the same twice until
    all were used, so that nothing is weighed against itself.
    """

    def __init__(self, topic: Topic, words: Grammar, dice: Dice) -> None:
        several = topic.short.endswith("s") and not topic.short.endswith(("ss", "us", "is"))
        self.fixed = {
            "subject": topic.subject,
            "short": topic.short,
            "task": topic.task or f"work on {topic.short}",
            "doing": topic.doing or f"working on {topic.short}",
            "name1": "all of this" if several else topic.short,
            "name2": "this" if several else topic.short,
            "name3": "this",
        }
        self._words = words
        self._dice = dice
        self._decks: dict[str, list[int]] = {}
        self._terms = list(dict.fromkeys(topic.terms))
        self._hand: list[str] = []

    def add_terms(self, terms: Iterable[str]) -> None:
        """Words of a later message come first."""
        self._terms = list(dict.fromkeys([*terms, *self._terms]))[:24]
        self._hand = []

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]  # keys are names only
        """The value of a variable, or the default where there is none of that name."""
        value = self.fixed.get(name)
        if value is not None:
            return value
        if name in {"term", "term2"}:
            return self._term()
        return self._card(name) if name in _DECKS else default

    def _term(self) -> str:
        if not self._hand:
            self._hand = self._dice.some(self._terms, len(self._terms))
        return self._hand.pop()

    def _card(self, rule: str) -> str:
        deck = self._decks.get(rule)
        if not deck:
            deck = self._decks[rule] = self._dice.some(range(self._words.size(rule)), 99)
        return self._words.deal(rule, [deck.pop()], self._dice, self)[0]

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter((*self.fixed, "term", "term2", *_DECKS))

    def __len__(self) -> int:
        return len(self.fixed) + 2 + len(_DECKS)
