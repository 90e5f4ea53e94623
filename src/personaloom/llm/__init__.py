"""Model calls: the client and everything it is made of.

Imported when first used: a config that names one of these classes does not pay for the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "CallKey": "types",
    "ChatClient": "types",
    "ChatMessage": "types",
    "DeploymentSpec": "client",
    "LLMClient": "client",
    "LLMReply": "types",
    "LLMRequest": "types",
    "Ledger": "ledger",
    "LedgerMode": "ledger",
    "PromptLibrary": "prompts",
    "Purpose": "types",
    "RetryPolicy": "retry",
    "Role": "types",
    "Sampling": "types",
    "SimulatedModel": "simulated",
    "TokenTracker": "usage",
    "Usage": "types",
    "connect": "connection",
    "connect_local": "local",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'personaloom.llm' has no attribute {name!r}")
    return getattr(import_module(f"personaloom.llm.{_WHERE[name]}"), name)
