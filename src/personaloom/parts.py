"""What a pipeline is made of: typed values, handed over by whoever read the config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from personaloom.dialogue import InteractionGenerator
from personaloom.distractor import DistractorModel
from personaloom.engine import EngineSettings
from personaloom.executors import LocalExecutor
from personaloom.llm.client import DeploymentSpec
from personaloom.llm.ledger import LedgerMode
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import Role
from personaloom.origin import Origin
from personaloom.personas import PersonaBank, PersonaSampler, PromptFormulator
from personaloom.quality import QualityPlan
from personaloom.queries import UserQueryGenerator
from personaloom.stages import InteractionStage, NoiseStage, QueryStage, Stage, StageName, StagePlan
from personaloom.training import TrainingDataExporter

__all__ = ["LedgerSettings", "Parts", "Seeds"]


@dataclass(frozen=True)
class Seeds:
    """One seed for each thing that draws."""

    personas: int = 0
    queries: int = 0
    noise: int = 0
    generation: int = 0

    def to_dict(self) -> dict[str, int]:
        """JSON-ready."""
        return dict(vars(self))


@dataclass(frozen=True)
class LedgerSettings:
    """``ledger``: where replies are kept and what may be done with them."""

    path: Path = Path("outputs/ledger.sqlite")
    mode: LedgerMode = LedgerMode.READWRITE


@dataclass(frozen=True)
class Parts:
    """Everything a pipeline is made of: typed values, no config objects.

    ``config`` is the plain dictionary that they came from; it is written to the manifest and read for nothing else.
    """

    bank: PersonaBank
    sampler: PersonaSampler
    query_generator: UserQueryGenerator
    interaction_generator: InteractionGenerator
    exporter: TrainingDataExporter
    roles: Mapping[Role, Sequence[DeploymentSpec]]
    distractor: DistractorModel | None = None
    formulator: PromptFormulator | None = None
    prompts: PromptLibrary = field(default_factory=PromptLibrary)
    plan: StagePlan = field(default_factory=StagePlan)
    seeds: Seeds = field(default_factory=Seeds)
    engine: EngineSettings = field(default_factory=EngineSettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    executor: LocalExecutor = field(default_factory=LocalExecutor)
    name: str = "personas"
    num_personas: int = 10
    mode: str = "enhanced"
    output_dir: Path = Path("outputs")
    dataset_dir: Path | None = None
    start_from: Origin | None = None
    """Records made elsewhere that the dataset begins with."""
    reset: bool = False
    export_path: Path | None = None
    sweep: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    quality: QualityPlan | Mapping[str, Any] = field(default_factory=dict)
    """The plan, or the arguments of one."""

    @property
    def noise_mode(self) -> str:
        """``realtime`` or ``posthoc``."""
        return self.distractor.mode if self.distractor is not None else "realtime"

    def stages(self) -> list[Stage]:
        """The chain that a slot goes through, in order; what is measured later is none of it."""
        plan = self.plan
        chain: list[Stage] = []
        if StageName.QUERY in plan or StageName.INTERACTION in plan:
            domains, scenarios = self.bank.values_of("domain"), self.bank.values_of("scenario")
            seed = self.seeds.generation
            chain.append(QueryStage(self.query_generator, self.interaction_generator, seed, domains, scenarios))
        if StageName.INTERACTION in plan:
            never = self.distractor is None or not self.distractor.activation_probability
            realtime = self.distractor if self.noise_mode == "realtime" and not never else None
            pairs = realtime is not None and realtime.pairs
            chain.append(InteractionStage(self.interaction_generator, realtime, self._verifies, pairs))
        if StageName.DISTRACTOR in plan and self.distractor is not None and self.noise_mode == "posthoc":
            chain.append(NoiseStage(self.distractor, self._verifies))
        if StageName.INTERACTION in plan:
            chain.extend(plan.extra)
        return chain

    @property
    def _verifies(self) -> bool:
        """Whether a model may check noise: only one that is not the model that writes it."""
        writers = {spec.client.deployment for spec in self.roles.get(Role.NOISE, ())}
        checkers = {spec.client.deployment for spec in self.roles.get(Role.EXTRACTOR, ())}
        return bool(checkers) and not writers & checkers
