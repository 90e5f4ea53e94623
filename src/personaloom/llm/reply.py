"""From the body of a chat completion to a reply: the same reading for every transport."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

from personaloom.errors import (
    CallError,
    ContentFilterError,
    EmptyReplyError,
    MalformedReplyError,
    RefusalError,
    TruncatedReplyError,
)
from personaloom.llm import structured, tokens
from personaloom.llm.types import Deployment, LLMReply, LLMRequest, Usage

__all__ = ["lenient", "read_reply", "read_usage"]

_MOST_TOKENS = 10**9
"""A server that counts more for one reply counts something else."""
_LONGEST_NAME = 200


def lenient(raw: bytes) -> Any:
    """A body that is JSON but for what many servers let slip: NaN, half an emoji, a bare line break; else None.

    Asked again they would answer, and charge, the same.
    """
    try:
        return json.loads(raw.decode(), strict=False)
    except (ValueError, RecursionError):
        return None


def _storable(text: str) -> str:
    """The text, with a sign in place of each half of a pair of surrogates: no file and no request can hold those."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def read_reply(data: Mapping[str, Any], request: LLMRequest, deployment: Deployment, latency_s: float) -> LLMReply:
    """The reply in a chat completion; its text is not yet read against the request's schema.

    Raises:
        MalformedReplyError: it has no choices.
        EmptyReplyError: no text.
        TruncatedReplyError: cut at ``max_tokens`` before there was a text, or before its JSON was whole.
        ContentFilterError: withheld by the provider.
        RefusalError: the provider's refusal field is set.
    """
    try:
        choice = data["choices"][0]
        message = choice["message"]
        text = _text(message.get("content"))
        finish = _name(choice.get("finish_reason")) or "stop"
    except (KeyError, IndexError, TypeError, AttributeError):
        raise MalformedReplyError(f"{deployment.name}: the answer is no chat completion: it has no choices") from None
    usage = read_usage(data.get("usage"), request, text)
    if finish == "content_filter":
        raise _with(ContentFilterError(f"{deployment.name} withheld the reply"), usage)
    if not text:
        raise _with(_no_text(message, finish, deployment), usage)
    if request.schema is not None and finish == "length" and not text.endswith(("}", "]", "```")):
        # A repair would close the brackets round half a sentence and pass it off as an answer.
        error = TruncatedReplyError(f"{deployment.name}: the JSON was cut at max_tokens → raise llm.max_tokens")
        raise _with(error, usage)
    return LLMReply(
        text=text,
        usage=usage,
        model=deployment.model,
        snapshot=_name(data.get("model")),
        finish_reason=finish,
        cost_usd=_charged(data.get("usage")),
        latency_s=latency_s,
    )


def _no_text(message: Mapping[str, Any], finish: str, deployment: Deployment) -> CallError:
    if refusal := message.get("refusal"):
        return RefusalError(f"{deployment.name} declined: {_storable(str(refusal)[:200])}")
    if finish == "length":
        return TruncatedReplyError(
            f"{deployment.name} reached max_tokens before any text (hidden reasoning counts) → raise llm.max_tokens"
        )
    return EmptyReplyError(f"{deployment.name} sent a reply without text (finish_reason {finish})")


def _with(error: CallError, usage: Usage) -> CallError:
    """The error with what the attempt used: it is paid like any other."""
    error.input_tokens, error.output_tokens = usage.input_tokens, usage.output_tokens
    return error


def _text(content: Any) -> str:
    """The text of a message: a string, or a list of parts of which those with text count."""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, Mapping)]
        content = "".join(text for text in texts if isinstance(text, str))
    if not content or not isinstance(content, str):
        return ""
    return structured.without_thinking(content if content.isascii() else _storable(content))


def _name(value: Any) -> str:
    """A server's word for something, cut where it is no word; empty where it is no text."""
    return _storable(value[:_LONGEST_NAME]) if isinstance(value, str) else ""


def read_usage(usage: Any, request: LLMRequest, text: str) -> Usage:
    """Token counts as the provider reports them; what it leaves out is estimated, and the source says so."""
    if not isinstance(usage, dict):
        return Usage(tokens.estimate(request.messages), tokens.estimate(text), "estimated")
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    source = "provider"
    if not _is_count(read) or read == 0:  # LiteLLM writes 0 where a server says nothing
        read, source = tokens.estimate(request.messages), "estimated"
    if not _is_count(written) or (written == 0 and text):
        written, source = tokens.estimate(text), "estimated"
    cached = _detail(usage, "prompt_tokens_details", "cached_tokens") or usage.get("prompt_cache_hit_tokens")
    reasoning = _detail(usage, "completion_tokens_details", "reasoning_tokens")
    return Usage(read, written, source, cached if _is_count(cached) else 0, reasoning)


def _detail(usage: dict[str, Any], group: str, name: str) -> int:
    details = usage.get(group)
    value = details.get(name) if isinstance(details, dict) else None
    return value if _is_count(value) else 0


def _is_count(value: Any) -> TypeGuard[int]:
    """Whether a server's number can be one of tokens; sums of those that cannot would fit no file."""
    return type(value) is int and 0 <= value <= _MOST_TOKENS


def _charged(usage: Any) -> float | None:
    """What some routers say they charged, in dollars."""
    cost = usage.get("cost") if isinstance(usage, dict) else None
    if cost is None or isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < _MOST_TOKENS:
        return None
    return float(cost)
