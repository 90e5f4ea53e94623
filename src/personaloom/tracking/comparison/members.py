"""Which datasets are compared, and what each differs in: its level, and the replicate it belongs to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from personaloom.errors import UsageError
from personaloom.manifest_file import read_manifest

__all__ = ["Member", "baseline_of", "comparison_id", "members_of"]

SEEDS = ("seed", "seeds.personas", "seeds.queries", "seeds.noise", "seeds.generation")
_MOST_NAMED = 3
# What tells where a run went and how fast, never what it made.
_ELSEWHERE = ("tracking.", "engine.", "ledger.", "executor.", "hydra.")
_NAMES = ("name", "output_dir", "dataset_dir", "experiment_name", "reset", "export_path", "llm.api_key_env")
ALL_EQUAL = "same settings"


@dataclass(frozen=True)
class Member:
    """One dataset of a comparison.

    Attributes:
        folder: of the dataset.
        manifest: of the dataset.
        level: what it differs in, seeds left out: ``distractor=heavy``.
        replicate: its seeds where they vary, ``seed=2``; else empty.
        label: both, as it is shown; unique in a comparison.
        job: number of the sweep's job, or None.
    """

    folder: Path
    manifest: dict[str, Any]
    level: str = ""
    replicate: str = ""
    label: str = ""
    job: int | None = None

    @property
    def run_id(self) -> str | None:
        """Of its run in MLflow."""
        found = (self.manifest.get("tracking") or {}).get("run_id")
        return str(found) if found else None


def members_of(
    folders: Sequence[Path], overrides: Sequence[Sequence[str]] = (), jobs: Sequence[int | None] = ()
) -> list[Member]:
    """Read the manifests, and say what each dataset differs in.

    Args:
        folders: of finished datasets.
        overrides: of each, where they are the jobs of one sweep; else the configs are compared.
        jobs: the number of each job in its sweep.

    Raises:
        UsageError: fewer than two datasets, or one of them twice.
        MissingStageInputError: a folder holds no dataset.
    """
    places = [Path(folder).absolute() for folder in folders]
    if len(set(places)) < 2:
        raise UsageError(f"compare: {len(set(places))} dataset, and a comparison needs two: {_names(places)}")
    if len(set(places)) < len(places):
        raise UsageError(f"compare: a dataset is named twice: {_names(places)}")
    manifests = [read_manifest(place) for place in places]
    settings = [_of_overrides(lines) for lines in overrides] or [_of_config(m) for m in manifests]
    if any(_made_elsewhere(manifest) for manifest in manifests):  # its settings are not known: names say which is which
        settings = [{"dataset": place.name} for place in places]
    varying = _varying(settings)
    numbers = list(jobs) or [None] * len(places)
    members = [
        Member(place, manifest, *_named(values, varying), job=number)
        for place, manifest, values, number in zip(places, manifests, settings, numbers, strict=True)
    ]
    return _told_apart(members)


def baseline_of(members: Sequence[Member], wanted: str | None = None) -> str:
    """The level that the others are compared with: the one asked for, else the one with the least noise.

    Args:
        members: of the comparison.
        wanted: a level, its value alone (``none``), a label, or the number of a dataset in the order given, from 0.

    Raises:
        UsageError: no level is meant by it, or several are.
    """
    levels = list(dict.fromkeys(member.level for member in members))
    if wanted is None:
        return min(members, key=lambda member: (_rate(member), levels.index(member.level))).level
    if wanted.isdecimal() and int(wanted) < len(members):
        return members[int(wanted)].level
    hits = {m.level for m in members if wanted in {m.level, m.label, str(m.folder), m.folder.name, m.run_id}}
    hits = hits or {level for level in levels if wanted in {part.partition("=")[2] for part in level.split(" ")}}
    if len(hits) != 1:
        said = "means several levels" if hits else "is none of the levels"
        raise UsageError(f"baseline={wanted} {said} → one of: {', '.join(levels)}")
    return hits.pop()


def comparison_id(members: Sequence[Member]) -> str:
    """A short name for a set of datasets, in whatever order they come."""
    prints = sorted(str(member.manifest.get("fingerprint") or member.folder) for member in members)
    return hashlib.sha256("\n".join(prints).encode()).hexdigest()[:12]


def _names(places: Sequence[Path]) -> str:
    return ", ".join(place.name for place in places)


def _rate(member: Member) -> float:
    noise = member.manifest.get("noise") or {}
    return float(noise.get("configured_rate") or 0.0) if noise.get("units") else 0.0


def _of_overrides(lines: Sequence[str]) -> dict[str, str]:
    pairs = (str(line).lstrip("+").partition("=") for line in lines)
    return {key: value for key, _, value in pairs}


def _made_elsewhere(manifest: Mapping[str, Any]) -> bool:
    read_in = manifest.get("read_in_from") or manifest.get("read_in")
    return bool(read_in) and "llm" not in (manifest.get("config") or {})


def _of_config(manifest: Mapping[str, Any]) -> dict[str, str]:
    flat = dict(_leaves(manifest.get("config") or {}, ""))
    return {
        key: value
        for key, value in flat.items()
        if key not in _NAMES and not key.startswith(_ELSEWHERE) and not key.startswith("quality.")
    }


def _leaves(node: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in node.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            found += _leaves(value, f"{name}.")
        else:
            found.append((name, value if isinstance(value, str) else json.dumps(value)))
    return found


def _varying(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """Keys that are not equal everywhere; seeds that only follow ``seed`` are left out."""
    keys = list(dict.fromkeys(key for values in settings for key in values))
    varying = [key for key in keys if len({values.get(key) for values in settings}) > 1]
    if "seed" in varying:
        varying = [key for key in varying if key not in SEEDS[1:] or any(v.get(key) != v.get("seed") for v in settings)]
    return varying


def _named(values: Mapping[str, str], varying: Sequence[str]) -> tuple[str, str, str]:
    """Level, replicate and label of one dataset."""
    ends = [key.rpartition(".")[2] for key in varying]
    said = [
        f"{end if ends.count(end) == 1 else key}={values[key]}"
        for key, end in zip(varying, ends, strict=True)
        if key in values and key not in SEEDS
    ]
    if len(said) > _MOST_NAMED:
        said = [*said[:_MOST_NAMED], f"and {len(said) - _MOST_NAMED} more"]
    level = " ".join(said) or ALL_EQUAL
    replicate = " ".join(f"{key}={values.get(key)}" for key in varying if key in SEEDS)
    shown = [level] if level != ALL_EQUAL else []
    return level, replicate, " ".join([*shown, replicate]).strip() or level


def _told_apart(members: list[Member]) -> list[Member]:
    """Datasets that still have the same label are told apart by name and fingerprint, as levels of their own."""
    labels = [member.label for member in members]
    if len(set(labels)) == len(labels):
        return members
    out = []
    for member in members:
        if labels.count(member.label) == 1:
            out.append(member)
            continue
        extra = f"{member.manifest.get('name')}-{str(member.manifest.get('fingerprint'))[:6]}"
        base = "" if member.level == ALL_EQUAL else f"{member.level} "
        out.append(replace(member, level=f"{base}{extra}", label=f"{member.label} {extra}".strip()))
    return out
