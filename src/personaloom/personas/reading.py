"""From a ``persona.yaml`` to a ``PersonaBank``: both published shapes, and our rules beside them.

``dimensions`` is a mapping ``name -> {description, category, is_constraint, values, …}`` or a list of such entries with
a ``name``. ``values`` is a list of names, a list of ``{value, weight, description}``, or a mapping from name to weight,
description or both. Keys that we do not know are left alone, as other tools' files have some; near misses of ours are
refused.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from personaloom.errors import BankError, Fault
from personaloom.personas.located import Listing, Mapped, Scalar, located, read_located
from personaloom.personas.model import Dimension, PersonaBank, Value
from personaloom.personas.rules import read_rules

__all__ = ["SHIPPED", "load_bank", "read_bank"]

SHIPPED = ("default", "compact")

_DIMENSION_KEYS = ("name", "description", "category", "is_constraint", "values", "weights", "type")
_TOP_KEYS = ("dimensions", "rules")


def load_bank(path: str) -> PersonaBank:
    """See ``PersonaBank.load``."""
    if not path:
        raise BankError(
            f"persona_bank.path is empty → write {', '.join(SHIPPED)}, or persona_bank.path=<your persona.yaml>"
        )
    if path in SHIPPED:
        return _shipped(path)
    file = Path(path).expanduser()
    if not file.exists() and not file.suffix:
        near = difflib.get_close_matches(path, SHIPPED, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise BankError(f"there is no bank '{path}' → {hint}choose from {', '.join(SHIPPED)}, or give a file")
    return read_bank(read_located(file), str(file), file.stem)


@cache
def _shipped(name: str) -> PersonaBank:
    text = resources.files("personaloom.personas").joinpath("banks", f"{name}.yaml").read_text("utf-8")
    return read_bank(located(text, f"{name}.yaml"), f"{name}.yaml", name)


def read_bank(content: Any, source: str, name: str = "bank") -> PersonaBank:
    """The bank that located YAML describes, checked.

    Raises:
        BankError: with every fault found.
    """
    return _Reader(source).bank(content, name).check()


class _Reader:
    """Reads one file and collects its faults."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.faults: list[Fault] = []

    def fault(self, line: int, problem: str, remedy: str) -> None:
        self.faults.append(Fault(f"{self.source}:{line}" if line else self.source, problem, remedy))

    def bank(self, content: Any, name: str) -> PersonaBank:
        if not isinstance(content, Mapped) or "dimensions" not in content:
            found = f"its keys are {', '.join(content)}" if isinstance(content, Mapped) and content else "it is empty"
            if content is not None and not isinstance(content, Mapped):
                found = "it is no mapping"
            self.fault(
                0,
                f"a bank has the key 'dimensions'; {found}",
                "write dimensions: with at least one dimension",
            )
            self._stop()
        self._near_misses(content, _TOP_KEYS, "the bank")
        entries = list(self._entries(content["dimensions"], content.lines["dimensions"]))
        dimensions = tuple(d for d in (self._dimension(*entry) for entry in entries) if d is not None)
        if not entries:
            line = content.lines["dimensions"]
            self.fault(line, "the bank is empty: it has no dimensions", "add one, with a name and values")
        self._stop()
        rules = read_rules(content.get("rules"), dimensions, self.fault)
        self._stop()
        return PersonaBank(dimensions, rules, name=name, source=self.source)

    def _stop(self) -> None:
        if self.faults:
            raise BankError("\n  ".join([f"bank {self.source} cannot be used:", *map(str, self.faults)]))

    def _near_misses(self, entry: Mapped, known: tuple[str, ...], what: str) -> None:
        for key in entry:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
            if key not in known and near:
                self.fault(entry.lines[key], f"{what} has no key '{key}'", f"did you mean '{near[0]}'?")

    def _entries(self, section: Any, line: int) -> Iterator[tuple[str, Mapped, int]]:
        """Name, entry and line of each dimension, from either shape."""
        seen: dict[str, int] = {}
        if isinstance(section, Mapped):
            pairs = [(name, entry, section.lines[name]) for name, entry in section.items()]
        elif isinstance(section, Listing):
            pairs = [
                (str(entry.get("name", "")) if isinstance(entry, Mapped) else "", entry, at)
                for entry, at in zip(section, section.lines, strict=True)
            ]
        else:
            if section:
                self.fault(line, f"dimensions is {section!r}", "make it a mapping or a list of dimensions")
            return
        for name, entry, at in pairs:
            if not name:
                self.fault(at, "a dimension has no name", "write name: <name> in it")
            elif name in seen:
                self.fault(at, f"dimension '{name}' is given twice, first in line {seen[name]}", "rename or drop one")
            elif isinstance(entry, Listing):
                yield name, _as_mapped(entry, at), at
            elif isinstance(entry, Mapped):
                yield name, entry, at
            else:
                self.fault(at, f"dimension '{name}' has no values", "give it values: [first, second, …]")
            seen.setdefault(name, at)

    def _dimension(self, name: str, entry: Mapped, line: int) -> Dimension | None:
        self._near_misses(entry, _DIMENSION_KEYS, f"dimension '{name}'")
        category = str(entry.get("category") or "behavioral")
        values = self._values(name, entry, line)
        return Dimension(
            name=name,
            values=tuple(values),
            description=str(entry.get("description") or "").strip(),
            category=category,
            is_constraint=self._truth(name, entry, default=category == "constraint"),
            line=line,
        ) if values else None  # fmt: skip

    def _truth(self, name: str, entry: Mapped, *, default: bool) -> bool:
        given = entry.get("is_constraint")
        if given is None:
            return default
        parsed = given.parsed if isinstance(given, Scalar) else given
        if isinstance(parsed, bool):
            return parsed
        self.fault(entry.lines["is_constraint"], f"is_constraint of '{name}' is {given!r}", "write true or false")
        return default

    def _values(self, name: str, entry: Mapped, line: int) -> list[Value]:
        given = entry.get("values")
        if not isinstance(given, (Mapped, Listing)) or not given:
            self.fault(
                entry.lines.get("values", line),
                f"dimension '{name}' has no values",
                "give it values: [a, b, …]",
            )
            return []
        out: dict[str, Value] = {}
        for value, at in _value_items(given):
            weight = self._weight(name, value.name, value.weight, at)
            if not value.name:
                self.fault(
                    at,
                    f"a value of '{name}' is empty",
                    "write a name; a dimension that is not set needs none",
                )
            elif value.name in out:
                self.fault(at, f"dimension '{name}' has the value '{value.name}' twice", "drop one")
            else:
                out[value.name] = Value(value.name, weight, value.description)
        return self._weighted(name, entry, out)

    def _weighted(self, name: str, entry: Mapped, values: dict[str, Value]) -> list[Value]:
        """Apply a dimension's own ``weights:``, a list beside ``values`` or a mapping by value."""
        given = entry.get("weights")
        if isinstance(given, Listing) and len(given) == len(values):
            pairs = list(zip(values, given, strict=True))
        elif isinstance(given, Mapped):
            pairs = list(given.items())
        elif given:
            self.fault(
                entry.lines["weights"],
                f"weights of '{name}' do not fit its values",
                "give one weight a value",
            )
            return list(values.values())
        else:
            pairs = []
        for value, raw in pairs:
            if value not in values:
                near = difflib.get_close_matches(value, values, n=1)
                remedy = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(values)}"
                self.fault(entry.lines["weights"], f"weights of '{name}' name '{value}'", remedy)
                continue
            weight = self._weight(name, value, raw, entry.lines["weights"])
            values[value] = Value(value, weight, values[value].description)
        return list(values.values())

    def _weight(self, name: str, value: str, raw: Any, line: int) -> float:
        try:
            weight = float(raw)
        except (TypeError, ValueError):
            weight = math.nan
        if weight >= 0 and math.isfinite(weight):
            return weight
        self.fault(line, f"the weight of {name}='{value}' is {raw!r}", "write a number that is at least 0")
        return 1.0


def _as_mapped(values: Listing, line: int) -> Mapped:
    """The short form ``name: [a, b]``."""
    out = Mapped(values=values)
    out.line, out.lines = line, {"values": line}
    return out


def _value_items(given: Mapped | Listing) -> Iterator[tuple[Value, int]]:
    """Values as written, weights not yet checked."""
    if isinstance(given, Mapped):
        for name, about in given.items():
            yield _one_value(name, about), given.lines[name]
        return
    for item, at in zip(given, given.lines, strict=True):
        if isinstance(item, Mapped):
            key = next((key for key in ("value", "name", "id") if key in item), "")
            yield _one_value(str(item.get(key, "")), item), at
        else:
            yield Value("" if item is None or isinstance(item, Listing) else str(item).strip()), at


def _one_value(name: str, about: Any) -> Value:
    if isinstance(about, Mapping):
        return Value(name.strip(), about.get("weight", 1.0), str(about.get("description") or "").strip())
    if isinstance(about, Scalar) and isinstance(about.parsed, (int, float)) and not isinstance(about.parsed, bool):
        return Value(name.strip(), about.parsed)
    return Value(name.strip(), 1.0, str(about or "").strip())
