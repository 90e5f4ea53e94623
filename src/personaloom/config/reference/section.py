"""One mapping of the reference's file that remembers what was read of it, so that what was not can be listed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from personaloom.config.nearest import choices
from personaloom.errors import Fault

__all__ = ["Section", "expand", "variable_in"]

_VARIABLE = re.compile(r"\$(?:\{(?:oc\.env:)?([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")


def variable_in(text: str) -> str | None:
    """The name in a text that is nothing but a variable: ``${OPENAI_API_KEY}`` or ``$OPENAI_API_KEY``."""
    found = _VARIABLE.fullmatch(text.strip())
    return (found[1] or found[2]) if found else None


def expand(text: str, where: str, faults: list[Fault]) -> str:
    """The text with environment variables put in, as the reference does when it reads a path."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in os.environ:
            faults.append(Fault(where, f"the environment variable {name} is not set", f"export {name}=…"))
        return os.environ.get(name, "")

    return _VARIABLE.sub(value, text)


class Section:
    """A mapping by its full name.

    Args:
        content: the mapping; None is an empty one, as in ``distractor:`` with nothing under it.
        where: its full key, ``""`` at the top.
        faults: where a fault goes when something is no mapping.
    """

    def __init__(self, content: Any, where: str, faults: list[Fault]) -> None:
        self.where, self._faults = where, faults
        if content is not None and not isinstance(content, Mapping):
            faults.append(Fault(where, f"is {content!r}", "write a mapping: key: value lines"))
        self._content: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
        self._read: set[str] = set()
        self._inner: dict[str, Section] = {}

    def full(self, name: str) -> str:
        """The full key of one of ours."""
        return f"{self.where}.{name}" if self.where else name

    def __contains__(self, name: str) -> bool:
        return self._content.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def peek(self, name: str) -> Any:
        """A value, without counting it as read."""
        return self._content.get(name)

    def take(self, *names: str) -> Any:
        """The value under the first of these names that has one; all of them count as read."""
        return self.taken(*names)[0]

    def taken(self, *names: str) -> tuple[Any, str]:
        """The same, with the full key it stands under."""
        self._read.update(names)
        for name in names:
            if self._content.get(name) is not None:
                return self._content[name], self.full(name)
        return None, self.full(names[0])

    def truth(self, name: str, *, default: bool) -> bool:
        """A switch."""
        value, where = self.taken(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self._faults.append(Fault(where, f"is {value!r}", "write true or false"))
        return default

    def one_of(self, name: str, known: tuple[str, ...], default: str) -> str:
        """A word out of a few."""
        value, where = self.taken(name)
        if value is None or value in known:
            return default if value is None else str(value)
        self._faults.append(Fault(where, f"is {value!r}", choices(str(value), known)))
        return default

    def section(self, name: str) -> Section:
        """A mapping below this one."""
        if name not in self._inner:
            self._inner[name] = Section(self._content.get(name), self.full(name), self._faults)
        return self._inner[name]

    def unread(self) -> Iterator[tuple[str, Any]]:
        """Full key and value of everything that nobody asked for, in the order of the file."""
        for name, value in self._content.items():
            if name in self._read:
                continue
            if name in self._inner:
                yield from self._inner[name].unread()
            elif isinstance(value, Mapping) and value:
                yield from Section(value, self.full(str(name)), self._faults).unread()
            elif value is not None:
                yield self.full(str(name)), value
