"""Which calls belong to which records of a store: whoever takes records over takes over what they took, and no more."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator

import orjson

from personaloom.llm.types import Purpose

__all__ = ["calls_of"]

_QUERIES = {str(Purpose.STYLE_TRANSFER), str(Purpose.INFER_CONTEXT)}
_NOISE = {str(Purpose.EXTRACT_SEMANTICS), str(Purpose.GENERATE_NOISE), str(Purpose.VERIFY_NOISE)}
_ALL_CALLS = """
SELECT persona, slot, call, record, slot < 0 AND id < COALESCE(
    (SELECT MIN(other.id) FROM source.calls AS other WHERE other.persona = calls.persona AND other.slot >= 0),
    9223372036854775807)
FROM source.calls AS calls ORDER BY id
"""
"""The last column: whether it was made before the persona's first query, so for the persona and not for a query."""


def calls_of(connection: sqlite3.Connection, tables: Collection[str]) -> Iterator[tuple[int, int, str, bytes]]:
    """The calls that records of another dataset took, as they stand in one that did not pay for them.

    A judge's calls are not among them, as its scores are never taken over.

    Args:
        connection: with the other store attached as ``source``.
        tables: of the records.

    Yields:
        Persona, slot, the call's name, its record.
    """
    # Noise beside conversations has a table of its own; noise in them is theirs.
    beside = connection.execute("SELECT EXISTS (SELECT 1 FROM source.noise)").fetchone()[0]
    for persona, slot, name, record, early in connection.execute(_ALL_CALLS).fetchall():
        call = orjson.loads(record)
        if call["module"] != Purpose.JUDGE.module and _table(call["operation"], early, beside) in tables:
            call["metadata"]["paid"] = False
            yield persona, slot, name, orjson.dumps(call)


def _table(operation: str, early: bool, beside: bool) -> str:
    """The records that a call was made for."""
    if operation == Purpose.FORMULATE_PROMPT and early:
        return "prompts"
    if operation in _QUERIES:
        return "queries"
    return "noise" if operation in _NOISE and beside else "interactions"
