"""``annotate=FOLDER``: a blinded sheet for people; ``annotate=ann.csv,bo.csv``: what comes back from them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from personaloom.cli.argv import Invocation
from personaloom.cli.named import dataset_folder
from personaloom.cli.verbs.dataset import composed, quality_of
from personaloom.errors import InputError, StoreError, UsageError
from personaloom.files import atomic_json
from personaloom.foreign import foreign_samples
from personaloom.manifest import update_manifest
from personaloom.manifest_file import read_manifest
from personaloom.paths import command
from personaloom.plural import many
from personaloom.quality import read_sheets, write_sheet
from personaloom.tracking import write_report

__all__ = ["AGREEMENT", "KEY", "SHEET", "run"]

SHEET, KEY, AGREEMENT = "sheet.csv", "key.json", "agreement.json"
FOLDER = "annotation"


def run(value: str, call: Invocation) -> int:
    """Write a sheet, or read filled ones.

    Args:
        value: a dataset (its folder or its fingerprint's beginning) or a file of samples, to write
            ``annotation/sheet.csv`` and ``annotation/key.json`` beside it; or filled sheets with commas between them,
            read with the ``key.json`` beside the first.
        call: ``quality.annotation.count`` says how many messages a sheet has.

    Raises:
        UsageError: there is nothing to write a sheet of, or a sweep.
        InputError: a sheet and its key do not fit; the message names the line.
        StoreError: a file cannot be read or written.
    """
    if call.action == "multirun":
        raise UsageError("annotate= is of one dataset: run it once for each")
    paths = [Path(part.strip()).expanduser() for part in value.strip("[]").split(",") if part.strip()]
    if not paths:
        raise UsageError("annotate=: name a dataset folder to write a sheet of, or the filled sheets (*.csv)")
    sheets = all(path.suffix.lower() == ".csv" for path in paths)
    missing = [str(path) for path in paths if not path.exists() and (sheets or len(paths) > 1)]
    if missing:
        raise InputError(f"annotate=: there is no {', no '.join(missing)}")
    try:
        lines = list(_read(paths) if sheets else _write(paths, call))
    except OSError as error:
        raise StoreError(
            f"annotate=: {error.filename}: {error.strerror} → mend that, and nothing else is needed"
        ) from error
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _write(paths: list[Path], call: Invocation) -> Iterator[str]:
    if len(paths) > 1:
        raise UsageError("annotate=: one dataset, or filled sheets that all end in .csv")
    config = composed(call)
    plan = quality_of(config)
    path = paths[0] if paths[0].exists() else dataset_folder("annotate", str(paths[0]), Path(config["output_dir"]))
    folder = (path if path.is_dir() else path.parent) / FOLDER
    if (folder / SHEET).exists():
        raise UsageError(
            f"{folder / SHEET} is there already, and somebody may be filling it in: move it away to have another one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    count = write_sheet(
        foreign_samples(path), folder / SHEET, folder / KEY, count=plan.annotation_count, seed=plan.seed
    )
    yield f"{many(count, 'message')} to annotate: {folder / SHEET}"
    yield f"what they are:           {folder / KEY}  (not for annotators)"
    yield f"when they are filled in: {command(f'annotate={folder}/ann.csv,{folder}/bo.csv')}"


def _read(sheets: list[Path]) -> Iterator[str]:
    folder = sheets[0].parent
    key = folder / KEY
    if not key.exists():
        raise InputError(f"{key} is not there: keep the key of a sheet beside the filled ones")
    found = read_sheets(sheets, key)
    atomic_json(folder / AGREEMENT, found)
    dataset = folder.parent
    if (dataset / "manifest.json").exists():
        quality = read_manifest(dataset).get("quality") or {}
        write_people(dataset, {**quality, "people": _small(found)})
    yield f"{many(found['annotators'], 'annotator')}, {many(found['items'], 'message')}"
    for name, alpha in found["agreement"].items():
        if name != "kappa_of_pairs":
            yield f"  agreement on {name:20}{'unknown' if alpha is None else f'{alpha:.3f}'}  (Krippendorff's alpha)"
    for layer, figures in found["checker"].items():
        precision, recall = figures["precision"], figures["recall"]
        yield f"  noise checker, {layer:18} precision {_share(precision)}, recall {_share(recall)}"
    yield f"all of it: {folder / AGREEMENT}"


def write_people(dataset: Path, quality: Mapping[str, Any]) -> None:
    """Put what people said into a dataset's manifest and report."""
    update_manifest(dataset, {"quality": dict(quality)})
    write_report(dataset)
    update_manifest(dataset, {}, {"report.html": 1})


def _small(found: Mapping[str, Any]) -> dict[str, Any]:
    agreement = {name: value for name, value in found["agreement"].items() if name != "kappa_of_pairs"}
    return {"annotators": found["annotators"], "items": found["items"], "agreement": agreement,
            "checker": found["checker"]["any_noise"]}  # fmt: skip


def _share(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "unknown"
    return f"{figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"
