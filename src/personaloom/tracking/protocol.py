"""What the tracking worker and its child say to each other: one JSON object a line, in each direction.

Request: ``{"id": 3, "verb": "log", "store": {...}, "args": {...}}``. Every request carries its store, so that a child
that was restarted needs to be told nothing twice.

Reply: ``{"id": 3, "ok": true, "result": {...}}`` or ``{"id": 3, "ok": false, "error": "…"}``. One reply a request, in
the order of the requests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["VERBS", "decode", "encode"]

VERBS = ("prepare", "start_run", "log", "log_comparison", "end")


def encode(message: Mapping[str, Any]) -> str:
    """One line, ASCII only, so that no encoding of a pipe can break it."""
    return json.dumps(message, ensure_ascii=True, separators=(",", ":"), default=str) + "\n"


def decode(line: str) -> dict[str, Any]:
    """Read one line.

    Raises:
        ValueError: the line is not a JSON object.
    """
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"not an object: {line[:80]!r}")  # noqa: TRY004 - of a piece with JSONDecodeError
    return message
