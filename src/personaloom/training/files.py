"""JSON that holds any text, and files of it, read record by record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from personaloom.errors import InputError

__all__ = ["dump", "load", "read_json_array", "read_jsonl"]

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
        ValueError: not JSON, or nested beyond all measure.
    """
    try:
        if _LONG_NUMBER.search(line):  # the fast reader would make a float of an integer beyond 64 bits
            return json.loads(line)
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError:
            return json.loads(line)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


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
