"""What a run comes to: a dataset with its report and its tracked run, or one of these for a dataset that is there.

The command line, the classes for scripts and the reader of other systems' files make their datasets through here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from personaloom.errors import PersonaLoomError, TrackingError
from personaloom.llm.usage import TokenTracker
from personaloom.manifest import update_manifest
from personaloom.manifest_file import read_manifest
from personaloom.parts import Parts
from personaloom.paths import command
from personaloom.persona_export import export_personas
from personaloom.pipeline import Pipeline
from personaloom.progress import Progress, Silent
from personaloom.records import PersonaSpec
from personaloom.results import load_records
from personaloom.stages import StageName
from personaloom.tracking import NullTracker, RunRef, Tracker, write_report

__all__ = ["Outcome", "run_dataset", "run_stored", "upload_later"]

FAILED_SHARE_EXIT = 4


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        manifest: as written.
        folder: the dataset folder.
        run: where MLflow has it.
        stopped: what ended it early, or None.
        exit_code: for the command line.
        after: seconds of what came after the run's own (``duration_s`` of the manifest), by what it was.
    """

    manifest: Mapping[str, Any]
    folder: Path
    run: RunRef
    stopped: PersonaLoomError | None
    exit_code: int
    after: Mapping[str, float] = field(default_factory=dict)


def run_dataset(
    parts: Parts,
    tracker: Tracker | None = None,
    progress: Progress | None = None,
    *,
    num_personas: int | None = None,
    config_files: Sequence[Path] = (),
    token_tracker: TokenTracker | None = None,
) -> Outcome:
    """Make a dataset, its report and its tracked run.

    Tracking that fails costs no data: the dataset is finished, and the manifest says what went wrong.

    Args:
        parts: what the dataset is made of.
        tracker: where the run is logged; None for nowhere.
        progress: who is told.
        num_personas: how many personas; None for the config's.
        config_files: logged with the run.
        token_tracker: counts the run's calls; None for one of its own.

    Raises:
        UsageError, StoreError: see ``Pipeline.run``.
    """
    pipeline = Pipeline(parts, progress, token_tracker)
    try:
        return _run_dataset(pipeline, tracker or NullTracker(), num_personas, config_files)
    finally:
        pipeline.progress.finish()


def _run_dataset(
    pipeline: Pipeline, tracker: Tracker, num_personas: int | None, config_files: Sequence[Path]
) -> Outcome:
    parts, folder = pipeline.parts, pipeline.dataset.folder
    pipeline.on_work = tracker.begin  # its slow start runs beside the pipeline, where there is anything to do
    manifest: Mapping[str, Any] = pipeline.run(num_personas)
    run, after = RunRef(), dict[str, float]()
    if parts.export_path is not None:
        with _timed(after, parts.export_path.name):
            _export_personas(pipeline, manifest, parts.export_path)
    if _wants_report(parts, manifest):
        with _timed(after, "report"):
            manifest = _report(folder, pipeline.progress)
    if _tells(manifest) or parts.mode == "basic" or StageName.TRACK in parts.plan:
        with _timed(after, "MLflow"):
            manifest, run = _track(pipeline, manifest, tracker, config_files)
    return Outcome(manifest, folder, run, pipeline.stopped, _exit_code(pipeline, manifest), after)


@contextmanager
def _timed(spent: dict[str, float], what: str) -> Iterator[None]:
    """Note the seconds that something took, under its name."""
    started = time.monotonic()
    yield
    spent[what] = time.monotonic() - started


def _wants_report(parts: Parts, manifest: Mapping[str, Any]) -> bool:
    if manifest.get("unchanged") and "report.html" in manifest["files"] and StageName.REPORT not in parts.plan:
        return False
    return _tells(manifest) or StageName.REPORT in parts.plan


def _tells(manifest: Mapping[str, Any]) -> bool:
    """Whether there are conversations, made or failed, or what they were to cost is spent."""
    counts = manifest["counts"]
    return bool(counts["interactions"] or counts["failed"]) or manifest["status"] == "stopped_by_budget"


