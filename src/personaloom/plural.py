"""Counts in sentences: one persona, two personas."""

from __future__ import annotations

__all__ = ["many"]


def many(count: int, one: str, several: str = "") -> str:
    """``1 query``, ``2,000 queries``.

    Args:
        count: how many.
        one: the singular.
        several: the plural; ``one`` with an s where it is not given.
    """
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"
