"""A client for OpenAI-compatible endpoints: one POST an attempt, over aiohttp and orjson.

The hot path is short on purpose (an attempt costs about 0.3 ms of one core, aiohttp's own share included); everything
that can be worked out once is worked out in ``__init__``, and everything that is only needed when something went wrong
is in ``classify``.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import orjson

from personaloom.errors import (
    CallError,
    CallTimeoutError,
    ConnectionCutError,
    MalformedReplyError,
    RetryableError,
)
from personaloom.llm.classify import classify, unreadable
from personaloom.llm.deadlines import Deadlines
from personaloom.llm.endpoints import Endpoint
from personaloom.llm.raised import broken_connection
from personaloom.llm.reply import lenient, read_reply
from personaloom.llm.scrub import excerpt, read_secret, secret_values
from personaloom.llm.structured import is_strict, schema_instruction
from personaloom.llm.types import ChatMessage, Deployment, LLMReply, LLMRequest, Sampling
from personaloom.llm.wire import Wire, whole_body

if TYPE_CHECKING:
    import aiohttp

__all__ = [
    "CONNECT_S",
    "PROSE_REPLIES",
    "DirectClient",
    "response_format",
    "schema_moved",
    "takes_no_schema",
    "with_schema",
]

CONNECT_S = 15.0
KEEP_ALIVE_S = 15.0
PROSE_REPLIES = 3
"""So many replies in prose in a row show that a server ignores ``response_format``."""
_SCHEMA_WORDS = ("response_format", "structured", "guided", "grammar", "schema")


class _Opened(NamedTuple):
    """What a client has open in one event loop."""

    session: aiohttp.ClientSession
    wire: Wire | None
    deadlines: Deadlines

    async def close(self) -> None:
        self.deadlines.close()
        await self.session.close()


class DirectClient:
    """One model at one OpenAI-compatible endpoint (a ``ChatClient``).

    Args:
        endpoint: where; see ``endpoints.resolve``.
        headers: sent as they are with every request.
        headers_env: header name to the environment variable that holds its value, for headers that are secrets.
        json_schema: ``native`` sends ``response_format``, ``prompt`` writes the schema into the system message,
            ``auto`` begins natively and changes over for good when the endpoint rejects or ignores it.
        timeout_s: upper bound of any call's deadline.
        extra_body: merged into every request below ``Sampling.extra_body`` (the ledger keys on that, not on this).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        headers: Mapping[str, str] | None = None,
        headers_env: Mapping[str, str] | None = None,
        json_schema: str = "auto",
        timeout_s: float = 60.0,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        self.deployment = Deployment(endpoint.provider, endpoint.model, endpoint.origin)
        self.json_mode = "native" if json_schema == "auto" else json_schema
        self._may_change = json_schema == "auto"
        self._prose = 0
        self._endpoint = endpoint
        self._url = f"{endpoint.base_url}/chat/completions"
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}
        self._headers_env = dict(headers_env or {})
        self._timeout_s = timeout_s
        self._extra_body = dict(extra_body or {})
        # OpenAI's own models take the new name only; most other servers know the old one only.
        own_openai = endpoint.provider == "openai" and not endpoint.origin
        self._max_tokens_name = "max_completion_tokens" if own_openai else "max_tokens"
        self._sessions: dict[asyncio.AbstractEventLoop, _Opened] = {}

    def __repr__(self) -> str:
        return f"DirectClient({self.deployment.name})"

    async def complete(self, request: LLMRequest, sampling: Sampling, deadline_s: float) -> LLMReply:
        """Send it once and give the reply; see ``ChatClient``."""
        native = request.schema is not None and self.json_mode == "native"
        body = self._body(request, sampling, native=native)
        started = time.perf_counter()
        status, raw, headers = await self._post(body, min(deadline_s, self._timeout_s))
        if not 200 <= status < 300:
            raise self._rejected(status, raw, headers, native=native)
        data = self._read(status, raw, headers)
        reply = read_reply(data, request, self.deployment, time.perf_counter() - started)
        if native and self._may_change:
            self._watch(reply.text)
        return reply

    async def aclose(self) -> None:
        """Close the running loop's connections; the next call opens new ones."""
        opened = self._sessions.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await opened.close()

    # -- out -----------------------------------------------------------------------------------------------------

    def _body(self, request: LLMRequest, sampling: Sampling, *, native: bool) -> bytes:
        messages: tuple[ChatMessage, ...] = request.messages
        if request.schema is not None and not native:
            messages = with_schema(messages, request.schema)
        # As dictionaries: orjson takes six times as long over dataclasses.
        chat = [{"role": message.role, "content": message.content} for message in messages]
        body: dict[str, Any] = {"model": self._endpoint.wire_model, "messages": chat}
        if sampling.temperature is not None:
            body["temperature"] = sampling.temperature
        if sampling.top_p is not None:
            body["top_p"] = sampling.top_p
        if sampling.max_tokens is not None:
            body[self._max_tokens_name] = sampling.max_tokens
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        if sampling.stop:
            body["stop"] = sampling.stop
        if native:
            body["response_format"] = response_format(request)
        if self._extra_body or sampling.extra_body:
            body |= {**self._extra_body, **sampling.extra_body}
        return orjson.dumps(body)

    def _secret_headers(self) -> dict[str, str]:
        """Those with the keys, read now: they are held nowhere."""
        endpoint, where = self._endpoint, self.deployment.name
        headers = {}
        if endpoint.key_env and (key := read_secret(endpoint.key_env, where, required=endpoint.key_required)):
            headers["Authorization"] = f"Bearer {key}"
        headers |= {name: read_secret(env, where) for name, env in self._headers_env.items()}
        return headers

    async def _post(self, body: bytes, deadline_s: float) -> tuple[int, bytes, Mapping[str, str]]:
        import aiohttp  # noqa: PLC0415 - a tenth of a second that a simulated run need not spend

        secrets = self._secret_headers()
        opened = self._sessions.get(asyncio.get_running_loop()) or await self._open()
        wire = opened.wire
        posting = wire.post(body, secrets) if wire else self._through_session(opened.session, body, secrets)
        try:
            return await opened.deadlines.within(deadline_s, posting)
        except aiohttp.ConnectionTimeoutError as error:
            raise self._broken(error) from None
        except TimeoutError:
            raise CallTimeoutError(f"{self.deployment.name}: no complete reply within {deadline_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            # "from None": what aiohttp raises holds the request with its headers.
            raise self._broken(error) from None

    async def _through_session(
        self, session: aiohttp.ClientSession, body: bytes, secrets: Mapping[str, str]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        headers = {**self._headers, **secrets}
        async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
            return answer.status, await whole_body(answer.content, self.deployment.name), answer.headers

    async def _open(self) -> _Opened:
        """A session of the running loop and a wire over it; those of loops that are closed are dropped."""
        import aiohttp  # noqa: PLC0415 - see _post

        from personaloom.llm.connector import Connector  # noqa: PLC0415 - imports aiohttp

        proxy = _proxy_for(self._url)
        # No limit here: how much is in flight is the limiter's business.
        connector = Connector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=300)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            headers={"User-Agent": "personaloom"},
            proxy=proxy,
        )
        wire = None if proxy else Wire.over(session, self._url, self._headers, self.deployment.name)
        running = asyncio.get_running_loop()
        opened = self._sessions[running] = _Opened(session, wire, Deadlines(running))
        for loop in list(self._sessions):  # a copy: other threads may be at it
            if loop.is_closed() and (stale := self._sessions.pop(loop, None)) is not None:
                await stale.session.close()
        return opened

    # -- back ----------------------------------------------------------------------------------------------------

    def _read(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
        """The body as JSON. Its content type is not judged: what reads as a completion is one."""
        try:
            data = orjson.loads(raw)
        except orjson.JSONDecodeError:
            data = lenient(raw)
        if data is None:
            kind = headers.get("Content-Type", "no content type")
            begin = raw[:2000].decode("utf-8", "replace")
            raise unreadable(begin, self.deployment.name, self._secrets(), kind)
        if not isinstance(data, dict):
            raise MalformedReplyError(f"{self.deployment.name}: the answer is JSON, but no object")
        error = data.get("error")
        if error and not data.get("choices"):
            code = error.get("code") if isinstance(error, dict) else None
            inner = int(code) if isinstance(code, int | str) and re.fullmatch("[0-9]{3}", str(code)) else status
            raise classify(inner, raw, headers, secrets=self._secrets(), where=self.deployment.name)
        return data

    def _rejected(self, status: int, raw: bytes, headers: Mapping[str, str], *, native: bool) -> CallError:
        if native and self._may_change and takes_no_schema(status, raw.decode("utf-8", "replace")):
            self.json_mode = "prompt"
            return schema_moved(self.deployment.name, status)
        return classify(status, raw, headers, secrets=self._secrets(), where=self.deployment.name)

    def _watch(self, text: str) -> None:
        """Notice a server that takes ``response_format`` and ignores it."""
        self._prose = 0 if "{" in text else self._prose + 1
        if self._prose >= PROSE_REPLIES:
            self.json_mode = "prompt"

    def _broken(self, error: Exception) -> CallError:
        name = self.deployment.name
        broken = broken_connection(error, name, self._secrets())
        return broken or ConnectionCutError(f"{name}: {excerpt(str(error) or type(error).__name__, self._secrets())}")

    def _secrets(self) -> list[str]:
        return secret_values([self._endpoint.key_env, *self._headers_env.values()])


def response_format(request: LLMRequest) -> dict[str, Any]:
    """The schema as the OpenAI protocol wants it; strict where it meets strict mode's rules."""
    assert request.schema is not None  # noqa: S101 - for the type checker
    return {
        "type": "json_schema",
        "json_schema": {
            "name": request.schema_name,
            "schema": request.schema,
            "strict": is_strict(request.schema),
        },
    }


def takes_no_schema(status: int | None, said: str) -> bool:
    """Whether a rejection is about ``response_format``."""
    low = said.lower()
    return status in {400, 404, 415, 422, 501} and any(word in low for word in _SCHEMA_WORDS)


def schema_moved(where: str, status: int | None) -> RetryableError:
    """The reason to ask again at once, with the schema in the prompt."""
    return RetryableError(
        f"{where} takes no response_format: from now on the schema is in the prompt", status=status, retry_after_s=0.0
    )


def with_schema(messages: tuple[ChatMessage, ...], schema: Mapping[str, Any]) -> tuple[ChatMessage, ...]:
    """The messages with the schema at the end of the system message: stable text first, for prompt caches."""
    instruction = schema_instruction(schema)
    if messages and messages[0].role == "system":
        return (ChatMessage("system", f"{messages[0].content}\n\n{instruction}"), *messages[1:])
    return (ChatMessage("system", instruction), *messages)


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names for this address (HTTPS_PROXY, NO_PROXY), or None."""
    parts = urlsplit(url)
    if parts.hostname in {"127.0.0.1", "::1", "localhost"}:
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return None if proxy is None or proxy_bypass(parts.netloc) else proxy
