"""``LoopbackLLM``: a chat server on 127.0.0.1 for tests and benchmarks, with faults to order.

It speaks enough HTTP/1.1 and enough of the OpenAI protocol for every client here, by hand over an asyncio protocol, so
that it costs little beside what is measured and can break a reply at any byte. What it answers is a pure function of the
request, faults included: an answer depends on the request's body and on how often that body has come before, never on
the order or the time of requests (``rate`` and ``script`` excepted).

    with LoopbackLLM(faults={"429": 0.1, "cut": 0.1}) as server:
        …  server.base_url, server.requests, server.totals

From a shell, in a process of its own: ``python tests/llm/loopback.py '{"latency": 0.2}'`` prints its address;
``LoopbackProcess`` does that from Python. GET /stats gives the totals, POST /reset zeroes them.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Self

__all__ = ["FAULTS", "LoggedRequest", "LoopbackLLM", "LoopbackProcess", "Totals", "answer_to"]

FAULTS = (
    "429", "429-date", "429-plain", "500", "503", "529", "401", "403", "404", "context", "filter", "quota", "cut", "cut-body",
    "hang", "empty", "no-text", "html", "half-json", "content-type", "slow", "refusal", "truncated", "no-usage", "redirect",
    "error-200", "no-schema", "prose", "bad-request", "too-large", "gateway", "no-choices", "null-choices", "refusal-field",
    "cut-off", "no-http",
)  # fmt: skip


@dataclass(frozen=True)
class LoggedRequest:
    """One request as it came, and what became of it. Tokens are 0 where no whole reply was sent."""

    number: int
    time: float
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    status: int
    fault: str | None
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass
class Totals:
    """What a token report is held against: requests in all, replies that went out whole, and their tokens."""

    requests: int = 0
    whole: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    by_status: Counter = field(default_factory=Counter)
    by_fault: Counter = field(default_factory=Counter)
    most_in_flight: int = 0
    first_came: float = 0.0
    last_left: float = 0.0
    """When the first request came and the last one was done with: a client's own span, without its start and its end."""

    def to_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "by_status": dict(self.by_status), "by_fault": dict(self.by_fault)}


