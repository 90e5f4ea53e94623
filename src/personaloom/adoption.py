"""What a new dataset folder begins with: another dataset that is the same up to there, or what was read in.

Fingerprints are chained by stage, so a dataset that differs only in what comes later (other noise beside the same
conversations, another split) is found by the fingerprint of the stage before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from personaloom.dataset import Dataset
from personaloom.manifest_file import manifests_in
from personaloom.stages import StageName
from personaloom.store import Store

__all__ = ["take_over"]


@dataclass(frozen=True, slots=True)
class _Upstream:
    """What a run starts from: the stage whose fingerprint must be equal, and the tables that hold it."""

    stage: str
    tables: tuple[str, ...]


_PERSONAS = ("personas", "prompts")
_QUERIES = (*_PERSONAS, "queries")
_TALKS = (*_QUERIES, "interactions", "twins", "failures")
_UPSTREAM = {
    StageName.QUERY: _Upstream("prompts", _PERSONAS),
    StageName.INTERACTION: _Upstream("queries", _QUERIES),
    StageName.DISTRACTOR: _Upstream("conversations", _TALKS),
    StageName.TRAINING: _Upstream("noise", (*_TALKS, "noise")),
}
_READ_IN = (*_QUERIES, "interactions")


def take_over(dataset: Dataset, store: Store, count: int) -> list[str]:
    """Where the store is new, copy into it what the dataset can start from.

    Args:
        dataset: whose store it is.
        store: of the dataset.
        count: personas that the run asks for; a dataset with fewer is none to start from.

    Returns:
        What was done, in words.

    Raises:
        StoreError: the other store cannot be read.
    """
    notes = []
    upstream = _upstream_of(dataset.parts.plan.names)
    if upstream is not None and not store.count("personas"):
        donor = _find_donor(dataset, upstream, count)
        if donor is not None:
            store.adopt(donor, upstream.tables)
            notes.append(f"goes on from {donor.name}, which is the same up to here")
    origin = dataset.origin
    if origin is not None and not dataset.alone and not store.count("personas"):
        store.adopt(origin.folder, _READ_IN)
        notes.append(f"goes on from {origin.words}, read in from {origin.facts.source}")
    return notes


def _upstream_of(stages: Iterable[StageName]) -> _Upstream | None:
    """What the earliest of these stages starts from; None where it starts from nothing."""
    chosen = set(stages)
    if StageName.PERSONA in chosen:
        return None
    return next((upstream for stage, upstream in _UPSTREAM.items() if stage in chosen), None)


def _find_donor(dataset: Dataset, upstream: _Upstream, count: int) -> Path | None:
    """A dataset folder beside this one with its fingerprint at that stage and at least ``count`` personas."""
    own, wanted = dataset.folder.resolve(), dataset.fingerprints[upstream.stage]
    for folder, manifest in manifests_in(dataset.parts.output_dir / "datasets"):
        equal = (manifest.get("fingerprints") or {}).get(upstream.stage) == wanted
        enough = manifest["counts"].get("personas", 0) >= count
        if equal and enough and folder.resolve() != own and (folder / "store.sqlite").exists():
            return folder
    return None
