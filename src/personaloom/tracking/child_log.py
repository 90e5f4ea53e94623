"""Logging one dataset folder to one run. Imports mlflow: for the child only."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from mlflow import MlflowClient
from mlflow.entities import DatasetInput, InputTag

from personaloom.llm.scrub import redacted
from personaloom.manifest_file import read_manifest
from personaloom.tracking.folder import conversation_text, noise_of, read_jsonl

__all__ = ["FolderLog", "FolderScan", "Limits", "scan_folder"]

_ROOT_FILES = ("report.html", "manifest.json")
_DATA_FILES = (
    "statistics.json",
    "token_usage.json",
    "personas.jsonl",
    "queries.jsonl",
    "interactions.jsonl",
    "rejected_samples.jsonl",
    "failures.jsonl",
)
_TABLE_COLUMNS = (
    "sample_id",
    "conversation",
    "persona_id",
    "turns",
    "noise",
    "assistant_model",
    "end_reason",
)
_TABLE_TAG = "mlflow.loggedArtifacts"
_FRAME_ROWS = 200_000
_CELL_CHARACTERS = 4000  # 2,000 rows of this size are 8 MB, which a browser has to load for each run


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a dataset goes to MLflow."""

    samples_rows: int
    max_artifact_bytes: int


@dataclass(slots=True)
class FolderScan:
    """What one pass over ``interactions.jsonl`` and ``personas.jsonl`` yields."""

    conversations: int = 0
    personas: int = 0
    turns: Counter[int] = field(default_factory=Counter)
    coverage: Counter[str] = field(default_factory=Counter)
    table: list[list[Any]] = field(default_factory=list)
    frame: list[tuple[str, str, float, float]] = field(default_factory=list)


def scan_folder(folder: Path, samples_rows: int) -> FolderScan:
    """Read the conversations once, keeping the rows that are logged and counting the rest."""
    scan = FolderScan()
    for persona in read_jsonl(folder / "personas.jsonl"):
        scan.personas += 1
        scan.coverage.update(list(persona.get("features") or ()))
    for conversation in read_jsonl(folder / "interactions.jsonl"):
        turns, noisy = int(conversation.get("num_turns") or 0), _noisy_layers(conversation)
        scan.conversations += 1
        scan.turns[turns] += 1
        if len(scan.frame) < _FRAME_ROWS:
            names = str(conversation.get("interaction_id")), str(conversation.get("persona_id"))
            scan.frame.append((*names, float(turns), float(len(noisy))))
        if len(scan.table) < samples_rows:
            scan.table.append(_table_row(conversation, turns, noisy))
    return scan


def _noisy_layers(conversation: dict[str, Any]) -> list[str]:
    results = [result for result in noise_of(conversation) if result]
    return [str(r.get("layer")) for r in results if (r.get("metadata") or {}).get("verdict") == "applied"]


def _table_row(conversation: dict[str, Any], turns: int, noisy: list[str]) -> list[Any]:
    metadata = conversation.get("metadata") or {}
    return [
        conversation.get("interaction_id"),
        conversation_text(conversation, _CELL_CHARACTERS),
        conversation.get("persona_id"),
        turns,
        ", ".join(noisy) or "clean",
        metadata.get("assistant_model"),
        metadata.get("end_reason"),
    ]