class LoopbackLLM:
    """The server, in a thread of its own.

    Args:
        faults: name to share of the requests (see FAULTS), drawn by the request's hash.
        script: faults by order of arrival (None is a good reply); after its end ``faults`` applies.
        latency: seconds before a reply, or a function of the request's body.
        stragglers: (share, factor): so many requests, drawn by hash, take so much longer.
        rate: so many requests a second are answered, the rest get 429.
        burst: requests that the rate's bucket holds; None is a fixed window of one second instead of a bucket.
        retry_after: seconds in the 429's header; None sends none, "exact" the time until there is room.
        max_concurrency: requests in flight beyond this get 429.
        keep: log requests (off for benchmarks; totals are always kept).
        served_model: the snapshot named in replies; None repeats the name asked for.
        compress: gzip replies for those who accept it.
        reply: a function of the body that gives the text instead of ``answer_to``.
    """

    def __init__(
        self,
        *,
        faults: Mapping[str, float] | None = None,
        script: Sequence[str | None] = (),
        latency: Any = 0.0,
        stragglers: tuple[float, float] | None = None,
        rate: float | None = None,
        burst: int | None = None,
        retry_after: float | str | None = "exact",
        max_concurrency: int | None = None,
        keep: bool = True,
        served_model: str | None = None,
        compress: bool = False,
        reply: Any = None,
        port: int = 0,
    ) -> None:
        unknown = set(faults or {}) | {fault for fault in script if fault}
        assert unknown <= set(FAULTS), f"no such fault: {unknown - set(FAULTS)}"
        self.faults = dict(faults or {})
        self.script = deque(script)
        self.latency = latency
        self.stragglers = stragglers
        self.rate, self.burst, self.retry_after = rate, burst, retry_after
        self.max_concurrency = max_concurrency
        self.keep = keep
        self.served_model = served_model
        self.compress = compress
        self.reply = reply
        self.requests: list[LoggedRequest] = []
        self.totals = Totals()
        self.in_flight = 0
        self._seen: Counter = Counter()
        self._window, self._used = 0.0, 0
        self._level, self._filled = float(burst or 0), 0.0
        self._port = port
        self._connections: set[_Connection] = set()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.base_url = ""

    # -- life ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="loopback-llm", daemon=True)
        self._thread.start()
        assert self._ready.wait(20), "the loopback server did not start"
        return self

    def stop(self) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def _run(self) -> None:
        loop = self._loop = asyncio.new_event_loop()
        server = loop.run_until_complete(
            loop.create_server(lambda: _Connection(self), "127.0.0.1", self._port, backlog=2048)
        )
        self._port = server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self._port}/v1"
        self._ready.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            loop.run_until_complete(self._hang_up())
            loop.close()

    async def _hang_up(self) -> None:
        """Leave no socket and no task behind, those included that are being accepted."""
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for lap in range(100):
            for connection in list(self._connections):
                connection.drop()
            await asyncio.sleep(0.002 if lap < 3 else 0)
            if lap > 3 and not self._connections:
                break

    def reset(self) -> None:
        """Forget what came so far; faults begin again too."""
        self.requests.clear()
        self.totals = Totals()
        self._seen.clear()

    # -- what becomes of a request -------------------------------------------------------------------------------

    def judge(self, digest: str, now: float) -> tuple[str | None, float | None]:
        """The fault of this request, and the seconds for its Retry-After."""
        if self.max_concurrency is not None and self.in_flight > self.max_concurrency:
            return "429", 0.05 if self.retry_after == "exact" else self.retry_after
        if self.rate is not None:
            wait = self._room(now)
            if wait > 0:
                return "429", wait if self.retry_after == "exact" else self.retry_after
        if self.script:
            return self.script.popleft(), self._asked_wait()
        if not self.faults:
            return None, None
        nth = self._seen[digest]
        self._seen[digest] += 1
        share = int(hashlib.sha256(f"{digest}:{nth}".encode()).hexdigest()[:12], 16) / 16**12
        for name, part in self.faults.items():
            if share < part:
                return name, self._asked_wait()
            share -= part
        return None, None

    def _asked_wait(self) -> float | None:
        """For an injected 429 or 529, which no rate stands behind."""
        return 0.05 if self.retry_after == "exact" else self.retry_after  # type: ignore[return-value]

    def _room(self, now: float) -> float:
        """0 when the rate allows a request now, else seconds until it will."""
        assert self.rate is not None
        if self.burst is None:
            if now - self._window >= 1.0:
                self._window, self._used = now - now % 1.0, 0
            self._used += 1
            return 0.0 if self._used <= self.rate else self._window + 1.0 - now
        self._level = min(self.burst, self._level + (now - self._filled) * self.rate)
        self._filled = now
        if self._level >= 1.0:
            self._level -= 1.0
            return 0.0
        return (1.0 - self._level) / self.rate

    def delay(self, body: dict[str, Any], digest: str) -> float:
        seconds = self.latency(body) if callable(self.latency) else self.latency
        if self.stragglers is not None:
            share, factor = self.stragglers
            if int(digest[-8:], 16) / 16**8 < share:
                seconds *= factor
        return seconds


