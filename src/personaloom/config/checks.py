"""What no single key shows: values that contradict each other, files and variables that are not there.

Each check looks at well-formed parts only; what is not well-formed has its fault from the schema.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from personaloom.config.explain import mapping
from personaloom.config.models import CONNECT, ModelPlan, plan_models, roles_asked
from personaloom.config.nearest import choices
from personaloom.config.schema import STAGE_NAMES
from personaloom.errors import ConfigError, Fault, UsageError
from personaloom.llm.endpoints import Endpoint, resolve
from personaloom.llm.prompts import PromptLibrary, shipped_sets

__all__ = ["CHECKS", "READS_A_DATASET"]

Config = Mapping[str, Any]
READS_A_DATASET = frozenset({"track", "report", "export", "score"})
_BOUNDS = (
    ("sampler.min_features", "sampler.max_features"),
    ("sampler.min_constraints", "sampler.max_constraints"),
    ("interaction.min_turns", "interaction.max_turns"),
    ("quality.checks.min_turns", "quality.checks.max_turns"),
    ("quality.checks.min_chars", "quality.checks.max_chars"),
    ("formulation.min_prompt_length", "formulation.max_prompt_length"),
    ("engine.retry.base_s", "engine.retry.cap_s"),
)
_TOLERANCE = 1e-6
_LONGEST_NAME = 255


def pick(config: Config, key: str) -> Any:
    """The value of a dotted key, or None."""
    node: Any = config
    for part in key.split("."):
        node = mapping(node).get(part)
    return node


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def ordered_bounds(config: Config) -> Iterator[Fault]:
    """A minimum is no larger than its maximum."""
    for low_key, high_key in _BOUNDS:
        low, high = _number(pick(config, low_key)), _number(pick(config, high_key))
        if low is not None and high is not None and low > high:
            yield Fault(low_key, f"is {low:g}, more than {high_key}={high:g}", "lower it, or raise the other")


def shares_sum(config: Config) -> Iterator[Fault]:
    """Split ratios and layer weights sum to 1."""
    split = mapping(pick(config, "training_data.split"))
    layers = mapping(pick(config, "distractor.layers"))
    weights = mapping(pick(config, "distractor.layer_weights")) or {
        name: mapping(layer).get("weight") for name, layer in layers.items() if "weight" in mapping(layer)
    }
    for where, parts in (("training_data.split", split), ("distractor's layer weights", weights)):
        numbers = {name: _number(value) for name, value in parts.items()}
        known = [value for value in numbers.values() if value is not None]
        if known and len(known) == len(numbers) and abs(sum(known) - 1) > _TOLERANCE:
            listed = " + ".join(f"{name} {value:g}" for name, value in numbers.items() if value is not None)
            yield Fault(where, f"{listed} = {sum(known):g}, and must sum to 1", "change one of them")


def pool_weights(config: Config) -> Iterator[Fault]:
    """A pool has a model that can be drawn."""
    llm = mapping(config.get("llm"))
    pools = {"llm.pool": llm.get("pool")}
    pools |= {f"llm.roles.{role}.pool": mapping(own).get("pool") for role, own in mapping(llm.get("roles")).items()}
    for where, pool in pools.items():
        if isinstance(pool, list) and pool:
            weights = [_number(mapping(member).get("weight", 1.0)) for member in pool]
            if all(weight == 0 for weight in weights):
                yield Fault(where, "all weights are 0, so no model can be drawn", "give one of them a weight above 0")


def stage_names(config: Config) -> Iterator[Fault]:
    """Stages exist, are named once, and fit the mode."""
    run = pick(config, "stages.run")
    names = [name for name in run if isinstance(name, str)] if isinstance(run, list) else []
    extra = {str(mapping(stage).get("name")) for stage in pick(config, "stages.extra") or ()}
    for name in names:
        if name not in STAGE_NAMES and name not in extra:
            yield Fault("stages.run", f"there is no stage {name!r}", choices(name, STAGE_NAMES))
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Fault("stages.run", f"{name} is named twice", "name each stage once")
    if isinstance(run, list) and not run and not extra:
        yield Fault("stages.run", "is empty, so there is nothing to run", f"choose from {', '.join(STAGE_NAMES)}")


def pairs_possible(config: Config) -> Iterator[Fault]:
    """A pair needs a noisy conversation, and a comparison needs pairs."""
    pairs = pick(config, "distractor.pairs")
    if pairs is True and pick(config, "distractor.mode") == "posthoc":
        problem = "makes a clean twin of each noisy conversation, and with mode=posthoc conversations stay clean"
        yield Fault("distractor.pairs", problem, "distractor.mode=realtime, or distractor.pairs=false")
    if pairs is False and pick(config, "quality.judge.pairs") is True:
        problem = "has no pairs to compare: distractor.pairs is false"
        yield Fault("quality.judge.pairs", problem, "distractor.pairs=true, or quality.judge.pairs=false")


def logged_somewhere(config: Config) -> Iterator[Fault]:
    """Whoever asks for an upload says where to."""
    run = pick(config, "stages.run")
    if isinstance(run, list) and "track" in run and pick(config, "tracking.kind") == "none":
        yield Fault("stages.run", "track has nowhere to log to: tracking=none", "tracking=mlflow, or leave track out")


def files_there(config: Config) -> Iterator[Fault]:
    """Files and folders that are read exist and can be read; those that are written can be."""
    for key in (
        "query.path",
        "persona_bank.path",
        "sampler.config",
        "distractor.strategy_config",
        "quality.reference",
    ):
        path = pick(config, key)
        is_name = key == "persona_bank.path" and isinstance(path, str) and not Path(path).suffix and "/" not in path
        if isinstance(path, str) and path and not is_name:
            yield from _readable(key, Path(path))
    yield from _prompt_files(config)
    yield from _writable("output_dir", config.get("output_dir"))
    yield from _ledger(config)
    yield from _exportable(config.get("export_path"))
    dataset = config.get("dataset_dir")
    run = pick(config, "stages.run")
    if isinstance(dataset, str) and isinstance(run, list) and run and set(map(str, run)) <= READS_A_DATASET:
        if not _is_folder(Path(dataset)):
            yield Fault("dataset_dir", f"there is no folder {dataset}", "name a dataset folder of an earlier run")
    else:
        yield from _writable("dataset_dir", dataset)


def _ledger(config: Config) -> Iterator[Fault]:
    """A ledger that is replayed is there; one that is written can be. It is opened only where a model is asked."""
    path, mode = pick(config, "ledger.path"), pick(config, "ledger.mode")
    if not isinstance(path, str) or not path:
        return
    asks = bool(roles_asked(config, pick(config, "stages.run")))
    if _is_folder(Path(path)):
        yield Fault("ledger.path", f"{path} is a folder", f"name a file: {Path(path) / 'ledger.sqlite'}")
    elif asks and mode == "readonly" and not _there(Path(path)):
        remedy = f"looked in {Path.cwd()}: name a ledger that is there, or have replies made with ledger.mode=readwrite"
        yield Fault("ledger.path", f"there is no ledger {path}, and ledger.mode=readonly only replays one", remedy)
    elif asks and mode == "readwrite" and str(Path(path).parent) != str(config.get("output_dir")):
        yield from _writable("ledger.path", str(Path(path).parent))


def _prompt_files(config: Config) -> Iterator[Fault]:
    folder = pick(config, "prompts.folder")
    if isinstance(folder, str) and folder and folder not in shipped_sets():
        if not _is_folder(Path(folder)):
            remedy = f"name a folder with *.j2 files, a shipped set ({', '.join(shipped_sets())}), or null"
            yield Fault("prompts.folder", f"there is no folder {folder}", remedy)
        elif not os.access(folder, os.R_OK | os.X_OK):
            yield Fault("prompts.folder", f"{folder} cannot be read", "mend its permissions")
    for name, path in mapping(pick(config, "prompts.overrides")).items():
        if isinstance(path, str):
            yield from _readable(f"prompts.overrides.{name}", Path(path))


def prompts_usable(config: Config) -> Iterator[Fault]:
    """Templates of the user's own compile, and name no variable that they will not be given."""
    own = {key: value for key, value in mapping(config.get("prompts")).items() if key in {"folder", "overrides"}}
    files = own.get("overrides") or {}
    sound = isinstance(files, Mapping) and all(
        isinstance(each, str) for each in (own.get("folder") or "", *files.values())
    )
    if not any(own.values()) or not sound or any(_prompt_files(config)):
        return  # nothing to look at, or nothing to be had: that has its own fault
    try:
        PromptLibrary(**own)
    except ConfigError as error:
        yield from error.faults


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have: too long, or with a NUL
        return False


