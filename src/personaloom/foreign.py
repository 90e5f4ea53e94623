"""Statistics and a report of files that we did not make: the reference's samples, chats, ShareGPT, TRL, Parquet."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from personaloom.config.reference.outputs import Outputs
from personaloom.distractor import NoiseTally
from personaloom.errors import InputError, StoreError
from personaloom.files import atomic_json, atomic_lines, file_facts
from personaloom.llm.usage import TokenTracker
from personaloom.manifest import SCHEMA, update_manifest
from personaloom.quality import QualityPlan, Review
from personaloom.quality.noise import noise_results
from personaloom.records import Interaction, Message, NoiseLayer, NoiseResult, PersonaSpec, TrainingSample, utc_now
from personaloom.tracking import write_report
from personaloom.training import TrainingDataCollector
from personaloom.training.files import dump
from personaloom.training.reading import read_samples

__all__ = ["foreign_samples", "report_foreign"]


def foreign_samples(path: Path) -> Iterator[TrainingSample]:
    """The samples of a file, of a folder of files, or of the reference's output folder.

    A sample that names no persona counts as a person of its own. An id that comes again gets a number: what is in a
    file twice is counted twice.

    Raises:
        InputError: there is nothing that can be read; the message names the record.
    """
    seen: Counter[str] = Counter()
    for sample in _samples(path):
        seen[sample.sample_id] += 1
        again = seen[sample.sample_id]
        name = sample.sample_id if again == 1 else f"{sample.sample_id}#{again}"
        yield sample.with_(sample_id=name, persona_id=sample.persona_id or name)


def _samples(path: Path) -> Iterable[TrainingSample]:
    ours = (path / "manifest.json").exists()
    if (
        path.is_dir()
        and not ours
        and any((path / name).is_dir() for name in ("interactions", "personas", "training_data"))
    ):
        collector = TrainingDataCollector()
        return (collector.collect(talk) for talk in Outputs(path).interactions())
    return read_samples(path)


def report_foreign(
    path: Path, plan: QualityPlan, *, output_dir: Path = Path("outputs"), name: str | None = None
) -> tuple[Path, dict[str, Any]]:
    """Measure a file or folder, and write ``statistics.json``, ``manifest.json`` and ``report.html``.

    Args:
        path: what to read; it is left as it is.
        plan: checks and measures.
        output_dir: the result goes to ``reports/<name>-<hash of the content>/`` in it.
        name: first part of the folder's name; None for the file's.

    Returns:
        The folder and its manifest.

    Raises:
        InputError: it cannot be read, or holds no conversation.
        StoreError: the folder cannot be written.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")
    content = _digest(path)
    name = name or path.stem or "dataset"
    folder = output_dir / "reports" / f"{name}-{content[:12]}"
    reading = _Reading(folder, Review(plan))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reading.read(foreign_samples(path))
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}") from error
    if not reading.talks:
        raise InputError(f"{path}: there is no conversation in it")
    statistics = reading.review.statistics(read_samples)
    if reading.alone == reading.talks:
        statistics.pop("persona_distribution", None)  # one line a conversation says nothing
    reading.files["statistics.json"] = atomic_json(folder / "statistics.json", statistics).to_dict()
    manifest = reading.manifest(name, content, path, statistics)
    atomic_json(folder / "manifest.json", manifest)
    write_report(folder)
    return folder, update_manifest(folder, {}, {"report.html": 1})


def _digest(path: Path) -> str:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return hashlib.sha256("".join(file_facts(file, 0).sha256 for file in files).encode()).hexdigest()


