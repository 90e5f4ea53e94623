"""What processes on one machine know of a deployment's rate, held in common.

Four processes on one key that learn on their own share it badly: whoever came first keeps most of it, and a server
that stores nothing (a bucket of one) gives four unconcerted senders a fifth of what it gives one. So the controller's
numbers lie in a small file, and each step of it is taken under a lock: the processes send one evenly paced stream, and
one that comes later begins with what is known.

The file holds numbers only, lives in the user's own temporary folder while a process uses it, and is not needed: where
it cannot be had (no such locks, no such folder), each process learns alone.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import orjson

from personaloom.llm.rate import AdaptiveRate

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

__all__ = ["SharedFile", "SharedRate", "runtime_folder"]

FORMAT = "1"
"""Of the content: releases that write another one do not meet."""
HEAD = 8
LARGEST = 1 << 16
PATIENCE_S = 0.02
"""A lock is held for some 50 µs. Whoever holds it longer is stopped, and not waited for."""

LOOK_EVERY_S = 0.01
"""How often a process that nobody complained to asks whether somebody complained to another one."""


def runtime_folder() -> Path:
    """Where files of running processes belong: the session's own folder, or one of the user's below the temporary."""
    session = os.environ.get("XDG_RUNTIME_DIR")
    return Path(session) / "personaloom" if session else Path(tempfile.gettempdir()) / f"personaloom-{os.getuid()}"


class SharedFile:
    """A few kilobytes that processes read and write under a lock; empty when nobody else has it open.

    Two files: ``.live`` is locked (shared) by each process that has it open, so that the last one out removes both;
    ``.rate`` holds a counter and the content, and is locked (exclusively) for each step.
    """

    def __init__(self, live: int, content: int, base: Path) -> None:
        self._live, self._content, self._base = live, content, base

    @classmethod
    def open(cls, name: str, folder: Path | None = None) -> SharedFile | None:
        """The file of that name, or None where there can be none.

        Args:
            name: of what is shared; only its hash is written.
            folder: where; made if missing, refused if it is not the user's own.
        """
        if fcntl is None:
            return None
        try:
            folder = folder or runtime_folder()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            about = folder.lstat()
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
                return None
            base = folder / hashlib.sha256(f"{FORMAT} {name}".encode()).hexdigest()[:24]
            live = _opened_live(base)
            content = os.open(base.with_suffix(".rate"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _locked(live, fcntl.LOCK_EX):  # nobody else is there: what is in it is of the past
                os.ftruncate(content, 0)
            fcntl.flock(live, fcntl.LOCK_SH)
        except OSError:
            return None  # the controller works without
        return cls(live, content, base)

    def counter(self) -> int:
        """How often it was written; 0 is never."""
        return int.from_bytes(os.pread(self._content, HEAD, 0), "little")

    def lock(self) -> bool:
        """Take the lock; False where somebody does not let go of it."""
        until = time.monotonic() + PATIENCE_S
        while not _locked(self._content, fcntl.LOCK_EX):
            if time.monotonic() > until:
                return False
            time.sleep(0.0002)
        return True

    def unlock(self) -> None:
        """Give it back."""
        fcntl.flock(self._content, fcntl.LOCK_UN)

    def read(self) -> bytes:
        """What was written last, by anyone."""
        return os.pread(self._content, LARGEST, HEAD)

    def write(self, content: bytes) -> int:
        """Replace it; gives the counter."""
        count = self.counter() + 1
        os.pwrite(self._content, count.to_bytes(HEAD, "little") + content, 0)
        os.ftruncate(self._content, HEAD + len(content))
        return count

    def close(self) -> None:
        """Let go of it; the last one removes it."""
        if _locked(self._live, fcntl.LOCK_EX):
            self._base.with_suffix(".rate").unlink(missing_ok=True)
            self._base.with_suffix(".live").unlink(missing_ok=True)
        os.close(self._content)
        os.close(self._live)


def _opened_live(base: Path) -> int:
    """The ``.live`` file, locked in common; opened again where its last user removed it at this moment."""
    path = base.with_suffix(".live")
    while True:
        live = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(live, fcntl.LOCK_SH)
        try:
            if os.fstat(live).st_ino == path.stat().st_ino:
                return live
        except FileNotFoundError:
            pass
        os.close(live)


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class SharedRate:
    """``with shared: …``: a step of the controller, taken for all processes.

    Until a server first complained to one of them, nothing is shared and nothing is locked.

    Args:
        rate: the controller; inside the block it knows what all know.
        file: what is common, or None.
        clock: that of the limiter.
    """

    def __init__(self, rate: AdaptiveRate, file: SharedFile | None, clock: Callable[[], float]) -> None:
        self._rate, self._file, self._clock = rate, file, clock
        self._seen = 0
        self._held = False
        self._look_at = float("-inf")
        self.joined_at = float("-inf")
        """When it took over what others know: numbers of requests from before mean nothing since."""

    def __enter__(self) -> None:
        file = self._file
        if file is None:
            return
        if not self._seen and not self._rate.limited:
            if (now := self._clock()) < self._look_at:
                return
            self._look_at = now + LOOK_EVERY_S
        count = file.counter()
        if (count or self._rate.limited) and file.lock():
            self._held = True
            self._take(file)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        file = self._file
        if file is None:
            return
        if not self._held:
            if not self._rate.limited or self._seen or not file.lock():
                return
            self._take(file)  # the first complaint; another process may have been sooner
        self._seen = file.write(orjson.dumps(self._rate.snapshot()))
        self._held = False
        file.unlock()

    def _take(self, file: SharedFile) -> None:
        """Take over what others have written since."""
        count = file.counter()
        if count == self._seen:
            return
        if not self._seen:
            self.joined_at = self._clock()
        self._seen = count
        try:
            known = orjson.loads(file.read())
        except orjson.JSONDecodeError:
            return  # somebody was killed while writing: go on with what this process knows, and write that
        self._rate.restore(known)

    def close(self) -> None:
        """Share no more."""
        if self._file is not None:
            self._file.close()
            self._file = None
