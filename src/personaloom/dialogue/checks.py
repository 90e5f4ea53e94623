"""What a reply must be to stand in a conversation; what is not is asked for again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from personaloom.errors import EmptyReplyError, MalformedReplyError, RefusalError
from personaloom.llm.types import LLMReply
from personaloom.text.loops import goes_round
from personaloom.text.offers import speaks_as_assistant

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


_STAGE_DIRECTION = re.compile(
    rf"\A\W*the (?:person|user)(?:{_APOSTROPHE}s)? (?:next |first )?(?:message|question|reply)\b", re.IGNORECASE
)
_BARE = re.compile(r"\w+")
_LEAST_WORDS = 4
_FEW_WORDS = 4


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
    if _STAGE_DIRECTION.match(reply.text):
        raise MalformedReplyError(f"the assistant's reply is about the conversation: {_excerpt(reply.text)}")
    if circle := goes_round(reply.text):
        raise MalformedReplyError(f"the assistant's reply goes round in circles: {_excerpt(circle)}")


def check_user(reply: LLMReply, last_answer: str, *, may_end: bool, said: Sequence[str] = ()) -> None:
    """A user's turn: a message, unless satisfied; no refusal, no role tag, nobody's words again, no second assistant.

    Args:
        reply: with the parsed turn.
        last_answer: of the assistant.
        may_end: whether the person may be satisfied.
        said: the person's own messages so far.

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
    if speaks_as_assistant(message):
        raise MalformedReplyError(f"the user model speaks as an assistant: {_excerpt(message)}")
    if _STAGE_DIRECTION.match(message):
        raise MalformedReplyError(f"the user's message is about the message: {_excerpt(message)}")
    if _repeats(message, said):
        raise MalformedReplyError(f"the user model repeats itself: {_excerpt(message)}")
    if circle := goes_round(message):
        raise MalformedReplyError(f"the user's message goes round in circles: {_excerpt(circle)}")


def _repeats(message: str, said: Sequence[str]) -> bool:
    """Whether a message is an earlier one again, with a few words round it at most."""
    now = _words(message)
    for before in said:
        then = _words(before)
        if len(then) < _LEAST_WORDS or not len(then) <= len(now) <= len(then) + _FEW_WORDS:
            continue
        if any(now[start : start + len(then)] == then for start in range(len(now) - len(then) + 1)):
            return True
    return False


@lru_cache(maxsize=2048)
def _words(text: str) -> list[str]:
    """The words of a message in lower case; those of a conversation are asked for with each turn."""
    return _BARE.findall(text.casefold())


def _excerpt(text: str, limit: int = 80) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= limit else line[: limit - 1] + "…")
