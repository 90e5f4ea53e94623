"""Types and ranges of every key, declared once per group; defaults stand in the YAML files.

A key that a file leaves out keeps the default of the constructor that receives it, so only what has no such default is
required. Values are not converted, except whole numbers where a float is meant.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from personaloom.config.schema_base import (
    Amount,
    Count,
    Free,
    Node,
    Positive,
    Probability,
    Seconds,
    Seed,
    Target,
    Text,
)
from personaloom.config.schema_llm import LLM, Local, Simulated

__all__ = ["FREE", "GROUPS", "STAGE_NAMES", "Free", "Node", "Root", "model_for"]

STAGE_NAMES = (
    "persona",
    "query",
    "interaction",
    "distractor",
    "training",
    "score",
    "track",
    "report",
    "export",
)

Turns = Annotated[int, Field(ge=1, le=1_000)]
"""A typing error in the turns must not be paid for: each turn sends all turns before it once more."""


class PersonaBank(Target):
    """``persona_bank``."""

    path: Text


class PopulationBank(PersonaBank):
    """``persona_bank: population``."""

    columns: list[Text] | None
    weight: Text | None
    pairs: Any
    tolerance: Amount
    max_rounds: Positive


class TextBank(PersonaBank):
    """``persona_bank: text``."""

    text_field: Text | None


class Diversity(Node):
    """``sampler.diversity``."""

    enabled: bool
    min_hamming_distance: Count
    max_attempts: Positive


class Sampler(Target):
    """``sampler``: what all strategies share."""

    feature_availability_rate: Probability
    min_features: Count
    max_features: Positive | None
    required_dimensions: list[Text]
    min_constraints: Count
    max_constraints: Count | None
    diversity: Diversity
    config: Text | None


class StratifiedSampler(Sampler):
    """``sampler: stratified``."""

    strata: list[Text]
    weighted: bool


class WeightedSampler(Sampler):
    """``sampler: weighted``."""

    weights: dict[str, dict[str, Amount]]


class Formulation(Target):
    """``formulation``."""

    template: Text
    min_prompt_length: Count
    max_prompt_length: Positive
    validate_output: bool
    language: Literal["en"] | None
    min_mentioned: Probability
    must_mention: list[Text]


class Stages(Target):
    """``stages``; their names are judged with a list of the choices."""

    run: list[Text]
    extra: list[dict[str, Any]]


class Query(Target):
    """``query``."""

    path: Text | None
    queries_per_persona: Annotated[int, Field(ge=1, le=100_000)]
    extra_slots: Count
    style_transfer_probability: Probability
    partial_probability: Probability
    infer_context: bool


class Interaction(Target):
    """``interaction``."""

    min_turns: Turns
    max_turns: Turns
    feedback_probability: Probability
    assistant_persona: Literal["none", "features", "prompt"]
    supplement_rounds: Count


class Distractor(Target):
    """``distractor``; its layers, strategies and rules are judged by the class, which knows their names."""

    activation_probability: Probability
    mode: Literal["realtime", "posthoc"]
    use_semantic: bool
    pairs: bool
    layers: dict[str, Any] | None
    rules: Any
    control: Text | None
    strategy_config: Text | None
    check: Text


class Split(Node):
    """Shares of the splits."""

    train: Probability
    val: Probability
    test: Probability


class TrainingData(Target):
    """``training_data``."""

    formats: list[Text]
    split: Split
    include_persona: bool
    include_trajectory: bool
    include_distractor_versions: bool
    include_full_conversation: bool
    include_metadata: bool
    system_prompt: bool
    train_on: Literal["all", "last"] | None
    license: Text | None
    title: Text | None


class Tracking(Node):
    """``tracking``."""

    required = frozenset({"kind"})
    kind: Literal["mlflow", "none"]
    uri: Text | None
    artifact_location: Text | None
    samples_rows: Count
    max_artifact_mb: Amount
    timeout: Seconds
    upload_timeout: Seconds


class Retry(Node):
    """``engine.retry``: the fields of ``RetryPolicy``."""

    max_attempts: Positive
    max_fault_attempts: Positive
    content_attempts: Positive
    base_s: Amount
    cap_s: Amount
    max_retry_after_s: Amount
    max_outage_s: Amount
    deadline_s: Seconds | None
    retry_refusals: bool


class Budget(Node):
    """``engine.budget``; null is no limit."""

    max_cost_usd: Amount | None
    max_tokens: Count | None
    max_calls: Count | None
    max_minutes: Amount | None


class Engine(Node):
    """``engine``."""

    concurrency: Positive
    max_failed_share: Probability
    conversation_deadline_s: Seconds
    retry: Retry
    budget: Budget


class Executor(Target):
    """``executor``."""


class Checks(Node):
    """``quality.checks``."""

    skip: list[Text]
    min_chars: Count
    max_chars: Positive
    min_turns: Count
    max_turns: Positive
    copy_share: Probability
    patterns: dict[str, Text] | None
    private: Literal["report", "reject"]


class Judge(Node):
    """``quality.judge``; its criteria are judged by the class, which knows their names."""

    share: Probability
    criteria: list[Text]
    min_mean: Amount | None
    min_scores: dict[str, Positive] | None
    pairs: bool


class Annotation(Node):
    """``quality.annotation``."""

    count: Positive


class Quality(Target):
    """``quality``."""

    action: Literal["flag", "filter", "off"]
    checks: Checks
    statistics: bool
    reference: Text | None
    decontaminate: dict[str, Text] | None
    decontaminate_n: Positive
    judge: Judge | None
    annotation: Annotation


class Prompts(Node):
    """``prompts``."""

    folder: Text | None
    overrides: dict[str, Text]


class Ledger(Node):
    """``ledger``."""

    path: Text
    mode: Literal["readwrite", "readonly", "off"]


class Seeds(Node):
    """``seeds``."""

    personas: Seed
    queries: Seed
    noise: Seed
    generation: Seed


class Root(Node):
    """Top level without the groups."""

    required = frozenset({"name", "num_personas", "mode", "seed", "seeds", "output_dir"})
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._=+-]{0,99}$")]
    num_personas: Annotated[int, Field(ge=1, le=100_000_000)]
    mode: Literal["enhanced", "basic"]
    seed: Seed
    seeds: Seeds
    output_dir: Text
    dataset_dir: Text | None
    start_from: Text | None
    reset: bool
    generate_prompts: bool
    export_path: Text | None
    experiment_name: Text
    prompts: Prompts
    ledger: Ledger


FREE: type[Node] = Free
GROUPS: dict[str, dict[str, type[Node]]] = {
    "persona_bank": {
        "personaloom.personas.PersonaBank.load": PersonaBank,
        "personaloom.personas.PopulationBank.load": PopulationBank,
        "personaloom.personas.TextPersonaBank.load": TextBank,
    },
    "sampler": {
        "personaloom.personas.RandomSampler": Sampler,
        "personaloom.personas.StratifiedSampler": StratifiedSampler,
        "personaloom.personas.WeightedSampler": WeightedSampler,
    },
    "formulation": {"personaloom.personas.PromptFormulator": Formulation},
    "llm": {
        "personaloom.llm.connect": LLM,
        "personaloom.llm.SimulatedModel": Simulated,
        "personaloom.llm.connect_local": Local,
    },
    "stages": {"personaloom.stages.StagePlan": Stages},
    "query": {"personaloom.queries.UserQueryGenerator": Query},
    "interaction": {"personaloom.dialogue.InteractionGenerator": Interaction},
    "distractor": {"personaloom.distractor.DistractorModel": Distractor},
    "training_data": {"personaloom.training.TrainingDataExporter": TrainingData},
    "executor": {"personaloom.executors.LocalExecutor": Executor},
    "quality": {"personaloom.quality.QualityPlan": Quality},
    "tracking": {"": Tracking},
    "engine": {"": Engine},
}
"""``{group: {_target_: model}}``; groups that are values and no class have the target ``""``."""


def model_for(group: str, target: str) -> type[Node]:
    """The schema of a group's node; a class that is not listed is judged by its signature."""
    known = GROUPS[group]
    return known.get("") or known.get(target, FREE)