def _report(folder: Path, progress: Progress) -> Mapping[str, Any]:
    """Write the report of a dataset; gives the manifest, which names it."""
    progress.status("writing the report")
    write_report(folder)
    return update_manifest(folder, {}, {"report.html": 1})


def _export_personas(pipeline: Pipeline, manifest: Mapping[str, Any], path: Path) -> None:
    file = pipeline.dataset.folder / "personas.jsonl"
    personas = load_records(file, manifest["counts"]["personas"], PersonaSpec.from_dict)
    # A bank of text personas has no dimensions: its features are what its file has.
    names = [dimension.name for dimension in pipeline.parts.bank.dimensions]
    names = names or list(dict.fromkeys(name for persona in personas for name in persona.features))
    export_personas(personas, path, names)


def run_stored(
    folder: Path,
    stages: Iterable[str],
    tracker: Tracker,
    progress: Progress | None = None,
    config_files: Sequence[Path] = (),
) -> Outcome:
    """The report or the upload of a dataset that is there already: nothing is generated, no config is needed.

    Raises:
        MissingStageInputError: the folder holds no finished dataset.
        TrackingError: the upload failed; here it is what was asked for.
    """
    progress, after = progress or Silent(), dict[str, float]()
    manifest: Mapping[str, Any] = read_manifest(folder)
    run = RunRef.from_manifest(manifest["tracking"])
    try:
        if StageName.REPORT in stages:
            with _timed(after, "report"):
                manifest = _report(folder, progress)
        if StageName.TRACK in stages:
            progress.status("logging to MLflow")
            with _timed(after, "MLflow"):
                tracker.begin()
                manifest, run = _upload(folder, manifest, tracker, config_files)
    finally:
        progress.finish()
    # What the manifest says of a run is said of the one that made the data: this one made and paid nothing.
    return Outcome({**manifest, "unchanged": True}, folder, run, None, 0, after)


def _track(
    pipeline: Pipeline, manifest: Mapping[str, Any], tracker: Tracker, config_files: Sequence[Path]
) -> tuple[Mapping[str, Any], RunRef]:
    """Track a dataset that was just made; a failure is said and costs nothing."""
    if isinstance(tracker, NullTracker):
        return manifest, RunRef()
    known = manifest["tracking"]
    logged = RunRef.from_manifest(known)
    if manifest.get("unchanged") and logged.run_id and not known.get("error") and tracker.holds(logged):
        return manifest, logged
    folder = pipeline.dataset.folder
    pipeline.progress.status("logging to MLflow")
    try:
        return _upload(folder, manifest, tracker, config_files)
    except TrackingError as error:
        remedy = upload_later(folder, manifest)
        pipeline.log.note(f"MLflow: {error}. The dataset is whole; to upload it later: {remedy}")
        failed = {**known, "kind": "mlflow", "error": str(error)}
        return update_manifest(folder, {"tracking": failed}), RunRef()


def upload_later(folder: Path, manifest: Mapping[str, Any]) -> str:
    """The command that logs a dataset to the store that its run was meant for."""
    config = manifest.get("config") or {}
    usual = {"output_dir": "outputs", "experiment_name": "personaloom", "tracking.uri": None}
    meant = {key: config.get(key) for key in usual} | {"tracking.uri": (config.get("tracking") or {}).get("uri")}
    where = [f"{key}={value}" for key, value in meant.items() if value not in {usual[key], None}]
    return command("stages=track", f"dataset_dir={folder}", *where)


def _upload(
    folder: Path, manifest: Mapping[str, Any], tracker: Tracker, config_files: Sequence[Path]
) -> tuple[Mapping[str, Any], RunRef]:
    started = tracker.start_run(manifest, manifest["config"])
    # The run's id is in the manifest before the manifest is uploaded: each finds the other.
    manifest = update_manifest(folder, {"tracking": started.to_manifest()})
    return manifest, tracker.log(folder, config_files)


def _exit_code(pipeline: Pipeline, manifest: Mapping[str, Any]) -> int:
    if pipeline.stopped is not None:
        return pipeline.stopped.exit_code
    if manifest["failed_share"] > pipeline.parts.engine.max_failed_share:
        return FAILED_SHARE_EXIT
    return 0
