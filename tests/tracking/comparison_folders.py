"""Dataset folders of several levels, for the tests of comparisons: the same conversations, more or less of them noisy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from folder_maker import make_folder

Change = Callable[[dict[str, Any]], dict[str, Any] | None]


def make_level(
    root: Path,
    level: str,
    rate: float,
    *,
    personas: int = 4,
    queries: int = 2,
    replicate: int | None = None,
    change: Change = lambda talk: talk,
    evil: str = "",
    **manifest: Any,
) -> Path:
    """A dataset whose noise is kept in the first ``rate`` of its turns' draws and taken back elsewhere.

    Args:
        root: where it is made.
        level: the distractor's option.
        rate: 0 takes all noise back, 1 keeps all.
        personas: see ``make_folder``.
        queries: see ``make_folder``.
        evil: see ``make_folder``.
        replicate: its seed; texts do not depend on it, ``change`` may make them.
        change: applied to each conversation; None leaves it out.
        manifest: changes of the manifest.
    """
    overrides = [f"distractor={level}"] + ([f"seed={replicate}"] if replicate else [])
    name = f"SIM-{level}" + (f"-{replicate}" if replicate else "")
    sweep = {"id": "sweep-1", "job": 0, "overrides": overrides}
    folder = make_folder(
        root, personas, queries, name=name, failures=0, evil=evil, sweep=sweep, manifest_changes=manifest
    )
    edit_manifest(folder, lambda found: found["noise"].update(configured_rate=rate))
    edit_talks(folder, lambda talk: change(_quieter(talk, rate)))
    return folder


def edit_talks(folder: Path, change: Change) -> None:
    path = folder / "interactions.jsonl"
    talks = [change(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    path.write_text("".join(json.dumps(talk) + "\n" for talk in talks if talk is not None), "utf-8")


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def _quieter(talk: dict[str, Any], rate: float) -> dict[str, Any]:
    users = [message for message in talk["messages"] if message["role"] == "user"]
    for turn, (message, result) in enumerate(zip(users, talk["metadata"]["noise"], strict=True)):
        if turn >= rate * len(users):
            message["content"] = result["original_text"]
            message["metadata"].pop("noise", None)
            meta = {"unit_id": result["metadata"]["unit_id"], "verdict": "not_drawn"}
            result |= {"noisy_text": result["original_text"], "layer": None, "layer_index": None, "metadata": meta}
            result |= {"applied_strategies": [], "semantics": {}}
    return talk
