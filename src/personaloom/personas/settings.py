"""What a sampler is told, checked; and the published ``sampling_config.yaml``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from personaloom.errors import ConfigError, Fault
from personaloom.personas.located import Mapped, Scalar, read_located

__all__ = ["Diversity", "SamplerSettings", "published_settings"]


@dataclass(frozen=True, slots=True)
class Diversity:
    """The minimum distance between personas.

    Attributes:
        enabled: whether it is kept at all.
        min_hamming_distance: any two personas differ in at least this many dimensions, unset counting as a value.
        max_attempts: candidates for one persona before the sampler says that it cannot go on.
    """

    enabled: bool = True
    min_hamming_distance: int = 3
    max_attempts: int = 100

    @property
    def distance(self) -> int:
        """The distance that is really asked for; 0 where switched off."""
        return self.min_hamming_distance if self.enabled else 0

    @staticmethod
    def of(given: Diversity | Mapping[str, Any] | None) -> Diversity:
        """From a mapping with the same keys (``max_retries`` is another name of ``max_attempts``)."""
        if isinstance(given, Diversity):
            return given
        return Diversity(**_renamed(dict(given or {}), "sampler.diversity", Diversity))


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """Settings that all samplers share.

    Attributes:
        feature_availability_rate: chance of an optional dimension, before the bounds below.
        min_features, max_features: set dimensions a persona has, constraint dimensions included.
        required_dimensions: always set.
        min_constraints, max_constraints: set constraint dimensions a persona has; None is all of them.
    """

    feature_availability_rate: float = 0.7
    min_features: int = 10
    max_features: int = 20
    required_dimensions: tuple[str, ...] = ()
    min_constraints: int = 0
    max_constraints: int | None = None
    diversity: Diversity = field(default_factory=Diversity)

    def __post_init__(self) -> None:
        faults = [Fault(f"sampler.{key}", problem, remedy) for key, problem, remedy in self._faults()]
        if faults:
            raise ConfigError(faults, "the sampler's settings cannot be used")

    def _faults(self) -> list[tuple[str, str, str]]:
        faults = []
        d = self.diversity
        if not 0 <= self.feature_availability_rate <= 1:
            faults.append(("feature_availability_rate", f"is {self.feature_availability_rate}", "a number from 0 to 1"))
        if self.min_features < 0 or self.max_features < max(1, self.min_features):
            bounds = f"are {self.min_features} to {self.max_features}"
            faults.append(("min_features, sampler.max_features", bounds, "0 ≤ min_features ≤ max_features, at least 1"))
        if self.min_constraints < 0 or (
            self.max_constraints is not None and self.max_constraints < self.min_constraints
        ):
            bounds = f"are {self.min_constraints} to {self.max_constraints}"
            faults.append(("min_constraints, sampler.max_constraints", bounds, "0 ≤ min_constraints ≤ max_constraints"))
        if d.min_hamming_distance < 1:
            remedy = "at least 1; sampler.diversity.enabled=false switches it off"
            faults.append(("diversity.min_hamming_distance", f"is {d.min_hamming_distance}", remedy))
        if not 1 <= d.max_attempts <= 1_000_000:
            faults.append(("diversity.max_attempts", f"is {d.max_attempts}", "from 1 to 1,000,000"))
        return faults


_FLAT = {
    "feature_availability_rate", "min_features", "max_features", "required_dimensions", "min_constraints",
    "max_constraints", "seed", "strategy",
}  # fmt: skip
_DIVERSITY = {"enabled", "min_hamming_distance", "max_attempts", "max_retries"}


def published_settings(path: str | Path) -> dict[str, Any]:
    """The settings in a published ``sampling_config.yaml``, under our names.

    The keys stand flat under ``sampling:``, or in ``random_sampling:``, ``diversity:`` and ``constraints:`` (at the top
    or under ``sampling:``). ``strategy`` and ``seed`` come back too; other keys are other tools' and are left alone.

    Raises:
        BankError: the file cannot be read.
        ConfigError: it holds none of these keys.
    """
    found: dict[str, Any] = {}
    diversity: dict[str, Any] = {}
    content = read_located(Path(path).expanduser())
    for section in _sections(content):
        for key, value in section.items():
            if key in _FLAT and not isinstance(value, Mapped):
                found[key] = _plain(value)
            elif key in _DIVERSITY:
                diversity["max_attempts" if key == "max_retries" else key] = _plain(value)
            elif key == "diversity" and isinstance(value, Scalar):
                diversity["enabled"] = _plain(value)
    if diversity:
        found["diversity"] = diversity
    if not found:
        remedy = f"it should hold some of {', '.join(sorted(_FLAT))} under 'sampling:'"
        raise ConfigError([Fault(str(path), "no sampling settings found", remedy)], "sampler.config cannot be used")
    return found


def _sections(content: Any) -> list[Mapped]:
    """The mapping itself and the known sections below it, outer ones first."""
    if not isinstance(content, Mapped):
        return []
    names = (
        "sampling", "random_sampling", "stratified_sampling", "weighted_sampling", "diversity", "constraints",
        "persona_generation",
    )  # fmt: skip
    inner = [part for name in names if isinstance(content.get(name), Mapped) for part in _sections(content[name])]
    return [content, *inner]


def _plain(value: Any) -> Any:
    if isinstance(value, Scalar):
        return value.parsed
    if isinstance(value, Sequence):
        return tuple(str(item) for item in value)
    return value


def _renamed(given: dict[str, Any], where: str, kind: type[Any]) -> dict[str, Any]:
    if "max_retries" in given:
        given.setdefault("max_attempts", given["max_retries"])
        del given["max_retries"]
    known = [f.name for f in dataclasses.fields(kind)]
    faults = [
        Fault(f"{where}.{key}", f"there is no such setting (given {value!r})", f"choose from {', '.join(known)}")
        for key, value in given.items()
        if key not in known
    ]
    if faults:
        raise ConfigError(faults, "the sampler's settings cannot be used")
    return given
