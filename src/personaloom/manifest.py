"""Writes a dataset's files and ``manifest.json``: what is there, what is missing and why, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from personaloom.costs import prices_of
from personaloom.dataset import Dataset
from personaloom.distractor import NoiseTally
from personaloom.errors import MissingStageInputError
from personaloom.exports import Exports
from personaloom.files import atomic_json, file_facts
from personaloom.judgements import PAIR, SCORE, stored_comparisons, stored_scores
from personaloom.llm.usage import TokenTracker, UsageTotals
from personaloom.manifest_file import NAME, changed_files, read_manifest, sound_manifest, stamps_of
from personaloom.origin import holds_old_noise
from personaloom.plural import many
from personaloom.provenance import provenance
from personaloom.quality import Review
from personaloom.records import Interaction, NoiseLayer, utc_now
from personaloom.run_log import RunLog
from personaloom.stages import StageName
from personaloom.store import PERSONA_LEVEL, Store
from personaloom.training.reading import read_samples

__all__ = ["SCHEMA", "update_manifest", "write_dataset"]

SCHEMA = 1


def write_dataset(dataset: Dataset, store: Store, count: int, log: RunLog) -> dict[str, Any]:
    """Write every file that this run is to write, then the manifest; gives the manifest.

    A dataset whose store and files have not changed since they were written is left as it is.

    Args:
        dataset: which.
        store: of the dataset.
        count: of its personas.
        log: of the run, which ends here.

    Raises:
        MissingStageInputError: samples were asked for and there is no conversation.
        StoreError: a file cannot be written.
    """
    duration_s = log.seconds
    store.flush()
    state = _state(dataset, store, count, log)
    if StageName.EXPORT not in dataset.parts.plan and store.meta("exported") == state:
        current = _current(store, log)
        if current is not None:
            return current | {"unchanged": True}
    log.progress.status("writing the files")
    manifest = _Writing(dataset, store, count, log).write(duration_s)
    atomic_json(store.folder / NAME, manifest)
    store.put_meta("exported", state)
    store.put_meta("stamps", stamps_of(store.folder, manifest["files"]))
    return manifest


def update_manifest(folder: Path, changes: Mapping[str, Any], files: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Add to a manifest what was made after it: a report, a tracked run.

    Args:
        folder: the dataset folder.
        changes: top-level keys to set.
        files: names of further files in the folder, with their number of records.
    """
    manifest = {**read_manifest(folder), **changes}
    manifest.pop("unchanged", None)
    facts = {name: file_facts(folder / name, records).to_dict() for name, records in (files or {}).items()}
    manifest["files"] = {**manifest["files"], **facts}
    atomic_json(folder / NAME, manifest)
    return manifest


def _state(dataset: Dataset, store: Store, count: int, log: RunLog) -> dict[str, Any]:
    """What the files depend on, beside the fingerprint."""
    return {
        "version": store.version,
        "num_personas": count,
        "training": _makes_samples(dataset, store),
        "formats": dataset.parts.exporter.writes(),
        "quality": dataset.quality.settings(),
        "prices": sorted([*name, *astuple(price)] for name, price in prices_of(dataset.parts.roles).items()),
        "stopped": type(log.stopped).__name__ if log.stopped else None,
        "schema": SCHEMA,
    }


def _makes_samples(dataset: Dataset, store: Store) -> bool:
    """Whether samples are written: where they are asked for, and where they lie already, so that none goes stale."""
    asked = {StageName.TRAINING, StageName.EXPORT, StageName.SCORE} & dataset.parts.plan.names
    return bool(asked) or (store.folder / "training_data").is_dir()


def _current(store: Store, log: RunLog) -> dict[str, Any] | None:
    """The manifest, where it and all that it lists are as they were written; else None, and what is not is said."""
    manifest = sound_manifest(store.folder)
    if manifest is None:  # damaged or gone: all is written anew
        return None
    files, stamps = manifest["files"], store.meta("stamps") or {}
    changed = changed_files(store.folder, files, stamps)
    if changed:
        were = "was" if len(changed) == 1 else "were"
        log.note(f"{', '.join(changed)} {were} changed or removed after the last run: written anew from the store")
        return None
    now = stamps_of(store.folder, files)
    if now != stamps:  # a copied folder, or a report that came after the other files: not to be hashed every time
        store.put_meta("stamps", now)
    return manifest


