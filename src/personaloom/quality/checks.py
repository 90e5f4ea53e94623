"""Is a sample fit to train on? A verdict and a reason for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from personaloom.errors import ConfigError, Fault
from personaloom.plural import many
from personaloom.quality import signs
from personaloom.quality.privacy import find_private
from personaloom.quality.textual import overlap_share, words
from personaloom.records import TrainingSample

__all__ = ["CHECKS", "Finding", "SampleChecks", "Verdict"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: which check, where (message number from 0, or None), and why in words."""

    check: str
    message: int | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"check": self.check, "message": self.message, "reason": self.reason}


@dataclass(frozen=True)
class Verdict:
    """What the checks say of a sample.

    Attributes:
        sample_id: whose it is.
        findings: what is wrong; a sample without any is accepted.
        private: kinds of personal data or secrets found, with counts; reported whatever the checks say.
    """

    sample_id: str
    findings: tuple[Finding, ...] = ()
    private: Mapping[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Nothing is wrong."""
        return not self.findings

    @property
    def reason(self) -> str:
        """All reasons in one line; empty for an accepted sample."""
        return "; ".join(
            f"{found.check}" + ("" if found.message is None else f" in message {found.message}") + f": {found.reason}"
            for found in self.findings
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, for ``rejected_samples.jsonl`` and a sample's metadata."""
        return {
            "sample_id": self.sample_id,
            "accepted": self.accepted,
            "reason": self.reason,
            "findings": [found.to_dict() for found in self.findings],
            "private": dict(self.private),
        }


CHECKS = (
    "roles", "empty", "ending", "length", "encoding", "leak", "refusal", "answer_for_question", "role_swap",
    "prompt_copy", "repeat", "private", "pattern",
)  # fmt: skip
"""The checks by name, in the order in which they are made."""


class SampleChecks:
    """Judges samples one by one; pure.

    Args:
        skip: names of ``CHECKS`` to leave out.
        min_chars, max_chars: bounds of a message's length in characters.
        min_turns, max_turns: bounds of a conversation's turns.
        copy_share: from this share of common 5-grams a user message counts as copied from the persona's prompt, or a
            message as a repetition of an earlier one of its role.
        patterns: the user's own regular expressions, name to pattern; a message that matches is refused.
        private: what personal data and secrets do: ``report`` (counted only) or ``reject``.

    Raises:
        ConfigError: an unknown check, a bad bound or a pattern that does not compile; all faults at once.
    """

    def __init__(
        self,
        skip: Sequence[str] = (),
        min_chars: int = 1,
        max_chars: int = 20_000,
        min_turns: int = 1,
        max_turns: int = 100,
        copy_share: float = 0.8,
        patterns: Mapping[str, str] | None = None,
        private: str = "report",
    ) -> None:
        self.skip = frozenset(skip)
        self.min_chars, self.max_chars = min_chars, max_chars
        self.min_turns, self.max_turns = min_turns, max_turns
        self.copy_share = copy_share
        self.private = private
        self.patterns = _compiled(self, patterns or {})

    def judge(self, sample: TrainingSample) -> Verdict:
        """The verdict on a sample; one without a conversation is judged by its queries only."""
        said = sample.full_conversation
        messages = [{"role": "user", "content": sample.initial_query}] if said is None else list(said)
        private = find_private([str(m["content"]) for m in messages])
        found = [finding for finding in self._findings(sample, messages) if finding.check not in self.skip]
        if self.private == "reject" and "private" not in self.skip:
            found += [Finding("private", None, f"{kind}, {many(count, 'time')}") for kind, count in private.items()]
        return Verdict(sample.sample_id, tuple(found), private)

    def _findings(self, sample: TrainingSample, messages: Sequence[Mapping[str, str]]) -> list[Finding]:
        whole = sample.full_conversation is not None
        found = _order(messages) if whole else []
        if whole and not self.min_turns <= sample.num_turns <= self.max_turns:
            bounds = f"{self.min_turns} to {self.max_turns}"
            found.append(Finding("length", None, f"{many(sample.num_turns, 'turn')}, allowed are {bounds}"))
        prompt = words(str((sample.metadata or {}).get("persona_prompt") or ""))
        earlier: dict[str, list[list[str]]] = {"user": [], "assistant": []}
        for number, message in enumerate(messages):
            text, role = str(message["content"]), message["role"]
            found += [Finding(check, number, reason) for check, reason in self._message(role, text)]
            tokens = words(text)
            found += self._copies(number, role, tokens, prompt, earlier.get(role, []))
            earlier.setdefault(role, []).append(tokens)
        return found

    def _message(self, role: str, text: str) -> list[tuple[str, str]]:
        if not text.strip():
            return [("empty", "no text")]
        found = []
        if not self.min_chars <= len(text) <= self.max_chars:
            found.append(
                ("length", f"{many(len(text), 'character')}, allowed are {self.min_chars} to {self.max_chars}")
            )
        if signs.MOJIBAKE.search(text):
            found.append(("encoding", "characters that a wrong decoding leaves"))
        found += [
            ("leak", f"{what} ({match[0][:40]!r})") for pattern, what in signs.LEAKS if (match := pattern.search(text))
        ]
        found += _role_faults(role, text)
        found += [("pattern", f"matches {name}") for name, pattern in self.patterns.items() if pattern.search(text)]
        return found

    def _copies(
        self, number: int, role: str, tokens: list[str], prompt: list[str], earlier: Sequence[list[str]]
    ) -> list[Finding]:
        if len(tokens) < 8:
            return []
        found = []
        if role == "user" and (overlap_share(tokens, prompt, 5) or 0.0) >= self.copy_share:
            found.append(Finding("prompt_copy", number, "nearly a copy of the persona's prompt"))
        if any((overlap_share(tokens, before, 5) or 0.0) >= self.copy_share for before in earlier):
            found.append(Finding("repeat", number, f"nearly repeats an earlier {role} message"))
        return found

    def settings(self) -> dict[str, Any]:
        """What decides a verdict, JSON-ready, for fingerprints."""
        plain = ("min_chars", "max_chars", "min_turns", "max_turns", "copy_share", "private")
        patterns = {name: pattern.pattern for name, pattern in self.patterns.items()}
        return {"skip": sorted(self.skip), "patterns": patterns, **{name: getattr(self, name) for name in plain}}


def _order(messages: Sequence[Mapping[str, str]]) -> list[Finding]:
    if not messages:
        return [Finding("empty", None, "no messages")]
    found = []
    for number, message in enumerate(messages):
        wanted = ("user", "assistant")[number % 2]
        if message["role"] != wanted:
            found.append(Finding("roles", number, f"{message['role']!r} where {wanted!r} was due"))
            break
    if messages[-1]["role"] != "assistant":
        found.append(
            Finding("ending", len(messages) - 1, f"ends with {messages[-1]['role']!r}, not with the assistant")
        )
    return found


def _role_faults(role: str, text: str) -> list[tuple[str, str]]:
    plain = signs.straight(text)
    if role == "assistant":
        found = [("refusal", f"begins {plain[:40]!r}")] if signs.REFUSAL.search(plain[:300]) else []
        return found + ([("role_swap", "speaks as the user")] if signs.SPEAKS_AS_USER.search(plain) else [])
    if role != "user":
        return []
    found = [("role_swap", "is marked as the assistant's")] if signs.SPEAKS_AS_ASSISTANT.search(plain) else []
    serving = signs.SERVING.search(plain)
    if serving and "?" not in plain:
        found.append(("answer_for_question", f"the user serves: {serving[0]!r}"))
    return found


def _compiled(checks: SampleChecks, patterns: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    where = "quality.checks"
    unknown = sorted(checks.skip - set(CHECKS))
    faults = [
        Fault(f"{where}.skip", f"there is no check {name!r}", f"choose from {', '.join(CHECKS)}") for name in unknown
    ]
    for low, high in (("min_chars", "max_chars"), ("min_turns", "max_turns")):
        if not 0 <= getattr(checks, low) <= getattr(checks, high):
            problem = f"{getattr(checks, low)} to {getattr(checks, high)} is no range"
            faults.append(Fault(f"{where}.{low}", problem, f"let 0 <= {low} <= {high}"))
    if not 0 < checks.copy_share <= 1:
        faults.append(Fault(f"{where}.copy_share", f"{checks.copy_share!r} is no share", "give a share in (0, 1]"))
    if checks.private not in {"report", "reject"}:
        faults.append(Fault(f"{where}.private", f"{checks.private!r} is no choice", "choose report or reject"))
    compiled = {}
    for name, pattern in patterns.items():
        try:
            compiled[name] = re.compile(pattern)
        except re.error as error:
            faults.append(Fault(f"{where}.patterns.{name}", f"{pattern!r}: {error}", "mend the regular expression"))
    if faults:
        raise ConfigError(faults, "the sample checks cannot be used")
    return compiled
