"""MLflow in a child process, beside the pipeline.

Importing mlflow takes 3 to 6 seconds and 174 MB, and a fresh database as long again. None of that belongs in the
process that makes the dataset: a child imports mlflow and sets up the store while the first conversations are written,
and a child that hangs or dies takes nothing with it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from types import TracebackType
from typing import IO, Any, Self

from personaloom.errors import TrackingError
from personaloom.llm.scrub import scrub, secret_values
from personaloom.tracking.links import StoreSpec
from personaloom.tracking.protocol import decode, encode

__all__ = ["TrackingWorker"]

# Small numbers: a server that does not answer must cost seconds, and the default is minutes. The user's own win.
_BOUNDS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
_FIXED = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MPLBACKEND": "Agg",
    "PYTHONUNBUFFERED": "1",
}
_CLOSE_GRACE_S = 10.0
_REMEMBERED_LINES = 200


class TrackingWorker:
    """The client of one tracking child; safe to use from several threads, for several runs.

    Started by the first request. A child that died is started again by the next request, so that one lost run of a
    sweep does not lose the others. Use as a context manager, or call ``close``.
    """

    def __init__(self, timeout: float = 120.0, interpreter: str | None = None) -> None:
        """Prepare without starting anything.

        Args:
            timeout: seconds to wait for the reply to a request; then the child is ended.
            interpreter: the Python that runs the child; this one by default.
        """
        self.timeout = timeout
        self._interpreter = interpreter or sys.executable
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._next_id = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the running child, or None."""
        child = self._child
        return child.process.pid if child is not None and child.alive else None

    def submit(self, verb: str, store: StoreSpec, **args: Any) -> Future[dict[str, Any]]:
        """Send a request and return at once; the future holds the result, or a TrackingError."""
        with self._lock:
            if self._closed:
                raise TrackingError("the tracking worker is closed")
            if self._child is not None and not self._child.alive:
                self._end(0.0)
            if self._child is None:
                self._child = _Child(self._interpreter)
            self._next_id += 1
            message = {"id": self._next_id, "verb": verb, "store": store.to_dict(), "args": args}
            return self._child.send(self._next_id, message)

    def call(self, verb: str, store: StoreSpec, *, timeout: float | None = None, **args: Any) -> dict[str, Any]:
        """Send a request and wait for its result.

        Raises:
            TrackingError: MLflow refused, the child died, or no reply came in time (the child is then ended).
        """
        return self.wait(self.submit(verb, store, **args), verb, timeout)

    def wait(self, future: Future[dict[str, Any]], verb: str, timeout: float | None = None) -> dict[str, Any]:
        """Wait for a submitted request; as ``call``."""
        limit = self.timeout if timeout is None else timeout
        try:
            return future.result(limit)
        except FutureTimeout:
            child = self._child
            tail = child.last_words() if child else ""
            self._end(0.0)
            raise TrackingError(f"MLflow did not finish {verb!r} within {limit:g} s{tail}") from None

    def close(self) -> None:
        """End the child: it finishes what it is doing, for at most ten seconds. Can be called twice."""
        with self._lock:
            self._closed = True
        self._end(_CLOSE_GRACE_S)

    def _end(self, grace: float) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end(grace)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Child:
    """One child process, its two reading threads, and the requests that wait for a reply."""

    def __init__(self, interpreter: str) -> None:
        self.pending: dict[int, Future[dict[str, Any]]] = {}
        self.words: deque[str] = deque(maxlen=_REMEMBERED_LINES)
        self.lock = threading.Lock()
        self.finished = False
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own module, run by this interpreter
                [interpreter, "-m", "personaloom.tracking.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
                encoding="utf-8",
                errors="replace",
                # Ctrl-C is for the pipeline, which still wants its run to be closed.
                start_new_session=True,
            )
        except OSError as error:
            raise TrackingError(f"the tracking process could not be started: {error}") from error
        self.threads = [
            threading.Thread(target=target, daemon=True, name=f"tracking-{target.__name__.strip('_')}")
            for target in (self._read_replies, self._read_words)
        ]
        for thread in self.threads:
            thread.start()

    @property
    def alive(self) -> bool:
        return not self.finished and self.process.poll() is None

    def send(self, number: int, message: dict[str, Any]) -> Future[dict[str, Any]]:
        future: Future[dict[str, Any]] = Future()
        with self.lock:
            self.pending[number] = future
        stdin = self.process.stdin
        assert stdin is not None  # noqa: S101 - it is a pipe by construction
        try:
            stdin.write(encode(message))
            stdin.flush()
        except (OSError, ValueError):
            self.threads[0].join(_CLOSE_GRACE_S)
            self._fail_pending()
        return future

    def last_words(self) -> str:
        said = [line for line in self.words if line.strip()]
        return _said(f": {said[-1].strip()[:400]}") if said else ""

    def end(self, grace: float) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(_CLOSE_GRACE_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read_replies(self) -> None:
        for line in _lines(self.process.stdout):
            try:
                reply = decode(line)
            except ValueError:
                self.words.append(line)
                continue
            with self.lock:
                future = self.pending.pop(int(reply.get("id", -1)), None)
            if future is None or future.done():
                continue
            if reply.get("ok"):
                future.set_result(dict(reply.get("result") or {}))
            else:
                future.set_exception(TrackingError(_said(str(reply.get("error")))))
        self.finished = True
        self._fail_pending()

    def _fail_pending(self) -> None:
        with self.lock:
            waiting, self.pending = list(self.pending.values()), {}
        if not waiting:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2.0)
        code = self.process.poll()
        reason = f"the tracking process ended (exit code {code}) before it answered{self.last_words()}"
        for future in waiting:
            future.set_exception(TrackingError(reason))

    def _read_words(self) -> None:
        for line in _lines(self.process.stderr):
            self.words.append(line)


def _said(text: str) -> str:
    """What the child or MLflow says, without the keys in this environment and what looks like one."""
    return scrub(text, secret_values(all_like_keys=True))


def _lines(stream: IO[str] | None) -> IO[str]:
    assert stream is not None  # noqa: S101 - it is a pipe by construction
    return stream


def _environment() -> dict[str, str]:
    return _BOUNDS | dict(os.environ) | _FIXED
