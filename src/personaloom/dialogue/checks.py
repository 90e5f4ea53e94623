"""What a reply must be to stand in a conversation; what is not is asked for again."""

from __future__ import annotations

import re

from personaloom.errors import EmptyReplyError, MalformedReplyError, RefusalError
from personaloom.llm.types import LLMReply

__all__ = ["check_assistant", "check_user", "looks_like_refusal"]

_APOSTROPHE = "['\u2019]?"
_REFUSAL = re.compile(
    rf"^\W*(?:i{_APOSTROPHE}m sorry,? (?:but )?(?:i|as an)|sorry,? (?:but )?i (?:can{_APOSTROPHE}t|cannot)|"
    rf"i (?:can{_APOSTROPHE}t|cannot|am unable to|am not able to|won{_APOSTROPHE}t) "
    r"(?:help|assist|provide|comply|do that|fulfil|fulfill|play|engage)|as an ai(?: language)? model)",
    re.IGNORECASE,
)
_ROLE_TAG = re.compile(
    r"^\s*(?:\[?(?:assistant|user)\]?\s*:|<\|?(?:assistant|user|im_start)|\{\s*\"(?:satisfied|message)\")",
    re.IGNORECASE,
)


def looks_like_refusal(text: str) -> bool:
    """Whether a reply opens with one of the set phrases in which models decline."""
    return _REFUSAL.match(text[:200]) is not None


def check_assistant(reply: LLMReply) -> None:
    """An answer: there is text, it is no refusal, and it does not speak for the other side.

    Raises:
        EmptyReplyError, RefusalError, MalformedReplyError: what is wrong.
    """
    if not reply.text.strip():
        raise EmptyReplyError("the assistant's reply has no text")
    if looks_like_refusal(reply.text):
        raise RefusalError(f"the assistant declined: {_excerpt(reply.text)}")
    if _ROLE_TAG.match(reply.text):
        raise MalformedReplyError(f"the assistant's reply starts with a role tag or JSON: {_excerpt(reply.text)}")


def check_user(reply: LLMReply, last_answer: str, *, may_end: bool) -> None:
    """A user's turn: a message, unless satisfied; no refusal, no role tag, not the assistant's own words again.

    Raises:
        EmptyReplyError, RefusalError, MalformedReplyError: what is wrong.
    """
    message = str(reply.parsed["message"]).strip()
    if reply.parsed["satisfied"] and may_end:
        return
    if not message:
        raise EmptyReplyError("the user model is not satisfied and says nothing")
    if looks_like_refusal(message):
        raise RefusalError(f"the user model declined: {_excerpt(message)}")
    if _ROLE_TAG.match(message):
        raise MalformedReplyError(f"the user's message starts with a role tag or JSON: {_excerpt(message)}")
    if len(message) > 40 and message in last_answer:
        raise MalformedReplyError(f"the user model repeats the assistant: {_excerpt(message)}")


def _excerpt(text: str, limit: int = 80) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= limit else line[: limit - 1] + "…")
