"""Comparisons on the command line: of a sweep at its end, and of whatever ``compare=`` names."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from personaloom.config.secrets import redact
from personaloom.errors import PersonaLoomError, TrackingError
from personaloom.paths import command
from personaloom.tracking import MlflowTracker, NullTracker, RunRef, Tracker, TrackingWorker

__all__ = ["OUTCOME", "SWEEP", "SweepRecord", "compare_and_print", "compare_sweep", "read_sweep"]

OUTCOME = "outcome.json"
SWEEP = "sweep.json"
_WIDEST = 110
_MOST_LINES = 24


@dataclass
class SweepRecord:
    """What a sweep's folder says of its jobs.

    Attributes:
        folder: of the sweep.
        outcomes: of each job that ended, in order: ``{"job", "overrides", "code", "message", "dataset"}``.
    """

    folder: Path
    outcomes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def with_data(self) -> list[dict[str, Any]]:
        """Jobs that left conversations, whatever their exit code."""
        return [each for each in self.outcomes if each["dataset"] and _has_data(Path(each["dataset"]))]

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Jobs without exit code 0, with their reason."""
        return [
            {
                "job": each["job"],
                "overrides": each["overrides"],
                "message": each["message"] or f"exit code {each['code']}",
            }
            for each in self.outcomes
            if each["code"]
        ]


def read_sweep(folder: Path, expected: Sequence[Sequence[str]] = ()) -> SweepRecord:
    """Read what became of each job; one of ``expected`` that left no word is among them as failed."""
    found = {int(outcome["job"]): outcome for path in folder.glob(f"*/{OUTCOME}") for outcome in _outcome(path)}
    for number, overrides in enumerate(expected):
        silent = {"job": number, "overrides": list(overrides), "code": 1, "dataset": None}
        found.setdefault(number, silent | {"message": "its process ended without a word"})
    return SweepRecord(folder, [found[number] for number in sorted(found)])


def _outcome(path: Path) -> list[dict[str, Any]]:
    """What a job left; nothing where it was killed while it wrote that."""
    try:
        return [json.loads(path.read_text("utf-8"))]
    except ValueError:
        return []


def compare_sweep(record: SweepRecord, worker: TrackingWorker) -> int:
    """The comparison at the end of a sweep; gives its exit code, and is silent where there is nothing to compare."""
    jobs = record.with_data
    folders = list(dict.fromkeys(each["dataset"] for each in jobs))
    if len(folders) < 2 or len(folders) < len(jobs):
        return 0
    try:
        compare_and_print(
            [Path(each["dataset"]) for each in jobs],
            record.folder / "comparison",
            worker,
            overrides=[each["overrides"] for each in jobs],
            jobs=[each["job"] for each in jobs],
            sweep={"id": record.folder.name, "jobs": len(record.outcomes), "failed": record.failed},
        )
    except (PersonaLoomError, OSError) as error:
        sys.stderr.write(
            f"the comparison failed: {redact(str(error))}\nthe datasets are whole; to compare them again: "
            f"{command(f'compare={record.folder}')}\n"
        )
        return 1
    return 0


def compare_and_print(
    folders: Sequence[Path],
    target: Path | None,
    worker: TrackingWorker,
    *,
    overrides: Sequence[Sequence[str]] = (),
    jobs: Sequence[int | None] = (),
    sweep: Mapping[str, Any] | None = None,
    baseline: str | None = None,
    primary: str | None = None,
    output_dir: Path = Path("outputs"),
    track: bool = True,
) -> dict[str, Any]:
    """Compare, write, log to MLflow where the datasets are tracked, and print.

    Args:
        folders: of the datasets.
        target: where the files go; None for ``output_dir/comparisons/<id>``.
        worker: holds MLflow.
        overrides: of each dataset, where they are of one sweep.
        jobs: the number of each in it.
        sweep: see ``write_comparison``.
        baseline: see ``write_comparison``.
        primary: see ``write_comparison``.
        output_dir: of comparisons that belong to no sweep.
        track: False logs nothing.

    Returns:
        What ``comparison.json`` holds.
    """
    from personaloom.tracking.comparison import log_comparison, members_of, write_comparison  # noqa: PLC0415 - orjson
    from personaloom.tracking.comparison.compare import PRIMARY  # noqa: PLC0415 - as above
    from personaloom.tracking.comparison.members import comparison_id  # noqa: PLC0415 - as above

    members = members_of(folders, overrides, jobs)
    target = target or output_dir / "comparisons" / comparison_id(members)
    sys.stderr.write(f"comparing {len(members)} datasets …\n")
    name = str((sweep or {}).get("id") or f"comparison-{comparison_id(members)}")
    result = write_comparison(members, target, baseline=baseline, primary=primary or PRIMARY, name=name, sweep=sweep)
    run, note = RunRef(), ""
    if track:
        try:
            run = log_comparison(_tracker([member.manifest for member in members], worker), target, result)
        except TrackingError as error:
            note = f"not logged: {redact(str(error))}"
    print_comparison(result, target, run, note)
    return result