class _Writing:
    """One writing of a dataset's files."""

    def __init__(self, dataset: Dataset, store: Store, count: int, log: RunLog) -> None:
        self.dataset = dataset
        self.parts = dataset.parts
        self.store = store
        self.count = count
        self.log = log
        self.exports = Exports(
            store,
            count,
            self.parts.noise_mode,
            comparisons=stored_comparisons(dataset, store, count),
            prices=prices_of(self.parts.roles),
        )
        self.tally = self.parts.distractor.tally() if self.parts.distractor else NoiseTally(0.0)
        self.read_in = NoiseTally(0.0)
        self.turns = 0
        self.supplements = 0
        self.end_reasons: Counter[str] = Counter()

    def watch(self, talk: Interaction) -> None:
        """Count one conversation."""
        self.turns += talk.num_turns
        self.supplements += bool(talk.metadata.get("supplement"))
        self.end_reasons[str(talk.metadata.get("end_reason") or "unknown")] += 1
        (self.read_in if holds_old_noise(talk.metadata) else self.tally).add(talk.noise())

    def write(self, duration_s: float) -> dict[str, Any]:
        """All files; gives the manifest."""
        exports = self.exports
        personas = exports.personas()
        queries = exports.queries()
        interactions = exports.interactions(self.watch)
        exports.failures()
        exports.pairs()
        usage = exports.token_usage()
        manifest = self._head() | self._counts(personas, queries, interactions)
        # A simulated model that was not asked (personas alone) simulated nothing, whatever the dataset's name says.
        manifest["simulated"] &= any(manifest["counts"][of] for of in ("prompts", "queries", "interactions"))
        manifest |= {"usage": _usage(usage, self.log.sent)}
        manifest |= provenance(self.dataset, usage, self.count, self._kept("tracking"))
        origin = self.dataset.origin
        if origin is not None:
            manifest |= origin.tell(manifest, self.read_in, alone=self.dataset.alone)
        if _makes_samples(self.dataset, self.store):
            self._samples(manifest, interactions)
        manifest["personas"] = {} if origin is not None else self.parts.sampler.statistics(self.count)
        now = utc_now()
        manifest["created_at"] = self._created(now)
        manifest |= {"updated_at": now, "duration_s": round(duration_s, 3)}
        if self.log.stopped is not None:
            manifest["stopped"] = str(self.log.stopped)
        manifest["notes"] = [*self.log.notes, *(origin.notes(manifest) if origin is not None else ())]
        manifest["files"] = dict(sorted(exports.files.items()))
        return manifest

    def _samples(self, manifest: dict[str, Any], interactions: int) -> None:
        if not interactions:
            if self.parts.plan.generates or self.log.stopped is not None:
                return
            raise MissingStageInputError(
                f"stage training: {self.store.folder} has no conversations yet. Run the interaction stage first "
                "(--stage interaction), with the same config, or all of them (--stage all)"
            )
        simulated = self.dataset.simulated
        scores = stored_scores(self.dataset, self.store, self.count)
        statistics, review = self.exports.samples(
            self.parts.exporter, {"manifest": manifest}, self.dataset.quality, scores, simulated=simulated
        )
        quality = self._quality(review, simulated=simulated)
        written = {key: value for key, value in statistics.items() if key not in {"files", "paths"}}
        self.exports.statistics(written | {"noise": manifest["noise"], "quality": quality})
        told = (self._kept("quality") or {}).get("people")  # what annotators said stays
        manifest["quality"] = review.summary(quality) | ({"people": told} if told else {})
        self._tell_unscored(manifest["quality"])
        if old := self.parts.exporter.not_renewed(self.store.folder):
            self.log.note(
                f"training_data/ holds files of an earlier export that stay as they were: {', '.join(old)} "
                f"→ name them in training_data.formats to renew them"
            )
        manifest["counts"]["samples"] = statistics["total_samples"]
        manifest["counts"]["rejected_samples"] = review.rejected
        manifest["samples_by_split"] = statistics["samples_by_split"]

    def _tell_unscored(self, quality: dict[str, Any]) -> None:
        """Say how many samples could not be judged: no conversation failed with them, and nothing else would."""
        failed = Counter(failure.stage for _, _, failure in self.store.failures(self.count))
        again = "with the reasons in failures.jsonl; the same command asks for them again"
        if failed[SCORE]:
            known = quality["judge"] or {"judged": 0, "skipped": 0, "refused": 0}
            quality["judge"] = {**known, "failed": failed[SCORE]}
            self.log.note(f"judge: {many(failed[SCORE], 'sample')} could not be scored, {again}")
        if failed[PAIR]:
            quality["pairs"] = {**(quality["pairs"] or {"compared": 0, "skipped": 0}), "failed": failed[PAIR]}
            self.log.note(f"judge: {many(failed[PAIR], 'pair')} could not be compared, {again}")

    def _quality(self, review: Review, *, simulated: bool) -> dict[str, Any]:
        # Noise that was read in was drawn at a rate that is not known: there is nothing to test it against.
        distractor = self.parts.distractor if self.dataset.origin is None else None
        weights = distractor.layer_weights if distractor is not None else {}
        found = review.statistics(
            read_samples,
            simulated=simulated,
            configured_rate=distractor.activation_probability if distractor is not None else None,
            layer_weights=[weights.get(str(layer), 0.0) for layer in NoiseLayer] if len(weights) > 1 else None,
            dimensions={dimension.name: dimension.value_names for dimension in self.parts.bank.dimensions},
        )
        quality: dict[str, Any] = found["quality"]
        return quality

    def _head(self) -> dict[str, Any]:
        dataset, parts = self.dataset, self.parts
        return {
            "schema": SCHEMA,
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "fingerprints": dataset.fingerprints,
            "simulated": dataset.simulated,
            "status": self.log.status,
            "mode": parts.mode,
            "stages": [str(name) for name in StageName if name in parts.plan],
            "num_personas": self.count,
            "seeds": parts.seeds.to_dict(),
        }

    def _counts(self, personas: int, queries: int, interactions: int) -> dict[str, Any]:
        have = set(self.store.slots("interactions", self.count))
        missing: dict[tuple[int, int], str] = {}
        failures = [found for found in self.store.failures(self.count) if found[:2] not in have]
        told = {persona for persona, slot, _ in failures if slot != PERSONA_LEVEL}
        for persona, slot, failure in failures:
            if slot == PERSONA_LEVEL and persona in told:
                continue  # a prompt that failed with the conversations that are counted here
            missing[persona, slot] = failure.kind  # the last one decides: each supplement before it failed as well
        tried = interactions + len(missing)
        return {
            "counts": {
                "personas": personas,
                "prompts": self.store.count("prompts", self.count),
                "queries": queries,
                "interactions": interactions,
                "samples": 0,
                "turns": self.turns,
                "failed": len(missing),
                "supplements": self.supplements,
                "rejected_samples": 0,
                "pairs": self.store.count("twins", self.count),
                "expected_interactions": self.parts.query_generator.slots_in(self.count),
            },
            "end_reasons": dict(sorted(self.end_reasons.items())),
            "noise": {"mode": self.parts.noise_mode, **self.tally.to_dict()},
            "failures": dict(sorted(Counter(missing.values()).items())),
            "failed_share": len(missing) / tried if tried else 0.0,
            "quality": None,
        }

    def _kept(self, name: str) -> Any:
        """What an earlier writing of this dataset's manifest says."""
        return (sound_manifest(self.store.folder) or {}).get(name)

    def _created(self, now: str) -> str:
        created = self.store.meta("created_at")
        if created is None:
            self.store.put_meta("created_at", now)
        return str(created or now)


def _usage(tracker: TokenTracker, this_run: UsageTotals) -> dict[str, Any]:
    return {
        "this_run": this_run.to_dict(),
        "paid": tracker.paid.to_dict(),
        "attributed": tracker.attributed.to_dict(),
        **tracker.tables(),
        "unpriced_models": sorted(tracker.unpriced),
        "unknown_attempts": tracker.lost_attempts,
    }
