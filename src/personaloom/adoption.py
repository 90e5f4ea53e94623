"""Starting a later stage from another dataset that is the same up to there.

Fingerprints are chained by stage, so a dataset that differs only in what comes later (other noise beside the same
conversations, another split) is found by the fingerprint of the stage before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

from personaloom.stages import StageName

__all__ = ["Upstream", "find_donor", "upstream_of"]


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a run starts from: the fingerprint that must be equal, and the tables that hold it."""

    fingerprint: str
    tables: tuple[str, ...]


_PERSONAS = ("personas", "prompts")
_QUERIES = (*_PERSONAS, "queries")
_TALKS = (*_QUERIES, "interactions", "twins", "failures")
_UPSTREAM = {
    StageName.QUERY: Upstream("prompts", _PERSONAS),
    StageName.INTERACTION: Upstream("queries", _QUERIES),
    StageName.DISTRACTOR: Upstream("conversations", _TALKS),
    StageName.TRAINING: Upstream("noise", (*_TALKS, "noise")),
}


def upstream_of(stages: Iterable[StageName]) -> Upstream | None:
    """What the earliest of these stages starts from; None where it starts from nothing."""
    chosen = set(stages)
    if StageName.PERSONA in chosen:
        return None
    return next((upstream for stage, upstream in _UPSTREAM.items() if stage in chosen), None)


def find_donor(datasets: Path, own: Path, upstream: Upstream, fingerprint: str, count: int) -> Path | None:
    """A dataset folder beside ``own`` with this fingerprint at that stage and at least ``count`` personas."""
    for path in sorted(datasets.glob("*/manifest.json")):
        if path.parent.resolve() == own.resolve():
            continue
        try:
            manifest = orjson.loads(path.read_bytes())
            equal = manifest["fingerprints"][upstream.fingerprint] == fingerprint
            enough = manifest["counts"]["personas"] >= count
        except (OSError, ValueError, KeyError, TypeError):
            continue  # somebody else's folder, or one that is being written: not a donor
        if equal and enough and (path.parent / "store.sqlite").exists():
            return path.parent
    return None
