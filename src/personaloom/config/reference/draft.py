"""What a translation gathers: our keys with their values, and where in the reference's file each comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from personaloom.config.groups import shipped_choices
from personaloom.config.reference.section import Section
from personaloom.config.resolve import escaped
from personaloom.errors import Fault
from personaloom.paths import command

__all__ = ["Draft", "Gap", "Origin", "Translation", "nested"]


class Origin(NamedTuple):
    """A value of ours, and the key of the reference's file that it was read from (or a remark)."""

    value: Any
    key: str


class Gap(NamedTuple):
    """A setting of the reference's that has no counterpart."""

    key: str
    value: Any
    reason: str


@dataclass
class Draft:
    """A translation in the making.

    Attributes:
        folder: of the reference's file: its paths are looked for there first.
        values: our dotted key → value and origin.
        bases: group → the shipped option that its values stand on.
        remarks: sentences for the user.
        gaps: settings without a counterpart.
        faults: what makes the file unusable.
    """

    folder: Path
    values: dict[str, Origin] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def put(self, key: str, value: Any, origin: str) -> None:
        """Set one of our keys."""
        self.values[key] = Origin(_literal(value), origin)

    def copy(self, key: str, section: Section, *names: str, change: Callable[[Any], Any] | None = None) -> None:
        """Set one of our keys from the first of these names that the section has."""
        value, where = section.taken(*names)
        if value is not None:
            self.put(key, change(value) if change else value, where)


@dataclass(frozen=True)
class Translation:
    """The reference's file in our keys.

    Attributes:
        path: of the reference's file.
        values: our dotted key → value and origin.
        bases: group → the shipped option that its values stand on.
        gaps: settings without a counterpart.
        remarks: what changes its meaning, in sentences.
    """

    path: Path
    values: Mapping[str, Origin]
    bases: Mapping[str, str]
    gaps: tuple[Gap, ...] = ()
    remarks: tuple[str, ...] = ()

    def groups(self) -> dict[str, str]:
        """Every group that the file sets something of → the shipped option beneath it."""
        shipped = shipped_choices()
        named = {key.partition(".")[0] for key in self.values} & set(shipped)
        return {group: self.bases.get(group, shipped[group]) for group in sorted(named | set(self.bases))}

    def options(self) -> dict[str, dict[str, Any]]:
        """Each group's node as an option of it, with a defaults list of its own."""
        tree = nested(self.values)
        return {group: {"defaults": [base, "_self_"], **tree.get(group, {})} for group, base in self.groups().items()}

    def rest(self) -> dict[str, Any]:
        """The values that belong to no group."""
        groups = self.groups()
        return {key: value for key, value in nested(self.values).items() if key not in groups}

    def content(self) -> dict[str, Any]:
        """All of it: what stands in for the file when a config is composed."""
        return self.rest() | self.options()

    @property
    def announcement(self) -> str:
        """What is said before a run, each thing once."""
        lines = [f"config: {self.path} (the reference system's; translated, its groups can be overridden)"]
        lines += [f"  {remark}" for remark in self.remarks]
        if self.gaps:
            keys = ", ".join(gap.key for gap in self.gaps)
            lines.append(f"  no counterpart, left out: {keys} ({command(f'migrate={self.path}')} says why)")
        return "\n".join(lines)


def nested(values: Mapping[str, Origin]) -> dict[str, Any]:
    """Dotted keys as mappings in mappings."""
    tree: dict[str, Any] = {}
    for key, origin in values.items():
        *above, last = key.split(".")
        node = tree
        for name in above:
            node = node.setdefault(name, {})
        node[last] = origin.value
    return tree


def _literal(value: Any) -> Any:
    """The value as it stands: a ``${`` in it is text, for whoever composes it."""
    if isinstance(value, Mapping):
        return {str(key): _literal(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_literal(each) for each in value]
    return escaped(value) if isinstance(value, str) else value
