"""What is measured of each conversation. One number a conversation, so that conversations can be paired."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from personaloom.quality.textual import mattr, words
from personaloom.records import EndReason, NoiseVerdict
from personaloom.tracking.folder import noise_of

__all__ = ["FAILED", "MEASURES", "NAMES", "Facts", "Measure", "facts_of", "measure"]


@dataclass(frozen=True)
class Facts:
    """A conversation, taken apart once for all measures."""

    turns: int
    satisfied: bool
    user: list[list[str]]
    assistant: list[list[str]]
    asks: list[bool]
    noise: list[Mapping[str, Any]]


@dataclass(frozen=True)
class Measure:
    """One measure of a conversation.

    Attributes:
        name: in files.
        label: on the page.
        unit: in words.
        what: how it is found.
        outcome: False for what the noise level sets directly: it is shown with its interval and not tested.
        of: the value, or None where it is not defined.
    """

    name: str
    label: str
    unit: str
    what: str
    outcome: bool
    of: Callable[[Facts], float | None]


def facts_of(talk: Mapping[str, Any]) -> Facts:
    """Take a conversation (``Interaction.to_dict``) apart."""
    said: dict[str, list[str]] = {"user": [], "assistant": []}
    for message in talk.get("messages") or ():
        said.setdefault(str(message.get("role")), []).append(str(message.get("content") or ""))
    return Facts(
        turns=int(talk.get("num_turns") or len(said["user"])),
        satisfied=(talk.get("metadata") or {}).get("end_reason") == EndReason.SATISFIED,
        user=[words(text) for text in said["user"]],
        assistant=[words(text) for text in said["assistant"]],
        asks=["?" in text for text in said["assistant"]],
        noise=[result or {} for result in noise_of(dict(talk))],
    )


def measure(talk: Mapping[str, Any]) -> tuple[float | None, ...]:
    """All measures of one conversation, in the order of ``MEASURES``; ``failed`` is 0 for one that is there."""
    facts = facts_of(talk)
    return tuple(each.of(facts) for each in MEASURES)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _length(messages: list[list[str]]) -> float | None:
    return _mean([float(len(message)) for message in messages])


def _variety(facts: Facts) -> float | None:
    return mattr([word for message in facts.user for word in message])


def _applied(result: Mapping[str, Any]) -> bool:
    return (result.get("metadata") or {}).get("verdict") == NoiseVerdict.APPLIED


def _distance(result: Mapping[str, Any]) -> float:
    return float((result.get("metadata") or {}).get("edit_distance") or 0) if _applied(result) else 0.0


def _lost(result: Mapping[str, Any]) -> bool:
    after = (result.get("semantics") or {}).get("after") or {}
    return _applied(result) and bool(after.get("missing") or after.get("vague"))


FAILED = Measure("failed", "Failed", "share of conversations", "asked for and not made", outcome=True, of=lambda _: 0.0)
MEASURES: tuple[Measure, ...] = (
    Measure(
        "turns",
        "Turns",
        "per conversation",
        "user messages with their replies",
        outcome=True,
        of=lambda f: float(f.turns),
    ),
    Measure(
        "satisfied",
        "Ended satisfied",
        "share of conversations",
        "the user had what was wanted before the drawn number of turns was reached",
        outcome=True,
        of=lambda f: float(f.satisfied),
    ),
    Measure(
        "assistant_words",
        "Reply length",
        "words",
        "mean of the assistant's messages",
        outcome=True,
        of=lambda f: _length(f.assistant),
    ),
    Measure(
        "asks_back",
        "Replies that ask back",
        "share of replies",
        "assistant messages with a question mark",
        outcome=True,
        of=lambda f: _mean([float(ask) for ask in f.asks]),
    ),
    Measure(
        "user_words",
        "User message length",
        "words",
        "mean of the user's messages, as sent",
        outcome=True,
        of=lambda f: _length(f.user),
    ),
    Measure(
        "user_variety",
        "Variety of the user's words",
        "MATTR-50",
        "moving-average type-token ratio; not defined below 50 words",
        outcome=True,
        of=_variety,
    ),
    FAILED,
    Measure(
        "noisy_turns",
        "Noisy messages",
        "share of user messages",
        "noise was applied",
        outcome=False,
        of=lambda f: _mean([float(_applied(r)) for r in f.noise]),
    ),
    Measure(
        "edit_distance",
        "Distance from the clean text",
        "characters",
        "mean edit distance of the user's messages",
        outcome=False,
        of=lambda f: _mean([_distance(r) for r in f.noise]),
    ),
    Measure(
        "information_lost",
        "Messages that lost information",
        "share of user messages",
        "noise left a slot out or made it vague",
        outcome=False,
        of=lambda f: _mean([float(_lost(r)) for r in f.noise]),
    ),
)
NAMES = tuple(each.name for each in MEASURES)
