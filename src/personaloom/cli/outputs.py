"""Standard output and error that cannot be written end no run: what is lost is the printing, not the work."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

__all__ = ["Output", "guarded_outputs"]


class Output:
    """A stream that goes quiet when its device is full, and remembers why; a reader that went away still raises.

    Attributes:
        lost: what was raised by the first writing that failed.
    """

    def __init__(self, stream: TextIO) -> None:
        self.lost: OSError | None = None
        self._stream = stream

    def write(self, text: str) -> int:
        """As of a stream."""
        if self.lost is None:
            try:
                return self._stream.write(text)
            except UnicodeEncodeError:  # a C locale, a file on Windows: what its code page has not is written as \u2026
                code = self._stream.encoding or "ascii"
                return self._stream.write(text.encode(code, "backslashreplace").decode(code))
            except BrokenPipeError:
                raise
            except OSError as error:
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        """As of a stream."""
        if self.lost is None:
            try:
                self._stream.flush()
            except BrokenPipeError:
                raise
            except OSError as error:
                self._lose(error)

    def __getattr__(self, name: str) -> Any:
        """All else is the stream's."""
        return getattr(self._stream, name)

    def _lose(self, error: OSError) -> None:
        self.lost = error
        with suppress(OSError, ValueError):  # a stream without a descriptor holds nothing back
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, self._stream.fileno())  # what it holds back would fail again when the process ends
            os.close(sink)


@contextmanager
def guarded_outputs() -> Iterator[Output]:
    """Guard ``sys.stdout`` and ``sys.stderr`` for as long as the block lasts; gives the first of them."""
    out, err = sys.stdout, sys.stderr
    guard = Output(out)
    sys.stdout, sys.stderr = cast("TextIO", guard), cast("TextIO", Output(err))
    try:
        yield guard
    finally:
        sys.stdout, sys.stderr = out, err
