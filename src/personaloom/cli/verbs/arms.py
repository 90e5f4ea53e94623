"""``arms=A,B``: training arms of equal size; ``arms=tokens:A,B`` counts tokens in place of samples."""

from __future__ import annotations

import sys
from pathlib import Path

from personaloom.cli.argv import Invocation
from personaloom.cli.named import dataset_folder
from personaloom.cli.verbs.dataset import composed
from personaloom.errors import UsageError
from personaloom.plural import many
from personaloom.siblings import write_arms
from personaloom.training.arms import ARM_MODES

__all__ = ["run"]

_PASSED = ("formats", "system_prompt", "train_on", "license", "title")


def run(value: str, call: Invocation) -> int:
    """Export equal arms.

    Args:
        value: datasets with commas between them, each a folder or the beginning of a fingerprint; ``samples:`` or
            ``tokens:`` before them.
        call: ``training_data.formats`` and its siblings say how arms are written, ``output_dir=`` where.

    Raises:
        UsageError: fewer than two datasets, or one that is not there.
    """
    by, colon, rest = value.partition(":")
    if not colon or by not in ARM_MODES:
        by, rest = ARM_MODES[0], value
    words = [part.strip() for part in rest.strip("[]").split(",") if part.strip()]
    if call.action == "multirun" or len(words) < 2:
        raise UsageError(f"arms={value}: name two or more dataset folders, arms=A,B or arms=tokens:A,B")
    config = composed(call)
    folders = [dataset_folder("arms", word, Path(config["output_dir"])) for word in words]
    options = {key: config["training_data"][key] for key in _PASSED if key in config["training_data"]}
    target, found = write_arms(folders, by, Path(config["output_dir"]), options)
    lines = [f"equal {by}: {target}"]
    lines += [
        f"  {name}: {arm['samples']:,} of {many(arm['available'], 'sample')}, {arm['tokens']:,} tokens"
        for name, arm in found.items()
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
