"""Set phrases in which an assistant offers itself: where a person is to speak, they say who really does."""

from __future__ import annotations

import re

__all__ = ["speaks_as_assistant"]

_APOSTROPHE = "['\u2019]?"
# What an assistant says to a person, and no person to an assistant. "Feel free to ask", "here is a draft" and "hope
# that helps" are not in it: people write them too.
_OPENING = re.compile(
    rf"\W*(?:(?:sure|certainly|of course|absolutely)\b[,!.]? (?:here(?:{_APOSTROPHE}s| is| are)|i can help|"
    rf"i(?:{_APOSTROPHE}d| would|{_APOSTROPHE}ll| will) (?:help|explain|provide|be (?:happy|glad)))|"
    r"(?:great|good|excellent) question\b|here are (?:some|a few) (?:tips|steps|ways|ideas|suggestions|options)\b)",
    re.IGNORECASE,
)
_ANYWHERE = re.compile(
    r"\b(?:how|what) (?:else )?(?:can|may) i (?:help you|assist|(?:do )?(?:for|to help|to assist) you)\b|"
    rf"\bi(?:{_APOSTROPHE}m| am) (?:always |just )?here to (?:help|assist)\b|"
    r"\b(?:happy|glad) to (?:help|assist) you\b|"
    rf"\bi(?:{_APOSTROPHE}m| am) (?:just |only )?(?:an? )?(?:ai\b|(?:large )?language model|chatbot|"
    r"(?:virtual|digital|ai) assistant)|"
    r"\bas an? (?:ai|(?:large )?language model|(?:virtual|digital) assistant)(?: language)?(?: model| assistant)?,? "
    r"i\b|"
    r"\bif you have any (?:other|further|more|additional) (?:questions|concerns)\b|"
    r"\bis there anything else (?:i can|you need|you would like)\b|"
    r"\bthank you for (?:reaching out|your (?:inquiry|query|patience))\b",
    re.IGNORECASE,
)
_HINTS = (
    "can i ", "may i ", " to help", " to assist", " ai", "language model", "chatbot", "assistant", "you have any ",
    "anything else", "thank you for ",
)  # fmt: skip
"""Each phrase has one of these in it; to look for them takes a tenth of the time."""


def speaks_as_assistant(text: str) -> bool:
    """Whether a person's message has a set phrase in which assistants offer themselves."""
    if _OPENING.match(text):
        return True
    folded = text.casefold()
    return any(hint in folded for hint in _HINTS) and _ANYWHERE.search(text) is not None
