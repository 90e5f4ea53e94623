"""From Hydra's nodes to plain values, with every value that is missing or cannot be resolved named."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from personaloom.config.secrets import redact
from personaloom.errors import Fault

__all__ = ["escaped", "plain", "public"]

_ENV = "oc.env"


def plain(config: DictConfig) -> tuple[dict[str, Any], list[Fault]]:
    """All interpolations resolved, with a fault for each value that has none."""
    faults: list[Fault] = []
    return _mapping(config, "", faults), faults


def public(config: DictConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    """All interpolations resolved except those of environment variables: ``${oc.env:NAME}`` stays as it is written.

    This is what may be shown, saved and logged: the value of a variable never gets in.

    Args:
        config: as composed.
        values: what ``plain`` gave for it; where no variable is named, these are the ones.
    """
    raw = OmegaConf.to_container(config, resolve=False)
    if _ENV not in str(raw):
        return copy.deepcopy(dict(values))
    shielded = OmegaConf.create(_map_texts(raw, lambda text: escaped(text) if _ENV in text else text))
    return _mapping(shielded, "", [])


def escaped(text: str) -> str:
    """A text that YAML and Hydra read back as it is: ``${`` is no interpolation any more."""
    return re.sub(r"(?<!\\)\$\{", r"\\${", text)


def _map_texts(node: Any, change: Callable[[str], str]) -> Any:
    if isinstance(node, dict):
        return {key: _map_texts(value, change) for key, value in node.items()}
    if isinstance(node, list):
        return [_map_texts(value, change) for value in node]
    return change(node) if isinstance(node, str) else node


def _mapping(node: DictConfig, path: str, faults: list[Fault]) -> dict[str, Any]:
    names = {_name(key): key for key in node}
    return {name: _value(node, key, f"{path}.{name}" if path else name, faults) for name, key in names.items()}


def _name(key: Any) -> str:
    return str(key)


def _value(node: DictConfig | ListConfig, key: Any, path: str, faults: list[Fault]) -> Any:
    if OmegaConf.is_missing(node, key):
        faults.append(Fault(path, "has no value (???)", f"give it one: {path}=VALUE"))
        return None
    try:
        value = node[key]
    except (OmegaConfBaseException, KeyError, RecursionError) as error:
        faults.append(_unresolved(error, path))
        return None
    if isinstance(value, DictConfig):
        return None if value._is_none() else _mapping(value, path, faults)  # noqa: SLF001 - no public spelling
    if isinstance(value, ListConfig):
        return [_value(value, index, f"{path}[{index}]", faults) for index in range(len(value))]
    return value


def _unresolved(error: Exception, path: str) -> Fault:
    text = next(iter(_lines(str(error))), type(error).__name__)
    variable = re.search(r"Environment variable '([^']+)' not found", text)
    if variable:
        return Fault(path, f"the environment variable {variable.group(1)} is not set", f"export {variable.group(1)}=…")
    if isinstance(error, RecursionError):
        text = "the interpolation refers to itself"
    return Fault(path, redact(text), "name an existing key in ${…}, or write \\${ for a literal ${")


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.splitlines() if line.strip())