def print_comparison(
    result: Mapping[str, Any], folder: Path, run: RunRef, note: str = "", console: Console | None = None
) -> None:
    """The pairing, the primary measure, and where to look, on stdout."""
    console = console or Console()
    if console.width > _WIDEST and console.is_terminal:
        console.width = _WIDEST
    from personaloom.tracking.comparison.tables import effect_text  # noqa: PLC0415 - only after a comparison

    primary = next(each for each in result["measures"] if each["name"] == result["primary"])
    label = primary["label"]
    console.print(Text.assemble("\n", ("comparison", "bold"), f" of {len(result['members'])} datasets"))
    rows = [("baseline" if len(_levels(result)) > 1 else "replicates of", result["baseline"])]
    paired = [
        f"{member['label']}: {member['pairing']}" for member in result["members"] if member["pairing"] != "baseline"
    ]
    rows += _listed("pairing", paired)
    effects = [row for row in result["differences"] if row["primary"] and row["value"] is not None]
    rows += _listed(label.lower(), [f"{row['level']}: {effect_text(row)}{_spread(row)}" for row in effects])
    if not effects:
        spread = [row for row in result["replicates"] if row["measure"] == result["primary"]]
        rows += _listed(label.lower(), [_means(row) for row in spread])
    rows.append(("", f"in {primary['unit']}" + (": level less baseline" if effects else "")))
    if any(row["low"] is None for row in effects):
        rows.append(("", f"intervals and tests are given from {result['fewest_personas']} personas on"))
    places = [("report", str(folder / "comparison.html")), ("tables", f"{folder}: JSON, CSV, LaTeX, Markdown, PNG")]
    places += [("MLflow", text) for text in (note, run.serve) if text]
    places += list(run.links.items())
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", overflow="fold", max_width=13)
    grid.add_column(overflow="fold")
    for name, text in rows:
        grid.add_row(name, Text(text))
    console.print(grid)
    # Paths, addresses and commands stay whole, however narrow the window: they are there to be copied.
    for name, text in places:
        console.print(Text.assemble((f"{name:<9} ", "bold"), text), soft_wrap=True)


def _levels(result: Mapping[str, Any]) -> set[str]:
    return {member["level"] for member in result["members"]}


def _means(row: Mapping[str, Any]) -> str:
    from personaloom.tracking.comparison.tables import number_text  # noqa: PLC0415 - only after a comparison

    each = ", ".join(f"{name}: {number_text(value)}" for name, value in row["means"].items())
    return f"{each}; SD between {row['n']} replicates {number_text(row['deviation'])}"


def _spread(row: Mapping[str, Any]) -> str:
    if row["deviation"] is None:
        return ""
    from personaloom.tracking.comparison.tables import number_text  # noqa: PLC0415 - only after a comparison

    return f"; SD between {len(row['replicates'])} replicates {number_text(row['deviation'])}"


def _listed(name: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    shown = [(name if place == 0 else "", line) for place, line in enumerate(lines[:_MOST_LINES])]
    return shown + ([("", f"and {len(lines) - _MOST_LINES} more")] if len(lines) > _MOST_LINES else [])


def _tracker(manifests: Sequence[Mapping[str, Any]], worker: TrackingWorker) -> Tracker:
    """The store that the datasets' runs are in; none where none of them has a run."""
    for manifest in manifests:
        tracking = manifest.get("tracking") or {}
        if tracking.get("run_id") and tracking.get("uri"):
            return MlflowTracker("outputs", str(tracking["experiment"]), uri=str(tracking["uri"]), worker=worker)
    return NullTracker()


def _has_data(folder: Path) -> bool:
    path = folder / "interactions.jsonl"
    return (folder / "manifest.json").is_file() and path.is_file() and path.stat().st_size > 0
