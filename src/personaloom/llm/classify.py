"""One judgement of what went wrong with a call, for every transport.

``classify`` reads an HTTP answer, ``raised.classify_exception`` what a library raised; both end in the same branch of
the tree in ``personaloom.errors``. Words are looked at only where a status means several things (400, 403, 429).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from personaloom.errors import (
    AuthenticationFailedError,
    BadRequestError,
    CallError,
    CallTimeoutError,
    ContentFilterError,
    ContextLengthError,
    EmptyReplyError,
    MalformedReplyError,
    ModelNotFoundError,
    RateLimitedError,
    ServerFaultError,
)
from personaloom.llm.scrub import excerpt

__all__ = ["classify", "describe", "judge", "looks_like_refusal", "retry_after_s", "unreadable"]

_QUOTA = re.compile(
    r"insufficient_quota|billing_(?:hard_limit|not_active)|credit balance is too low"
    r"|insufficient (?:credits|balance|funds)",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"context_length_exceeded|maximum context length|context (?:window|length|size|limit)|max_model_len"
    r"|(?:prompt|input|request|messages?) (?:is|are|was) too (?:long|large)|too many (?:input )?tokens"
    r"|reduce the length of"
    r"|exceeds? the (?:maximum |model'?s? )?(?:number of tokens|token limit|context|limit of \d+ tokens)",
    re.IGNORECASE,
)
_FILTER = re.compile(
    r"content_filter|content[_ ]policy|content management policy|responsibleai|safety (?:system|filter|setting)s?"
    r"|flagged|moderation|blocked by|data_inspection_failed",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model_not_found|not a valid model|invalid model|unknown model"
    r"|model\b.{0,80}\b(?:does not exist|not found|is not available|not supported)|no such model",
    re.IGNORECASE | re.DOTALL,
)
_BAD_KEY = re.compile(
    r"invalid_api_key|api[_ ]key (?:not valid|is invalid|expired)|invalid (?:x-)?api[- ]key|incorrect api key",
    re.IGNORECASE,
)
_OVERLOADED = re.compile(r"overloaded|rate[_ ]limit|too many requests|resource_exhausted", re.IGNORECASE)

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_KINDS = ("requests", "tokens", "input-tokens", "output-tokens")


def classify(
    status: int,
    body: bytes | str,
    headers: Mapping[str, str],
    *,
    secrets: Iterable[str] = (),
    where: str = "the endpoint",
    now: float | None = None,
) -> CallError:
    """What an HTTP answer that is no completion means.

    Args:
        status: as sent; an error inside a 200 has the code of its body.
        body: as sent.
        headers: any case.
        secrets: values that must not appear in the message.
        where: for the message: model and origin.
        now: Unix time, for a Retry-After that is a date.
    """
    raw = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    words, codes = describe(raw)
    said = excerpt(words, secrets)
    wait = retry_after_s(headers, now)
    return judge(status, f"{codes} {words}", said, where, wait)


def judge(status: int, text: str, said: str, where: str, wait: float | None) -> CallError:
    """The same, of an answer of which the words are known: ``text`` is judged, ``said`` is shown."""
    lead = f"{where} answered {status}" + (f": {said}" if said else "")
    if status == 402 or (status in {400, 403, 429} and _out_of_credit(text)):
        return AuthenticationFailedError(
            f"quota exhausted, every further call would fail: {lead} → add credit or use another key",
            status=status,
        )
    if status in {429, 529}:
        return RateLimitedError(lead, status=status, retry_after_s=wait)
    if status in {408, 504, 524}:
        return CallTimeoutError(lead, status=status, retry_after_s=wait)
    if status >= 500 or status in {409, 425}:
        if status == 503 and _OVERLOADED.search(text):
            return RateLimitedError(lead, status=status, retry_after_s=wait)
        return ServerFaultError(lead, status=status, retry_after_s=wait)
    if status == 401 or _BAD_KEY.search(text):
        return AuthenticationFailedError(f"{lead} → check the key", status=status)
    if status == 403:
        if _FILTER.search(text):
            return ContentFilterError(lead, status=status)
        return AuthenticationFailedError(f"{lead} → check the key and what it may do", status=status)
    if status == 413 or _CONTEXT.search(text):
        return ContextLengthError(lead, status=status)
    if status in {404, 410} or _NO_MODEL.search(text):
        return ModelNotFoundError(f"{lead} → check llm.model and llm.base_url", status=status)
    if 300 <= status < 400:
        return BadRequestError(
            f"{lead}: a redirect is not followed, the key would travel along → set llm.base_url to the new address",
            status=status,
        )
    if _FILTER.search(text):
        return ContentFilterError(lead, status=status)
    if 200 <= status < 300:
        return MalformedReplyError(lead, status=status)
    return BadRequestError(lead, status=status)


def unreadable(raw: str, where: str, secrets: Iterable[str] = (), kind: str = "") -> CallError:
    """What a body means that should be JSON and is not.

    Args:
        raw: its beginning, at least.
        where: for the message: model and origin.
        secrets: values that must not appear in the message.
        kind: its content type, where known.
    """
    if not raw.strip():
        return EmptyReplyError(f"{where}: the answer's body is empty")
    hint = ""
    if raw.lstrip()[:1] == "<":
        hint = " → does llm.base_url lead to the API (most end in /v1)?"
    elif raw.startswith("data:"):
        hint = " → the server streams though it was not asked to"
    called = f" ({kind})" if kind else ""
    shown = excerpt(raw[:200], secrets, 80)
    return MalformedReplyError(f"{where}: the answer{called} is not JSON, it begins {shown!r}{hint}")


def _out_of_credit(text: str) -> bool:
    """Whether money is what is missing. Google says "current quota" of its limits per minute, OpenAI of credit."""
    plain = "exceeded your current quota" in text and "RESOURCE_EXHAUSTED" not in text
    return plain or _QUOTA.search(text) is not None


def describe(raw: str) -> tuple[str, str]:
    """An error body in words, and its codes: OpenAI's shape, lists and strings of other servers, or HTML."""
    stripped = raw.lstrip()
    if stripped[:1] == "<":
        title = re.search(r"<title[^>]*>(.*?)</title>", stripped, re.IGNORECASE | re.DOTALL)
        return "an HTML page" + (f" titled {title.group(1).strip()!r}" if title else ""), ""
    try:
        data: Any = orjson.loads(stripped)
    except orjson.JSONDecodeError:
        return stripped[:2000], ""
    if isinstance(data, list) and data:
        data = data[0]
    if isinstance(data, Mapping) and isinstance(data.get("error"), Mapping):
        data = data["error"]
    if not isinstance(data, Mapping):
        return str(data)[:2000], ""
    codes = " ".join(str(data[name]) for name in ("code", "type", "status", "param") if data.get(name))
    inner = data.get("innererror")
    if isinstance(inner, Mapping):
        codes += f" {inner.get('code', '')}"
    words = data.get("message") or data.get("error") or data.get("detail") or stripped[:2000]
    meta = data.get("metadata")  # a router puts the provider's own words here
    if isinstance(meta, Mapping) and meta.get("raw"):
        words = f"{words} ({meta['raw']})"
    return str(words)[:2000], codes


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds the server asked to wait: Retry-After as number or date, else the reset of the limit that is used up."""
    lower = {name.lower(): value for name, value in headers.items()}
    clock = time.time() if now is None else now
    if millis := _number(lower.get("retry-after-ms")):
        return millis / 1000
    if (asked := lower.get("retry-after")) is not None:
        seconds = _number(asked)
        return max(0.0, seconds) if seconds is not None else _until(asked, lower.get("date"), clock)
    resets: list[float] = []
    for prefix in ("x-ratelimit", "anthropic-ratelimit"):
        for kind in _KINDS:
            reset = lower.get(f"{prefix}-reset-{kind}", lower.get(f"{prefix}-{kind}-reset"))
            left = _number(lower.get(f"{prefix}-remaining-{kind}", lower.get(f"{prefix}-{kind}-remaining")))
            if reset is not None and left == 0 and (seconds := _span(reset, clock)) is not None:
                resets.append(seconds)
    plain = lower.get("x-ratelimit-reset")
    if not resets and plain is not None and _number(lower.get("x-ratelimit-remaining", "0")) == 0:
        seconds = _span(plain, clock)
        resets = [] if seconds is None else [seconds]
    return max(resets) if resets else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < 1e15 else None


def _until(date: str, server_now: str | None, clock: float) -> float | None:
    """Seconds until an HTTP date, by the server's own clock where it tells it."""
    try:
        then = parsedate_to_datetime(date).timestamp()
        start = parsedate_to_datetime(server_now).timestamp() if server_now else clock
    except (TypeError, ValueError):
        return None
    return max(0.0, then - start)


