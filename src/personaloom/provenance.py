"""What a manifest says of where a dataset comes from: models, prompts, queries, config, versions."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from personaloom.dataset import Dataset
from personaloom.llm.calls import models_listed
from personaloom.llm.usage import TokenTracker

__all__ = ["provenance"]

_UNTRACKED = {"kind": "none", "uri": None, "experiment": None, "run_id": None, "error": None}
_NO_SWEEP: dict[str, Any] = {"id": None, "job": None, "overrides": []}
_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")


def provenance(dataset: Dataset, usage: TokenTracker, count: int, tracked: Mapping[str, Any] | None) -> dict[str, Any]:
    """Entries of the manifest.

    Args:
        dataset: which.
        usage: of all calls of the dataset.
        count: of its personas.
        tracked: the run that an earlier writing of the manifest names, or None.
    """
    parts = dataset.parts
    queries = parts.query_generator.queries
    models = models_listed(parts.roles, usage.snapshots)
    return {
        "models": models,
        "mixed_snapshots": any(len(model["snapshots"]) > 1 for model in models),
        "prompts": {
            name: {"version": use.version, "sha256": use.sha256} for name, use in sorted(parts.prompts.uses.items())
        },
        "queries": {
            "source": str(queries.source),
            "sha256": queries.sha256,
            "size": len(queries),
            "passes": parts.query_generator.passes(count),
        },
        "tracking": tracked or _UNTRACKED,
        "sweep": _NO_SWEEP | {name: value for name, value in parts.sweep.items() if name != "datasets"},
        "config": _config(dataset),
        "versions": _versions(dataset),
        "unused_keys": _unused_keys() if dataset.simulated else [],
    }


def _config(dataset: Dataset) -> dict[str, Any]:
    """What the dataset was made with; the folder that it goes on from stands in it by its own name."""
    config, origin = dict(dataset.parts.config), dataset.origin
    if dataset.alone:  # the rest was not used
        return {name: config[name] for name in ("name", "output_dir", "training_data", "quality") if name in config}
    return config if origin is None else {**config, "start_from": str(origin.folder)}


def _versions(dataset: Dataset) -> dict[str, str]:
    versions = {
        "personaloom": metadata.version("personaloom"),
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
    }
    for specs in dataset.parts.roles.values():
        for spec in specs:
            if spec.client.deployment.simulated:
                versions["simulator"] = str(getattr(spec.client, "version", ""))
    return versions


def _unused_keys() -> list[str]:
    """Names of provider keys that are set in the environment and were not used: the text is simulated."""
    return [name for name in _KEYS if os.environ.get(name)]
