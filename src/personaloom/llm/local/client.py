"""The client of the local model: starts the server when it is first asked, and talks to it like to any other."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from personaloom.errors import UsageError
from personaloom.keyed import Key
from personaloom.llm.direct import DirectClient
from personaloom.llm.endpoints import resolve
from personaloom.llm.local.fetch import find_weights
from personaloom.llm.local.shape import VERSION, held, note_grammar
from personaloom.llm.types import Deployment, LLMReply, LLMRequest, Sampling

__all__ = ["LocalClient", "connect_local"]

MOST_SEEDS = 1 << 31
START_S = 120.0
"""Loading the weights takes a second from a warm disk; a cold or busy one may need long."""


def connect_local(
    model: str = "local/smollm2-135m-instruct",
    model_path: str | None = None,
    slots: int = 4,
    threads: int | None = None,
    context: int = 4096,
    timeout: float = 300.0,
    *,
    tight: bool = True,
) -> LocalClient:
    """The local model (``llm=local``). The server is started by the first call.

    Args:
        model: its name in records; give another one with another ``model_path``.
        model_path: a GGUF file; None is what ``fetch=local`` fetched.
        slots: replies written at a time; more than four gain nothing on a CPU.
        threads: None is one for each core.
        context: tokens of prompt and reply together, per slot.
        timeout: seconds that one attempt may take at most.
        tight: hold replies to a grammar narrower than their schema, which a very small model needs and a better one
            suffers from.

    Raises:
        UsageError: the weights or the package that runs them are not there, with the command that gets them.
    """
    if find_spec("xllamacpp") is None:
        raise UsageError("llm=local needs the extra 'local' → pip install 'personaloom[local]'")
    weights = find_weights(model_path)
    return LocalClient(model, weights, slots, threads or os.cpu_count() or 1, context, timeout, tight=tight)


class LocalClient:
    """One model in a child process (a ``ChatClient``)."""

    def __init__(
        self, model: str, weights: Path, slots: int, threads: int, context: int, timeout_s: float, *, tight: bool
    ) -> None:
        name = model if model.startswith("local/") else f"local/{model}"
        self.deployment = Deployment("local", name)
        self._settings: dict[str, Any] = {
            "model_path": str(weights),
            "slots": slots,
            "threads": threads,
            "context": context,
        }
        self._timeout_s = timeout_s
        self._tight = tight
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._inner: DirectClient | None = None

    def __repr__(self) -> str:
        return f"LocalClient({self.deployment.name})"

    def fingerprint(self) -> str:
        """What shapes replies besides the model and the request."""
        return VERSION if self._tight else ""

    async def complete(self, request: LLMRequest, sampling: Sampling, deadline_s: float) -> LLMReply:
        """Send it once and give the reply; see ``ChatClient``."""
        inner = self._inner
        if inner is None or self._child is None or self._child.poll() is not None:
            inner = await asyncio.to_thread(self._start)
        if sampling.seed is None:  # each call's own, so that a run writes alike each time and a second try differs
            own = Key(*request.key.parts(), "local").integer("seed") % MOST_SEEDS
            sampling = replace(sampling, seed=own)
        if self._tight:
            if grammar := note_grammar(request):
                sampling = replace(sampling, extra_body={**sampling.extra_body, "grammar": grammar})
            request = held(request)
        reply = await inner.complete(request, sampling, deadline_s)
        return reply._replace(snapshot=Path(self._settings["model_path"]).name)  # the server says the whole path

    async def aclose(self) -> None:
        """Close connections and end the child; the next call starts another."""
        inner, self._inner = self._inner, None
        if inner is not None:
            await inner.aclose()
        await asyncio.to_thread(self._stop)

    def _start(self) -> DirectClient:
        """Start the child and wait for its address; many calls may come at once, one starts it."""
        with self._lock:
            if self._inner is not None and self._child is not None and self._child.poll() is None:
                return self._inner
            self._end()
            command = [sys.executable, "-m", "personaloom.llm.local.serve", json.dumps(self._settings)]
            self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
            )
            base_url = self._address(self._child)
            endpoint = resolve(self.deployment.model, base_url)
            self._inner = DirectClient(endpoint, timeout_s=self._timeout_s)
            # Its port differs from run to run and is no part of what the model is.
            self._inner.deployment = self.deployment
            return self._inner

    def _address(self, child: subprocess.Popen[bytes]) -> str:
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        alarm = threading.Timer(START_S, child.kill)
        alarm.start()
        try:
            line = child.stdout.readline().decode().strip()
        finally:
            alarm.cancel()
        if line.startswith("http://127.0.0.1:"):
            return line
        said = self._last_words()
        self._end()
        raise UsageError(
            f"llm.model_path: {self._settings['model_path']} cannot be served: {said} → is it a chat model, and whole?"
        )

    def _last_words(self) -> str:
        """The end of what the child printed, for the message."""
        if self._log is None:
            return "it said nothing"
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return " / ".join(line.strip()[:200] for line in lines[-2:]) or "it said nothing"

    def _stop(self) -> None:
        with self._lock:
            self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()  # the child ends when its standard input does
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self._log is not None:
            self._log.close()
            self._log = None
