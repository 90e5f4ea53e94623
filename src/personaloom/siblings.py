"""Files made of several datasets that share their personas and queries: equal arms, and preferences between answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from personaloom.errors import UsageError
from personaloom.files import AtomicFile, atomic_json
from personaloom.manifest_file import read_manifest
from personaloom.records import TrainingSample
from personaloom.training import SPLIT_NAMES, TrainingDataExporter
from personaloom.training.arms import equal_arms
from personaloom.training.files import dump
from personaloom.training.formats.pairs import judged_preference
from personaloom.training.reading import read_samples

__all__ = ["write_arms", "write_preferences"]


def write_arms(
    folders: Sequence[Path], by: str, output_dir: Path, options: Mapping[str, Any] | None = None
) -> tuple[Path, dict[str, Any]]:
    """Export as much of each dataset as the smallest of them has.

    Samples are kept in a keyed order of their ids, so that arms of one sweep keep the same samples; splits are those
    of each dataset.

    Args:
        folders: dataset folders with ``jsonl`` or ``parquet`` samples.
        by: ``samples`` or ``tokens``.
        output_dir: the arms go to ``arms/<by>-<hash>/<dataset>/training_data/`` in it.
        options: further arguments of the exporter, such as ``formats``.

    Returns:
        The folder, and for each arm ``{samples, available, tokens, paths}``; also in ``arms.json``.

    Raises:
        UsageError: fewer than two datasets, or two of one name.
        MissingStageInputError: a folder holds no finished dataset.
    """
    named = {folder.resolve().name: folder for folder in folders}
    if len(named) < 2 or len(named) < len(folders):
        raise UsageError("arms: name two or more datasets with different folder names")
    manifests = {name: read_manifest(folder) for name, folder in named.items()}
    arms = equal_arms({name: read_samples(folder) for name, folder in named.items()}, by)
    prints = [by, *(str(manifest["fingerprint"]) for manifest in manifests.values())]
    target = output_dir / "arms" / f"{by}-{_short(prints)}"
    found = {}
    for name, arm in arms.items():
        manifest = manifests[name]
        exporter = _exporter(manifest, options or {})
        kept = arm.select(read_samples(named[name]))
        facts = {"manifest": manifest}
        statistics = exporter.export(kept, target / name, simulated=manifest["simulated"], manifest_extra=facts)
        found[name] = {
            "samples": len(arm.sample_ids), "available": arm.available, "tokens": arm.tokens,
            "paths": statistics["paths"],
        }  # fmt: skip
    atomic_json(target / "arms.json", {"by": by, "arms": found})
    return target, found


def _exporter(manifest: Mapping[str, Any], options: Mapping[str, Any]) -> TrainingDataExporter:
    """One that splits as the dataset was split."""
    own = (manifest.get("config") or {}).get("training_data") or {}
    split = {"split": own["split"]} if own.get("split") else {}
    return TrainingDataExporter(**{**options, **split, "seed": (manifest.get("seeds") or {}).get("personas", 0)})


def _short(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def write_preferences(one: Path, two: Path, output_dir: Path) -> tuple[Path, dict[str, Any]]:
    """TRL preferences from two judged datasets that share their conversations up to an answer.

    Such are the levels of a sweep over ``llm.roles.assistant.model``: the first messages are equal, the first answers
    differ, and the conversation with the better mean score has the chosen one.

    Args:
        one: a dataset folder whose samples carry scores (``quality=judged``).
        two: another one.
        output_dir: files go to ``preferences/<hash>/`` in it, one a split.

    Returns:
        The folder, and ``{preferences: {split: count}, shared, unjudged}``.

    Raises:
        MissingStageInputError: a folder holds no finished dataset.
        UsageError: none of the samples that both have is judged in both.
    """
    prints = [str(read_manifest(folder)["fingerprint"]) for folder in (one, two)]
    target = output_dir / "preferences" / _short(prints)
    counts, shared, unjudged = {}, 0, 0
    for split in SPLIT_NAMES:
        file = AtomicFile(target / f"{split}_trl_preference.jsonl")
        counts[split] = 0
        for left, right in _pairs(_of_split(one, split), _of_split(two, split)):
            shared += 1
            means = _mean(left), _mean(right)
            if means[0] is None or means[1] is None:
                unjudged += 1
                continue
            found = judged_preference(left, right, (means[0], means[1]))
            if found is not None:
                counts[split] += 1
                file.write(dump(found) + b"\n")
        file.finish()
        file.commit()
    if shared == unjudged:
        raise UsageError(
            f"{one} and {two}: no sample is judged in both ({shared:,} shared): score them first "
            "(stages=score,export quality=judged quality.judge.share=1 dataset_dir=…)"
        )
    return target, {"preferences": counts, "shared": shared, "unjudged": unjudged}


def _of_split(folder: Path, split: str) -> Iterator[TrainingSample]:
    path = folder / "training_data" / f"{split}_samples.jsonl"
    return read_samples(path) if path.exists() else iter(())


def _pairs(
    one: Iterator[TrainingSample], two: Iterator[TrainingSample]
) -> Iterator[tuple[TrainingSample, TrainingSample]]:
    """Samples of equal id; both come in the order of their ids, so that one of each is held at a time."""
    left, right = next(one, None), next(two, None)
    while left is not None and right is not None:
        if left.sample_id == right.sample_id:
            yield left, right
            left, right = next(one, None), next(two, None)
        elif left.sample_id < right.sample_id:
            left = next(one, None)
        else:
            right = next(two, None)


def _mean(sample: TrainingSample) -> float | None:
    mean = ((sample.metadata or {}).get("judge") or {}).get("mean")
    return None if mean is None else float(mean)
