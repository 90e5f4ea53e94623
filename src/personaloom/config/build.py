"""From a judged config to the typed parts of a pipeline; nothing below this floor sees a config object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from personaloom.config.composition import Composed
from personaloom.config.instantiate import instantiate
from personaloom.config.models import roles_asked
from personaloom.config.nearest import choices
from personaloom.config.reference.origin import start_of
from personaloom.config.roles import build_roles
from personaloom.dialogue.interaction import AssistantPersona, InteractionGenerator
from personaloom.engine import EngineSettings
from personaloom.errors import ConfigError, Fault
from personaloom.llm.budget import BudgetLimits
from personaloom.llm.client import DeploymentSpec
from personaloom.llm.ledger import LedgerMode
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.retry import RetryPolicy
from personaloom.llm.types import Role
from personaloom.origin import Origin
from personaloom.parts import LedgerSettings, Parts, Seeds
from personaloom.personas import PersonaBank, PromptFormulator
from personaloom.queries import UserQueryGenerator

__all__ = ["build_parts"]

BASIC_STAGES = ("persona", "report", "export", "track")
"""What a basic run can do: there are no conversations in it."""


def build_parts(config: Mapping[str, Any], sweep: Mapping[str, Any] | None = None) -> Parts:
    """Everything a pipeline is made of.

    Args:
        config: what ``validate`` gave.
        sweep: ``{"id", "job", "overrides"}`` of a sweep's job.

    Raises:
        UsageError: a file in the config cannot be used, or a class refuses its arguments.
        ConfigError: a budget in dollars, and a model whose price is not known.
    """
    seeds = Seeds(**config["seeds"])
    bank = instantiate(config["persona_bank"], "persona_bank")
    stages = _stages(config)
    roles = build_roles(config["llm"])
    engine = _engine(config["engine"])
    origin = start_of(config.get("start_from"), Path(config["output_dir"]))
    _require_prices(roles, roles_asked(config, stages["run"]), engine.budget)
    prompts = PromptLibrary(**config["prompts"])
    interaction = instantiate(config["interaction"], "interaction", seed=seeds.generation)
    _require_features(prompts, bank, interaction, origin)
    return Parts(
        bank=bank,
        sampler=instantiate(config["sampler"], "sampler", bank=bank, seed=seeds.personas),
        query_generator=_queries(instantiate(config["query"], "query", seed=seeds.queries), origin),
        interaction_generator=interaction,
        exporter=instantiate(config["training_data"], "training_data", seed=seeds.personas),
        roles=roles,
        distractor=instantiate(config["distractor"], "distractor", seed=seeds.noise),
        formulator=_formulator(config, bank),
        prompts=prompts,
        plan=instantiate(stages, "stages"),
        seeds=seeds,
        engine=engine,
        ledger=LedgerSettings(Path(config["ledger"]["path"]), LedgerMode(config["ledger"]["mode"])),
        executor=instantiate(config["executor"], "executor"),
        name=config["name"],
        num_personas=config["num_personas"],
        mode=config["mode"],
        output_dir=Path(config["output_dir"]),
        dataset_dir=_path(config.get("dataset_dir")),
        start_from=origin,
        reset=bool(config.get("reset")),
        export_path=_path(config.get("export_path")),
        sweep=dict(sweep or {}),
        config=config.public if isinstance(config, Composed) else dict(config),
        quality=instantiate(config["quality"], "quality", seed=seeds.personas),
    )


def _stages(config: Mapping[str, Any]) -> dict[str, Any]:
    """The stages that the mode has; a basic run asked for nothing it has makes its personas."""
    stages = dict(config["stages"])
    if config["mode"] == "basic":
        stages["run"] = [name for name in stages["run"] if name in BASIC_STAGES] or ["persona"]
    return stages


def _engine(node: Mapping[str, Any]) -> EngineSettings:
    settings = dict(node)
    retry = RetryPolicy(**(settings.pop("retry", None) or {}))
    budget = BudgetLimits(**(settings.pop("budget", None) or {}))
    return EngineSettings(**settings, retry=retry, budget=budget)


def _formulator(config: Mapping[str, Any], bank: PersonaBank) -> PromptFormulator | None:
    """Writes system prompts with the bank's descriptions; None where none are asked for."""
    if not config["generate_prompts"]:
        return None
    formulator = instantiate(config["formulation"], "formulation")
    return formulator.with_bank(bank) if isinstance(formulator, PromptFormulator) else formulator


def _queries(generator: UserQueryGenerator, origin: Origin | None) -> UserQueryGenerator:
    """Deals to what is not there yet."""
    return generator if origin is None else generator.going_on(origin.facts.held, frozenset(origin.facts.queries))


def _path(value: Any) -> Path | None:
    return Path(str(value)) if value else None


def _require_features(
    prompts: PromptLibrary, bank: PersonaBank, interaction: InteractionGenerator, origin: Origin | None
) -> None:
    """A template of the user's own reads no feature that the bank does not have, nor any where none are given."""
    faults = []
    told = getattr(interaction, "assistant_persona", AssistantPersona.FEATURES)
    for read in prompts.features_read:
        where, name = f"prompts.{read.template}", read.dimension
        if read.template == "assistant" and told != AssistantPersona.FEATURES and not read.guarded:
            problem = f"{read.place}: the assistant is told no features, for interaction.assistant_persona={told}"
            faults.append(Fault(where, problem, "interaction.assistant_persona=features, or {% if features %} first"))
        elif name and name not in bank.positions and origin is None:  # personas that are read in may have others
            problem = f"{read.place}: the bank has no dimension {name!r}"
            faults.append(Fault(where, problem, choices(name, bank.names)))
    if faults:
        raise ConfigError(faults, "the prompts cannot be used")


def _require_prices(roles: Mapping[Role, tuple[DeploymentSpec, ...]], asked: set[Role], budget: BudgetLimits) -> None:
    """A budget in dollars cannot be kept with a model of unknown price."""
    if budget.max_cost_usd is None:
        return
    unknown = {spec.client.deployment.name for role in asked for spec in roles.get(role, ()) if spec.price is None}
    remedy = "give it: 'llm.price={input_per_million: 2.5, output_per_million: 10}', or limit tokens or calls instead"
    faults = [
        Fault("engine.budget.max_cost_usd", f"the price of {name} is not known, so it cannot be kept", remedy)
        for name in sorted(unknown)
    ]
    if faults:
        raise ConfigError(faults)
