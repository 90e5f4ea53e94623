"""``preferences=A,B``: preference pairs from two judged datasets that share their first messages."""

from __future__ import annotations

import sys
from pathlib import Path

from personaloom.cli.argv import Invocation
from personaloom.cli.verbs.dataset import composed
from personaloom.errors import UsageError
from personaloom.siblings import write_preferences

__all__ = ["run"]


def run(value: str, call: Invocation) -> int:
    """Write preference pairs.

    Args:
        value: two dataset folders with a comma between them.
        call: ``output_dir=`` says where they go.

    Raises:
        UsageError: not two datasets, or none of their shared samples is judged.
    """
    folders = [Path(part.strip()).expanduser() for part in value.strip("[]").split(",") if part.strip()]
    if call.action == "multirun" or len(folders) != 2:
        raise UsageError(f"preferences={value}: name two dataset folders, preferences=A,B")
    target, found = write_preferences(folders[0], folders[1], Path(composed(call)["output_dir"]))
    counts = ", ".join(f"{split} {count:,}" for split, count in found["preferences"].items())
    judged = found["shared"] - found["unjudged"]
    sys.stdout.write(f"preferences: {counts}, of {found['shared']:,} shared samples, {judged:,} judged; {target}\n")
    return 0
