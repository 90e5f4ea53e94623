"""Rules as YAML data.

::

    rules:
      - name: minors-do-not-lead
        if: {age_band: [under 18]}
        then: {seniority: [student, entry level]}      # where the persona has the dimension at all
      - name: no-young-doctors
        exclude: {age_band: [under 18, 18-24], education_level: [doctorate]}
      - name: code-needs-a-coding-context
        if: {code_preference: any}
        needs: [{role: [software engineer]}, {domain: [software development]}]
      - name: seniors-are-older
        if: {age_band: {not: [under 18, 18-24]}}
        weights: {seniority: {senior: 3}}

A condition is one value, a list, ``any`` (set, whatever the value), ``unset``, or ``{not: [...]}`` (set to another).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from personaloom.personas.located import Listing, Mapped, Scalar
from personaloom.personas.model import UNSET, Dimension, Rule

__all__ = ["read_rules"]

_KEYS = ("name", "description", "if", "then", "exclude", "needs", "weights")
_EFFECTS = ("then", "exclude", "needs", "weights")

FaultSink = Callable[[int, str, str], None]
"""Takes line, problem and remedy."""


def read_rules(content: Any, dimensions: Sequence[Dimension], fault: FaultSink) -> tuple[Rule, ...]:
    """The rules of a bank; what is wrong with them goes to ``fault``."""
    if content is None or content == "":
        return ()
    if not isinstance(content, Listing):
        fault(getattr(content, "line", 0), "rules is no list", "write rules: and below it '- name: …' for each")
        return ()
    reader = _RuleReader({dimension.name: dimension for dimension in dimensions}, fault)
    found = [reader.rule(entry, line, n) for n, (entry, line) in enumerate(zip(content, content.lines, strict=True))]
    _unique([rule for rule in found if rule is not None], fault)
    return tuple(rule for rule in found if rule is not None)


def _unique(rules: Sequence[Rule], fault: FaultSink) -> None:
    lines: dict[str, int] = {}
    for rule in rules:
        if rule.name in lines:
            fault(
                rule.line,
                f"rule '{rule.name}' is given twice, first in line {lines[rule.name]}",
                "rename one",
            )
        lines.setdefault(rule.name, rule.line)


class _RuleReader:
    def __init__(self, dimensions: Mapping[str, Dimension], fault: FaultSink) -> None:
        self.dimensions = dimensions
        self.fault = fault
        self.rule_name = ""

    def rule(self, entry: Any, line: int, number: int) -> Rule | None:
        if not isinstance(entry, Mapped):
            self.fault(line, f"rule {number + 1} is no mapping", f"give it {', '.join(_KEYS[2:])}")
            return None
        self.rule_name = str(entry.get("name") or f"rule {number + 1}")
        for key in entry:
            if key not in _KEYS:
                near = difflib.get_close_matches(key, _KEYS, n=1)
                remedy = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(_KEYS)}"
                self.fault(entry.lines[key], f"rule '{self.rule_name}' has no key '{key}'", remedy)
        if not any(entry.get(key) for key in _EFFECTS):
            self.fault(line, f"rule '{self.rule_name}' does nothing", f"give it one of {', '.join(_EFFECTS)}")
        return Rule(
            name=self.rule_name,
            when=self._literal(entry, "if"),
            then=self._literal(entry, "then"),
            exclude=self._literal(entry, "exclude"),
            needs=self._needs(entry),
            weights=self._weights(entry),
            line=line,
        )

    def _known(self, name: str, line: int) -> Dimension | None:
        if name in self.dimensions:
            return self.dimensions[name]
        near = difflib.get_close_matches(name, self.dimensions, n=1)
        remedy = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(self.dimensions)}"
        self.fault(line, f"rule '{self.rule_name}' names the unknown dimension '{name}'", remedy)
        return None

    def _literal(self, entry: Mapped, key: str) -> dict[str, frozenset[str]]:
        section = entry.get(key)
        if section is None or section == "":
            return {}
        if not isinstance(section, Mapped):
            self.fault(
                entry.lines[key],
                f"'{key}' of rule '{self.rule_name}' is no mapping",
                "write {dimension: [value, …]}",
            )
            return {}
        return self._conjunction(section)

    def _conjunction(self, section: Mapped) -> dict[str, frozenset[str]]:
        out = {}
        for name, given in section.items():
            dimension = self._known(name, section.lines[name])
            if dimension is not None:
                out[name] = self._states(dimension, given, section.lines[name])
        return out

    def _states(self, dimension: Dimension, given: Any, line: int) -> frozenset[str]:
        names = dimension.value_names
        if isinstance(given, Scalar) and given not in names and given in ("any", "unset"):
            return frozenset(names) if given == "any" else frozenset((UNSET,))
        if isinstance(given, Mapped) and set(given) == {"not"}:
            return frozenset(names) - self._states(dimension, given["not"], line)
        items = given if isinstance(given, Listing) else [given]
        states = set()
        for item in items:
            if item == "unset" and "unset" not in names:
                states.add(UNSET)
            elif isinstance(item, str) and self._value(dimension, item.strip(), line):
                states.add(item.strip())
            elif not isinstance(item, str):
                self.fault(line, f"rule '{self.rule_name}': {dimension.name} is {item!r}", "write a value or a list")
        return frozenset(states)

    def _value(self, dimension: Dimension, value: str, line: int) -> bool:
        names = dimension.value_names
        if value in names:
            return True
        near = difflib.get_close_matches(value, names, n=1)
        remedy = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(names)}"
        self.fault(line, f"rule '{self.rule_name}': '{value}' is no value of {dimension.name}", remedy)
        return False

    def _needs(self, entry: Mapped) -> tuple[dict[str, frozenset[str]], ...]:
        section = entry.get("needs")
        if section is None or section == "":
            return ()
        alternatives = section if isinstance(section, Listing) else [section]
        if not all(isinstance(one, Mapped) and one for one in alternatives):
            remedy = "write a list of {dimension: [value, …]}, of which one must hold"
            self.fault(entry.lines["needs"], f"'needs' of rule '{self.rule_name}' is no list of mappings", remedy)
            return ()
        return tuple(self._conjunction(one) for one in alternatives)

    def _weights(self, entry: Mapped) -> dict[str, dict[str, float]]:
        section = entry.get("weights")
        if section is None or section == "":
            return {}
        if not isinstance(section, Mapped) or not all(isinstance(one, Mapped) for one in section.values()):
            remedy = "write {dimension: {value: weight}}"
            self.fault(
                entry.lines["weights"],
                f"'weights' of rule '{self.rule_name}' is no mapping of mappings",
                remedy,
            )
            return {}
        out = {}
        for name, pairs in section.items():
            dimension = self._known(name, section.lines[name])
            if dimension is not None:
                out[name] = {
                    value: self._weight(name, value, raw, pairs.lines[value])
                    for value, raw in pairs.items()
                    if self._value(dimension, value, pairs.lines[value])
                }
        for name in sorted(set(out) & set(entry.get("if") or ())):
            self.fault(
                entry.lines["weights"],
                f"rule '{self.rule_name}' weighs '{name}', which is in its 'if'",
                "drop it",
            )
        return out

    def _weight(self, name: str, value: str, raw: Any, line: int) -> float:
        try:
            weight = float(raw)
        except (TypeError, ValueError):
            weight = math.nan
        if weight > 0 and math.isfinite(weight):
            return weight
        remedy = "write a number above 0; to forbid a value use 'exclude' or 'then'"
        self.fault(line, f"rule '{self.rule_name}': the weight of {name}='{value}' is {raw!r}", remedy)
        return 1.0
