"""A valid value for a JSON schema, drawn by key: what the simulated model says where it knows nothing better.

Understood: ``type`` (a list too), ``enum``, ``const``, ``properties``, ``required``, ``additionalProperties``,
``minProperties``, ``items``, ``prefixItems``, ``minItems``, ``maxItems``, ``uniqueItems``, ``minLength``,
``maxLength``, ``format``, ``minimum``, ``maximum``, ``exclusiveMinimum``, ``exclusiveMaximum``, ``multipleOf``,
``anyOf``, ``oneOf``, ``allOf``, ``$ref`` into the schema, ``default`` and ``examples``. ``pattern``, ``not`` and
conditions are not read: a value may break them, and validation then says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from personaloom.text.wording import Dice

__all__ = ["fitted", "made_up"]

_WORDS = (
    "clear", "plain", "steady", "brief", "useful", "careful", "general", "simple", "early", "quiet", "open", "common",
    "direct", "gentle", "sound", "likely", "partial", "fair", "main", "first", "second", "later", "whole", "local",
    "recent", "broad", "narrow", "shared", "given", "typical", "usual", "near",
)  # fmt: skip
_FORMATS = {
    "date": "2024-0{a}-1{b}",
    "date-time": "2024-0{a}-1{b}T0{b}:00:00Z",
    "time": "0{b}:1{a}:00Z",
    "email": "person{a}{b}@example.org",
    "uri": "https://example.org/{a}{b}",
    "url": "https://example.org/{a}{b}",
    "uuid": "00000000-0000-4000-8000-0000000000{a}{b}",
    "ipv4": "192.0.2.{a}{b}",
    "hostname": "host{a}{b}.example.org",
}
_DEPTH = 12  # a recursive schema is closed off by its optional parts below this

Schema = Mapping[str, Any]


def made_up(schema: Schema | bool, dice: Dice) -> Any:
    """A value that meets the schema, as far as it is understood (see the module)."""
    return _Maker(schema if isinstance(schema, Mapping) else {}, dice).value(schema, 0)


def fitted(value: Any, schema: Schema, dice: Dice) -> Any:
    """An object in the shape of a schema: properties it does not have are left out, missing ones are made up."""
    properties = schema.get("properties")
    if not isinstance(value, Mapping) or not isinstance(properties, Mapping):
        return value
    maker = _Maker(schema, dice)
    open_end = schema.get("additionalProperties", True) is not False
    out = {name: part for name, part in value.items() if name in properties or open_end}
    for name in schema.get("required", ()):
        if name not in out:
            out[name] = maker.value(properties.get(name, {}), 1)
    return {name: _chosen(part, properties.get(name), maker) for name, part in out.items()}


def _chosen(value: Any, schema: Any, maker: _Maker) -> Any:
    """The value, unless the schema lists others."""
    choices = schema.get("enum") if isinstance(schema, Mapping) else None
    return value if choices is None or value in choices else maker.dice.pick(choices)


class _Maker:
    def __init__(self, root: Schema, dice: Dice) -> None:
        self.root = root
        self.dice = dice

    def value(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, Mapping):
            return self._text({})
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self.dice.pick(schema["enum"])
        for word in ("anyOf", "oneOf"):
            if schema.get(word):
                base = {k: v for k, v in schema.items() if k != word}
                return self.value(_merged(base, self._resolved(self._branch(schema[word], depth))), depth)
        kind = schema.get("type") or _implied(schema)
        if isinstance(kind, Sequence) and not isinstance(kind, str):
            kind = "null" if depth > _DEPTH and "null" in kind else self.dice.pick(list(kind))
        return self._typed(str(kind), schema, depth)

    def _typed(self, kind: str, schema: Schema, depth: int) -> Any:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer":
                return self._integer(schema)
            case "number":
                return self._number(schema)
            case "boolean":
                return self.dice.percent(70)
            case "null":
                return None
            case _:
                return self._text(schema)

    def _branch(self, branches: Sequence[Any], depth: int) -> Any:
        """One of the alternatives; deep inside, the simplest, so that recursion ends."""
        if depth <= _DEPTH:
            return self.dice.pick(list(branches))
        return min(branches, key=lambda b: len(str(self._resolved(b) if isinstance(b, Mapping) else b)))

    def _resolved(self, given: Any) -> Schema:
        """Without ``$ref`` and ``allOf``."""
        schema: Schema = given if isinstance(given, Mapping) else {}
        seen = 0
        while "$ref" in schema and seen < 20:
            target: Any = self.root
            for part in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
                if part:
                    target = target[part.replace("~1", "/").replace("~0", "~")]
            schema = _merged({k: v for k, v in schema.items() if k != "$ref"}, target)
            seen += 1
        for part in schema.get("allOf", ()):
            schema = _merged({k: v for k, v in schema.items() if k != "allOf"}, self._resolved(part))
        return schema

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = list(schema.get("required", ()))
        properties = schema.get("properties", {})
        optional = [name for name in properties if name not in required and depth < 4 and self.dice.percent(60)]
        out = {n: self.value(properties.get(n, _more(schema)), depth + 1) for n in (*required, *optional)}
        for name in properties:
            if len(out) >= schema.get("minProperties", 0):
                break
            out.setdefault(name, self.value(properties[name], depth + 1))
        free = 0
        while len(out) < schema.get("minProperties", 0) and _more(schema) is not None:
            out[f"key_{free}"] = self.value(_more(schema), depth + 1)
            free += 1
        return out

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        usual = 0 if depth > 4 else self.dice.between(1, 3)
        size = min(max(least, usual), schema.get("maxItems", max(least, usual)))
        fixed = list(schema.get("prefixItems", ()))
        rest = schema.get("items", {})
        size = min(size, len(fixed)) if rest is False else size
        out: list[Any] = []
        for _ in range(size * 20 if schema.get("uniqueItems") else size):
            if len(out) == size:
                break
            item = self.value(fixed[len(out)] if len(out) < len(fixed) else rest, depth + 1)
            if not schema.get("uniqueItems") or item not in out:
                out.append(item)
        return out

    def _bounds(self, schema: Schema) -> tuple[float, float]:
        low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
        high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
        if low == -math.inf and high == math.inf:
            low, high = 1, 5
        elif high == math.inf:
            high = low + 10 * abs(schema.get("multipleOf", 1))
        elif low == -math.inf:
            low = high - 10 * abs(schema.get("multipleOf", 1))
        return low, high

    def _integer(self, schema: Schema) -> int:
        low, high = self._bounds(schema)
        first, last = math.ceil(low), math.floor(high)
        first += first == schema.get("exclusiveMinimum")
        last -= last == schema.get("exclusiveMaximum")
        step = schema.get("multipleOf", 1)
        if step != 1:
            lowest, highest = math.ceil(first / step), math.floor(last / step)
            return int(self.dice.between(lowest, max(lowest, highest)) * step)
        return self._score(first, max(first, last))

    def _score(self, low: int, high: int) -> int:
        """Like a judge: rather in the upper half, the ends now and then."""
        span = high - low
        drawn = sum(self.dice.below(101) for _ in range(2)) * span
        return low + min(span, (drawn + 20 * span + 110) // 220)

    def _number(self, schema: Schema) -> float:
        low, high = self._bounds(schema)
        if "multipleOf" in schema:
            step = schema["multipleOf"]
            lowest, highest = math.ceil(low / step), math.floor(high / step)
            lowest += "exclusiveMinimum" in schema and lowest * step <= schema["exclusiveMinimum"]
            highest -= "exclusiveMaximum" in schema and highest * step >= schema["exclusiveMaximum"]
            return float(self.dice.between(lowest, max(lowest, highest)) * step)
        return float(min(high, max(low, low + (high - low) * self.dice.between(1, 999) / 1000)))

    def _text(self, schema: Schema) -> str:
        pattern = _FORMATS.get(str(schema.get("format")))
        if pattern:
            return pattern.format(a=self.dice.between(1, 9), b=self.dice.between(0, 9))
        least, most = schema.get("minLength", 0), schema.get("maxLength", 10**6)
        text = " ".join(self.dice.some(_WORDS, self.dice.between(2, 5)))
        while len(text) < least:
            text += " " + self.dice.pick(_WORDS)
        text = text[: int(most)]
        return text if len(text.strip()) >= least else text.strip().ljust(int(least), "x")


def _more(schema: Schema) -> Any:
    """The schema of properties that are not named, or None where there may be none."""
    extra = schema.get("additionalProperties", True)
    return None if extra is False else ({} if extra is True else extra)


def _implied(schema: Schema) -> str:
    """The type that a schema without one means."""
    if {"properties", "required", "additionalProperties"} & schema.keys():
        return "object"
    if {"items", "prefixItems", "minItems"} & schema.keys():
        return "array"
    if {"minimum", "maximum", "multipleOf"} & schema.keys():
        return "number"
    return "string"


def _merged(base: Schema, other: Any) -> Schema:
    """Both schemas at once: properties and required names are united, bounds tightened."""
    if not isinstance(other, Mapping):
        return base
    out = {**base, **other}
    if "properties" in base and "properties" in other:
        out["properties"] = {**base["properties"], **other["properties"]}
    if "required" in base and "required" in other:
        out["required"] = list(dict.fromkeys([*base["required"], *other["required"]]))
    for word in ("minimum", "minLength", "minItems", "exclusiveMinimum", "minProperties"):
        if word in base and word in other:
            out[word] = max(base[word], other[word])
    for word in ("maximum", "maxLength", "maxItems", "exclusiveMaximum"):
        if word in base and word in other:
            out[word] = min(base[word], other[word])
    return out
