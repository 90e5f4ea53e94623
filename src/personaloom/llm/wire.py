"""One POST over aiohttp's connections and its parser, without what its session does round them.

A session builds a request object, a writer, a task and a response for every call, and merges cookies, headers and
redirects that a chat completion has no use for: 40 % of what a call costs in aiohttp. Connections (pool, DNS, TLS,
keep-alive), the parser (C), decompression and the errors are aiohttp's all the same.

The parts used here are below aiohttp's public interface, so ``Wire.over`` looks whether this aiohttp has them; where it
has not, and through a proxy, calls go through the session.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from personaloom.errors import MalformedReplyError

if TYPE_CHECKING:
    import aiohttp

__all__ = ["MAX_REPLY_BYTES", "Wire", "whole_body"]

MAX_REPLY_BYTES = 16 << 20
"""A reply beyond this is no chat completion; it is dropped unread."""
_CONNECT = ["self", "req", "traces", "timeout"]
_INTERIM = range(100, 200)


class Wire:
    """Posts to one address over a session's connections.

    Args:
        session: whose connector and timeouts are used; without a proxy.
        url: the address.
        headers: of every request, beside the session's own.
        where: for errors.

    Raises:
        ValueError: a header has a line break in it.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], where: str) -> None:
        import aiohttp  # noqa: PLC0415 - see DirectClient
        from aiohttp import http_exceptions  # noqa: PLC0415 - as above
        from multidict import CIMultiDict  # noqa: PLC0415 - as above
        from yarl import URL  # noqa: PLC0415 - as above

        self._connector: Any = session.connector
        self._timeout = session.timeout
        # It names the connection (host, port, TLS) and is never sent.
        self._target = aiohttp.ClientRequest("POST", URL(url), loop=asyncio.get_running_loop(), session=session)
        target = self._target.url
        auto = {name: self._target.headers[name] for name in ("Host", "Accept-Encoding")}
        self._own = CIMultiDict({**auto, **session.headers})
        self._own.update(headers)
        self._begin = f"POST {target.raw_path_qs} HTTP/1.1\r\n".encode()
        self._head = self._begin + _lines(self._own)
        self._where = where
        self._no_http = http_exceptions.HttpProcessingError
        self._errors = aiohttp

    @classmethod
    def over(cls, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], where: str) -> Wire | None:
        """A wire; None where this aiohttp is built otherwise than those that are known."""
        from aiohttp.client_proto import ResponseHandler  # noqa: PLC0415 - see DirectClient
        from aiohttp.connector import BaseConnector, Connection  # noqa: PLC0415 - as above

        parts = ((ResponseHandler, "set_response_params"), (ResponseHandler, "read"), (Connection, "release"))
        known = all(hasattr(*part) for part in parts)
        if not known or list(inspect.signature(BaseConnector.connect).parameters) != _CONNECT:
            return None
        return cls(session, url, headers, where)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        """Send a body, and give status, body and headers of the answer.

        Args:
            body: sent with its length.
            headers: of this request alone.

        Raises:
            aiohttp.ClientError, OSError, ValueError: as ``ClientSession.post`` does.
            MalformedReplyError: the answer is larger than ``MAX_REPLY_BYTES``.
        """
        head = b"%sContent-Length: %d\r\n\r\n" % (self._with(headers), len(body))
        try:
            connection = await self._connector.connect(self._target, traces=[], timeout=self._timeout)
        except TimeoutError as error:
            raise self._errors.ConnectionTimeoutError(f"Connection timeout to host {self._target.url}") from error
        try:
            protocol = connection.protocol
            protocol.set_response_params(read_until_eof=True)
            connection.transport.write(head + body)
            message, content = await protocol.read()
            while message.code in _INTERIM and message.code != 101:
                message, content = await protocol.read()
            raw = await whole_body(content, self._where)
        except self._no_http as error:
            connection.close()
            info = self._target.request_info
            raise self._errors.ClientResponseError(info, (), status=error.code, message=error.message) from error
        except BaseException:
            connection.close()
            raise
        connection.release()
        return message.code, raw, message.headers

    def _with(self, headers: Mapping[str, str]) -> bytes:
        """The head with more headers; they are stronger than those of the same name."""
        if any(name in self._own for name in headers):
            own = self._own.copy()
            own.update(headers)
            return self._begin + _lines(own)
        return self._head + _lines(headers)


def _lines(headers: Mapping[str, str]) -> bytes:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if not lines.count("\n") == lines.count("\r") == len(headers):
        raise ValueError("a header has a line break in it")
    return lines.encode()


async def whole_body(content: aiohttp.StreamReader, where: str) -> bytes:
    """The body of an answer; a deadline runs on while it trickles in.

    Raises:
        MalformedReplyError: it is larger than ``MAX_REPLY_BYTES``.
    """
    chunks: list[bytes] = []
    size = 0
    while not content.at_eof():
        chunk = content.read_nowait() if content.is_eof() else await content.readany()
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise MalformedReplyError(f"{where}: the reply is larger than {MAX_REPLY_BYTES >> 20} MiB")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
