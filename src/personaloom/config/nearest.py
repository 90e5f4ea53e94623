"""Remedies for names that do not exist: the nearest one that does, or all of them where they are few."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["choices", "nearest"]

_FEW = 12


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one, or None where none is alike."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def choices(name: str, known: Iterable[str], *, what: str = "choose from") -> str:
    """``did you mean X? (choose from …)``: the nearest name, and all of them where they are few or none is near."""
    names = sorted(set(known))
    near = nearest(name, names)
    listing = f"{what} {', '.join(names)}" if names else ""
    if near is None:
        return listing
    return f"did you mean {near}?" + (f" ({listing})" if len(names) <= _FEW else "")
