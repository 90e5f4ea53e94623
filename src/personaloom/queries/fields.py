"""From one row of a user's file to a query: which field holds the text, which the id, which the metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["ACCEPTED", "TEXT_NAMES", "BadRowError", "read_query"]

TEXT_NAMES = (
    "text",
    "query",
    "question",
    "prompt",
    "instruction",
    "messages",
    "conversations",
    "conversation",
)
"""Fields that may hold the query, the strongest first; names are compared without case."""

ACCEPTED = "text, query, question, prompt, instruction (+ input), messages or conversations (first user turn)"

_DEEPEST = 50
"""Levels of metadata: every record holds it some levels further down, and JSON writers stop at about 250."""

_ID_NAMES = ("query_id", "id")
_METADATA_NAMES = ("source", "category", "domain", "difficulty", "language", "topic", "task")
_USER_ROLES = frozenset({"user", "human"})


class BadRowError(ValueError):
    """A row that holds no usable query; the message says why."""


def read_query(row: Any) -> tuple[str, dict[str, Any], str | None]:
    """The text (stripped), the metadata and the given id (or None) of one row.

    A row is a text, or an object with one of ``TEXT_NAMES``. Metadata is the row's ``metadata`` object with the common
    top-level fields (``source``, ``category`` …) beside it; other fields, such as answers, are left behind.

    Raises:
        BadRowError: no accepted field, or one that holds no text.
    """
    if isinstance(row, str):
        return _checked(row, "the row"), {}, None
    if not isinstance(row, Mapping):
        raise BadRowError(f"an object with a query is expected, not {_kind(row)}")
    fields = {str(name).strip().lower(): value for name, value in row.items() if value is not None}
    present = [name for name in TEXT_NAMES if name in fields]
    if not present:
        raise BadRowError(f"no field with a query (fields: {', '.join(map(str, row)) or 'none'})")
    name = next((name for name in present if fields[name] not in ("", [])), present[0])
    text = _checked(_text_of(fields[name], name), f"'{name}'")
    extra = fields.get("input")
    if name == "instruction" and isinstance(extra, str) and extra.strip():
        text = _checked(f"{text}\n\n{extra}", "'input'")
    return text, _metadata(fields), _given_id(fields)


def _checked(text: str, where: str) -> str:
    stripped = text.strip()
    if not stripped:
        raise BadRowError(f"{where} is empty")
    if "\0" in stripped:
        raise BadRowError(f"{where} holds a NUL character")
    return stripped


def _text_of(value: Any, name: str) -> str:
    if isinstance(value, str) and not name.startswith(("messages", "conversation")):
        return value
    if isinstance(value, str):
        value = _decoded(value, name)
    if isinstance(value, list):
        return _first_user_turn(value, name)
    raise BadRowError(f"'{name}' is {_kind(value)}, not a text")


def _decoded(value: str, name: str) -> Any:
    """A list of messages written as JSON into a cell of a table."""
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise BadRowError(f"'{name}' is a text, not a list of messages") from None


def _first_user_turn(messages: list[Any], name: str) -> str:
    """Of ``[{role, content}]`` (OpenAI) or ``[{from, value}]`` (ShareGPT)."""
    for message in messages:
        if not isinstance(message, Mapping):
            raise BadRowError(f"'{name}' holds {_kind(message)} where a message (role, content) is expected")
        if str(message.get("role") or message.get("from") or "").lower() in _USER_ROLES:
            return _content(message.get("content", message.get("value")), name)
    raise BadRowError(f"'{name}' has no message of a user (role: user)")


def _content(content: Any, name: str) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):  # content parts: [{type: text, text: …}, {type: image_url, …}]
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "\n".join(part for part in parts if isinstance(part, str))
    raise BadRowError(f"the first user message of '{name}' has {_kind(content)} for content, not a text")


def _metadata(fields: Mapping[str, Any]) -> dict[str, Any]:
    given = fields.get("metadata", {})
    if isinstance(given, str) and given.strip():
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            raise BadRowError("'metadata' is a text that is no JSON object") from None
    if given == "":
        given = {}
    if not isinstance(given, Mapping):
        raise BadRowError(f"'metadata' is {_kind(given)}, not an object")
    if _depth(given) > _DEEPEST:
        raise BadRowError(f"'metadata' is nested more than {_DEEPEST} levels deep")
    beside = {name: fields[name] for name in _METADATA_NAMES if isinstance(fields.get(name), (str, int, float))}
    return {name: value for name, value in beside.items() if value != ""} | {str(k): v for k, v in given.items()}


def _depth(value: Any) -> int:
    """Levels of lists and objects, counted level by level, as far as matters."""
    depth, level = 0, [value]
    while level and depth <= _DEEPEST:
        nested = [each for each in level if isinstance(each, Mapping | list)]
        level = [inner for each in nested for inner in (each.values() if isinstance(each, Mapping) else each)]
        depth += bool(nested)
    return depth


def _given_id(fields: Mapping[str, Any]) -> str | None:
    for name in _ID_NAMES:
        value = fields.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return None


def _kind(value: Any) -> str:
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)
