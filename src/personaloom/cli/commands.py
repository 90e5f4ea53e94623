"""What the command line does with a composed config: show it, run it, or sweep it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from personaloom.cli.argv import Invocation
from personaloom.cli.sweep import run_sweep
from personaloom.config.composition import Composed, compose
from personaloom.config.judging import validate
from personaloom.config.provenance import config_yaml, new_folder, write_provenance
from personaloom.config.secrets import masked
from personaloom.errors import ConfigError

__all__ = ["announce", "run", "show_config"]

LOOKING = frozenset({"report", "track"})
"""Stages that need a finished dataset's files and nothing else."""
STORED = LOOKING | {"export", "score"}
"""Stages that ask no model for conversations."""


def show_config(call: Invocation) -> int:
    """``--cfg job``: the config as YAML on stdout, keys and variables' values never."""
    composed = compose(call.overrides, config=call.config, config_dirs=call.config_dirs)
    announce(composed)
    if not call.resolve:
        sys.stdout.write(config_yaml(masked(composed.unresolved), literal=False))
        return 0
    unknown = [fault for fault in composed.faults if "environment variable" not in fault.problem]
    if unknown:
        raise ConfigError(unknown)
    sys.stdout.write(config_yaml(masked(composed.public)))
    return 0


def run(call: Invocation) -> int:
    """Run a config, or each job of a sweep."""
    if call.action == "multirun":
        return run_sweep(call)
    composed = compose(call.overrides, config=call.config, config_dirs=call.config_dirs)
    if composed.multirun:
        return run_sweep(call)
    composed = of_dataset(call, composed)
    stages = set(composed["stages"]["run"])
    config = validate(composed)
    stamp = datetime.now(UTC)
    fallback = Path(config["output_dir"]) / "runs" / f"{stamp:%Y-%m-%d}" / f"{stamp:%H-%M-%S}"
    # The pipeline is imported once there is a config worth running: what is wrong is said in half a second.
    from personaloom.cli.job import JobContext, run_job  # noqa: PLC0415 - see above

    folder = new_folder(composed.run_dir or fallback)
    files = write_provenance(folder, composed)
    context = JobContext(folder, tuple(files), composed.public)
    if stages <= LOOKING:
        return int(import_module("personaloom.cli.stored").look(config, context))
    return run_job(config, context)


def of_dataset(call: Invocation, composed: Composed) -> Composed:
    """The config of the stored dataset that is to be scored or exported, or else the given one, announced."""
    stages = set(composed["stages"]["run"])
    if composed.get("dataset_dir") and stages <= STORED and not stages <= LOOKING:
        stored = import_module("personaloom.cli.stored")
        own: Composed = stored.with_its_own_config(call, Path(str(composed["dataset_dir"])))
        return own
    announce(composed)
    return composed


def announce(composed: Composed) -> None:
    """Say which config was chosen, on stderr: stdout belongs to what was asked for."""
    sys.stderr.write(composed.primary.announcement + "\n")
