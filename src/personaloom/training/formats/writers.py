"""Writers of one file each: what they share, JSONL, and one JSON array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from personaloom.files import AtomicFile
from personaloom.training.files import dump
from personaloom.training.formats.base import FormatOptions

__all__ = ["FileWriter", "JsonArrayWriter", "JsonlWriter"]


class FileWriter:
    """What a ``SplitWriter`` of one file is beside its ``write``."""

    def __init__(self, path: Path, options: FormatOptions) -> None:
        del options  # they shape the records, not the file
        self._file = AtomicFile(path)
        self.records = 0

    @property
    def path(self) -> Path:
        """Where the file will be."""
        return self._file.path

    @property
    def sha256(self) -> str:
        """Of the file."""
        return self._file.sha256

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return self._file.bytes

    def finish(self) -> None:
        """Complete and durable, still under its temporary name."""
        self._file.finish()

    def commit(self) -> None:
        """Rename it into its place."""
        self._file.commit()

    def abort(self) -> None:
        """Leave no trace."""
        self._file.abort()


class JsonlWriter(FileWriter):
    """One record a line."""

    def write(self, record: dict[str, Any]) -> None:
        """Add one record."""
        self._file.write(dump(record) + b"\n")
        self.records += 1


class JsonArrayWriter(FileWriter):
    """One JSON array, one item a line: read whole by anything, streamed by this package."""

    def write(self, record: dict[str, Any]) -> None:
        """Add one record."""
        self._file.write((b",\n" if self.records else b"[\n") + dump(record))
        self.records += 1

    def finish(self) -> None:
        """Close the array, then the file."""
        self._file.write(b"\n]\n" if self.records else b"[\n]\n")
        super().finish()
