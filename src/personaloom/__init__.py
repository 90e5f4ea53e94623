"""PersonaLoom: persona-driven synthetic dialogue datasets from composed configs.

The names below are imported when they are first used, so that ``import personaloom`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "EnhancedPersonaGenerationPipeline": "personaloom.api",
    "PersonaGenerationPipeline": "personaloom.api",
    "TokenTracker": "personaloom.llm.usage",
    "LLMClient": "personaloom.llm.client",
    "PersonaBank": "personaloom.personas",
    "PersonaSampler": "personaloom.personas",
    "PersonaSpec": "personaloom.records",
    "UserQueryGenerator": "personaloom.queries",
    "InteractionGenerator": "personaloom.dialogue",
    "DistractorModel": "personaloom.distractor",
    "TrainingDataCollector": "personaloom.training",
    "TrainingDataExporter": "personaloom.training",
    "PersonaLoomError": "personaloom.errors",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'personaloom' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
