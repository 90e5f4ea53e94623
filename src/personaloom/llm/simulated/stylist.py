"""Rewrites and inferred contexts of queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from personaloom.keyed import Key
from personaloom.text.style import restyle
from personaloom.text.topics import guess_domain, guess_scenario

__all__ = ["context", "rewrite"]


def context(facts: Mapping[str, Any], key: Key) -> dict[str, Any]:
    """``{domain, scenario}`` of a query."""
    query = str(facts.get("query", ""))
    return {
        "domain": guess_domain(query, [str(d) for d in facts.get("domains") or ()], key),
        "scenario": guess_scenario(query, [str(s) for s in facts.get("scenarios") or ()], key),
    }


def rewrite(facts: Mapping[str, Any], key: Key) -> dict[str, Any]:
    """``{adapted_query, domain, scenario}``: the query as this persona would ask it."""
    mode = str(facts.get("mode") or "whole")
    text = restyle(str(facts.get("query", "")), facts.get("features") or {}, key.child("restyle"), mode)
    return {"adapted_query": text} | context(facts, key)
