"""The two pipelines of the seed, as classes for scripts and notebooks; the command line uses the same ``run_dataset``.

They compose a config file, build the parts, and run; the result is what the seed promises, key by key.
"""

from __future__ import annotations

import json
import operator
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from personaloom.config import build_parts, compose, validate
from personaloom.errors import ConfigNotFoundError, PersonaLoomError, TrackingError, UsageError
from personaloom.llm.client import LLMClient
from personaloom.manifest import update_manifest
from personaloom.manifest_file import read_manifest
from personaloom.parts import Parts
from personaloom.paths import command
from personaloom.persona_export import SUFFIXES, export_personas
from personaloom.pipeline import Pipeline
from personaloom.progress import Progress, Silent
from personaloom.records import PersonaSpec
from personaloom.results import load_groups, load_records, select
from personaloom.stages import StageName
from personaloom.tracking import NullTracker, RunRef, Tracker, make_tracker, write_report

if TYPE_CHECKING:
    from personaloom.dialogue import InteractionGenerator
    from personaloom.distractor import DistractorModel
    from personaloom.llm.usage import TokenTracker
    from personaloom.personas import PersonaBank, PersonaSampler
    from personaloom.queries import UserQueryGenerator
    from personaloom.training import TrainingDataCollector, TrainingDataExporter

__all__ = [
    "EnhancedPersonaGenerationPipeline",
    "Outcome",
    "PersonaGenerationPipeline",
    "run_dataset",
    "run_stored",
    "upload_later",
]