class _Connection(asyncio.Protocol):
    """One keep-alive connection: reads a request, answers it, reads the next."""

    def __init__(self, server: LoopbackLLM) -> None:
        self.server = server
        self.buffer = bytearray()
        self.task: asyncio.Task[None] | None = None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.server._connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self.server._connections.discard(self)
        if self.task is not None:
            self.task.cancel()

    def drop(self) -> None:
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        lines = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        size = int(headers.get("content-length", 0))
        if len(self.buffer) < end + 4 + size:
            return
        raw = bytes(self.buffer[end + 4 : end + 4 + size])
        del self.buffer[: end + 4 + size]
        method, path, _ = lines[0].split(" ", 2)
        self.handle(method, path, headers, raw)

    def handle(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> None:
        server = self.server
        if method == "GET" and path == "/stats":
            return self.send(200, json.dumps(server.totals.to_dict()).encode())
        if method == "POST" and path == "/reset":
            server.reset()
            return self.send(200, b"{}")
        if method == "GET" and path.endswith("/models"):
            return self.send(200, b'{"object": "list", "data": [{"id": "loopback", "object": "model"}]}')
        now = time.time()
        server.in_flight += 1
        server.totals.most_in_flight = max(server.totals.most_in_flight, server.in_flight)
        digest = hashlib.sha256(raw).hexdigest()
        fault, wait = server.judge(digest, now)
        try:
            body = json.loads(raw)
        except json.JSONDecodeError:
            body, fault = {}, "no-json"
        if not path.endswith("/chat/completions"):
            fault = "404"
        if fault == "no-schema" and "response_format" not in body:
            fault = None
        delay = server.delay(body, digest)
        request = (now, path, headers, body)
        if delay > 0 or fault in {"slow", "hang"}:
            self.task = asyncio.get_running_loop().create_task(self.later(delay, request, fault, wait))
            return None
        self.answer(request, fault, wait)
        return None

    async def later(self, delay: float, request: tuple, fault: str | None, wait: float | None) -> None:
        try:
            await asyncio.sleep(delay)
            if fault == "hang":
                self.log(request, 0, fault)
                await asyncio.sleep(3600)
            elif fault == "slow":
                await self.trickle(request)
            else:
                self.answer(request, fault, wait)
        except asyncio.CancelledError:
            self.server.in_flight -= fault not in {"hang", "slow"} and self.transport.is_closing()
            raise

    def log(self, request: tuple, status: int, fault: str | None, usage: tuple[int, int] = (0, 0)) -> None:
        server = self.server
        server.in_flight -= 1
        totals = server.totals
        totals.requests += 1
        totals.first_came = totals.first_came or request[0]
        totals.last_left = time.time()
        totals.by_status[str(status)] += 1
        if fault:
            totals.by_fault[fault] += 1
        if status == 200 and usage != (0, 0):
            totals.whole += 1
            totals.input_tokens += usage[0]
            totals.output_tokens += usage[1]
        if server.keep:
            now, path, headers, body = request
            server.requests.append(LoggedRequest(totals.requests, now, path, headers, body, status, fault, *usage))

    def answer(self, request: tuple, fault: str | None, wait: float | None) -> None:
        body = request[3]
        if fault in {"cut", "cut-body"}:
            self.log(request, 0, fault)
            if fault == "cut-body":
                self.transport.write(
                    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"choi'
                )
                return self.transport.close()
            return self.transport.abort()
        if fault == "no-http":
            self.log(request, 0, fault)
            self.transport.write(b"SSH-2.0-OpenSSH_9.2\r\n")
            return self.transport.close()
        if fault in _REJECTIONS:
            status, error = _REJECTIONS[fault]
            if fault == "401":  # servers do echo keys
                error = {**error, "message": f"Incorrect API key provided: {request[2].get('authorization')}"}
            self.log(request, status, fault)
            return self.send(status, json.dumps({"error": error}).encode(), extra=_retry_headers(fault, wait))
        if fault == "redirect":
            self.log(request, 307, fault)
            return self.send(307, b"", extra=["Location: http://127.0.0.1:9/v1/chat/completions"])
        if fault in _JUNK:
            kind, junk = _JUNK[fault]
            self.log(request, 200, fault)
            return self.send(200, junk, kind)
        data, usage = completion(body, self.server, fault)
        payload = json.dumps(data).encode()
        if fault == "half-json":
            self.log(request, 200, fault)
            return self.send(200, payload[: len(payload) // 2])
        self.log(request, 200, fault, usage)
        kind = "text/plain; charset=utf-8" if fault == "content-type" else "application/json"
        extra = []
        if self.server.compress and "gzip" in request[2].get("accept-encoding", ""):
            payload, extra = gzip.compress(payload, 1), ["Content-Encoding: gzip"]
        return self.send(200, payload, kind, extra)

    async def trickle(self, request: tuple) -> None:
        """A reply that never hurries: a byte every 50 ms."""
        data, _ = completion(request[3], self.server, None)
        payload = json.dumps(data).encode()
        self.log(request, 200, "slow")
        self.transport.write(_head(200, len(payload), "application/json", []))
        for byte in payload:
            self.transport.write(bytes([byte]))
            await asyncio.sleep(0.05)

    def send(self, status: int, payload: bytes, kind: str = "application/json", extra: Sequence[str] = ()) -> None:
        self.transport.write(_head(status, len(payload), kind, extra) + payload)


_REJECTIONS: dict[str, tuple[int, Any]] = {
    "429": (429, {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}),
    "429-date": (429, {"message": "Rate limit reached", "code": "rate_limit_exceeded"}),
    "429-plain": (429, "slow down"),
    "500": (500, {"message": "The server had an error", "type": "server_error"}),
    "503": (503, {"message": "Service unavailable"}),
    "529": (529, {"type": "overloaded_error", "message": "Overloaded"}),
    "401": (
        401,
        {"message": "Incorrect API key provided: sk-test-echoed-key-000.", "code": "invalid_api_key"},
    ),
    "403": (403, {"message": "You are not allowed to use this model"}),
    "404": (404, {"message": "The model does not exist", "code": "model_not_found"}),
    "context": (
        400,
        {"message": "This model's maximum context length is 8 tokens", "code": "context_length_exceeded"},
    ),
    "filter": (
        400,
        {"message": "The response was filtered by our content management policy", "code": "content_filter"},
    ),
    "quota": (
        429,
        {
            "message": "You exceeded your current quota",
            "type": "insufficient_quota",
            "code": "insufficient_quota",
        },
    ),
    "no-schema": (
        400,
        {"message": "Unknown parameter: 'response_format.json_schema'", "param": "response_format"},
    ),
    "bad-request": (400, {"message": "temperature must be at most 2", "type": "invalid_request_error", "param": "t"}),
    "too-large": (413, {"message": "Request too large"}),
    "gateway": (504, {"message": "The upstream server did not answer"}),
    "no-json": (400, {"message": "We could not parse the JSON body of your request"}),
}
_BARE = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
_JUNK = {
    "no-choices": ("application/json", json.dumps({**_BARE, "choices": []}).encode()),
    "null-choices": ("application/json", json.dumps({**_BARE, "choices": None}).encode()),
    "empty": ("application/json", b""),
    "html": (
        "text/html",
        b"<!doctype html><html><head><title>Welcome to nginx!</title></head><body>hello</body></html>",
    ),
    "error-200": ("application/json", b'{"error": {"message": "Provider returned error", "code": 502}}'),
}
_REASONS = {
    200: "OK",
    307: "Temporary Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    429: "Too Many Requests",
}


def _head(status: int, size: int, kind: str, extra: Sequence[str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
        f"Content-Type: {kind}",
        f"Content-Length: {size}",
        *extra,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _retry_headers(fault: str, wait: float | None) -> list[str]:
    if fault == "429-date":
        now = time.time()
        return [f"Date: {formatdate(now, usegmt=True)}", f"Retry-After: {formatdate(now + 1, usegmt=True)}"]
    if fault in {"429", "529"} and wait is not None:
        return [f"Retry-After: {wait:.3f}"]
    return []


# -- what the model says ---------------------------------------------------------------------------------------------


def completion(body: dict[str, Any], server: LoopbackLLM, fault: str | None) -> tuple[dict[str, Any], tuple[int, int]]:
    """A chat completion, and its input and output tokens (a quarter of the characters, so that anyone can recount)."""
    text = server.reply(body) if server.reply else answer_to(body)
    finish = "stop"
    if fault == "refusal":
        text = "I'm sorry, but I can't help with that request."
    elif fault == "truncated":
        text, finish = text[: len(text) // 2], "length"
    elif fault == "no-text":
        text = ""
    elif fault == "cut-off":
        text, finish = "", "length"
    elif fault == "prose":
        text = "Sure! Here is what you asked for."
    messages = body.get("messages", [])
    read = sum(len(str(message.get("content", ""))) // 4 + 4 for message in messages) + 3
    written = len(text) // 4 + 1
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    data = {
        "id": f"chatcmpl-{digest[:12]}",
        "object": "chat.completion",
        "created": 1700000000,
        "model": server.served_model or body.get("model", ""),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": read // 2}, "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }  # fmt: skip
    if fault == "no-usage":
        del data["usage"]
    elif fault == "refusal-field":
        data["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "I cannot say that."}
    return data, (read, written)


def answer_to(body: dict[str, Any]) -> str:
    """The text of the reply: prose made of the prompt's words, or an instance of the schema that was asked for."""
    raw = json.dumps(body, sort_keys=True)
    dice = _Dice(raw)
    messages = body.get("messages", [])
    last = next((str(m.get("content", "")) for m in reversed(messages) if m.get("role") == "user"), "")
    everything = " ".join(str(m.get("content", "")) for m in messages)
    words = re.findall(r"[A-Za-z][a-z]{2,}", _subject(last) or everything) or ["something"]
    schema = _schema_of(body, everything)
    if schema is not None:
        return json.dumps(_instance(schema, "", words, dice, last), ensure_ascii=False)
    traits = re.findall(r"^- (\w+) = (.*?)(?: \(|$)", last, re.MULTILINE)
    if traits:
        return _note(traits, dice)
    return f"{_prose(words, dice, 10).capitalize()}. {_prose(words, dice, 14).capitalize()}. Reference {dice.hex()}."


def _note(traits: Sequence[tuple[str, str]], dice: _Dice) -> str:
    """A character note that a persona's check accepts: in the second person, with every trait."""
    said = " ".join(f"For you, {name.replace('_', ' ')} is this: {value}." for name, value in traits)
    return f"You are a person with a way of your own, number {dice.hex()}. {said} You write as you are."


class _Dice:
    """Numbers that follow from the request alone."""

    def __init__(self, seed: str) -> None:
        self.seed = hashlib.sha256(seed.encode()).digest()
        self.count = 0

    def below(self, bound: int) -> int:
        self.count += 1
        return int.from_bytes(hashlib.sha256(self.seed + b"%d" % self.count).digest()[:8], "big") % bound

    def hex(self) -> str:
        return f"{self.below(1 << 32):08x}"


def _prose(words: Sequence[str], dice: _Dice, count: int) -> str:
    return " ".join(words[dice.below(len(words))].lower() for _ in range(count))


def _subject(text: str) -> str:
    """The text that a prompt is about: inside the last <tag>…</tag>, between triple quotes, or its longest paragraph."""
    tagged = re.findall(
        r"<(text|query|seed_query|message|clean|original|user_query|utterance)>\s*(.*?)\s*</\1>",
        text,
        re.DOTALL,
    )
    if tagged:
        return tagged[-1][1]
    quoted = re.findall(r'"""\s*(.*?)\s*"""', text, re.DOTALL)
    if quoted:
        return quoted[-1]
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    return max(paragraphs, key=len, default="")


def _schema_of(body: dict[str, Any], text: str) -> dict[str, Any] | None:
    asked = body.get("response_format") or {}
    if asked.get("type") == "json_schema":
        return asked["json_schema"]["schema"]
    start = text.find("JSON schema:")
    if start < 0 or "{" not in text[start:]:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, text.index("{", start))[0]
    except json.JSONDecodeError:
        return None


def _instance(schema: dict[str, Any], name: str, words: Sequence[str], dice: _Dice, last: str) -> Any:
    """A valid instance; what its properties are called says how they are filled."""
    if "enum" in schema:
        return schema["enum"][dice.below(len(schema["enum"]))]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return _instance(schema["anyOf"][0], name, words, dice, last)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        out = {key: _instance(inner, key, words, dice, last) for key, inner in schema.get("properties", {}).items()}
        if out.get("satisfied") is True and "message" in out:
            out["message"] = ""
        return out
    if kind == "array":
        if name in {"missing", "vague", "conflicts"}:
            return []
        count = max(schema.get("minItems", 0), min(1 + dice.below(2), schema.get("maxItems", 9)))
        return [_instance(schema.get("items", {"type": "string"}), name, words, dice, last) for _ in range(count)]
    if kind == "boolean":
        if name == "satisfied":
            return '"satisfied" is false' not in last and dice.below(4) == 0
        return True if name == "holds" else dice.below(2) == 0
    if kind in {"integer", "number"}:
        low = int(schema.get("minimum", 0))
        return low + dice.below(int(schema.get("maximum", low + 9)) - low + 1)
    if kind == "null":
        return None
    return _string(name, words, dice, last, schema)


def _string(name: str, words: Sequence[str], dice: _Dice, last: str, schema: dict[str, Any]) -> str:
    if name == "noisy_text":
        return _noisy(_subject(last), last, dice)
    if name in {"adapted_query", "rewritten", "text"}:
        text = _subject(last)
        twist = ("{} Please.", "Hey, {}", "{} Thanks!", "so, {}", "{} (in short)")[dice.below(5)]
        return twist.format(text)
    if name in {"domain", "scenario", "value", "name", "intent", "intents"}:
        return words[dice.below(len(words))].lower()
    text = _prose(words, dice, 12).capitalize() + "."
    return text[: schema.get("maxLength", 10_000)].ljust(schema.get("minLength", 0), ".")


def _noisy(text: str, prompt: str, dice: _Dice) -> str:
    """What a model that does as it is told would write: the strategies that the prompt names, by their own generators."""
    from personaloom.keyed import Key
    from personaloom.text.strategies import STRATEGIES, compose

    asked = [name for name in STRATEGIES if f"- {name}:" in prompt]
    return compose(text, asked, Key("loopback", dice.hex()), {})[0]


# -- in a process of its own -------------------------------------------------------------------------------------


class LoopbackProcess:
    """The server as a child process, so that it takes no time of the client's interpreter. Settings must be JSON."""

    def __init__(self, **settings: Any) -> None:
        self.settings = {"keep": False, **settings}
        self.base_url = ""

    def __enter__(self) -> Self:
        command = [sys.executable, __file__, json.dumps(self.settings)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout is not None
        self.base_url = self._child.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._child.communicate(timeout=20)  # it ends when its standard input does

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.base_url.removesuffix("/v1") + "/stats", timeout=20) as answer:
            return json.load(answer)

    def reset(self) -> None:
        request = urllib.request.Request(self.base_url.removesuffix("/v1") + "/reset", data=b"{}", method="POST")
        urllib.request.urlopen(request, timeout=20).close()


if __name__ == "__main__":
    with LoopbackLLM(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")) as running:
        print(running.base_url, flush=True)  # noqa: T201 - how the parent learns the address
        sys.stdin.read()
