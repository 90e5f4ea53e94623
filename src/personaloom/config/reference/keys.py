"""Keys that stand in the reference's file: refused, with the variable to set instead. They are never repeated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from personaloom.config.reference.section import variable_in
from personaloom.config.secrets import secret_faults
from personaloom.errors import Fault, UsageError
from personaloom.llm.endpoints import key_variable

__all__ = ["canonical_provider", "key_faults", "usual_variable"]

_SPELLINGS = {
    "azure_openai": "azure", "azureopenai": "azure", "claude": "anthropic", "google": "gemini", "gcp": "vertex_ai",
    "together": "together_ai", "togetherai": "together_ai", "fireworks": "fireworks_ai", "vllm": "hosted_vllm",
    "lmstudio": "lm_studio", "open_router": "openrouter", "grok": "xai",
}  # fmt: skip
_PLACE = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def canonical_provider(name: Any) -> str:
    """A provider's name as LiteLLM writes it."""
    tidy = str(name).strip().lower().replace("-", "_")
    return _SPELLINGS.get(tidy, tidy)


def usual_variable(provider: str) -> str:
    """The environment variable that a provider's key is usually in."""
    try:
        named, _ = key_variable(f"{provider}/model")
    except UsageError:
        named = None
    return named or f"{re.sub(r'[^A-Z0-9]', '_', provider.upper())}_API_KEY"


def key_faults(content: Mapping[str, Any]) -> list[Fault]:
    """A fault for each literal key, with the variable to export and what to write in its place."""
    faults = []
    for fault in secret_faults(_as_variables(content)):
        variable = usual_variable(_provider_at(content, fault.where))
        last = fault.where.rpartition(".")[2]
        remedy = f"export {variable}=… and write {last}: ${{{variable}}}"
        faults.append(Fault(fault.where, "a literal key stands in the file", remedy))
    return faults


def _as_variables(node: Any) -> Any:
    """The content with ``${NAME}`` in the spelling that is known to be no key."""
    if isinstance(node, Mapping):
        return {key: _as_variables(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_as_variables(value) for value in node]
    name = variable_in(node) if isinstance(node, str) else None
    return f"${{oc.env:{name}}}" if name else node


def _provider_at(content: Mapping[str, Any], where: str) -> str:
    """The provider that the nearest mapping round a place names, else the section's own name."""
    node: Any = content
    provider = where.partition(".")[0]
    for name, index in _PLACE.findall(where):
        if isinstance(node, Mapping) and node.get("provider"):
            provider = str(node["provider"])
        if isinstance(node, Mapping):
            node = node.get(name)
        else:
            node = node[int(index)] if isinstance(node, list) and index and int(index) < len(node) else None
    return canonical_provider(provider if provider != "api" else "openai")
