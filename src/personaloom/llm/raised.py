"""What an exception of an HTTP library, or of LiteLLM, means for a call.

LiteLLM gives many things one name and some a wrong one: a refused connection and a reply cut in half are both
"Connection error.", with Gemini the latter is a "bad request". What happened is further down, in the exceptions that
its own was raised from, so the whole chain is looked at. It is judged by the names of classes: none of the libraries
need be imported to ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from personaloom.errors import (
    AuthenticationFailedError,
    BadRequestError,
    CallError,
    CallTimeoutError,
    ConnectionCutError,
    ContentFilterError,
    ContextLengthError,
    MalformedReplyError,
    ServerFaultError,
    UnreachableError,
)
from personaloom.llm.classify import classify, judge, retry_after_s, unreadable
from personaloom.llm.scrub import excerpt

__all__ = ["broken_connection", "classify_exception"]

_CONNECTING = frozenset(
    {
        "ClientConnectorError", "ClientConnectorCertificateError", "ConnectionTimeoutError",  # aiohttp
        "ConnectError", "ConnectTimeout",  # httpx
        "ConnectionRefusedError", "gaierror",
    }
)  # fmt: skip
"""Nothing was sent: there was no connection yet."""
_TLS = frozenset(
    {"ClientConnectorCertificateError", "ClientSSLError", "SSLCertVerificationError", "CertificateError", "SSLError"}
)
_UNTRUSTED = frozenset({"SSLCertVerificationError"})
_TLS_CUT = frozenset({"SSLEOFError", "SSLZeroReturnError"})
"""The server hung up during the handshake: busy, perhaps, but not somebody else."""
_TOO_LATE = frozenset({"TimeoutError", "TimeoutException", "Timeout", "APITimeoutError"})
_NO_HTTP = frozenset({"ClientResponseError"})
_CUT = frozenset(
    {
        "ClientPayloadError", "ServerDisconnectedError", "ClientOSError",  # aiohttp
        "NetworkError", "ProtocolError",  # httpx
        "ConnectionError", "SSLError",
    }
)  # fmt: skip
_CONTEXT_OBJECT = re.compile(r" ssl:(?:<[^>]*>|\w+)(?= \[|$)")

_Link = tuple[BaseException, frozenset[str]]
"""An exception, and the names of its class and all that it derives from."""


_MISREAD = frozenset({"LookupError", "TypeError", "AttributeError", "ValueError"})
"""What reading a reply that has another shape than expected raises."""
_NO_CREDENTIALS = frozenset(
    {"DefaultCredentialsError", "RefreshError", "NoCredentialsError", "PartialCredentialsError"}
)
"""Of Google's and Amazon's own libraries."""

# What LiteLLM puts before the provider's own words.
_WRAPPING = re.compile(r"^(?:(?:litellm\.)?\w+: )*(?:\w+Exception - )?")
_UNREADABLE = re.compile(
    r"expecting value|unable to (?:get|parse) json|invalid json|jsondecode|unterminated string|unexpected end"
    r"|empty or invalid response|expecting property name|expecting ',' delimiter|'choices' that is not a list"
    r"|invalid response object|error in response object|error converting to valid response",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(r"cannot connect|connection refused|name or service not known|getaddrinfo", re.IGNORECASE)
_NETWORK = re.compile(r"connection error|server disconnected|peer closed connection", re.IGNORECASE)


def classify_exception(
    error: BaseException,
    *,
    secrets: Iterable[str] = (),
    where: str = "the endpoint",
    now: float | None = None,
) -> CallError:
    """What an exception of LiteLLM (or of the HTTP library below it) means.

    An HTTP answer is judged as ``classify`` would, a broken connection as the direct client's; only where neither is
    known do LiteLLM's own name and words count.
    """
    if isinstance(error, CallError):
        return error
    secrets = list(secrets)
    chain = _links(error)
    said = excerpt(_WRAPPING.sub("", str(error)).partition("Traceback (most recent")[0], secrets)
    answer = _answer(chain)
    if answer is not None:
        judged = classify(*answer, secrets=secrets, where=where, now=now)
        # LiteLLM knows more providers' ways to say these two.
        return judged if type(judged) is not BadRequestError else _named(chain, answer[0], said, where) or judged
    status = _number(getattr(error, "status_code", None))
    found = (
        _named(chain, status, said, where)
        or broken_connection(error, where, secrets)
        or _unread(chain, said, where, secrets)
        or _at_home(chain, said, where)
        or _disconnected(chain, said, where)
    )
    if found is not None:
        return found
    if status is None or status < 300:
        return ServerFaultError(f"{where}: {type(error).__name__}: {said}", status=status)
    headers = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", None
    )
    return judge(status, str(error), said, where, retry_after_s(dict(headers or {}), now))


def broken_connection(error: BaseException, where: str, secrets: Iterable[str] = ()) -> CallError | None:
    """What an exception, or one that it came from, says about the connection; None where it says nothing.

    Returns:
        AuthenticationFailedError: the server could not prove who it is.
        UnreachableError: there was never a connection, so nothing was sent.
        CallTimeoutError: it was there and said nothing in time.
        MalformedReplyError: what it said is no HTTP.
        ConnectionCutError: it was closed before the reply was whole.
    """
    chain, secrets = _links(error), list(secrets)
    if (at := _first(chain, _CONNECTING)) is not None:
        if _first(chain, _TLS) is not None and _first(chain, _TLS_CUT) is None:
            return _untrusted(at, where, secrets)
        return UnreachableError(f"{where}: {_said(at, secrets)}")
    if (at := _first(chain, _UNTRUSTED)) is not None:
        return _untrusted(at, where, secrets)
    if (at := _first(chain, _NO_HTTP)) is not None:
        return MalformedReplyError(f"{where}: the answer is no HTTP: {_said(at, secrets)}")
    if (at := _first(chain, _TOO_LATE)) is not None:
        return CallTimeoutError(f"{where}: no reply in time: {_said(at, secrets)}")
    if (at := _first(list(reversed(chain)), _CUT)) is not None:  # the innermost says most
        return ConnectionCutError(f"{where}: {_said(at, secrets)}")
    return None


# -- the parts of a chain ----------------------------------------------------------------------------------------------


def _links(error: BaseException) -> list[_Link]:
    """The exception and all that it came from, outermost first; what was judged before is not looked into."""
    chain: list[_Link] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and not (chain and isinstance(current, CallError)):
        seen.add(id(current))
        chain.append((current, frozenset(cls.__name__ for cls in type(current).__mro__)))
        current = current.__cause__ or current.__context__
    return chain


def _first(chain: list[_Link], names: frozenset[str]) -> BaseException | None:
    return next((error for error, own in chain if own & names), None)


def _said(error: BaseException, secrets: list[str]) -> str:
    """What it says, or else its name; aiohttp's errors of HTTP say the whole address otherwise."""
    words = str(getattr(error, "message", "") or error or type(error).__name__)
    return excerpt(_CONTEXT_OBJECT.sub("", words), secrets)