FAILED_SHARE_EXIT = 4
_EXPORT = "personas.json"


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        manifest: as written.
        folder: the dataset folder.
        run: where MLflow has it.
        stopped: what ended it early, or None.
        exit_code: for the command line.
        after_s: seconds that report and upload took, which ``duration_s`` of the manifest does not hold.
    """

    manifest: Mapping[str, Any]
    folder: Path
    run: RunRef
    stopped: PersonaLoomError | None
    exit_code: int
    after_s: float = 0.0


def run_dataset(
    parts: Parts,
    tracker: Tracker | None = None,
    progress: Progress | None = None,
    *,
    num_personas: int | None = None,
    config_files: Sequence[Path] = (),
    pipeline: Pipeline | None = None,
) -> Outcome:
    """Make a dataset, its report and its tracked run.

    Tracking that fails costs no data: the dataset is finished, and the manifest says what went wrong.
    """
    pipeline = pipeline or Pipeline(parts, progress)
    try:
        return _run_dataset(pipeline, tracker or NullTracker(), num_personas, config_files)
    finally:
        pipeline.progress.finish()


def _run_dataset(
    pipeline: Pipeline, tracker: Tracker, num_personas: int | None, config_files: Sequence[Path]
) -> Outcome:
    parts = pipeline.parts
    pipeline.on_work = tracker.begin  # its slow start runs beside the pipeline, where there is anything to do
    manifest: Mapping[str, Any] = pipeline.run(num_personas)
    made = time.monotonic()
    _export_personas(pipeline, manifest)
    if _wants_report(parts, manifest):
        pipeline.progress.status("writing the report")
        write_report(pipeline.folder)
        manifest = update_manifest(pipeline.folder, {}, {"report.html": 1})
    run = RunRef()
    if _tells(manifest) or parts.mode == "basic" or StageName.TRACK in parts.plan:
        manifest, run = _track(pipeline, manifest, tracker, config_files)
    after_s = time.monotonic() - made
    return Outcome(manifest, pipeline.folder, run, pipeline.stopped, _exit_code(pipeline, manifest), after_s)


def _wants_report(parts: Parts, manifest: Mapping[str, Any]) -> bool:
    if manifest.get("unchanged") and "report.html" in manifest["files"] and StageName.REPORT not in parts.plan:
        return False
    return _tells(manifest) or StageName.REPORT in parts.plan


def _tells(manifest: Mapping[str, Any]) -> bool:
    """Whether there are conversations, made or failed, or what they were to cost is spent."""
    counts = manifest["counts"]
    return bool(counts["interactions"] or counts["failed"]) or manifest["status"] == "stopped_by_budget"


def _export_personas(pipeline: Pipeline, manifest: Mapping[str, Any]) -> None:
    path = pipeline.parts.export_path
    if path is None:
        return
    personas = load_records(pipeline.folder / "personas.jsonl", manifest["counts"]["personas"], PersonaSpec.from_dict)
    # A bank of text personas has no dimensions: its features are what its file has.
    names = [dimension.name for dimension in pipeline.parts.bank.dimensions]
    names = names or list(dict.fromkeys(name for persona in personas for name in persona.features))
    export_personas(personas, path, names)


def run_stored(
    folder: Path,
    stages: Iterable[str],
    tracker: Tracker,
    progress: Progress | None = None,
    config_files: Sequence[Path] = (),
) -> Outcome:
    """The report or the upload of a dataset that is there already: nothing is generated, no config is needed.

    Raises:
        MissingStageInputError: the folder holds no finished dataset.
        TrackingError: the upload failed; here it is what was asked for.
    """
    progress, started = progress or Silent(), time.monotonic()
    manifest: Mapping[str, Any] = read_manifest(folder)
    run = RunRef.from_manifest(manifest["tracking"])
    try:
        if StageName.REPORT in stages:
            progress.status("writing the report")
            write_report(folder)
            manifest = update_manifest(folder, {}, {"report.html": 1})
        if StageName.TRACK in stages:
            progress.status("logging to MLflow")
            tracker.begin()
            manifest, run = _upload(folder, manifest, tracker, config_files)
    finally:
        progress.finish()
    # What the manifest says of a run is said of the one that made the data: this one made and paid nothing.
    return Outcome({**manifest, "unchanged": True}, folder, run, None, 0, time.monotonic() - started)


def _track(
    pipeline: Pipeline, manifest: Mapping[str, Any], tracker: Tracker, config_files: Sequence[Path]
) -> tuple[Mapping[str, Any], RunRef]:
    """Track a dataset that was just made; a failure is said and costs nothing."""
    if isinstance(tracker, NullTracker):
        return manifest, RunRef()
    known = manifest["tracking"]
    if manifest.get("unchanged") and known.get("run_id") and not known.get("error"):
        return manifest, RunRef.from_manifest(known)
    pipeline.progress.status("logging to MLflow")
    try:
        return _upload(pipeline.folder, manifest, tracker, config_files)
    except TrackingError as error:
        remedy = upload_later(pipeline.folder, manifest)
        pipeline.note(f"MLflow: {error}. The dataset is whole; to upload it later: {remedy}")
        failed = {**known, "kind": "mlflow", "error": str(error)}
        return update_manifest(pipeline.folder, {"tracking": failed}), RunRef()


def upload_later(folder: Path, manifest: Mapping[str, Any]) -> str:
    """The command that logs a dataset to the store that its run was meant for."""
    config = manifest.get("config") or {}
    usual = {"output_dir": "outputs", "experiment_name": "personaloom", "tracking.uri": None}
    meant = {key: config.get(key) for key in usual} | {"tracking.uri": (config.get("tracking") or {}).get("uri")}
    where = [f"{key}={value}" for key, value in meant.items() if value not in {usual[key], None}]
    return command("stages=track", f"dataset_dir={folder}", *where)


def _upload(
    folder: Path, manifest: Mapping[str, Any], tracker: Tracker, config_files: Sequence[Path]
) -> tuple[Mapping[str, Any], RunRef]:
    started = tracker.start_run(manifest, manifest["config"])
    # The run's id is in the manifest before the manifest is uploaded: each finds the other.
    manifest = update_manifest(folder, {"tracking": started.to_manifest()})
    return manifest, tracker.log(folder, config_files)


def _exit_code(pipeline: Pipeline, manifest: Mapping[str, Any]) -> int:
    if pipeline.stopped is not None:
        return pipeline.stopped.exit_code
    if manifest["failed_share"] > pipeline.parts.engine.max_failed_share:
        return FAILED_SHARE_EXIT
    return 0


class _Configured:
    """What both pipelines of the seed share: a config file, and the parts that it describes."""

    mode = "enhanced"

    def __init__(self, config_path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> None:
        path = Path(config_path)
        if not path.is_file():
            raise ConfigNotFoundError(
                f"config_path: there is no file {os.fspath(config_path)!r}: name a YAML file, such as conf/config.yaml"
            )
        self.config: dict[str, Any] = validate(compose([f"mode={self.mode}", *overrides], config=path))
        self._parts = build_parts(self.config)
        self.stages: dict[str, bool] = self._parts.plan.to_dict()
        self.incremental = not self._parts.reset
        self.persona_bank: PersonaBank = self._parts.bank
        self.sampler: PersonaSampler = self._parts.sampler
        self._pipeline = Pipeline(self._parts)
        self.token_tracker: TokenTracker = self._pipeline.token_tracker
        self.llm_client = LLMClient(self._parts.roles, self._parts.prompts, tracker=self.token_tracker)

    @property
    def dataset_dir(self) -> Path:
        """The folder that holds what this pipeline makes."""
        return self._pipeline.folder

    def _run(self, parts: Parts, num_personas: int | None, progress: Progress | None = None) -> Outcome:
        count = _whole(num_personas)
        pipeline = Pipeline(parts, progress or Silent())
        pipeline.token_tracker = self.token_tracker
        tracker = make_tracker(self.config["tracking"], parts.output_dir, self.config["experiment_name"])
        try:
            outcome = run_dataset(parts, tracker, num_personas=count, pipeline=pipeline)
        finally:
            tracker.close()
        if outcome.stopped is not None:
            raise outcome.stopped
        return outcome


class EnhancedPersonaGenerationPipeline(_Configured):
    """Complete pipeline for generating synthetic training data.

    Stages: persona generation, system prompts, queries with style transfer, multi-turn conversations, noise, and
    training data.

    Args:
        config_path: a primary config with a defaults list, or a resolved one.
        overrides: Hydra overrides on top, such as ``["distractor=heavy"]``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the config cannot be used; the message lists every fault.

    Attributes:
        config: the composed configuration.
        stages: stage name to whether it runs.
        incremental: existing outputs are kept and added to.
        token_tracker: token usage of the latest run that asked a model, and of calls of one's own since.
        llm_client: the models, for calls of one's own.
        persona_bank, sampler, query_generator, interaction_generator, distractor, training_collector,
        training_exporter: the parts.
    """

    def __init__(self, config_path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> None:
        super().__init__(config_path, overrides)
        self.query_generator: UserQueryGenerator = self._parts.query_generator
        self.interaction_generator: InteractionGenerator = self._parts.interaction_generator
        self.distractor: DistractorModel | None = self._parts.distractor
        self.training_exporter: TrainingDataExporter = self._parts.exporter
        self.training_collector: TrainingDataCollector = self._parts.exporter.collector

    def run(self, num_personas: int | None = None) -> dict[str, Any]:
        """Run the complete pipeline.

        Args:
            num_personas: how many personas; None takes the config's number.

        Returns:
            ``personas``: persona dictionaries; ``queries``: persona id to its query dictionaries; ``interactions``:
            conversation dictionaries; ``enhanced_interactions``: those with noise (deprecated); ``training_data``:
            export statistics, with ``total_samples``. Above 10,000 records lists are lazy sequences. Further keys:
            ``dataset_dir`` and ``manifest``.

        Raises:
            PersonaLoomError: the run ended early (budget, interrupt, rejected key); what was made is stored.
        """
        outcome = self._run(self._parts, num_personas)
        folder, counts = outcome.folder, outcome.manifest["counts"]
        talks = load_records(folder / "interactions.jsonl", counts["interactions"], _same)
        return {
            "personas": load_records(folder / "personas.jsonl", counts["personas"], _same),
            "queries": load_groups(folder / "queries.jsonl", counts["queries"], "persona_id"),
            "interactions": talks,
            "enhanced_interactions": select(talks, _is_noisy),
            "training_data": _statistics(folder, self.training_exporter, simulated=outcome.manifest["simulated"]),
            "dataset_dir": str(folder),
            "manifest": dict(outcome.manifest),
        }


class PersonaGenerationPipeline(_Configured):
    """Basic pipeline for generating personas with system prompts, without conversations.

    Args:
        config_path: a primary config with a defaults list, or a resolved one.
        overrides: Hydra overrides on top.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the config cannot be used.
    """

    mode = "basic"

    def run(
        self,
        num_personas: int | None = None,
        generate_prompts: bool = True,
        export_dataset: bool = False,
        dataset_path: str | None = None,
    ) -> dict[str, Any]:
        """Run the persona generation pipeline.

        Args:
            num_personas: how many; None takes the config's number.
            generate_prompts: whether to write system prompts; without them nothing is asked of a model. A config that
                says ``generate_prompts: false`` has none written either.
            export_dataset: whether to export the personas to a file of their own.
            dataset_path: its path (``.json``, ``.jsonl``, ``.csv`` or ``.parquet``); None for the config's
                ``export_path``, or else ``personas.json`` in the dataset folder.

        Returns:
            ``num_personas``, ``personas`` (a list of ``PersonaSpec``, lazy above 10,000) and ``dataset_path`` (None
            where nothing was exported; a config with an ``export_path`` always exports).

        Raises:
            UsageError: a path whose suffix says no format, or without ``export_dataset``: before anything is made.
        """
        parts = self._parts if generate_prompts else replace(self._parts, formulator=None)
        target = parts.export_path
        if export_dataset:
            target = Path(dataset_path).expanduser() if dataset_path else target or Pipeline(parts).folder / _EXPORT
            if target.suffix.lower() not in SUFFIXES:
                raise UsageError(f"dataset_path={target}: the suffix says no format: end it in {', '.join(SUFFIXES)}")
            parts = replace(parts, export_path=target)
        elif dataset_path is not None:
            raise UsageError("dataset_path is given and export_dataset is False: set export_dataset=True")
        outcome = self._run(parts, num_personas)
        count = outcome.manifest["counts"]["personas"]
        return {
            "num_personas": count,
            "personas": load_records(outcome.folder / "personas.jsonl", count, PersonaSpec.from_dict),
            "dataset_path": str(target) if target else None,
        }

    def reset(self) -> None:
        """Clear the stored personas and the sampler's state; paid replies stay in the ledger."""
        for parts in (self._parts, replace(self._parts, formulator=None)):  # with system prompts, and without
            Pipeline(parts).reset()
        self.sampler.reset()


def _same(record: dict[str, Any]) -> dict[str, Any]:
    return record


def _is_noisy(talk: Mapping[str, Any]) -> bool:
    """Whether the distractor changed something in a conversation."""
    return any(noise["metadata"].get("verdict") == "applied" for noise in talk["metadata"].get("noise", ()))


def _whole(num_personas: Any) -> int | None:
    """A number of personas as a plain int; NumPy's will do.

    Raises:
        UsageError: it is no whole number.
    """
    if num_personas is None:
        return None
    if isinstance(num_personas, bool) or not hasattr(num_personas, "__index__"):
        raise UsageError(f"num_personas={num_personas!r}: give a whole number, at least 1")
    return operator.index(num_personas)


def _statistics(folder: Path, exporter: TrainingDataExporter, *, simulated: bool) -> dict[str, Any]:
    """What ``statistics.json`` says; zeros in its form where there is none, for no conversation was made."""
    path = folder / "statistics.json"
    if not path.exists():
        return {**exporter.nothing(), "simulated": simulated}
    return dict(json.loads(path.read_text("utf-8")))
