"""From the reference's ``config.yaml`` to ours, section by section."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from personaloom.config.reference.draft import Draft, Translation
from personaloom.config.reference.gaps import gap
from personaloom.config.reference.keys import canonical_provider, key_faults
from personaloom.config.reference.models import translate_models
from personaloom.config.reference.noise import translate_strategies
from personaloom.config.reference.outputs import has_outputs
from personaloom.config.reference.personas import translate_bank, translate_sampler
from personaloom.config.reference.queries import translate_queries
from personaloom.config.reference.section import Section, expand
from personaloom.errors import ConfigError, Fault

__all__ = ["is_reference", "translate"]

_STAGES = {
    "persona_generation": "persona",
    "query_generation": "query",
    "interaction_generation": "interaction",
    "distractor_application": "distractor",
    "training_data_export": "training",
}
_FIELDS = ("persona", "trajectory", "distractor_versions", "full_conversation", "metadata")
_SHIPPED_OUTPUT = "outputs"


def is_reference(content: Mapping[str, Any]) -> bool:
    """Whether this is the reference system's config: it has ``persona_generation``, and no defaults list."""
    return "persona_generation" in content and "defaults" not in content


def translate(path: Path, content: Mapping[str, Any]) -> Translation:
    """The reference's config in our keys.

    Args:
        path: its file; paths in it are looked for beside it first, then in the working directory.
        content: as read, ``${NAME}`` as it stands.

    Raises:
        ConfigError: a literal key is in it, or something that has no meaning there either; all faults at once.
        UsageError: a file that it names cannot be read.
    """
    draft = Draft(path.parent)
    draft.faults += key_faults(content)
    config = Section(content, "", draft.faults)
    output_dir = _output_dir(config.section("paths"), draft)
    accounts = translate_models(config, draft)
    provider = canonical_provider(config.section("api").peek("provider") or "openai")
    draft.copy("num_personas", config.section("persona_generation"), "num_personas")
    bank = translate_bank(config.section("paths"), draft)
    translate_sampler(config, bank, draft)
    _formulation(config.section("formulation"), draft)
    translate_queries(config, output_dir, draft)
    _conversations(config.section("interaction_generation"), draft)
    translate_strategies(config.section("distractor"), accounts, provider, draft)
    _training(config.section("training_data"), draft)
    _experiment(config.section("experiment"), output_dir, draft)
    draft.gaps += [gap(key, value) for key, value in config.unread()]
    if draft.faults:
        raise ConfigError(draft.faults, f"{path} cannot be used")
    return Translation(path, draft.values, draft.bases, tuple(draft.gaps), tuple(draft.remarks))


def _output_dir(paths: Section, draft: Draft) -> str:
    """The folder that holds the reference's output folders."""
    named = []
    for name in paths:
        if isinstance(paths.peek(name), Mapping):
            value, where = paths.section(name).taken("output_dir")
            if value is not None:
                named.append((Path(expand(str(value), where, draft.faults)).expanduser(), where))
    if not named:
        return _SHIPPED_OUTPUT
    try:
        common = os.path.commonpath([path.parent for path, _ in named])
    except ValueError:
        common = ""  # some are absolute and some are not
    where = "paths.*.output_dir"
    if common in {"", "."}:
        draft.remarks.append(f"{where}: they have no folder in common, so datasets go to {_SHIPPED_OUTPUT}")
        return _SHIPPED_OUTPUT
    draft.put("output_dir", common, where)
    return common


def _formulation(own: Section, draft: Draft) -> None:
    draft.copy("formulation.validate_output", own, "validate_output")
    draft.copy("formulation.min_prompt_length", own, "min_prompt_length")


def _conversations(own: Section, draft: Draft) -> None:
    draft.copy("interaction.min_turns", own, "min_turns")
    draft.copy("interaction.max_turns", own, "max_turns")
    draft.copy("interaction.supplement_rounds", own, "max_supplement_rounds", "supplement_rounds")
    draft.copy("interaction.feedback_probability", own, "feedback_probability")
    draft.copy("interaction.feedback_probability", own.section("user_model"), "feedback_probability")
    draft.copy("engine.concurrency", own, "max_workers", "num_workers", "workers")


def _training(own: Section, draft: Draft) -> None:
    """The reference writes ``train_samples.json``; whoever reads that finds it beside our ``.jsonl``."""
    draft.put("training_data.formats", ["jsonl", "json"], "the reference's *_samples.json, beside *_samples.jsonl")
    switches = own.section("format") if isinstance(own.peek("format"), Mapping) else own
    for section in {id(own): own, id(switches): switches}.values():
        for name in _FIELDS:
            draft.copy(f"training_data.include_{name}", section, f"include_{name}")
    split = own.section("split")
    shares = {
        name: split.taken(*names)
        for name, names in (
            ("train", ("train", "train_ratio")),
            ("val", ("validation", "val", "val_ratio")),
            ("test", ("test", "test_ratio")),
        )
    }
    if any(value is not None for value, _ in shares.values()):
        for name, (value, where) in shares.items():
            draft.put(f"training_data.split.{name}", 0 if value is None else value, where)


def _experiment(own: Section, output_dir: str, draft: Draft) -> None:
    draft.copy("experiment_name", own, "name")
    if has_outputs(Path(output_dir)):
        where = own.full("incremental")
        draft.remarks.append(f"{where}: start_from={output_dir} goes on from what the reference made there")
    if not own.truth("incremental", default=True):
        draft.put("reset", value=True, origin=own.full("incremental"))
        draft.remarks.append(
            "experiment.incremental=false: runs that make personas clear this dataset first (reset=true)"
        )
    switches = own.section("stages")
    run = [stage for name, stage in _STAGES.items() if switches.truth(name, default=True)]
    if not run:
        remedy = f"set one of {', '.join(_STAGES)} to true"
        draft.faults.append(Fault(switches.where, "every stage is switched off", remedy))
    elif len(run) < len(_STAGES):
        draft.bases["stages"] = "custom"
        draft.put("stages.run", run, switches.where)
