"""Which jobs of a sweep would write to one dataset folder, known before any of them starts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from personaloom.errors import Fault

__all__ = ["data_shape", "shared_folders"]

_OUTSIDE = frozenset(
    {"num_personas", "stages", "reset", "generate_prompts", "export_path", "experiment_name", "quality", "tracking",
     "engine", "executor", "ledger", "seed"}
)  # fmt: skip
_OUTSIDE_OF_GROUP: Mapping[str, frozenset[str]] = {
    "llm": frozenset(
        {"api_key_env", "timeout", "rpm", "tpm", "max_concurrency", "price", "transport", "headers_env"}
    ),
    "training_data": frozenset({"formats", "license", "title"}),
}


def data_shape(config: Mapping[str, Any]) -> str:
    """Everything of a config that can decide the dataset folder, as one text: equal texts share a folder."""
    kept = {
        key: {name: each for name, each in value.items() if name not in _OUTSIDE_OF_GROUP.get(key, ())}
        if isinstance(value, Mapping)
        else value
        for key, value in config.items()
        if key not in _OUTSIDE
    }
    return json.dumps(kept, sort_keys=True, default=str)


def shared_folders(configs: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """A fault for each group of jobs that differ in nothing that makes another dataset."""
    by_shape: dict[str, list[int]] = {}
    for number, config in enumerate(configs):
        by_shape.setdefault(data_shape(config), []).append(number)
    faults = []
    for numbers in by_shape.values():
        if len(numbers) > 1:
            jobs = " and ".join(f"#{number}" for number in numbers)
            sizes = {configs[number].get("num_personas") for number in numbers}
            remedy = "give each a name of its own: " + (
                "'name=n${num_personas}'" if len(sizes) > 1 else "'name=job${hydra:job.num}'"
            )
            problem = "would write to one dataset folder, because they differ in nothing that shapes the data"
            faults.append(Fault(f"jobs {jobs}", problem, remedy))
    return faults
