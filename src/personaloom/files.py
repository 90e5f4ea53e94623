"""Files that appear whole or not at all, with their hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from personaloom.errors import StoreError

__all__ = ["AtomicFile", "FileFacts", "atomic_bytes", "atomic_json", "atomic_lines", "file_facts"]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a manifest says of a file."""

    sha256: str
    bytes: int
    records: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def file_facts(path: Path, records: int) -> FileFacts:
    """Hash and size of a file on disk."""
    with path.open("rb") as data:
        return FileFacts(hashlib.file_digest(data, "sha256").hexdigest(), path.stat().st_size, records)


def atomic_json(path: Path, content: Any) -> FileFacts:
    """Write indented JSON.

    Raises:
        StoreError: it cannot be written; what stood there stands.
    """
    return atomic_lines(path, [orjson.dumps(content, option=orjson.OPT_INDENT_2)])


def atomic_lines(path: Path, lines: Iterable[bytes], remedy: str = "") -> FileFacts:
    """Write lines, one record each, as they come.

    Args:
        path: where they are to be.
        lines: without their ends.
        remedy: see ``AtomicFile``.

    Raises:
        StoreError: they cannot be written; what stood there stands, as it does whatever ``lines`` raises.
    """
    count = 0
    with _whole(path, remedy) as file:
        for count, line in enumerate(lines, start=1):  # noqa: B007 - the number of the last one is kept
            file.write(line + b"\n")
    return FileFacts(file.sha256, file.bytes, count)


def atomic_bytes(path: Path, content: bytes) -> None:
    """Write a file that is no list of lines.

    Raises:
        StoreError: it cannot be written; what stood there stands.
    """
    with _whole(path) as file:
        file.write(content)


@contextmanager
def _whole(path: Path, remedy: str = "") -> Iterator[AtomicFile]:
    file = AtomicFile(path, remedy)
    try:
        yield file
        file.finish()
        file.commit()
    except BaseException:
        file.abort()
        raise


class AtomicFile:
    """A binary file written beside its place as ``<name>.part`` and renamed by ``commit``.

    ``finish`` flushes to disk, so that of several files all are complete before the first is renamed. Usable where a
    writable binary file is asked for (pyarrow does).

    Args:
        path: where it is to be; folders are made.
        remedy: what an error says after its reason.

    Raises:
        StoreError: the folder or the file cannot be written.
    """

    def __init__(self, path: Path, remedy: str = "") -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self.bytes = 0
        self._remedy = remedy
        self._digest = hashlib.sha256()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = self.part.open("wb")
        except OSError as error:
            raise self._trouble(error) from error

    def write(self, data: bytes) -> int:
        """Append."""
        raw = bytes(data)  # pyarrow hands over its own buffers
        try:
            self._file.write(raw)
        except OSError as error:
            raise self._trouble(error) from error
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
            raise self._trouble(error) from error

    def commit(self) -> None:
        """Put it in its place; call ``finish`` first."""
        try:
            self.part.replace(self.path)
        except OSError as error:
            raise self._trouble(error) from error

    def abort(self) -> None:
        """Leave no trace."""
        with suppress(OSError):  # closing writes what is still held, to a disk that may be full or read-only by now
            self._file.close()
        with suppress(OSError):
            self.part.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """Hash of what was written."""
        return self._digest.hexdigest()

    def _trouble(self, error: OSError) -> StoreError:
        said = f"{self.path} cannot be written: {error.strerror or error}"
        return StoreError(f"{said}. {self._remedy}" if self._remedy else said)
