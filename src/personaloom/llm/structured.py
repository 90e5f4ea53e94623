"""Replies that must meet a JSON schema: read, validated by pydantic's core, repaired once.

A schema is compiled to a ``pydantic_core`` validator and kept. Reading goes in three steps: the text as it is; then the
first JSON object in it (out of a code fence, out of prose); then one deterministic repair (trailing commas, single
quotes, Python's literals, missing closing brackets) read leniently (``"true"`` for a boolean, 5 for a text, unknown
properties dropped). What does not pass then is a ``MalformedReplyError``.

Understood of JSON Schema: ``type`` (also a list with null), ``properties``, ``required``, ``additionalProperties``,
``items``, ``minItems``, ``maxItems``, ``minLength``, ``maxLength``, ``minimum``, ``maximum``, ``enum``, ``const``,
``anyOf``. Anything else is passed to the provider and not judged here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from personaloom.errors import MalformedReplyError

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

__all__ = ["find_object", "is_strict", "parse_structured", "repair", "schema_instruction", "without_thinking"]

_FENCE = re.compile(r"```[a-zA-Z0-9_-]*\s*\n?(.*?)```", re.DOTALL)
# What JSON, or almost-JSON, has behind a string. A quoted word in prose is followed by prose.
_AFTER_STRING = re.compile(
    r"""\n|\s*(?:$|[:}\]]|,\s*(?:$|["'“{\[\]}\-\d]|(?:true|false|null|True|False|None)\b|\w+\s*:))"""
)
_BARE_LITERAL = {"True": "true", "False": "false", "None": "null", "NaN": "null", "undefined": "null"}
_MAX_REPAIR = 200_000  # characters: a reply beyond that is no reply worth mending


def parse_structured(text: str, schema: Mapping[str, Any]) -> Any:
    """The validated object in a model's reply.

    Raises:
        MalformedReplyError: nothing in the text meets the schema, even after one repair.
    """
    compiled = orjson.dumps(schema)
    strict = _validator(compiled, lenient=False)
    from pydantic_core import ValidationError  # noqa: PLC0415 - only runs that ask for structure pay for the import

    try:
        return strict.validate_json(text)
    except ValidationError:
        pass
    found = find_object(text)
    if found is not None and found != text:
        try:
            return strict.validate_json(found)
        except ValidationError:
            pass
    try:
        return _validator(compiled, lenient=True).validate_python(repair(text, schema))
    except ValidationError as error:
        raise MalformedReplyError(
            f"the reply does not meet the schema: {_first(error)}; it begins {text[:80]!r}"
        ) from None
    except ValueError as error:
        raise MalformedReplyError(
            f"the reply holds no JSON that could be read ({error}); it begins {text[:80]!r}"
        ) from None


def _first(error: Any) -> str:
    """The first fault of a validation, in words, without the text that was judged."""
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc'])) or 'the reply'}: {fault['msg']}"


@lru_cache(maxsize=512)
def _validator(schema: bytes, *, lenient: bool) -> SchemaValidator:
    from pydantic_core import SchemaValidator  # noqa: PLC0415 - see parse_structured

    return SchemaValidator(_core(orjson.loads(schema), lenient=lenient))


def _core(schema: Mapping[str, Any], *, lenient: bool) -> Any:
    """The pydantic core schema that judges what a JSON schema describes."""
    from pydantic_core import core_schema as core  # noqa: PLC0415 - see parse_structured

    if "enum" in schema or "const" in schema:
        return core.literal_schema(list(schema.get("enum", [schema.get("const")])))
    if "anyOf" in schema:
        return core.union_schema([_core(choice, lenient=lenient) for choice in schema["anyOf"]])
    kind = schema.get("type")
    if isinstance(kind, list):
        return core.union_schema([_core({**schema, "type": one}, lenient=lenient) for one in kind])
    strict = not lenient
    bounds = {"ge": schema.get("minimum"), "le": schema.get("maximum")}
    match kind:
        case "object":
            return _object(schema, lenient=lenient)
        case "array":
            items = _core(schema["items"], lenient=lenient) if "items" in schema else core.any_schema()
            return core.list_schema(
                items, strict=strict, min_length=schema.get("minItems"), max_length=schema.get("maxItems")
            )
        case "string":
            return core.str_schema(
                strict=strict, min_length=schema.get("minLength"), max_length=schema.get("maxLength"),
                coerce_numbers_to_str=lenient,
            )  # fmt: skip
        case "integer":
            return core.int_schema(strict=strict, **bounds)
        case "number":
            return core.float_schema(strict=strict, allow_inf_nan=False, **bounds)
        case "boolean":
            return core.bool_schema(strict=strict)
        case "null":
            return core.none_schema()
        case _:
            return core.any_schema()


def _object(schema: Mapping[str, Any], *, lenient: bool) -> Any:
    from pydantic_core import core_schema as core  # noqa: PLC0415 - see parse_structured

    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties", True)
    if not properties and isinstance(extra, Mapping):
        return core.dict_schema(core.str_schema(), _core(extra, lenient=lenient))
    required = set(schema.get("required", ()))
    fields = {
        name: core.typed_dict_field(_core(inner, lenient=lenient), required=name in required)
        for name, inner in properties.items()
    }
    surplus = ("ignore" if lenient else "forbid") if extra is False else "allow"
    return core.typed_dict_schema(fields, extra_behavior=surplus)  # type: ignore[arg-type]  # one of its literals


def without_thinking(text: str) -> str:
    """The text behind a ``<think>…</think>`` that a server left in; ``""`` where the thinking never ends."""
    stripped = text.strip()
    if not stripped.startswith("<think>"):
        return stripped
    return stripped.partition("</think>")[2].strip()


def find_object(text: str) -> str | None:
    """The first balanced JSON object or array: inside a code fence, else anywhere in the text."""
    fenced = _FENCE.search(text)
    for part in (fenced.group(1), text) if fenced else (text,):
        for start in re.finditer(r"[{\[]", part):
            end = _balanced(part, start.start())
            if end is not None:
                return part[start.start() : end]
            break  # what opens first and never closes is what repair is for
    return None


def _balanced(text: str, start: int) -> int | None:
    """Where the bracket that opens at ``start`` closes (one past it), skipping strings."""
    depth, position, quoted = 0, start, False
    while position < len(text):
        sign = text[position]
        if quoted:
            if sign == "\\":
                position += 1
            elif sign == '"':
                quoted = False
        elif sign == '"':
            quoted = True
        elif sign in "{[":
            depth += 1
        elif sign in "}]":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return None


def repair(text: str, schema: Mapping[str, Any]) -> Any:
    """One deterministic attempt to read almost-JSON.

    A schema with a single text property takes plain prose for its value only if the text has no bracket at all and is
    a JSON string; anything else has to be an object.

    Raises:
        ValueError: there is nothing to read, or it is still no JSON.
    """
    fenced = _FENCE.search(text)
    body = fenced.group(1) if fenced else text
    opening = "[" if schema.get("type") == "array" else "{"
    start = body.find(opening)
    if start < 0:
        raise ValueError(f"no {opening!r} in it")
    if len(body) - start > _MAX_REPAIR:
        raise ValueError("too long to repair")
    mended = _mend(body[start:])
    try:
        data = orjson.loads(mended)
    except orjson.JSONDecodeError as error:
        raise ValueError(str(error)) from None
    return _unwrap(data, schema)


def _unwrap(data: Any, schema: Mapping[str, Any]) -> Any:
    """Out of a wrapper such as ``{"reply": {…}}`` or the schema's own ``{"properties": {…}}``."""
    wanted = set(schema.get("required", ()))
    if isinstance(data, dict) and len(data) == 1 and wanted and not wanted & data.keys():
        inner = next(iter(data.values()))
        if isinstance(inner, dict) and wanted <= inner.keys():
            return inner
    return data


def _mend(text: str) -> str:
    """Rewrite almost-JSON token by token: quotes, literals, commas, line breaks in strings, missing closers."""
    out: list[str] = []
    open_brackets: list[str] = []
    position, size = 0, len(text)
    while position < size:
        sign = text[position]
        if sign in "\"'“”":
            piece, position = _string(text, position)
            out.append(piece)
            continue
        if sign in "{[":
            open_brackets.append("}" if sign == "{" else "]")
        elif sign in "}]":
            _drop_comma(out)
            while open_brackets and open_brackets[-1] != sign:
                out.append(open_brackets.pop())
            if not open_brackets:
                break
            open_brackets.pop()
            out.append(sign)
            position += 1
            if not open_brackets:
                break
            continue
        elif sign.isalpha() or sign == "_":
            word = re.match(r"\w+", text[position:]).group()  # type: ignore[union-attr]  # it starts with a letter
            position += len(word)
            out.append(_word(word, text[position:]))
            continue
        elif text.startswith("//", position):
            position = text.find("\n", position) if "\n" in text[position:] else size
            continue
        out.append(sign)
        position += 1
    while out and out[-1].strip() in {"", ":"}:  # a cut-off pair has no value to keep
        if out.pop().strip() == ":":
            while out and not out[-1].startswith('"'):
                out.pop()
            if out:
                out.pop()
    _drop_comma(out)
    return "".join(out) + "".join(reversed(open_brackets))


def _word(word: str, rest: str) -> str:
    """A bare word: a literal, or a property name without quotes."""
    if rest.lstrip().startswith(":"):
        return f'"{word}"'
    return _BARE_LITERAL.get(word, word)


def _string(text: str, start: int) -> tuple[str, int]:
    """A string as JSON writes it, and where the text goes on; one that never ends is closed at the end."""
    quote = text[start]
    closers = "“”" if quote in "“”" else quote
    content: list[str] = []
    position = start + 1
    while position < len(text):
        sign = text[position]
        if sign == "\\" and position + 1 < len(text):
            pair = text[position : position + 2]
            content.append("'" if pair == "\\'" else pair)
            position += 2
            continue
        if sign in closers and _closes(text, position):
            return f'"{"".join(content)}"', position + 1
        content.append({'"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": ""}.get(sign, sign))
        position += 1
    return f'"{"".join(content)}"', position


def _closes(text: str, position: int) -> bool:
    """Whether this quote ends the string: an apostrophe does not, nor an unescaped quote round a word."""
    return _AFTER_STRING.match(text, position + 1) is not None


def _drop_comma(out: list[str]) -> None:
    while out and out[-1].strip() in {"", ","}:
        out.pop()


@lru_cache(maxsize=512)
def _instruction(schema: bytes) -> str:
    return (
        "Reply with one JSON object and nothing else: no prose before or after it, no code fence. "
        f"It must meet this JSON schema:\n{schema.decode()}"
    )


def schema_instruction(schema: Mapping[str, Any]) -> str:
    """What is put into the system message of a model that takes no schema of its own."""
    return _instruction(orjson.dumps(schema))


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether the schema meets the rules of strict mode: every object closed, every property required."""
    return _is_strict(orjson.dumps(schema))


@lru_cache(maxsize=512)
def _is_strict(schema: bytes) -> bool:
    def closed(part: Any) -> bool:
        if isinstance(part, list):
            return all(map(closed, part))
        if not isinstance(part, dict):
            return True
        if part.get("type") == "object" and (
            part.get("additionalProperties") is not False
            or set(part.get("required", ())) != set(part.get("properties", ()))
        ):
            return False
        return all(map(closed, part.values()))

    return closed(orjson.loads(schema))
