"""What a small model's replies are held to while they are written, beyond the schema that every model gets.

llama.cpp turns a JSON schema into a grammar that no reply can leave. So a text that may not grow without end, a label
that has to be one of a list, and a person who may not be satisfied yet cost no second try. Every reply to the tighter
schema meets the schema that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from personaloom.llm.types import LLMRequest, Purpose

__all__ = ["held"]

QUESTION = (
    r"^((Thanks|Thank you|Ok|Hm|Good|Sorry)[^.?!\n]{0,60}[.!] )?"
    r"(What|How|Why|Which|Who|Where|When|Can you|Could you|Should I|Do I)"
    r"( [^.?!,\n ]{1,20},?){2,18} [^.?!,\n ]{1,20}\?$"
)
"""What a person says next: one question, perhaps with a word on the answer before it. A small model that need not ask
begins to answer, and becomes a second assistant."""
LONGEST = {"name": 24, "value": 60, "reason": 80, "domain": 40, "scenario": 40}
"""Characters of a text property; a small model that goes on beyond them has lost its thread."""
LONGEST_REST = 80
MOST_ITEMS = 3
ROOM = 160
"""Characters that a rewritten message may have beyond the one it is made of."""
SHORTEST_REWRITE = 60
LONGEST_REWRITE = 600
REWRITES = {Purpose.STYLE_TRANSFER: ("adapted_query", "query"), Purpose.GENERATE_NOISE: ("noisy_text", "text")}
"""Purpose to the property that holds a rewritten message, and to the fact that holds the message."""
LABELS = {"domain": "domains", "scenario": "scenarios"}


def held(request: LLMRequest) -> LLMRequest:
    """The same request with its schema tightened; one without a schema as it is."""
    if request.schema is None:
        return request
    return replace(request, schema=_tight(request.schema, "", request))


def _tight(schema: Mapping[str, Any], name: str, request: LLMRequest) -> dict[str, Any]:
    kind = schema.get("type")
    if kind == "object":
        parts = {key: _tight(part, key, request) for key, part in schema.get("properties", {}).items()}
        return {**schema, "properties": parts}
    if kind == "array":
        return {**schema, "items": _tight(schema.get("items", {}), name, request), "maxItems": MOST_ITEMS}
    if kind == "string" and name == "message":
        return {"type": "string", "pattern": QUESTION}
    if kind == "string" and "enum" not in schema:
        known = _labels(request.facts.get(LABELS.get(name, "")))
        return {"type": "string", "enum": known} if known else {**schema, **_bounds(name, request)}
    if name == "satisfied" and request.facts.get("may_end") is False:
        return {"type": "boolean", "const": False}
    return dict(schema)


def _labels(known: Any) -> list[str]:
    """The values a label can have, where the request names some."""
    return list(dict.fromkeys(map(str, known))) if isinstance(known, Sequence) and not isinstance(known, str) else []


def _bounds(name: str, request: LLMRequest) -> dict[str, int]:
    property_name, fact = REWRITES.get(request.key.purpose, ("", ""))
    if name == property_name:
        most = max(SHORTEST_REWRITE, len(str(request.facts.get(fact, ""))) + ROOM)
        return {"maxLength": min(LONGEST_REWRITE, most)}
    return {"maxLength": LONGEST.get(name, LONGEST_REST)}
