"""Pydantic's findings in our words: the full key, the value, the choices, the remedy."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from personaloom.config.nearest import choices, nearest
from personaloom.config.secrets import redact
from personaloom.errors import Fault

__all__ = ["explain", "shown"]

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list: [a, b]",
    "dict_type": "a mapping: {a: b}",
    "model_type": "a mapping: {a: b}",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def explain(error: ValidationError, model: type[BaseModel], path: str, elsewhere: Sequence[str] = ()) -> list[Fault]:
    """One fault for each finding.

    Args:
        error: of ``model.model_validate``.
        model: for the keys it knows.
        path: key of the node, ``""`` at the top.
        elsewhere: more keys that exist at the top of the node.
    """
    return [_fault(dict(detail), model, path, elsewhere) for detail in error.errors(include_url=False)]


def _fault(detail: dict[str, Any], model: type[BaseModel], path: str, elsewhere: Sequence[str]) -> Fault:
    loc = [part for part in detail["loc"] if part != "[key]"]
    where = _join(path, loc)
    kind, value = detail["type"], detail.get("input")
    context = detail.get("ctx") or {}
    if kind == "extra_forbidden":
        known = [*_known_keys(model, loc[:-1]), *(elsewhere if len(loc) == 1 else ())]
        return Fault(where, "there is no such key", _rename(path, loc, known))
    if kind == "missing" and any(isinstance(part, int) for part in loc):
        remedy = "name it in each member of a pool: llm.model is not taken for it" if loc[-1] == "model" else "add it"
        return Fault(where, f"is missing from {shown(value)}", remedy)
    if kind == "missing":
        return Fault(where, "is missing", "add it, or put `personaloom` first in the defaults list of your config")
    if kind in {"literal_error", "enum"}:
        known = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        remedy = 'quote it: "off"' if value is False and "off" in known else choices(str(value), known)
        return Fault(where, f"is {shown(value)}", remedy)
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return Fault(where, f"is {shown(value)}, and must be {words} {_limit(context.get(key))}", "")
    if kind in _WANTED:
        return Fault(where, f"is {shown(value)}, and must be {_WANTED[kind]}", "")
    if kind == "string_too_short":
        return Fault(where, "is empty", "give a value, or null where that is allowed")
    if kind == "string_pattern_mismatch":
        return Fault(where, f"is {shown(value)}, {_what_is_wrong(where, str(value))}", _pattern_remedy(where))
    return Fault(where, f"is {shown(value)}: {redact(str(detail['msg']))}", "")


def _limit(number: Any) -> str:
    """In full up to where nobody counts the digits: 100000000 and not 1e+08."""
    return str(int(number)) if isinstance(number, int | float) and number == int(number) else f"{number:g}"


def _what_is_wrong(where: str, value: str) -> str:
    strange = sorted(set(re.findall(r"[^A-Za-z0-9._=+-]", value)))
    if where != "name" or not strange:
        return "which has a form that is not allowed"
    return f"in which {', '.join(map(repr, strange))} cannot stand"


def _pattern_remedy(where: str) -> str:
    if where.endswith("api_key_env"):
        return "give the name of an environment variable, such as OPENAI_API_KEY"
    return (
        "it names folders and addresses on every system: the letters a to z and A to Z, digits, '.', '_', '=', '+' and "
        "'-', at most 100 in all, the first one a letter or digit"
    )


def shown(value: Any) -> str:
    """A value as it may be shown: short, and without keys."""
    text = redact(repr(value))
    return text if len(text) <= 60 else f"{text[:57]}…"


def _join(path: str, loc: Sequence[Any]) -> str:
    text = path
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return redact(text)


def _rename(path: str, loc: Sequence[Any], known: Sequence[str]) -> str:
    near = nearest(str(loc[-1]), known)
    return f"did you mean {_join(path, [*loc[:-1], near])}?" if near else choices(str(loc[-1]), known, what="keys:")


def _known_keys(model: Any, loc: Sequence[Any]) -> list[str]:
    """Keys of the model at a place within a model."""
    current: Any = model
    for part in loc:
        current = _inner(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {info.alias or name: info.annotation for name, info in current.model_fields.items()}
            current = fields.get(str(part))
        else:
            arguments = typing.get_args(current)
            current = arguments[-1] if arguments else None
    current = _inner(current)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [info.alias or name for name, info in current.model_fields.items()]
    return []


def _inner(annotation: Any) -> Any:
    """Without Annotated and Optional."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _inner(typing.get_args(annotation)[0])
    if origin in {typing.Union, types.UnionType}:
        return _inner(next(arg for arg in typing.get_args(annotation) if arg is not type(None)))
    return annotation


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one: checks look at well-formed parts only."""
    return value if isinstance(value, Mapping) else {}
