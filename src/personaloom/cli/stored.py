"""Runs on a dataset that is there already: no model is asked, and the dataset's own config says what it is."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from personaloom.cli.argv import Invocation
from personaloom.cli.display import make_progress
from personaloom.cli.job import JobContext
from personaloom.cli.summary import print_summary
from personaloom.config import build_parts
from personaloom.config.composition import Composed, compose
from personaloom.config.provenance import config_yaml
from personaloom.dataset import Dataset
from personaloom.manifest_file import read_manifest
from personaloom.outcome import run_stored
from personaloom.tracking import make_tracker

__all__ = ["look", "with_its_own_config"]


def with_its_own_config(call: Invocation, folder: Path) -> Composed:
    """The config that the dataset was made with, with this command's overrides on top.

    Raises:
        MissingStageInputError: the folder holds no finished dataset.
    """
    manifest = read_manifest(folder)
    own = {**manifest["config"], "num_personas": manifest["num_personas"], "reset": False}
    # Resolved as a whole: group overrides of this command still work on top of it.
    with tempfile.TemporaryDirectory(prefix="personaloom-stored-") as place:
        path = Path(place) / "config.yaml"
        path.write_text(config_yaml(own), "utf-8")
        sys.stderr.write(f"config: the dataset's own, from {folder / 'manifest.json'}\n")
        return compose(call.overrides, config=path, config_dirs=call.config_dirs)


def look(config: Mapping[str, Any], context: JobContext) -> int:
    """Report or upload; gives the exit code.

    Raises:
        TrackingError: the upload failed.
    """
    given = config.get("dataset_dir")
    folder = Path(given) if given else Dataset(build_parts(config)).folder
    tracker = make_tracker(config["tracking"], Path(config["output_dir"]), config["experiment_name"])
    progress = make_progress()
    try:
        outcome = run_stored(folder, config["stages"]["run"], tracker, progress, context.config_files)
    finally:
        progress.finish()
        tracker.close()
    print_summary(outcome.manifest, outcome.folder, outcome.run, after=outcome.after)
    return outcome.exit_code
