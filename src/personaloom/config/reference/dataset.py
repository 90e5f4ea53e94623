"""From the reference system's outputs to a dataset folder that can be read, reported and compared like our own."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from personaloom.config.reference.outputs import Outputs
from personaloom.distractor import NoiseTally
from personaloom.errors import InputError, StoreError
from personaloom.exports import atomic_json, file_facts
from personaloom.llm.usage import CallRecord, TokenTracker
from personaloom.manifest import SCHEMA, update_manifest
from personaloom.manifest_file import read_manifest
from personaloom.records import Interaction, PersonaSpec, utc_now
from personaloom.tracking import write_report
from personaloom.training import TrainingDataCollector
from personaloom.training.files import dump, load
from personaloom.training.splits import SPLIT_NAMES, Splitter
from personaloom.training.summary import ExportSummary

__all__ = ["read_in"]


def read_in(path: Path, *, name: str = "reference", output_dir: Path = Path("outputs")) -> tuple[Path, dict[str, Any]]:
    """Read an output folder, or a file of samples, into a dataset folder.

    The same outputs always give the same folder; one that is there already is left as it is.

    Args:
        path: the reference's output folder, one of the folders in it, or a file of samples.
        name: first part of the dataset's name.
        output_dir: holds ``datasets/``.

    Returns:
        The dataset folder and its manifest.

    Raises:
        InputError: there is nothing to read, or a record is damaged.
        StoreError: the folder cannot be written.
    """
    outputs = Outputs(path)
    datasets = output_dir / "datasets"
    part = datasets / f".{name}.part"
    try:
        shutil.rmtree(part, ignore_errors=True)
        (part / "training_data").mkdir(parents=True)
        manifest = _Reading(outputs, part, name).write()
        folder = datasets / f"{name}-{manifest['fingerprint'][:12]}"
        if folder.exists():
            return folder, read_manifest(folder)
        write_report(part)
        manifest = update_manifest(part, {}, {"report.html": 1})
        part.rename(folder)
    except OSError as error:
        raise StoreError(f"{datasets} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder, manifest


class _Reading:
    """One reading: the files first, each record once through memory, then the manifest from what was counted."""

    def __init__(self, outputs: Outputs, folder: Path, name: str) -> None:
        self.outputs, self.folder, self.name = outputs, folder, name
        self.tally = NoiseTally(0.0)
        self.models: Counter[str] = Counter()
        self.digests: dict[str, str] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.turns = 0
        self.summary = ExportSummary(SPLIT_NAMES)

    def write(self) -> dict[str, Any]:
        """All files but the report; gives the manifest."""
        talks = self._lines("interactions.jsonl", self._watched(self.outputs.interactions()))
        personas = self._lines("personas.jsonl", (p.to_dict() for p in self._personas()))
        if not talks and not personas:
            raise InputError(f"{self.outputs.path}: there is no persona and no conversation in it")
        queries = self._lines("queries.jsonl", (_query(talk) for talk in self._stored()))
        self._lines("failures.jsonl", ())
        samples = self._samples() if talks else 0
        usage = self._usage()
        counts = {"personas": personas, "prompts": self._prompts, "queries": queries, "interactions": talks}
        manifest = self._manifest(counts | {"samples": samples}, usage)
        atomic_json(self.folder / "manifest.json", manifest)
        return manifest

    def _lines(self, name: str, records: Iterable[Mapping[str, Any]]) -> int:
        path, content, count = self.folder / name, hashlib.sha256(), 0
        with path.open("wb") as out:
            for record in records:
                line = dump(record) + b"\n"
                out.write(line)
                content.update(line)
                count += 1
        self.digests[name] = content.hexdigest()
        self.files[name] = file_facts(path, count).to_dict()
        return count

    def _watched(self, talks: Iterable[Interaction]) -> Iterable[dict[str, Any]]:
        self._people: dict[str, dict[str, str]] = {}
        for talk in talks:
            self.turns += talk.num_turns
            self.tally.add(talk.noise())
            self.models[talk.metadata["assistant_model"] or "unknown"] += 1
            self._people.setdefault(talk.persona_id, talk.persona_features)
            yield talk.to_dict()

    def _personas(self) -> Iterable[PersonaSpec]:
        """Those of the folder, and those that only conversations tell of."""
        self._prompts = 0
        missing = dict(self._people)
        for persona in self.outputs.personas():
            self._prompts += persona.system_prompt is not None
            missing.pop(persona.persona_id, None)
            yield persona
        for persona_id, features in missing.items():
            yield PersonaSpec(persona_id, features, metadata={"from": "conversations"})

    def _stored(self) -> Iterable[Interaction]:
        with (self.folder / "interactions.jsonl").open("rb") as file:
            for line in file:
                yield Interaction.from_dict(load(line))

    def _samples(self) -> int:
        """Samples in the splits that the reference put them in; those that it never exported go by persona."""
        splitter = Splitter()
        collector = TrainingDataCollector(splitter=splitter)
        names = [f"training_data/{split}_samples.jsonl" for split in SPLIT_NAMES]
        handles = {split: (self.folder / name).open("wb") for split, name in zip(SPLIT_NAMES, names, strict=True)}
        try:
            for talk in self._stored():
                split = self.outputs.splits.get(talk.interaction_id) or splitter.split_of(talk.persona_id)
                sample = collector.collect(talk)
                sample = sample.with_(metadata={**(sample.metadata or {}), "split": split})
                handles[split].write(dump(sample.to_dict()) + b"\n")
                self.summary.add(sample, split)
        finally:
            for handle in handles.values():
                handle.close()
        for split, name in zip(SPLIT_NAMES, names, strict=True):
            self.files[name] = file_facts(self.folder / name, self.summary.by_split[split]).to_dict()
        atomic_json(self.folder / "statistics.json", self.summary.to_dict() | {"noise": self._noise()})
        self.files["statistics.json"] = file_facts(self.folder / "statistics.json", 1).to_dict()
        return self.summary.by_split.total()

    def _noise(self) -> dict[str, Any]:
        noise = {"mode": "realtime", **self.tally.to_dict()}
        return noise | {"configured_rate": None, "rate": {}, "layer_mix": {}}  # what was configured is not in the data

    def _usage(self) -> TokenTracker:
        tracker = TokenTracker()
        for path in self.outputs.usage_files():
            for record in _calls(load(path.read_bytes())):
                tracker.add(record)
        tracker.save(self.folder / "token_usage.json")
        self.files["token_usage.json"] = file_facts(
            self.folder / "token_usage.json", tracker.attributed.calls
        ).to_dict()
        return tracker

    def _manifest(self, counts: dict[str, int], usage: TokenTracker) -> dict[str, Any]:
        chain = [self.digests[name] for name in ("personas.jsonl", "queries.jsonl", "interactions.jsonl")]
        fingerprint = hashlib.sha256("".join(["read-in-1", *chain]).encode()).hexdigest()
        stages = ("personas", "prompts", "queries", "conversations", "noise", "samples")
        prints = dict(zip(stages, (chain[0], chain[0], chain[1], chain[2], chain[2], fingerprint), strict=True))
        now = utc_now()
        empty = {"kind": "none", "uri": None, "experiment": None, "run_id": None, "error": None}
        return {
            "schema": SCHEMA, "name": self.name, "fingerprint": fingerprint, "fingerprints": prints,
            "simulated": False, "status": "done", "mode": "enhanced", "stages": [],
            "num_personas": counts["personas"], "seeds": {},
            "counts": {**counts, "turns": self.turns, "failed": 0, "supplements": 0, "rejected_samples": 0, "pairs": 0,
                       "expected_interactions": counts["interactions"]},
            "end_reasons": {}, "noise": self._noise(), "failures": {}, "failed_share": 0.0,
            "usage": {"paid": TokenTracker().paid.to_dict(), "attributed": usage.attributed.to_dict(), **usage.tables(),
                      "unpriced_models": sorted(usage.unpriced), "unknown_attempts": usage.lost_attempts},
            "models": [_model(name, count) for name, count in sorted(self.models.items())], "mixed_snapshots": False,
            "prompts": {}, "queries": {"source": "read in", "sha256": chain[1], "size": counts["queries"], "passes": 1},
            "personas": {}, "tracking": empty, "sweep": {"id": None, "job": None, "overrides": []}, "config": {},
            "samples_by_split": dict(self.summary.by_split), "unused_keys": [], "notes": self._notes(),
            "versions": {"personaloom": metadata.version("personaloom"), "reader": "1"},
            "read_in_from": self.outputs.path.name, "created_at": now, "updated_at": now, "duration_s": 0.0,
            "files": dict(sorted(self.files.items())),
        }  # fmt: skip

    def _notes(self) -> list[str]:
        notes = ["read in from outputs of the reference system: the config that made them is not known"]
        if self.outputs.moved:
            notes.append(f"{self.outputs.moved} conversations are in several splits; the latest export counts")
        return notes


def _model(name: str, count: int) -> dict[str, Any]:
    provider = name.partition("/")[0]
    return {
        "role": "assistant", "model": name, "provider": provider, "origin": "", "weight": count, "snapshots": [],
    }  # fmt: skip


def _query(talk: Interaction) -> dict[str, Any]:
    """The dealt query that a conversation began with; what the reference did not keep is None."""
    return {
        "persona_id": talk.persona_id, "query_id": talk.interaction_id, "original_query": talk.original_query,
        "adapted_query": talk.initial_query, "inferred_domain": None, "inferred_scenario": None,
        "target_turns": talk.num_turns, "style_transferred": talk.original_query != talk.initial_query, "metadata": {},
    }  # fmt: skip


def _calls(content: Any) -> Iterable[CallRecord]:
    """The calls of a token report; one that only has totals has none."""
    if not isinstance(content, Mapping):
        return
    listed = next((content[key] for key in ("records", "usage_records", "calls", "details") if key in content), ())
    for record in listed if isinstance(listed, list) else ():
        if isinstance(record, Mapping) and "input_tokens" in record:
            yield CallRecord(
                module=str(record.get("module") or "unknown"),
                operation=str(record.get("operation") or "unknown"),
                model=str(record.get("model") or "unknown"),
                provider=str(record.get("provider") or "unknown"),
                input_tokens=int(record.get("input_tokens") or 0),
                output_tokens=int(record.get("output_tokens") or 0),
                timestamp=str(record.get("timestamp") or ""),
                metadata={"paid": False},
            )