@dataclass
class _Reading:
    """One pass over the samples: each is reviewed, and written as a conversation for the report."""

    folder: Path
    review: Review
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: dict[str, tuple[dict[str, str], str | None]] = field(default_factory=dict)
    models: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    tally: NoiseTally = field(default_factory=lambda: NoiseTally(0.0))
    talks: int = 0
    turns: int = 0
    alone: int = 0
    simulated: bool = False

    def read(self, samples: Iterable[TrainingSample]) -> None:
        self._lines("interactions.jsonl", (self._watched(sample) for sample in samples))
        people = (PersonaSpec(name, features, prompt) for name, (features, prompt) in self.people.items())
        self._lines("personas.jsonl", (person.to_dict() for person in people))

    def _lines(self, name: str, records: Iterable[Mapping[str, Any]]) -> None:
        facts = atomic_lines(self.folder / name, map(dump, records))
        self.files[name] = facts.to_dict()

    def _watched(self, sample: TrainingSample) -> dict[str, Any]:
        self.review.look(sample)
        talk = _conversation(sample)
        notes = sample.metadata or {}
        self.talks += 1
        self.turns += sample.num_turns
        self.alone += sample.persona_id == sample.sample_id
        self.simulated |= bool(notes.get("simulated"))
        self.ends[str(notes.get("end_reason") or "unknown")] += 1
        self.models[str((notes.get("models") or {}).get("assistant") or "unknown")] += 1
        self.tally.add(talk.noise())
        prompt = notes.get("persona_prompt") or _system(sample)
        self.people.setdefault(sample.persona_id, (talk.persona_features, prompt))
        return talk.to_dict()

    def manifest(self, name: str, content: str, path: Path, statistics: Mapping[str, Any]) -> dict[str, Any]:
        """With every key that a dataset's has, so that whatever reads manifests reads this one."""
        none, now, total = TokenTracker(), utc_now(), self.review.rejected + self.review.passed
        counts = {
            **dict.fromkeys(("prompts", "queries", "failed", "supplements", "pairs"), 0),
            "personas": len(self.people) - self.alone,
            "interactions": self.talks,
            "expected_interactions": self.talks,
            "samples": total,
            "turns": self.turns,
            "rejected_samples": self.review.rejected,
        }
        return {
            "schema": SCHEMA, "name": name, "fingerprint": content, "fingerprints": {}, "simulated": self.simulated,
            "status": "done", "mode": "enhanced", "stages": ["report"], "num_personas": counts["personas"], "seeds": {},
            "counts": counts,
            "end_reasons": dict(sorted(self.ends.items())),
            "noise": {"mode": "realtime", **self.tally.to_dict(), "configured_rate": None, "rate": {}, "layer_mix": {}},
            "failures": {}, "failed_share": 0.0, "quality": self.review.summary(statistics.get("quality") or {}),
            "usage": {"paid": none.paid.to_dict(), "attributed": none.attributed.to_dict(), **none.tables(),
                      "unpriced_models": [], "unknown_attempts": 0},
            "models": [{"role": "assistant", "model": model, "provider": model.partition("/")[0], "origin": "",
                        "weight": count, "snapshots": []} for model, count in sorted(self.models.items())],
            "mixed_snapshots": False, "prompts": {},
            "queries": {"source": "read in", "sha256": content, "size": self.talks, "passes": 1}, "personas": {},
            "tracking": {"kind": "none", "uri": None, "experiment": None, "run_id": None, "error": None},
            "sweep": {"id": None, "job": None, "overrides": []}, "config": {},
            "samples_by_split": dict(statistics.get("samples_by_split") or {}), "unused_keys": [],
            "notes": self._notes(path), "versions": {"personaloom": metadata.version("personaloom"), "reader": "1"},
            "read_in_from": path.name, "created_at": now, "updated_at": now, "duration_s": 0.0,
            "files": dict(sorted(self.files.items())),
        }  # fmt: skip

    def _notes(self, path: Path) -> list[str]:
        notes = [f"read from {path.name}, which was not made here: how it was made is not known"]
        if self.alone:
            notes.append(f"{self.alone:,} conversations name no persona: each counts as a person of its own")
        return notes


def _system(sample: TrainingSample) -> str | None:
    """The system message that a chat begins with."""
    return next((m["content"] for m in sample.full_conversation or () if m["role"] == "system"), None)


def _conversation(sample: TrainingSample) -> Interaction:
    notes = sample.metadata or {}
    said = sample.full_conversation or [{"role": "user", "content": sample.initial_query}]
    messages = [Message(m["role"], m["content"]) for m in said if m["role"] != "system"]
    users = [message.content for message in messages if message.role == "user"]
    found = {int(result["turn"]): result for result in noise_results(sample)}
    clean = {
        int(e["turn"]): e["text"] for e in sample.prompt_trajectory or () if isinstance(e, Mapping) and "text" in e
    }
    noise = [_noise(text, clean.get(turn, text), found.get(turn, {})) for turn, text in enumerate(users)]
    models = notes.get("models") or {}
    return Interaction(
        sample.sample_id, sample.persona_id, {k: str(v) for k, v in (sample.persona_features or {}).items()},
        sample.original_query, sample.initial_query, messages, sample.num_turns,
        {"end_reason": notes.get("end_reason"), "assistant_model": models.get("assistant"),
         "user_model": models.get("user"), "noise": [result.to_dict() for result in noise], "prompts": {},
         "simulated": bool(notes.get("simulated"))},
    )  # fmt: skip


def _noise(said: str, clean: str, result: Mapping[str, Any]) -> NoiseResult:
    layer = result.get("layer")
    known = layer if layer in set(NoiseLayer) else None
    facts = {key: result.get(key) for key in ("verdict", "edit_distance", "reason") if result.get(key) is not None}
    index = None if known is None else NoiseLayer(known).layer_index
    return NoiseResult(clean, said, known, index, list(result.get("applied_strategies") or ()), facts)
