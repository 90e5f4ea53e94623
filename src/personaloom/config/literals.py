"""Values that the config may spell and nothing can carry: no file, no request, no header."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from personaloom.config.explain import mapping
from personaloom.errors import Fault

__all__ = ["unusable_values"]

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OUR_HEADERS = frozenset({"content-length", "transfer-encoding", "host", "connection", "content-type"})


def unusable_values(config: Mapping[str, Any]) -> Iterator[Fault]:
    """Texts with a NUL, numbers that no JSON holds, headers that cannot be sent."""
    for where, value in _leaves(config, ""):
        if isinstance(value, str) and "\0" in value:
            yield Fault(where, "holds a NUL character", "take it out")
        elif isinstance(value, float) and not math.isfinite(value):
            yield Fault(where, f"is {value}, which no request and no file can hold", "give a finite number")
        elif isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
            yield Fault(where, "is a number of more than 64 bits", "give one that is meant")
    llm = mapping(config.get("llm"))
    yield from _headers(llm, "llm")
    for role, own in mapping(llm.get("roles")).items():
        yield from _headers(mapping(own), f"llm.roles.{role}")


def _leaves(node: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{where}.{key}" if where else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(value, f"{where}[{index}]")
    else:
        yield where, node


def _headers(llm: Mapping[str, Any], where: str) -> Iterator[Fault]:
    for group in ("headers", "headers_env"):
        for name, value in mapping(llm.get(group)).items():
            if not _HEADER_NAME.fullmatch(str(name)):
                yield Fault(f"{where}.{group}", f"{str(name)!r} is no header's name", "letters, digits and - only")
            elif str(name).lower() in _OUR_HEADERS:
                yield Fault(f"{where}.{group}.{name}", "belongs to the request itself", "leave it out")
            elif isinstance(value, str) and not (value.isascii() and value.isprintable()):
                yield Fault(f"{where}.{group}.{name}", "has line breaks or signs outside ASCII", "take them out")
