"""Who judges a dataset's conversations, and what is stored of it.

Scores stand in the store beside the conversations, under the hash of who judged by which rubric: another judge scores
again, the same one goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from personaloom.dataset import Dataset
from personaloom.errors import ConfigError, Fault
from personaloom.fingerprint import digest, models_of, templates_of
from personaloom.llm.types import Role
from personaloom.parts import Parts
from personaloom.quality import Comparison, Judge, Judgement
from personaloom.records import TrainingSample
from personaloom.stages import StageName
from personaloom.store import Store

__all__ = [
    "PAIR", "SCORE", "judge_identity", "judge_of", "real_models", "require_other_model", "stored_comparisons",
    "stored_scores",
]  # fmt: skip

SCORE = "score"
"""The stage that a failed judgement is recorded under."""
PAIR = "pair"
"""And a failed comparison."""


def judge_of(dataset: Dataset) -> Judge | None:
    """The judge that this run asks, or None: ``stages=score`` alone has the default rubric on every sample."""
    judge, plan = dataset.quality.judge, dataset.parts.plan
    if StageName.SCORE in plan:
        return judge or Judge(seed=dataset.quality.seed)
    return judge if StageName.TRAINING in plan else None


def require_other_model(parts: Parts) -> None:
    """See that a judge is not bound to judge its own text.

    Raises:
        ConfigError: a judge's model writes every conversation, so that every sample would be left out.
    """
    faults = []
    for role in (Role.ASSISTANT, Role.USER):
        writers = real_models(parts, role)
        own = real_models(parts, Role.JUDGE) & writers
        if len(writers) == 1 and own:
            remedy = "name another one: llm.roles.judge.model=…"
            problem = f"{own.pop()} is the judge and writes as the {role}: no model judges its own text"
            faults.append(Fault("llm.roles.judge", problem, remedy))
    if faults:
        raise ConfigError(faults, "the judge cannot be used")


def real_models(parts: Parts, role: Role) -> set[str]:
    """Names of a role's models, without simulated ones: nothing is claimed of those."""
    deployments = (spec.client.deployment for spec in parts.roles.get(role, ()))
    return {deployment.model for deployment in deployments if not deployment.simulated}


def judge_identity(dataset: Dataset, judge: Judge) -> str:
    """Who judges by which rubric: a stored score under another name is another judge's."""
    parts = dataset.parts
    rubric = [criterion.to_dict() for criterion in judge.criteria]
    models = models_of(parts.roles, Role.JUDGE)
    return digest(rubric, judge.seed, models, templates_of(parts.prompts, ["judge"]), parts.noise_mode)[:16]


def stored_scores(dataset: Dataset, store: Store, below: int) -> Callable[[TrainingSample], Judgement | None]:
    """Looks up the stored judgement of a sample: the configured judge's, or, where none is, whatever there is."""
    find = _stored(dataset, store, "scores", below)

    def look(sample: TrainingSample) -> Judgement | None:
        record = find(*_place(sample.sample_id))
        return None if record is None else Judgement.from_dict(record)

    return look


def stored_comparisons(dataset: Dataset, store: Store, below: int) -> Callable[[int, int], Comparison | None]:
    """Looks up the stored comparison of a conversation with its clean twin, by the same rule."""
    find = _stored(dataset, store, "comparisons", below)

    def look(persona: int, slot: int) -> Comparison | None:
        record = find(persona, slot)
        return None if record is None else Comparison.from_dict(record)

    return look


def _stored(dataset: Dataset, store: Store, table: str, below: int) -> Callable[[int, int], dict[str, Any] | None]:
    if not store.count(table, below):
        return lambda persona, slot: None  # noqa: ARG005 - called as the other one is
    judge = dataset.quality.judge
    wanted = None if judge is None else judge_identity(dataset, judge)

    def find(persona: int, slot: int) -> dict[str, Any] | None:
        record = store.record(table, persona, slot)
        return record if record is not None and (wanted is None or record["judge"] == wanted) else None

    return find


def _place(sample_id: str) -> tuple[int, int]:
    """Persona and slot of ``p000012-q03`` or ``p000012-q03-s1``."""
    persona, slot = sample_id.split("-")[:2]
    return int(persona[1:]), int(slot[1:])
