"""Which field and which situation a text belongs to, by keywords."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from personaloom.keyed import Key
from personaloom.text.lexicon import FUNCTION_WORDS
from personaloom.text.wording import domain_names, domain_rules, rules
from personaloom.text.wording.english import words_of

__all__ = ["field_of", "guess_domain", "guess_scenario"]

_LIMIT = 2000  # characters: what comes later is material, not the request


def field_of(text: str) -> str:
    """The domain with words of its own that a text names most, or ``general``."""
    return _best(_votes(text))


@cache
def _keywords() -> dict[str, tuple[str, ...]]:
    """Keyword to the domains that claim it."""
    claims: dict[str, list[str]] = {}
    for name in domain_names():
        for line in domain_rules(name)["keywords"]:
            for word in line.split():
                claims.setdefault(word, []).append(name)
    return {word: tuple(names) for word, names in claims.items()}


def _votes(text: str) -> dict[str, int]:
    """How strongly each domain is named in a text; a word of several domains counts less for each."""
    known = _keywords()
    votes: dict[str, int] = {"software": 12} if "```" in text else {}
    for word in {w.lower(): None for w in words_of(text[:_LIMIT])}:
        names = known.get(word) or known.get(word.removesuffix("s")) or ()
        for name in names:
            votes[name] = votes.get(name, 0) + 6 // min(len(names), 3)
    return votes


def _best(votes: dict[str, int]) -> str:
    return min(votes, key=lambda name: (-votes[name], name), default="general")


@cache
def _aliases(choices: tuple[str, ...]) -> dict[str, tuple[tuple[str, ...], dict[str, int]]]:
    """For each choice its own words, and by domain how much of its name that domain claims (in sixths)."""
    known: dict[str, tuple[tuple[str, ...], dict[str, int]]] = {}
    for choice in choices:
        own = tuple(word.lower() for word in words_of(choice.replace("_", " ")))
        words = [word for word in own if word not in FUNCTION_WORDS] or list(own)
        names = {name: set(" ".join(domain_rules(name)["names"]).split()) | {name} for name in domain_names()}
        share = {n: 6 * sum(w in claimed for w in words) // max(len(words), 1) for n, claimed in names.items()}
        known[choice] = (own, {name: part for name, part in share.items() if part})
    return known


def guess_domain(text: str, choices: Sequence[str], key: Key) -> str:
    """The choice that a text is most likely about; drawn by key where nothing in the text speaks for one."""
    if not choices:
        return _best(_votes(text))
    votes = _votes(text)
    words = {word.lower() for word in words_of(text[:_LIMIT])}
    scores = {
        choice: sum(votes.get(name, 0) * part for name, part in claims.items()) + 36 * sum(w in words for w in own)
        for choice, (own, claims) in _aliases(tuple(choices)).items()
    }
    best = max(scores.values())
    if best == 0:
        return _fallback(choices, key.child("domain"))
    return next(choice for choice in choices if scores[choice] == best)


@cache
def _situations() -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """By kind of situation: words of a scenario's name, and words of a text that show it."""
    lines = rules("scenarios")["scenarios"]
    pairs = (line.partition(" = ") for line in lines)
    return tuple((frozenset(names.split()), frozenset(hints.split())) for names, _, hints in pairs)


def guess_scenario(text: str, choices: Sequence[str], key: Key) -> str:
    """The choice whose kind of situation a text shows; drawn by key where it shows none."""
    if not choices:
        return ""
    words = {word.lower() for word in words_of(text[:_LIMIT])}
    shown = [(names, len(hints & words)) for names, hints in _situations()]
    scores = {}
    for choice in choices:
        own = [word.lower() for word in words_of(choice.replace("_", " "))]
        told = sum(count * sum(word in names for word in own) for names, count in shown)
        scores[choice] = told + 2 * sum(word in words for word in own if word not in FUNCTION_WORDS)
    best = max(scores.values())
    if best == 0:
        return _fallback(choices, key.child("scenario"))
    return next(choice for choice in choices if scores[choice] == best)


def _fallback(choices: Sequence[str], key: Key) -> str:
    for choice in choices:
        if choice.lower() in {"general", "other", "misc", "miscellaneous", "everyday"}:
            return choice
    return key.choice(list(choices), "fallback")