def _span(text: str, clock: float) -> float | None:
    """``1m30s``, ``250ms``, plain seconds, Unix time in seconds or milliseconds, or an ISO time."""
    value = _number(text)
    if value is not None:
        if value > 1e12:
            return max(0.0, value / 1000 - clock)
        return max(0.0, value - clock) if value > 1e9 else max(0.0, value)
    pieces = _DURATION.findall(text)
    if pieces and "".join(number + unit for number, unit in pieces) == text.strip():
        return sum(float(number) * _UNIT_S[unit] for number, unit in pieces)
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp() - clock)


_APOLOGY = (
    r"(?:(?:(?:i'm|i am|we're|we are) (?:\w+ )?)?(?:sorry|afraid)"
    r"|(?:i|we) apologi[sz]e|my apologies|unfortunately)"
)
_DECLINE = (
    r"(?:can't|cannot|can not|could not|won't|will not|(?:am|are|'m|'re) (?:not able|unable) to|must decline"
    r"|have to decline|(?:do not|don't) feel comfortable|(?:am|'m) not comfortable)"
)
_ACT = (
    r"(?:help|assist|comply|provid|fulfil|continu|creat|generat|writ|engag|participat|support|do (?:that|this)|discuss"
    r"|role-?play|rewrit|respond|answer|request|with (?:that|this))"
)
_BETWEEN = r"(?:\s+(?:to|be able|in good conscience|this|your|the|any|\w+ly|just))*\s+"
_REFUSAL = re.compile(
    rf"[\W_]*(?:{_APOLOGY}[\s,.;:-]*(?:but |that )?)?(?:as an ai[\w\s-]{{0,30}}, )?(?:i|we) ?{_DECLINE}{_BETWEEN}{_ACT}"
    rf"|[\W_]*(?:this|your) (?:request|prompt) (?:goes against|violates)",
    re.IGNORECASE,
)
_STRAIGHT = str.maketrans("\u2019\u2018\u2014\u2013", "''--")


def looks_like_refusal(text: str) -> bool:
    """Whether a model declined in words (English), judged by how the text begins.

    Only the opening sentences count: an answer that says "you can't", or declines a part further down, is an answer.
    """
    head = " ".join(text[:300].translate(_STRAIGHT).split())
    return _REFUSAL.match(head) is not None
