"""A chat server that allows so many requests a second and answers 429 beyond, and keeps a log of what it allowed.

It runs as a process of its own, so that it takes no time of its clients' interpreters::

    with RateServer(rate=40, form="window") as server:
        …  server.base_url, server.log()

Forms: ``burst`` (a bucket that holds one second's worth), ``window`` (a fixed second), ``strict`` (a bucket of one).
"""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "llm"))
from loopback import LoopbackLLM, completion

__all__ = ["Attempt", "RateServer"]

_LIMIT = b'{"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}'


@dataclass(frozen=True)
class Attempt:
    """A request as the server saw it: when (seconds since the first), from whom, and whether it was allowed."""

    time: float
    who: str
    allowed: bool


class Gate:
    """What is allowed, and what the headers say about it.

    Args:
        rate: requests a second.
        form: see the module.
        retry_after: ``none``, or ``whole`` seconds as most servers send them.
        headers: send ``x-ratelimit-*-requests`` with every answer.
    """

    def __init__(self, rate: float, form: str, retry_after: str, *, headers: bool) -> None:
        self.rate, self.form, self.retry_after, self.headers = rate, form, retry_after, headers
        self.size = 1.0 if form == "strict" else rate
        self.level, self.filled = self.size, 0.0

    def judge(self, now: float) -> tuple[bool, list[str]]:
        """Whether a request is allowed now, and the headers of its answer."""
        if self.form == "window":
            if int(now) > int(self.filled):
                self.level = self.size
            left_s = 1.0 - now % 1.0
        else:
            self.level = min(self.size, self.level + (now - self.filled) * self.rate)
            left_s = max(0.0, 1.0 - self.level) / self.rate
        self.filled = now
        allowed = self.level >= 1.0
        self.level -= allowed
        said = []
        if not allowed and self.retry_after == "whole":
            said.append(f"Retry-After: {math.ceil(left_s)}")
        if self.headers:
            full_s = left_s if self.form == "window" else (self.size - self.level) / self.rate
            said += [
                f"x-ratelimit-limit-requests: {self.rate:g}",
                f"x-ratelimit-remaining-requests: {int(self.level)}",
                f"x-ratelimit-reset-requests: {max(1, round(full_s * 1000))}ms",
            ]
        return allowed, said


class _Connection(asyncio.Protocol):
    """Keep-alive HTTP, one request at a time."""

    def __init__(self, gate: Gate, latency: float, log: list[tuple[float, str, bool]]) -> None:
        self.gate, self.latency, self.log = gate, latency, log
        self.texts = LoopbackLLM()  # never started: what it would say is all that is asked of it
        self.buffer = bytearray()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        lines = bytes(self.buffer[:end]).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        size = int(headers.get("content-length", 0))
        if len(self.buffer) < end + 4 + size:
            return None
        raw = bytes(self.buffer[end + 4 : end + 4 + size])
        del self.buffer[: end + 4 + size]
        if lines[0].startswith("get /log"):
            return self.send(200, json.dumps(self.log).encode(), [])
        now = time.monotonic()
        allowed, said = self.gate.judge(now)
        self.log.append((now, headers.get("x-who", ""), allowed))
        if not allowed:
            return self.send(429, _LIMIT, said)
        payload = json.dumps(completion(json.loads(raw), self.texts, None)[0]).encode()
        asyncio.get_running_loop().call_later(self.latency, self.send, 200, payload, said)
        return None

    def send(self, status: int, payload: bytes, said: list[str]) -> None:
        lines = [
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'Too Many Requests'}",
            "Content-Type: application/json",
            f"Content-Length: {len(payload)}",
            *said,
        ]
        self.transport.write(("\r\n".join(lines) + "\r\n\r\n").encode() + payload)


class RateServer:
    """The server as a child process; see ``Gate`` for what it takes."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.base_url = ""

    def __enter__(self) -> Self:
        command = [sys.executable, __file__, json.dumps(self.settings)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout is not None
        self.base_url = self._child.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._child.communicate(timeout=20)  # it ends when its standard input does

    def log(self) -> list[Attempt]:
        """Everything that was asked so far."""
        with urllib.request.urlopen(self.base_url.removesuffix("/v1") + "/log", timeout=20) as answer:
            seen = json.load(answer)
        return [Attempt(moment - seen[0][0], who, allowed) for moment, who, allowed in seen]


async def _serve(
    rate: float, form: str, retry_after: str = "none", latency: float = 0.035, *, headers: bool = False
) -> None:
    loop = asyncio.get_running_loop()
    gate, log = Gate(rate, form, retry_after, headers=headers), []
    server = await loop.create_server(lambda: _Connection(gate, latency, log), "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(**json.loads(sys.argv[1])))
