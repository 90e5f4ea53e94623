"""Phrase banks and the small grammar that reads them.

The banks are the ``*.txt`` files beside this module: general ones by use, and one file a domain in ``domains/``.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from personaloom.text.wording.dice import Dice
from personaloom.text.wording.grammar import Grammar, capital, parse

__all__ = [
    "Dice",
    "Grammar",
    "bank",
    "capital",
    "digest",
    "domain_bank",
    "domain_names",
    "domain_rules",
    "rules",
]


def _read(*path: str) -> str:
    return resources.files(__name__).joinpath(*path).read_text("utf-8")


@cache
def bank(name: str) -> Grammar:
    """A general bank: ``assistant``, ``followup``, ``query``, ``persona``, ``code``."""
    return Grammar.from_text(_read(f"{name}.txt"))


@cache
def domain_names() -> tuple[str, ...]:
    """The domains that have words of their own, sorted."""
    folder = resources.files(__name__).joinpath("domains")
    return tuple(sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".txt")))


@cache
def rules(name: str) -> dict[str, tuple[str, ...]]:
    """A general bank's lines as written, by rule."""
    return parse(_read(f"{name}.txt"))


@cache
def domain_rules(name: str) -> dict[str, tuple[str, ...]]:
    """A domain's lines as written: ``names`` and ``keywords`` are lists of words, the rest are phrases."""
    return parse(_read("domains", f"{name}.txt"))


@cache
def domain_bank(name: str, base: str) -> Grammar:
    """A general bank together with the phrases of a domain."""
    return bank(base) | Grammar.from_text(_read("domains", f"{name}.txt"))


@cache
def digest() -> str:
    """SHA-256 of all banks, in hexadecimal: text that depends on them has changed when this has."""
    state = hashlib.sha256()
    folder = resources.files(__name__)
    for path in sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".txt")):
        state.update(f"{path}\n{_read(path)}\n".encode())
    for name in domain_names():
        state.update(f"domains/{name}\n{_read('domains', name + '.txt')}\n".encode())
    return state.hexdigest()
