"""Is this text a usable system prompt for this persona? Rules that need no model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from personaloom.errors import CallError, EmptyReplyError, MalformedReplyError, RefusalError
from personaloom.text.words import lower_words

__all__ = ["PromptCheck", "mentioned"]

_REFUSAL = re.compile(
    r"^\W*(?:i(?:'m| am) (?:really |very |so )?sorry\b|sorry, (?:but )?i\b|"
    r"i (?:can(?:'t|not| not)|won't|will not|must decline|am unable|am not able|refuse)\b|"
    r"i'm (?:unable|not able)\b|as an ai\b|unfortunately,? i (?:can|am))",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"^\W*(?:sure|certainly|of course|absolutely|okay|ok|here(?:'s| is| are)|below is|the following|system prompt|"
    r"character note)\b",
    re.IGNORECASE,
)
_SECOND_PERSON = re.compile(r"\b(?:you|your|you're|you've|yourself)\b", re.IGNORECASE)
_ENGLISH = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be but by can do for from have how if in is it like more not of on one or so that the they "
        "this to what when who with you your",
    )
)
_NOISE = _ENGLISH | frozenset(
    re.findall(
        r"\w+",
        "above all any asks expects each every few first goes own last less matters mostly most never no none often "
        "over points sometimes than their them time times under very wants without about after only",
    )
)
_ENGLISH_SHARE = 0.12
_STEM = 4


@dataclass(frozen=True, slots=True)
class PromptCheck:
    """What a system prompt must be.

    Attributes:
        min_length, max_length: in characters.
        language: ``en``, or None to accept any.
        min_mentioned: share of the features that the text must echo in at least one word of its value.
        must_mention: features that it must echo where the persona has them.
    """

    min_length: int = 50
    max_length: int = 6000
    language: str | None = "en"
    min_mentioned: float = 0.3
    must_mention: tuple[str, ...] = ("role",)

    def problem(self, text: str, features: Mapping[str, str]) -> CallError | None:
        """What is wrong with the text, or None."""
        stripped = text.strip()
        if not stripped:
            return EmptyReplyError("the system prompt is empty")
        if _REFUSAL.search(stripped):
            return RefusalError(f"the model declined to write the system prompt: {stripped[:120]!r}")
        fault = self._form(stripped) or self._content(stripped, features)
        return MalformedReplyError(f"unusable system prompt: {fault}: {stripped[:120]!r}") if fault else None

    def _form(self, text: str) -> str:
        if len(text) < self.min_length:
            return f"{len(text)} characters, fewer than formulation.min_prompt_length={self.min_length}"
        if len(text) > self.max_length:
            return f"{len(text)} characters, more than formulation.max_prompt_length={self.max_length}"
        if text[0] in "{[" or text.startswith("```"):
            return "code or JSON instead of prose"
        if _LEAD_IN.search(text):
            return "an answer with a lead-in, not the prompt itself"
        return ""

    def _content(self, text: str, features: Mapping[str, str]) -> str:
        words = lower_words(text)
        if self.language == "en":
            if len([word for word in words if word in _ENGLISH]) < _ENGLISH_SHARE * len(words):
                return "it is not in English"
            if not _SECOND_PERSON.search(text[:400]):
                return "it does not speak to the persona in the second person"
        stems = frozenset([word[:_STEM] for word in set(words)])
        missing = [name for name in self.must_mention if name in features and not mentioned(features[name], stems)]
        if missing:
            return f"it does not mention {', '.join(f'{name} ({features[name]})' for name in missing)}"
        checkable = [telling for value in features.values() if (telling := _telling_stems(value))]
        told = len([telling for telling in checkable if not telling.isdisjoint(stems)])
        if told < self.min_mentioned * len(checkable):
            return f"it echoes {told} of {len(checkable)} features"
        return ""


def mentioned(value: str, stems: frozenset[str]) -> bool:
    """Whether a text with these stems echoes a value; a value without telling words cannot be missed."""
    telling = _telling_stems(value)
    return not telling or not telling.isdisjoint(stems)


@lru_cache(maxsize=4096)
def _telling_stems(value: str) -> frozenset[str]:
    """How the words begin that a text can only echo on purpose."""
    words = lower_words(value)
    return frozenset([word[:_STEM] for word in words if word not in _NOISE and (len(word) > 1 or word.isdigit())])
