"""A comparison in MLflow: a flat run of its own in the experiment of its datasets, and a mark on each of their runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from personaloom.tracking.comparison.figures import FIGURES
from personaloom.tracking.comparison.tables import FILES
from personaloom.tracking.links import RunRef
from personaloom.tracking.tracker import MlflowTracker, Tracker

__all__ = ["log_comparison"]

_ROOT = ("comparison.html", "summary.md", "comparison.json", *FIGURES)


def log_comparison(tracker: Tracker, folder: Path, result: Mapping[str, Any]) -> RunRef:
    """Log the files of a comparison, and tag the runs of its datasets with ``pairing`` and with the sweep.

    Args:
        tracker: of the experiment; nothing is logged without MLflow.
        folder: of the comparison.
        result: what ``write_comparison`` gave.

    Returns:
        The run, with links to the table, the charts, the samples and the comparison of its datasets' runs.

    Raises:
        TrackingError: the store cannot be reached or refuses.
    """
    if not isinstance(tracker, MlflowTracker):
        return RunRef()
    named = [(name, None) for name in _ROOT] + [(name, "tables") for name in FILES if name.endswith((".csv", ".tex"))]
    return tracker.log_comparison(
        name=("SIM-" if result["simulated"] else "") + f"comparison {result['name']}",
        comparison=str(result["name"]),
        tags=_tags(result),
        params={"baseline": result["baseline"], "primary": result["primary"]}
        | {f"dataset.{place}": each["label"] for place, each in enumerate(result["members"])},
        metrics=_metrics(result),
        files=[(str((folder / name).absolute()), place) for name, place in named if (folder / name).is_file()],
        members=_member_tags(result),
        sweep_id=result["sweep"].get("id"),
    )


def _tags(result: Mapping[str, Any]) -> dict[str, str]:
    said = {
        "kind": "comparison",
        # Not sweep_id: a filter on that finds the datasets, and the samples table must not hold a run without samples.
        "comparison_of": result["sweep"].get("id"),
        "simulated": str(bool(result["simulated"])).lower(),
        "mlflow.source.name": "personaloom",
        "mlflow.source.type": "LOCAL",
    }
    return {key: str(value) for key, value in said.items() if value}


def _metrics(result: Mapping[str, Any]) -> dict[str, float]:
    pairings = [member["pairing"] for member in result["members"]]
    return {
        "comparison/datasets": float(len(pairings)),
        "comparison/conversations": float(result["conversations"]),
        "comparison/paired": float(sum(each.startswith("ok") for each in pairings)),
        "comparison/jobs_failed": float(len(result["sweep"].get("failed") or ())),
    }


def _member_tags(result: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    sweep = result["sweep"].get("id")
    tags: dict[str, dict[str, str]] = {}
    for member in result["members"]:
        if not member["run_id"]:
            continue
        said = {"pairing": member["pairing"], "pairing_baseline": member["baseline"]}
        if sweep:
            # A dataset that was there already keeps its run, which learns here that this sweep has it too.
            said |= {"sweep_id": sweep, "sweep_job": str(member["job"]), f"sweep.{sweep}": f"job {member['job']}"}
            said["mlflow.runName"] = ("SIM-" if member["simulated"] else "") + member["label"]
        tags[member["run_id"]] = {key: value[:4000] for key, value in said.items()}
    return tags