class FolderLog:
    """The artifacts and the input dataset of one run.

    Attributes:
        manifest: of the folder.
        notes: what was cut or left out, in words.
    """

    def __init__(self, client: MlflowClient, run_id: str, folder: Path, limits: Limits) -> None:
        self.manifest = read_manifest(folder)
        self.notes: list[str] = []
        self._client = client
        self._run_id = run_id
        self._folder = folder
        self._limits = limits

    def everything(self, config_files: list[Path]) -> None:
        """Log table, figures, files and the input dataset."""
        from personaloom.tracking.child_figures import write_figures  # noqa: PLC0415 - loaded while the run is under way

        scan = scan_folder(self._folder, self._limits.samples_rows)
        with tempfile.TemporaryDirectory(prefix="personaloom-") as name:
            scratch = Path(name)
            self._log_table(scan, scratch)
            for figure in write_figures(scratch, self.manifest, scan.turns, scan.coverage, scan.personas):
                self._artifact(figure)
            self._log_config(scratch, config_files)
            self._log_files(scratch)
        if scan.frame:
            self._log_dataset(scan)

    def tags(self) -> dict[str, str]:
        """The notes as a tag, where there are any."""
        return {"cut": "; ".join(self.notes)[:4000]} if self.notes else {}

    def _artifact(self, path: Path, folder: str | None = None) -> None:
        self._client.log_artifact(self._run_id, str(path), folder)

    def _log_table(self, scan: FolderScan, scratch: Path) -> None:
        """What ``log_table`` writes, but anew each time: that one appends to the table of a run that goes on."""
        if not scan.table:
            return
        path = scratch / "samples.json"
        path.write_text(json.dumps({"columns": _TABLE_COLUMNS, "data": scan.table}), encoding="utf-8")
        self._artifact(path)
        self._client.set_tag(self._run_id, _TABLE_TAG, json.dumps([{"path": path.name, "type": "table"}]))
        if scan.conversations > len(scan.table):
            self.notes.append(f"samples.json: the first {len(scan.table):,} of {scan.conversations:,} conversations")

    def _log_config(self, scratch: Path, config_files: list[Path]) -> None:
        config = scratch / "config.yaml"
        text = yaml.safe_dump(redacted(self.manifest.get("config") or {}), sort_keys=False, allow_unicode=True)
        config.write_text(text, encoding="utf-8")
        self._artifact(config, "config")
        for path in config_files:
            if path.name != config.name:
                self._artifact(path, "config")

    def _log_files(self, scratch: Path) -> None:
        for name in _ROOT_FILES:
            self._log_file(self._folder / name, None, scratch)
        for name in _DATA_FILES:
            self._log_file(self._folder / name, "data", scratch)
        for path in sorted((self._folder / "training_data").glob("*")):
            if path.is_file() and not path.name.startswith("."):
                self._log_file(path, "data/training_data", scratch)

    def _log_file(self, path: Path, folder: str | None, scratch: Path) -> None:
        if not path.is_file():
            return
        size, limit = path.stat().st_size, self._limits.max_artifact_bytes
        if size <= limit or path.name == "manifest.json":
            self._artifact(path, folder)
        elif path.suffix == ".jsonl":
            kept, lines = _first_lines(path, scratch / f"{path.stem}.first{path.suffix}", limit)
            self._artifact(kept, folder)
            kept.unlink()
            self.notes.append(f"{path.name}: {size:,} bytes, only its first {lines:,} lines are here as {kept.name}")
        else:
            self.notes.append(f"{path.name}: {size:,} bytes, not uploaded; it is in dataset_dir")

    def _log_dataset(self, scan: FolderScan) -> None:
        import pandas as pd  # noqa: PLC0415 - loaded while the run is under way
        from mlflow.data import from_pandas  # noqa: PLC0415 - needs pandas

        columns = list(zip(*scan.frame, strict=True))
        names = ("sample_id", "persona_id", "turns", "noisy_turns")
        frame = pd.DataFrame(dict(zip(names, map(list, columns), strict=True)))
        dataset = from_pandas(
            frame,
            source=(self._folder / "interactions.jsonl").as_uri(),
            name=str(self.manifest.get("name") or "dataset"),
            digest=str(self.manifest.get("fingerprint") or "")[:36] or None,
        )
        simulated = str(bool(self.manifest.get("simulated"))).lower()
        tags = [InputTag("mlflow.data.context", "generation"), InputTag("simulated", simulated)]
        entity = dataset._to_mlflow_entity()  # noqa: SLF001 - what mlflow.log_input itself does; the client has no other
        self._client.log_inputs(self._run_id, [DatasetInput(dataset=entity, tags=tags)])


def _first_lines(path: Path, target: Path, limit: int) -> tuple[Path, int]:
    written = lines = 0
    with path.open("rb") as source, target.open("wb") as sink:
        for line in source:
            written += len(line)
            if written > limit:
                break
            sink.write(line)
            lines += 1
    return target, lines
