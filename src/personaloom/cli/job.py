"""One run of one judged config: build the parts, make the dataset, say what came of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from personaloom.cli.display import make_progress
from personaloom.cli.summary import print_summary
from personaloom.config.build import build_parts
from personaloom.config.secrets import redact
from personaloom.outcome import run_dataset
from personaloom.tracking import RunRef, TrackingWorker, make_tracker

__all__ = ["JobContext", "run_job"]


@dataclass
class JobContext:
    """Where a run keeps what it was started with.

    Attributes:
        folder: of the run.
        config_files: in it, for MLflow.
        public: the config as it may be logged.
        sweep: ``{"id", "job", "overrides"}``, or empty.
        dataset: the dataset folder, once the run is over.
        message: what ended it early, once it is over.
        worker: the tracking child that the jobs of a sweep share; None for one of its own.
    """

    folder: Path
    config_files: tuple[Path, ...]
    public: Mapping[str, Any]
    sweep: Mapping[str, Any] = field(default_factory=dict)
    dataset: Path | None = None
    message: str = ""
    worker: TrackingWorker | None = None


def run_job(config: Mapping[str, Any], context: JobContext) -> int:
    """Make the dataset of a config.

    Args:
        config: what ``validate`` gave.
        context: where it comes from; ``context.dataset`` is set.

    Returns:
        The exit code.

    Raises:
        PersonaLoomError: it could not be begun.
    """
    parts = build_parts(config, context.sweep)
    progress = make_progress()
    tracker = make_tracker(config["tracking"], parts.output_dir, config["experiment_name"], context.worker)
    try:
        outcome = run_dataset(parts, tracker, progress, config_files=context.config_files)
    finally:
        progress.finish()
        tracker.close()
    context.dataset = outcome.folder
    # A sweep gives its links once, at its end.
    run = RunRef() if context.sweep else outcome.run
    print_summary(outcome.manifest, outcome.folder, run, exported=parts.export_path, after=outcome.after)
    if outcome.stopped is not None:
        context.message = redact(str(outcome.stopped))
        sys.stderr.write(f"stopped: {context.message}\n")
    elif outcome.exit_code:
        context.message = (
            f"{outcome.manifest['failed_share']:.1%} of the conversations failed, "
            f"and engine.max_failed_share={parts.engine.max_failed_share:g} allows no more"
        )
        sys.stderr.write(f"too many failed: {context.message}\n")
    return outcome.exit_code
