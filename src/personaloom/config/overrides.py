"""Overrides judged before Hydra composes: grammar, groups and options, all faults at once.

A value override is passed to Hydra as ``++key=value``: Hydra would stop at the first unknown key, and the schema pass,
which comes after composition, lists them all with the nearest known ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException

from personaloom.config.hydra_errors import grammar_fault
from personaloom.config.nearest import choices
from personaloom.errors import Fault

__all__ = ["parse_overrides", "prepare"]

_GRAMMAR = frozenset("'\"[]{}()\\")


def parse_overrides(overrides: Sequence[str]) -> tuple[list[Override], list[Fault]]:
    """Those that are in Hydra's grammar, and a fault for each that is not."""
    parser, parsed, faults = OverridesParser.create(), [], []
    for text in overrides:
        try:
            parsed.append(parser.parse_override(_quoted(text)))
        except HydraException as error:
            faults.append(grammar_fault(text, str(error)))
    return parsed, faults


def _quoted(text: str) -> str:
    """With quotes round ``~`` and other letters than English ones, which Hydra's grammar reads in quotes only."""
    key, equals, value = text.partition("=")
    if _bare(value) or set(value) & _GRAMMAR:
        return text
    return key + equals + ",".join(part if _bare(part) else f"'{part}'" for part in value.split(","))


def _bare(value: str) -> bool:
    return value.isascii() and "~" not in value


def prepare(
    overrides: Sequence[str],
    groups: Mapping[str, Iterable[str]],
    options: Callable[[str], set[str]],
    *,
    sweep: bool = False,
) -> tuple[list[str], list[Fault]]:
    """Overrides as they go to Hydra, and everything that is wrong with them.

    Args:
        overrides: in Hydra's grammar.
        groups: ``{group: its options}``, without Hydra's own.
        options: all options of a group; slower, so it is asked only where ``groups`` does not know one.
        sweep: ``a=1,2`` and the like are allowed.
    """
    parsed, faults = parse_overrides(overrides)
    ready = []
    for override in parsed:
        if override.is_sweep_override() and not sweep:
            faults.append(_not_a_sweep(override))
        group = override.key_or_group
        if group in groups and not override.is_delete():
            faults += _unknown_options(override, set(groups[group]), options)
        ready.append(_softened(override, groups))
    return ready, faults


def _softened(override: Override, groups: Mapping[str, Any]) -> str:
    line = str(override.input_line)
    key = override.key_or_group
    is_value = key not in groups and "/" not in key and override.package is None
    if not is_value or override.is_hydra_override() or override.is_delete() or override.is_force_add():
        return line
    return "++" + line.removeprefix("+")


def _not_a_sweep(override: Override) -> Fault:
    key, _, value = str(override.input_line).partition("=")
    remedy = f"add -m to run one job for each, or write {key}=[{value}] for a list"
    return Fault(key, f"has several values: {value}", remedy)


def _unknown_options(override: Override, known: set[str], options: Callable[[str], set[str]]) -> list[Fault]:
    if override.is_sweep_override():
        if not override.is_discrete_sweep() or isinstance(override.value(), Glob):
            return []
        values: list[Any] = [text.strip("'\"") for text in override.sweep_string_iterator()]
    else:
        value = override.value()
        values = value if isinstance(value, list) else [value]
    faults = []
    for value in values:
        if value is None and not isinstance(override.value(), list):
            remedy = choices("none", known, what="options:")
            faults.append(Fault(override.key_or_group, "is a group, and cannot be null", remedy))
        elif isinstance(value, dict):
            remedy = f"choose an option and set keys one by one: {override.key_or_group}.KEY=VALUE"
            faults.append(Fault(override.key_or_group, "is a group, and cannot be given a mapping", remedy))
        elif value is not None and str(value) not in known and str(value) not in options(override.key_or_group):
            faults.append(Fault(override.key_or_group, f"has no option {str(value)!r}", choices(str(value), known)))
    return faults
