"""Files that appear whole or not at all, with their hash, and JSON that holds any text."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from personaloom.errors import InputError, StoreError

__all__ = ["AtomicFile", "dump", "load", "read_json_array", "read_jsonl"]

_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def dump(value: Any) -> bytes:
    """JSON in UTF-8, without spaces.

    What the fast writer refuses (lone surrogates, integers beyond 64 bits) is written with ASCII escapes, so that no
    text that a model wrote can stop an export.
    """
    try:
        return orjson.dumps(value)
    except (orjson.JSONEncodeError, TypeError):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()


def load(line: bytes) -> Any:
    """The inverse of ``dump``.

    Raises:
        ValueError: not JSON.
    """
    if _LONG_NUMBER.search(line):  # the fast reader would make a float of an integer beyond 64 bits
        return json.loads(line)
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line)


class AtomicFile:
    """A binary file written beside its place as ``<name>.part`` and renamed by ``commit``.

    ``finish`` flushes to disk, so that of several files all are complete before the first is renamed. Usable where a
    writable binary file is asked for (pyarrow does).

    Raises:
        StoreError: the folder or the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self.bytes = 0
        self._digest = hashlib.sha256()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = self.part.open("wb")
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error

    def write(self, data: bytes) -> int:
        """Append."""
        raw = bytes(data)  # pyarrow hands over its own buffers
        try:
            self._file.write(raw)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror or error}") from error
        self._digest.update(raw)
        self.bytes += len(raw)
        return len(raw)

    def tell(self) -> int:
        """Bytes written so far."""
        return self.bytes

    def flush(self) -> None:
        """To the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Nothing: ``finish`` and ``abort`` decide when the file is closed, not a writer that was handed it."""

    @property
    def closed(self) -> bool:
        """Whether it still takes data."""
        return self._file.closed

    def readable(self) -> bool:
        """No."""
        return False

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """No."""
        return False

    def finish(self) -> None:
        """Make it durable under its temporary name."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def commit(self) -> None:
        """Put it in its place; call ``finish`` first."""
        try:
            self.part.replace(self.path)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def abort(self) -> None:
        """Leave no trace."""
        self._file.close()
        self.part.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """Hash of what was written."""
        return self._digest.hexdigest()


def read_jsonl(path: str | Path) -> Iterator[Any]:
    """The values of a JSONL file, one by one; empty lines are skipped.

    Raises:
        InputError: a line is no JSON; the message names it by its number.
    """
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.strip()
            if not text:
                continue
            try:
                yield load(text)
            except ValueError as error:
                raise InputError(f"{path}:{number}: not a line of JSON ({error})") from error


def read_json_array(path: str | Path) -> Iterator[Any]:
    """The items of a file that holds one JSON array.

    An array as this package writes it (one item a line) is streamed; any other is read whole.

    Raises:
        InputError: the file is no JSON, or no array.
    """
    path = Path(path)
    with path.open("rb") as file:
        if file.readline().strip() == b"[":
            try:
                yield from _stream_array(file)
            except _OtherLayoutError:
                pass
            else:
                return
    try:
        value = load(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error})") from error
    if not isinstance(value, list):
        raise InputError(f"{path}: the top of the file is a {type(value).__name__}, not an array")
    yield from value


class _OtherLayoutError(Exception):
    """The array is not laid out one item a line."""


def _stream_array(file: BinaryIO) -> Iterator[Any]:
    begun = False
    for line in file:
        text = line.strip().removesuffix(b",")
        if text in {b"]", b""}:
            continue
        try:
            item = load(text)
        except ValueError as error:
            if begun:  # items were given out already: this is damage, not another layout
                raise InputError(f"{getattr(file, 'name', 'file')}: an item is not JSON ({error})") from error
            raise _OtherLayoutError from error
        begun = True
        yield item
