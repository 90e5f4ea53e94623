"""How long prompts and replies are: by a rehearsal with the simulated model, and by what the ledger holds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from personaloom.errors import StoreError
from personaloom.llm.budget import BudgetLimits
from personaloom.llm.client import DeploymentSpec
from personaloom.llm.ledger import LedgerMode
from personaloom.llm.ledger_upkeep import LedgerUpkeep
from personaloom.llm.simulated import SimulatedModel
from personaloom.llm.types import Purpose, Role
from personaloom.parts import LedgerSettings, Parts
from personaloom.pipeline import Pipeline
from personaloom.quality import Judge, QualityPlan
from personaloom.stages import StageName, StagePlan
from personaloom.store import Store

__all__ = ["Lengths", "ledger_lengths", "rehearse"]

ENOUGH_HISTORY = 20
Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many calls of one kind there were, and their mean tokens."""

    calls: int
    input_tokens: float
    output_tokens: float


def rehearse(parts: Parts, count: int, judge: Judge | None) -> tuple[list[tuple[int, int]], dict[Purpose, Lengths]]:
    """Run a few personas with the simulated model in a folder that is thrown away; a judge judges all of them.

    Args:
        parts: of the run that is estimated.
        count: personas.
        judge: who is to judge, or None.

    Returns:
        (persona, slot) of what was made, conversations or, where none are held, queries; what each kind of call took.
    """
    spec = DeploymentSpec(SimulatedModel(), next(iter(parts.roles.values()))[0].sampling)
    generating = ("query", "interaction", "distractor")
    wanted = {name for name in generating if StageName(name) in parts.plan}
    if judge is not None:
        wanted = {*generating, "score"}  # there is nothing to judge without conversations
    elif wanted & {"interaction", "distractor"}:
        wanted |= {"query", "interaction"}
    roles = dict.fromkeys(Role, (spec,)) if judge is not None and not parts.plan.generates else {}
    mine = {role: (replace(spec, sampling=specs[0].sampling),) for role, specs in parts.roles.items()}
    with tempfile.TemporaryDirectory(prefix="personaloom-estimate-") as folder:
        rehearsal = replace(
            parts,
            roles={**roles, **mine},
            plan=StagePlan(["persona", *sorted(wanted)]),
            quality=_quality(judge),
            output_dir=Path(folder),
            dataset_dir=None,
            start_from=None,
            query_generator=parts.query_generator.going_on((), ()),
            reset=False,
            export_path=None,
            ledger=LedgerSettings(Path(folder) / "ledger.sqlite", LedgerMode.OFF),
            engine=replace(parts.engine, budget=BudgetLimits()),
            sweep={},
        )
        pipeline = Pipeline(rehearsal)
        pipeline.run(count)
        store = pipeline.dataset.open()
        try:
            rehearsed = "interactions" if "interaction" in wanted else "queries"
            return list(store.slots(rehearsed, count)), _by_purpose(store, count)
        finally:
            store.close()


def _quality(judge: Judge | None) -> QualityPlan:
    """Nothing but the judge, who takes no sample out."""
    if judge is None:
        return QualityPlan(action="off", statistics=False)
    settings = {**judge.settings(), "share": 1.0, "min_mean": None, "min_scores": {}}
    return QualityPlan(action="off", statistics=False, judge=settings, seed=judge.seed)


def _by_purpose(store: Store, count: int) -> dict[Purpose, Lengths]:
    return _means(
        (Purpose(call["operation"]), call["input_tokens"], call["output_tokens"]) for call in store.calls(count)
    )


def ledger_lengths(settings: LedgerSettings) -> dict[tuple[str, str], Lengths]:
    """By purpose and model, where the ledger holds enough replies."""
    if settings.mode is LedgerMode.OFF or not settings.path.exists():
        return {}
    try:
        with LedgerUpkeep(settings.path) as ledger:
            known = _means(
                ((purpose, model), reply.usage.input_tokens, reply.usage.output_tokens)
                for purpose, model, reply in ledger.history()
            )
    except StoreError:
        return {}  # a run would say what is wrong with it; an estimate can do without
    return {key: lengths for key, lengths in known.items() if lengths.calls >= ENOUGH_HISTORY}


def _means(calls: Iterable[tuple[Kind, int, int]]) -> dict[Kind, Lengths]:
    """Of calls' input and output tokens, by kind."""
    sums: dict[Kind, list[int]] = {}
    for kind, tokens_in, tokens_out in calls:
        entry = sums.setdefault(kind, [0, 0, 0])
        for place, amount in enumerate((1, tokens_in, tokens_out)):
            entry[place] += amount
    return {kind: Lengths(n, a / n, b / n) for kind, (n, a, b) in sums.items()}
