"""What a small model's replies are held to while they are written, beyond the schema that every model gets.

llama.cpp turns a JSON schema into a grammar that no reply can leave. So a text that may not grow without end, a label
that has to be one of a list, and a person who may not be satisfied yet cost no second try. Every reply to the tighter
schema meets the schema that was asked for. A person's note has no schema; its grammar is one sentence for each trait,
which ends in the trait's value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from personaloom.llm.types import LLMRequest, Purpose

__all__ = ["VERSION", "held", "note_grammar"]

VERSION = "tight-1"
"""Part of the fingerprint: raised whenever the same call would be held to something else."""

QUESTION = (
    r"^((Thanks|Thank you|Ok|Hm|Good|Sorry)[^.?!\n]{0,60}[.!] )?"
    r"(What|How|Why|Which|Who|Where|When|Can you|Could you|Should I|Do I)"
    r"( ([^.?!,\n ]{1,20}|[0-9]{1,3},[0-9]{3}),?){2,30} ([^.?!,\n ]{1,20}|[0-9]{1,3},[0-9]{3})\?$"
)
"""What a person says next: one question, perhaps with a word on the answer before it. A small model that need not ask
begins to answer, and becomes a second assistant."""
FRAMES = {
    "role": ("You are a ", "You are an "),
    "age_band": ("You are ",),
    "scenario": ("You are ", "Right now you are "),
    "region": ("You live in ",),
    "domain": ("Your questions are about ",),
    "tone_pref": ("Your tone is ",),
    "formality_level": ("Your messages are ", "Your style is "),
    "query_length_pref": ("You write messages of ",),
    "length_pref": ("You want answers of ",),
}
"""The model chooses the beginning, and the trait's value follows. Left to itself it loses its thread: of twelve
personas seven had no usable note after five tries each."""
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


def note_grammar(request: LLMRequest) -> str | None:
    """The grammar (GBNF) of a person's note, or None where the call is for something else."""
    features = request.facts.get("features")
    if request.key.purpose is not Purpose.FORMULATE_PROMPT or not isinstance(features, Mapping) or not features:
        return None
    sentences = [
        f"({' | '.join(map(_literal, _frames(name)))}) {_literal(' '.join(str(value).split()))}"
        for name, value in features.items()
    ]
    glue = ' ". " '.join(sentences)
    return f'root ::= {glue} "."'


def _frames(name: str) -> tuple[str, ...]:
    """How a sentence on a trait may begin: as people say it where the trait is a common one, else with its name."""
    return FRAMES.get(name) or (f"Your {_in_words(name)}: ",)


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _in_words(name: str) -> str:
    return str(name).removesuffix("_pref").replace("_", " ")


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
