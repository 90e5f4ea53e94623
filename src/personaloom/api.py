"""The two pipelines of the seed, as classes for scripts and notebooks.

They compose a config file, build the parts, and run; the result is what the seed promises, key by key.
"""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from personaloom.config import build_parts, compose, validate
from personaloom.dataset import Dataset
from personaloom.errors import ConfigNotFoundError, UsageError
from personaloom.llm.client import LLMClient
from personaloom.llm.usage import TokenTracker
from personaloom.outcome import Outcome, run_dataset
from personaloom.parts import Parts
from personaloom.persona_export import SUFFIXES
from personaloom.records import Ids, PersonaSpec
from personaloom.results import load_groups, load_records, select
from personaloom.tracking import make_tracker

if TYPE_CHECKING:
    from personaloom.dialogue import InteractionGenerator
    from personaloom.distractor import DistractorModel
    from personaloom.personas import PersonaBank, PersonaSampler
    from personaloom.queries import UserQueryGenerator
    from personaloom.training import TrainingDataCollector, TrainingDataExporter

__all__ = ["EnhancedPersonaGenerationPipeline", "PersonaGenerationPipeline"]

_EXPORT = "personas.json"


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
        self._dataset = Dataset(self._parts)
        self.token_tracker = TokenTracker(keep_records=False)
        self.llm_client = LLMClient(self._parts.roles, self._parts.prompts, tracker=self.token_tracker)

    @property
    def dataset_dir(self) -> Path:
        """The folder that holds what this pipeline makes."""
        return self._dataset.folder

    def _run(self, parts: Parts, num_personas: int | None) -> Outcome:
        count = _whole(num_personas)
        tracker = make_tracker(self.config["tracking"], parts.output_dir, self.config["experiment_name"])
        try:
            outcome = run_dataset(parts, tracker, num_personas=count, token_tracker=self.token_tracker)
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
        ids = map(Ids.persona, range(counts["personas"]))  # a persona whose queries all failed is there, with none
        return {
            "personas": load_records(folder / "personas.jsonl", counts["personas"], _same),
            "queries": load_groups(folder / "queries.jsonl", counts["queries"], "persona_id", ids),
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
            target = Path(dataset_path).expanduser() if dataset_path else target or Dataset(parts).folder / _EXPORT
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
            Dataset(parts).clear()
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
