"""``preferences=A,B``: preference pairs from two judged datasets that share their first messages."""

from __future__ import annotations

import sys
from pathlib import Path

from personaloom.cli.argv import Invocation
from personaloom.cli.named import dataset_folder
from personaloom.cli.verbs.dataset import composed
from personaloom.errors import UsageError
from personaloom.siblings import write_preferences

__all__ = ["run"]


def run(value: str, call: Invocation) -> int:
    """Write preference pairs.

    Args:
        value: two datasets with a comma between them, each a folder or the beginning of a fingerprint.
        call: ``output_dir=`` says where they go.

    Raises:
        UsageError: not two datasets, one that is not there, or none of their shared samples is judged.
    """
    words = [part.strip() for part in value.strip("[]").split(",") if part.strip()]
    if call.action == "multirun" or len(words) != 2:
        raise UsageError(f"preferences={value}: name two dataset folders, preferences=A,B")
    output_dir = Path(composed(call)["output_dir"])
    one, two = (dataset_folder("preferences", word, output_dir) for word in words)
    target, found = write_preferences(one, two, output_dir)
    counts = ", ".join(f"{split} {count:,}" for split, count in found["preferences"].items())
    judged = found["shared"] - found["unjudged"]
    sys.stdout.write(f"preferences: {counts}, of {found['shared']:,} shared samples, {judged:,} judged; {target}\n")
    return 0