def _is_folder(path: Path) -> bool:
    return _there(path) and path.is_dir()


def _readable(key: str, path: Path) -> Iterator[Fault]:
    if not _there(path):
        yield Fault(key, f"there is no file {path}", f"looked in {Path.cwd()}: give a path from there, or a full one")
    elif path.is_dir():
        yield Fault(key, f"{path} is a folder", "name a file in it")
    elif not path.is_file():
        yield Fault(key, f"{path} is no file but a pipe or a device", "save what it gives as a file")
    elif not os.access(path, os.R_OK):
        yield Fault(key, f"{path} cannot be read", "mend its permissions")


def _exportable(path: Any) -> Iterator[Fault]:
    """``export_path`` is written last, when everything is paid for: what is wrong with it is said first."""
    if not isinstance(path, str) or not path:
        return
    from personaloom.persona_export import SUFFIXES  # noqa: PLC0415 - only where personas are exported

    if Path(path).suffix.lower() not in SUFFIXES:
        yield Fault("export_path", f"the suffix of {path} says no format", f"end it in {', '.join(SUFFIXES)}")
    elif _is_folder(Path(path)):
        yield Fault("export_path", f"{path} is a folder", f"name a file: {Path(path) / 'personas.json'}")
    else:
        yield from _writable("export_path", str(Path(path).parent))


