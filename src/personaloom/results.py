"""What a run gives back: lists for small datasets, lazy sequences of the same items for large ones."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import orjson

__all__ = ["LAZY_ABOVE", "JsonlGroups", "JsonlSequence", "load_groups", "load_records", "select"]

T = TypeVar("T")
LAZY_ABOVE = 10_000


def load_records(path: Path, count: int, read: Callable[[dict[str, Any]], T]) -> Sequence[T]:
    """The records of a JSONL file: a list up to 10,000 of them, a ``JsonlSequence`` above."""
    if count > LAZY_ABOVE:
        return JsonlSequence(path, read)
    with path.open("rb") as lines:
        return [read(orjson.loads(line)) for line in lines]


def load_groups(
    path: Path, count: int, field: str, names: Iterable[str] = ()
) -> Mapping[str, Sequence[dict[str, Any]]]:
    """The records of a JSONL file by the value of a field, without that field.

    Records of one value stand together in the file. A dictionary up to 10,000 records, a ``JsonlGroups`` above.

    Args:
        path: of the file.
        count: of its records.
        field: to group by.
        names: values that are there also without a record, in this order.
    """
    groups = JsonlGroups(path, field, names)
    return groups if count > LAZY_ABOVE else {name: list(groups[name]) for name in groups}


def select(records: Sequence[T], wanted: Callable[[T], bool]) -> Sequence[T]:
    """The records for which ``wanted`` holds: a list of a list, a lazy sequence of a lazy sequence."""
    if isinstance(records, list):
        return [record for record in records if wanted(record)]
    return _Selection(records, array("Q", (i for i, record in enumerate(records) if wanted(record))))


class _Selection(Sequence[T], Generic[T]):
    """Some records of a sequence, by their positions."""

    def __init__(self, records: Sequence[T], positions: array[int]) -> None:
        self._records = records
        self._positions = positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self._records[i] for i in self._positions[index]]
        return self._records[self._positions[index]]


class JsonlGroups(Mapping[str, "Sequence[dict[str, Any]]"]):
    """The lines of a JSONL file by the value of a field; lines are read when a group is asked for."""

    def __init__(self, path: Path, field: str, names: Iterable[str] = ()) -> None:
        self._field = field
        self._lines = JsonlSequence(path, _same)
        self._ranges: dict[str, tuple[int, int]] = dict.fromkeys(names, (0, 0))
        for position, record in enumerate(self._lines):
            first, end = self._ranges.get(record[field], (0, 0))
            self._ranges[record[field]] = (first if end else position, position + 1)

    def __getitem__(self, name: str) -> list[dict[str, Any]]:
        first, end = self._ranges[name]
        return [{k: v for k, v in record.items() if k != self._field} for record in self._lines[first:end]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ranges)

    def __len__(self) -> int:
        return len(self._ranges)


def _same(record: dict[str, Any]) -> dict[str, Any]:
    return record


class JsonlSequence(Sequence[T], Generic[T]):
    """The lines of a JSONL file as a sequence: ``len``, index, slice and iteration; lines are read when asked for.

    Memory: eight bytes a line. The file may be replaced or removed while it is used, as runs and ``reset`` do: what is
    read is what was there. It must not be written into.
    """

    def __init__(self, path: Path, read: Callable[[dict[str, Any]], T]) -> None:
        self.path = path
        self._read = read
        self._starts = array("Q", [0])
        with path.open("rb") as lines:
            position = 0
            for line in lines:
                position += len(line)
                self._starts.append(position)
        with path.open("rb") as file:
            # An empty file cannot be mapped, and has no line to read.
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if len(self) else b""

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"index {index} of {len(self)} records")
        return self._read(orjson.loads(self._data[self._starts[position] : self._starts[position + 1]]))

    def __iter__(self) -> Iterator[T]:
        return (self[position] for position in range(len(self)))

    def __repr__(self) -> str:
        return f"<{len(self)} records of {self.path.name}, read when asked for>"
