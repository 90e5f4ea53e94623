"""``paths.persona_bank``, ``paths.sampling`` and ``persona_generation`` → ``persona_bank`` and ``sampler``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from personaloom.config.reference.draft import Draft
from personaloom.config.reference.files import found, leaves, read_if_possible
from personaloom.config.reference.fitting import Settings, fit_to_bank
from personaloom.config.reference.gaps import gap
from personaloom.config.reference.section import Section
from personaloom.errors import Fault
from personaloom.personas.settings import published_settings

__all__ = ["translate_bank", "translate_sampler"]

_STRATEGIES = ("random", "stratified", "weighted")
_SECTIONS = (
    "sampling",
    "random_sampling",
    "stratified_sampling",
    "weighted_sampling",
    "diversity",
    "constraints",
)
_SETTINGS = (
    "feature_availability_rate", "min_features", "max_features", "required_dimensions", "min_constraints",
    "max_constraints",
)  # fmt: skip
_DIVERSITY = ("enabled", "min_hamming_distance", "max_attempts")


def translate_bank(paths: Section, draft: Draft) -> str | None:
    """``paths.persona_bank`` → ``persona_bank``; gives the file."""
    entry = paths.peek("persona_bank")
    holder, names = (
        (paths, ("persona_bank",)) if isinstance(entry, str) else (paths.section("persona_bank"), ("persona", "path"))
    )
    value, where = holder.taken(*names)
    if value is None:
        return None
    draft.bases["persona_bank"] = "file"
    path = found(value, where, draft)
    draft.put("persona_bank.path", path, where)
    return path


def translate_sampler(config: Section, bank: str | None, draft: Draft) -> None:
    """``sampling_config.yaml`` and ``persona_generation``, whose settings are the stronger ones, → ``sampler``."""
    own = config.section("persona_generation")
    values = _file_settings(config.section("paths"), draft)
    strategy = own.one_of("sampling_strategy", _STRATEGIES, str(values.pop("strategy", ("random", ""))[0]))
    if strategy not in _STRATEGIES:
        draft.faults.append(Fault("strategy", f"is {strategy!r}", f"choose from {', '.join(_STRATEGIES)}"))
        strategy = "random"
    draft.bases["sampler"] = strategy
    diversity = own.section("diversity")
    parts: list[tuple[str, Section, tuple[str, ...]]] = [(key, own, (key,)) for key in _SETTINGS]
    parts += [
        (f"diversity.{key}", diversity, ("max_retries", key) if key == "max_attempts" else (key,)) for key in _DIVERSITY
    ]
    for key, section, names in parts:
        value, where = section.taken(*names)
        if value is None:
            continue
        if key in values and values[key][0] != value:
            draft.remarks.append(f"{where} is {value}, and {values[key][1]} says {values[key][0]}: {value} is used")
        values[key] = (value, where)
    _seed(config, values.pop("seed", None), draft)
    fit_to_bank(values, bank, draft)
    for key, (value, where) in values.items():
        draft.put(f"sampler.{key}", value, where)


def _file_settings(paths: Section, draft: Draft) -> Settings:
    """The settings in the file that ``paths.sampling`` names."""
    entry = paths.peek("sampling")
    holder, names = (
        (paths, ("sampling",)) if isinstance(entry, str) else (paths.section("sampling"), ("config", "path"))
    )
    value, where = holder.taken(*names)
    if value is None:
        return {}
    path = Path(found(value, where, draft))
    if not path.is_file():
        draft.put("sampler.config", str(path), where)  # checked, and said to be missing, with all the rest
        return {}
    settings = published_settings(path)
    values = {key: (_plain(each), path.name) for key, each in settings.items() if key != "diversity"}
    inner = settings.get("diversity") or {}
    values |= {f"diversity.{key}": (_plain(each), path.name) for key, each in inner.items()}
    known = {*_SETTINGS, *_DIVERSITY, "max_retries", "strategy", "seed"}
    for key, each in leaves(read_if_possible(path), _SECTIONS):
        if key.rpartition(".")[2] not in known:
            draft.gaps.append(gap(f"{path.name}: {key}", each))
    return values


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _seed(config: Section, of_file: tuple[Any, str] | None, draft: Draft) -> None:
    value, where = config.section("experiment").taken("seed")
    if value is not None:
        draft.put("seed", value, where)
        if of_file is not None and of_file[0] is not None and of_file[0] != value:
            draft.remarks.append(f"{where} is {value}, and {of_file[1]} says {of_file[0]}: {value} is used")
    elif of_file is not None and of_file[0] is not None:
        draft.put("seed", *of_file)