def _untrusted(error: BaseException, where: str, secrets: list[str]) -> CallError:
    said = _said(error, secrets)
    return AuthenticationFailedError(f"{where}: the server's certificate or TLS cannot be trusted: {said}")


def _answer(chain: list[_Link]) -> tuple[int, bytes | str, Mapping[str, str]] | None:
    """Status, body and headers of the HTTP answer that an exception is about, or None where there was none.

    LiteLLM's own exceptions hold answers that it made up; those have no headers.
    """
    for error, _ in reversed(chain):
        response = getattr(error, "response", None)
        status = _number(getattr(response, "status_code", None))
        headers = getattr(response, "headers", None)
        if response is None or status is None or status < 300 or not headers:
            continue
        try:
            body: bytes | str = response.content
        except (AttributeError, RuntimeError):  # a stream that nobody read
            body = str(error)
        return status, body, dict(headers)
    return None


def _number(status: Any) -> int | None:
    return int(status) if isinstance(status, int | str) and str(status).isdigit() else None


# -- what only LiteLLM says --------------------------------------------------------------------------------------------


def _named(chain: list[_Link], status: int | None, said: str, where: str) -> CallError | None:
    lead = f"{where} answered {status}: {said}" if status else f"{where}: {said}"
    if "ContextWindowExceededError" in chain[0][1]:
        return ContextLengthError(lead, status=status)
    if "ContentPolicyViolationError" in chain[0][1]:
        return ContentFilterError(lead, status=status)
    return None


def _unread(chain: list[_Link], said: str, where: str, secrets: list[str]) -> CallError | None:
    """An answer that is no chat completion: LiteLLM's 500 of the server, 422, or broken connection."""
    error, names = chain[0]
    text = str(error)
    for inner, own in chain:
        if "JSONDecodeError" in own:
            return unreadable(getattr(inner, "doc", "") or "", where, secrets)
    if "Received: ''." in text:
        return unreadable("", where, secrets)
    if _UNREADABLE.search(text) or names & {"JSONSchemaValidationError", "APIResponseValidationError"}:
        return MalformedReplyError(f"{where}: the answer is no chat completion: {said}")
    if "APIConnectionError" in names and any(own & _MISREAD for _, own in chain[1:]):
        return MalformedReplyError(f"{where}: the answer has another shape than LiteLLM expects: {said}")
    return None


def _at_home(chain: list[_Link], said: str, where: str) -> CallError | None:
    """What is missing on this machine: nothing was sent."""
    if _first(chain, frozenset({"ImportError"})) is not None:
        return BadRequestError(f"{where}: LiteLLM lacks a package for this provider → install it: {said}")
    if _first(chain, _NO_CREDENTIALS) is not None:
        return AuthenticationFailedError(f"{where}: {said} → give this provider's library its credentials")
    return None


def _disconnected(chain: list[_Link], said: str, where: str) -> CallError | None:
    """A broken connection of which only words are left."""
    text = str(chain[0][0])
    if _UNREACHABLE.search(text):
        return UnreachableError(f"{where}: {said}")
    if "APIConnectionError" not in chain[0][1]:
        return ConnectionCutError(f"{where}: {said}") if _NETWORK.search(text) else None
    if re.search(r"time(?:d)?[ -]?out", text, re.IGNORECASE):
        return CallTimeoutError(f"{where}: no reply in time: {said}")
    return ConnectionCutError(f"{where}: {said}")
