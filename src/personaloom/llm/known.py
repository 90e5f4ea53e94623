"""State that can be written down: what a controller knows, as numbers and lists of numbers."""

from __future__ import annotations

from collections import deque
from typing import Any

__all__ = ["Known"]


class Known:
    """Its attributes are numbers, flags, None, deques of pairs, or ``Known`` themselves."""

    def snapshot(self) -> dict[str, Any]:
        """All that it knows, ready for JSON."""
        return {name: _plain(value) for name, value in vars(self).items()}

    def restore(self, known: dict[str, Any]) -> None:
        """Know what a snapshot knew, and nothing else."""
        for name, value in known.items():
            mine = vars(self)[name]
            if isinstance(mine, Known):
                mine.restore(value)
            elif isinstance(mine, deque):
                mine.clear()
                mine.extend(tuple(pair) for pair in value)
            else:
                setattr(self, name, value)


def _plain(value: object) -> Any:
    if isinstance(value, Known):
        return value.snapshot()
    return list(value) if isinstance(value, deque) else value
