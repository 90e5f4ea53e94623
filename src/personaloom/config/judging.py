"""One pass over a composed config that finds every fault of it before anything is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from personaloom.config.checks import CHECKS
from personaloom.config.composition import Composed
from personaloom.config.explain import explain, mapping, shown
from personaloom.config.literals import unusable_values
from personaloom.config.nearest import choices
from personaloom.config.schema import GROUPS, Free, Node, Root, model_for
from personaloom.config.secrets import secret_faults
from personaloom.config.targets import argument_faults, find_target
from personaloom.errors import ConfigError, Fault

__all__ = ["SUPPLIED", "faults_of", "of_jobs", "validate"]

SUPPLIED: Mapping[str, tuple[str, ...]] = {
    "sampler": ("bank", "seed"),
    "query": ("queries", "seed", "path", "dimensions", "extra_slots"),
    "interaction": ("seed",),
    "distractor": ("seed",),
    "training_data": ("seed",),
    "quality": ("seed",),
}
"""Arguments that no config can hold: the builder adds them."""


def validate(config: Mapping[str, Any], *, keys_needed: bool = True, writes: bool = True) -> Composed:
    """The config, judged; whole numbers where a float is meant have become floats.

    Args:
        config: what ``compose`` gave, or plain values.
        keys_needed: whether a key that is not in the environment is a fault: not where no model is asked.
        writes: whether a folder that cannot be written is one: not where nothing is.

    Raises:
        ConfigError: with every fault.
    """
    composed = config if isinstance(config, Composed) else _of_plain(config)
    judged, faults = _judge(composed)
    if faults := _that_count(faults, keys_needed=keys_needed, writes=writes):
        raise ConfigError(faults)
    return composed.judged(judged)


def faults_of(composed: Composed, *, keys_needed: bool = True, writes: bool = True) -> list[Fault]:
    """Every fault, in the order of the config's parts; empty where there is none. See ``validate``."""
    return _that_count(_judge(composed)[1], keys_needed=keys_needed, writes=writes)


def of_jobs(found: Mapping[Fault, Sequence[int]], jobs: int) -> list[Fault]:
    """Faults and the numbers of the jobs that have them, with the numbers in front where not all jobs have one."""
    return [replace(fault, where=_whose(fault.where, numbers, jobs)) for fault, numbers in found.items()]


def _whose(where: str, numbers: Sequence[int], jobs: int) -> str:
    if len(numbers) == jobs:
        return where or "all jobs"
    named = f"job {', '.join(f'#{number}' for number in numbers)}"
    return f"{named}, {where}" if where else named


def _that_count(faults: Sequence[Fault], *, keys_needed: bool, writes: bool) -> list[Fault]:
    """Without those of keys, and of folders, where these are not needed."""
    no_key = [fault for fault in faults if fault.where == "llm" and "is not set" in fault.problem]
    no_place = [fault for fault in faults if "cannot be written" in fault.problem]
    forgiven = [*(no_key if not keys_needed else ()), *(no_place if not writes else ())]
    return [fault for fault in faults if fault not in forgiven]


def _of_plain(config: Mapping[str, Any]) -> Composed:
    composed = Composed(config)
    composed.public = composed.unresolved = dict(config)
    return composed


def _judge(raw: Composed) -> tuple[dict[str, Any], list[Fault]]:
    faults = [*raw.faults, *secret_faults(raw.public)]
    seen = {fault.where for fault in faults}
    top = {key: value for key, value in raw.items() if key not in GROUPS}
    judged, found = _checked(Root, top, "", tuple(GROUPS))
    for group in GROUPS:
        if group not in raw:
            found.append(Fault(group, "is missing", "add it, or put `personaloom` first in the defaults list"))
            continue
        node, more = _group(group, raw[group])
        judged[group] = node
        found += more
    for check in CHECKS:
        found += check(raw)
    told = {fault.where for fault in found}
    found += [fault for fault in unusable_values(raw) if fault.where not in told]
    # A value that could not be resolved became None: its own fault says more than a wrong type would.
    faults += [fault for fault in found if fault.where not in seen and not _repeats_seed(fault, found)]
    return {key: judged[key] for key in raw if key in judged}, faults


def _repeats_seed(fault: Fault, found: Sequence[Fault]) -> bool:
    """``seeds.noise: ${seed}`` repeats what is wrong with ``seed``."""
    return fault.where.startswith("seeds.") and any(f.where == "seed" and f.problem == fault.problem for f in found)


def _group(group: str, node: Any) -> tuple[Any, list[Fault]]:
    if not isinstance(node, Mapping):
        remedy = f"choose an option: {group}=NAME (see --help)"
        return node, [Fault(group, f"is {shown(node)}, and must be one of the group's options", remedy)]
    target = node.get("_target_", "")
    model = model_for(group, str(target))
    node, faults = _checked(model, node, group, ())
    if model is Free or target:
        faults += _target_faults(group, node, with_arguments=model is Free)
    for index, stage in enumerate(mapping(node).get("extra") or () if group == "stages" else ()):
        faults += _extra_stage(stage, f"stages.extra[{index}]")
    return node, faults


def _target_faults(group: str, node: Mapping[str, Any], *, with_arguments: bool) -> list[Fault]:
    target = node.get("_target_")
    if isinstance(target, str) and target.startswith("personaloom.") and target not in GROUPS[group]:
        remedy = choices(target, GROUPS[group])
        near = any(target.rpartition(".")[0] == known.rpartition(".")[0] for known in GROUPS[group])
        if not near:
            return [Fault(f"{group}._target_", f"{target} is nothing for this group", remedy)]
    try:
        found = find_target(target, f"{group}._target_")
    except ConfigError as error:
        return list(error.faults)
    given = {key: value for key, value in node.items() if key != "_target_"}
    return argument_faults(found, given, group, SUPPLIED.get(group, ())) if with_arguments else []


def _extra_stage(stage: Any, where: str) -> list[Fault]:
    if not isinstance(stage, Mapping) or "_target_" not in stage:
        return [Fault(where, f"is {shown(stage)}", "write {_target_: yourmodule.YourStage, …}")]
    try:
        found = find_target(stage["_target_"], f"{where}._target_")
    except ConfigError as error:
        return list(error.faults)
    return argument_faults(found, {key: value for key, value in stage.items() if key != "_target_"}, where)


def _checked(
    model: type[Node], node: Mapping[str, Any], path: str, elsewhere: tuple[str, ...]
) -> tuple[dict[str, Any], list[Fault]]:
    try:
        judged: BaseModel = model.model_validate(dict(node))
    except ValidationError as error:
        return dict(node), explain(error, model, path, elsewhere)
    return judged.model_dump(mode="json", by_alias=True, exclude_unset=True), []
