"""``arms=A,B``: training arms of equal size; ``arms=tokens:A,B`` counts tokens in place of samples."""

from __future__ import annotations

import sys
from pathlib import Path

from personaloom.cli.argv import Invocation
from personaloom.cli.verbs.dataset import composed
from personaloom.errors import UsageError
from personaloom.siblings import write_arms
from personaloom.training.arms import ARM_MODES

__all__ = ["run"]

_PASSED = ("formats", "system_prompt", "train_on", "license", "title")


def run(value: str, call: Invocation) -> int:
    """Export equal arms.

    Args:
        value: dataset folders with commas between them, ``samples:`` or ``tokens:`` before them.
        call: ``training_data.formats`` and its siblings say how arms are written, ``output_dir=`` where.

    Raises:
        UsageError: fewer than two datasets.
    """
    by, colon, rest = value.partition(":")
    if not colon or by not in ARM_MODES:
        by, rest = ARM_MODES[0], value
    folders = [Path(part.strip()).expanduser() for part in rest.strip("[]").split(",") if part.strip()]
    if call.action == "multirun" or len(folders) < 2:
        raise UsageError(f"arms={value}: name two or more dataset folders, arms=A,B or arms=tokens:A,B")
    config = composed(call)
    options = {key: config["training_data"][key] for key in _PASSED if key in config["training_data"]}
    target, found = write_arms(folders, by, Path(config["output_dir"]), options)
    lines = [f"equal {by}: {target}"]
    lines += [
        f"  {name}: {arm['samples']:,} of {arm['available']:,} samples, {arm['tokens']:,} tokens"
        for name, arm in found.items()
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