def _writable(key: str, path: Any) -> Iterator[Fault]:
    if not isinstance(path, str) or not path or "\0" in path:
        return
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in Path(path).parts):
        yield Fault(key, "has a part that is too long for a file's name", f"at most {_LONGEST_NAME} bytes each")
        return
    folder = Path(path).absolute()
    while not _there(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        yield Fault(key, f"{path} cannot be a folder: {folder} is a file", "name another folder")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Fault(key, f"{path} cannot be written: no permission in {folder}", "name another folder")


def models_reachable(config: Config) -> Iterator[Fault]:
    """Model names, addresses and transports fit together, and the variables are set that hold the keys."""
    llm = mapping(config.get("llm"))
    if not _well_formed(llm):
        return
    roles = roles_asked(config, pick(config, "stages.run"))
    wanted: dict[str, list[str]] = {}
    seen: set[str] = set()
    for plan in plan_models(llm):
        if plan.keys.get("_target_") != CONNECT or not isinstance(plan.keys.get("model"), str):
            continue
        try:
            endpoint = _endpoint(plan.keys)
        except UsageError as error:
            text = str(error).replace("llm.", f"{plan.where}.", 1)
            if text not in seen:
                yield as_fault(text)
            seen.add(text)
            continue
        if plan.role in roles:
            named = [endpoint.key_env] if endpoint.key_required else []
            for variable in [*named, *mapping(plan.keys.get("headers_env")).values()]:
                if isinstance(variable, str) and not os.environ.get(variable):
                    wanted.setdefault(variable, []).append(_what(plan))
    for variable, users in wanted.items():
        problem = f"the environment variable {variable} is not set, and {', '.join(dict.fromkeys(users))} needs it"
        yield Fault("llm", problem, f"export {variable}=…, or use llm=simulated, which needs no key")


def _endpoint(keys: Config) -> Endpoint:
    transport = str(keys.get("transport") or "auto")
    return resolve(keys["model"], keys.get("base_url"), keys.get("api_key_env"), transport)


def as_fault(message: str) -> Fault:
    """A message of the form ``key: problem → remedy`` as a fault."""
    where, _, rest = message.partition(": ")
    problem, _, remedy = rest.partition(" → ")
    return Fault(where, problem, remedy)


def _what(plan: ModelPlan) -> str:
    model = plan.keys.get("model")
    return f"{model}" if plan.where == "llm" else f"{model} ({plan.where})"


def _well_formed(llm: Mapping[str, Any]) -> bool:
    roles = llm.get("roles") or {}
    pools = [llm.get("pool"), *(mapping(own).get("pool") for own in mapping(roles).values())]
    members = [member for pool in pools if isinstance(pool, list) for member in pool]
    return (
        isinstance(roles, Mapping)
        and all(own is None or isinstance(own, Mapping) for own in roles.values())
        and all(pool is None or isinstance(pool, list) for pool in pools)
        and all(isinstance(m, Mapping) and _number(m.get("weight", 1.0)) is not None for m in members)
    )


CHECKS: tuple[Callable[[Config], Iterator[Fault]], ...] = (
    ordered_bounds,
    shares_sum,
    pool_weights,
    stage_names,
    pairs_possible,
    logged_somewhere,
    files_there,
    prompts_usable,
    models_reachable,
)
