"""``compare=<sweep, runs or dataset folders>``: paired differences, figures, tables and a page, at any time later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from personaloom.cli.argv import Invocation
from personaloom.cli.comparing import OUTCOME, SweepRecord, compare_and_print, read_sweep
from personaloom.cli.named import begins, is_named, only_dataset
from personaloom.errors import UsageError
from personaloom.tracking import TrackingWorker

__all__ = ["run"]

WORDS = ("baseline", "primary", "output_dir", "tracking")
LAST = "last"


@dataclass
class _Chosen:
    """What the value of ``compare=`` came to."""

    folders: list[Path] = field(default_factory=list)
    sweeps: list[SweepRecord] = field(default_factory=list)


def run(value: str, call: Invocation) -> int:
    """Compare datasets.

    Args:
        value: separated by commas: a sweep's id or folder (or ``last``), dataset folders or the start of their
            fingerprints, ids of MLflow runs.
        call: ``baseline=`` (a level, its value alone, or a number from 0), ``primary=`` (a measure), ``output_dir=``,
            ``tracking=none``.

    Returns:
        0.

    Raises:
        UsageError: something named is not there, or a word is none of those above.
    """
    given = dict(word.lstrip("+").partition("=")[::2] for word in call.overrides)
    unknown = sorted(set(given) - set(WORDS))
    if unknown:
        raise UsageError(
            f"compare={value}: {', '.join(unknown)} means nothing here → baseline=LEVEL, primary=MEASURE, "
            "output_dir=FOLDER or tracking=none"
        )
    output_dir = Path(given.get("output_dir", "").strip("'\"") or "outputs").expanduser()
    chosen = _resolve(value, output_dir)
    whole = chosen.sweeps[0] if len(chosen.sweeps) == 1 and not chosen.folders else None
    jobs = [each for sweep in chosen.sweeps for each in sweep.with_data]
    folders = [Path(each["dataset"]) for each in jobs] + chosen.folders
    options: dict[str, Any] = _of_sweep(whole, jobs) if whole else _of_manifests(folders)
    with TrackingWorker() as worker:
        compare_and_print(
            folders,
            whole.folder / "comparison" if whole else None,
            worker,
            baseline=given.get("baseline"),
            primary=given.get("primary"),
            output_dir=output_dir,
            track=given.get("tracking") != "none",
            **options,
        )
    return 0


def _of_sweep(sweep: SweepRecord, jobs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "overrides": [each["overrides"] for each in jobs],
        "jobs": [each["job"] for each in jobs],
        "sweep": {"id": sweep.folder.name, "jobs": len(sweep.outcomes), "failed": sweep.failed},
    }


def _of_manifests(folders: Sequence[Path]) -> dict[str, Any]:
    """Datasets of one sweep are named by its overrides, also where only some of them are compared."""
    marks = [_manifest(folder).get("sweep") or {} for folder in folders]
    one = {mark.get("id") for mark in marks}
    if len(one) == 1 and None not in one:
        return {"overrides": [mark.get("overrides") or [] for mark in marks]}
    return {}


def _resolve(value: str, output_dir: Path) -> _Chosen:
    chosen, finders = _Chosen(), (_as_folder, _as_sweep, _as_dataset, _as_run)
    for word in filter(None, (part.strip() for part in value.split(","))):
        if not any(finder(word, output_dir, chosen) for finder in finders):
            raise UsageError(f"compare={word}: nothing of that name → {_there_is(output_dir)}")
    if not chosen.folders and not chosen.sweeps:
        raise UsageError(f"compare= names nothing → {_there_is(output_dir)}")
    return chosen


def _as_folder(word: str, _: Path, chosen: _Chosen) -> bool:
    folder = Path(word).expanduser()
    if (folder / "manifest.json").is_file():
        chosen.folders.append(folder)
    elif any(folder.glob(f"*/{OUTCOME}")):
        chosen.sweeps.append(read_sweep(folder))
    else:
        return False
    return True


def _as_sweep(word: str, output_dir: Path, chosen: _Chosen) -> bool:
    sweeps = _sweeps(output_dir)
    folder = sweeps[-1] if word == LAST and sweeps else output_dir / "sweeps" / word
    if folder not in sweeps:
        return False
    chosen.sweeps.append(read_sweep(folder))
    return True


def _as_dataset(word: str, output_dir: Path, chosen: _Chosen) -> bool:
    return _add(only_dataset("compare", word, output_dir, lambda folder: is_named(word, folder)), chosen)


def _as_run(word: str, output_dir: Path, chosen: _Chosen) -> bool:
    def has(folder: Path) -> bool:
        return begins(word, str((_manifest(folder).get("tracking") or {}).get("run_id") or ""))

    return _add(only_dataset("compare", word, output_dir, has), chosen)


def _add(found: Path | None, chosen: _Chosen) -> bool:
    chosen.folders += [found] if found else []
    return found is not None


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, ValueError):  # cut in half, say: what it is asked for is not in it
        return {}
    return found if isinstance(found, dict) else {}


def _sweeps(output_dir: Path) -> list[Path]:
    return sorted({path.parents[1] for path in output_dir.glob(f"sweeps/*/*/{OUTCOME}")})


def _there_is(output_dir: Path) -> str:
    sweeps = [folder.name for folder in _sweeps(output_dir)][-3:]
    datasets = sorted(path.parent.name for path in output_dir.glob("datasets/*/manifest.json"))[:4]
    if not sweeps and not datasets:
        return f"{output_dir} holds neither sweeps nor datasets; output_dir=FOLDER looks elsewhere"
    parts = [f"sweeps: {', '.join(sweeps)} or {LAST}"] if sweeps else []
    parts += [f"datasets: {', '.join(datasets)}"] if datasets else []
    return f"in {output_dir} there are {'; '.join(parts)}"
