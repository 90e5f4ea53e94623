"""Sampling settings made to fit the bank: the reference takes them as wishes, here they are kept or refused."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from personaloom.config.reference.draft import Draft
from personaloom.errors import UsageError
from personaloom.personas import PersonaBank

__all__ = ["Settings", "fit_to_bank"]

Settings = dict[str, tuple[Any, str]]
"""Our key below ``sampler`` → value and origin."""

_MIN, _MAX, _REQUIRED = 10, 20, "query_length_pref"
"""What the shipped samplers ask for where nothing is said."""


def fit_to_bank(settings: Settings, bank: str | None, draft: Draft) -> None:
    """Change what the bank cannot give, and say so where the file asked for it.

    Args:
        settings: changed in place.
        bank: the bank's file; None is the shipped bank, which fits.
        draft: for remarks.
    """
    if bank is None:
        return
    with suppress(UsageError):  # a bank that cannot be read is reported when it is built
        _fit(settings, PersonaBank.load(bank), draft)


def _fit(settings: Settings, bank: PersonaBank, draft: Draft) -> None:
    names = bank.names
    if "required_dimensions" not in settings and _REQUIRED not in names:
        settings["required_dimensions"] = ([], f"the bank has no {_REQUIRED}")
    constraints = {dimension.name for dimension in bank.dimensions if dimension.is_constraint}
    _at_most(settings, "min_constraints", len(constraints), f"the bank has {len(constraints)} of them", draft)
    required = set(settings.get("required_dimensions", ([_REQUIRED], ""))[0])
    limit = _number(settings, "max_constraints", len(constraints))
    always = max(min(len(constraints), limit), len(required & constraints)) + len(required - constraints)
    reason = f"{always} dimensions are always set (constraints and required ones)"
    if _number(settings, "max_features", _MAX) < always:
        _replace(settings, "max_features", always, reason, draft)
    most = min(len(names), _number(settings, "max_features", _MAX))
    if _number(settings, "min_features", _MIN) > most:
        _replace(settings, "min_features", most, f"there are {most} at most", draft)


def _number(settings: Settings, key: str, otherwise: int) -> int:
    value = settings.get(key, (otherwise, ""))[0]
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _at_most(settings: Settings, key: str, most: int, reason: str, draft: Draft) -> None:
    if _number(settings, key, 0) > most:
        _replace(settings, key, most, reason, draft)


def _replace(settings: Settings, key: str, value: int, reason: str, draft: Draft) -> None:
    if key in settings:
        given, where = settings[key]
        draft.remarks.append(f"{where}: {key} is {given}, but {reason}: {value} is used")
    settings[key] = (value, reason)
