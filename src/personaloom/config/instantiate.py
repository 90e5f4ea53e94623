"""The one place where a config becomes an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from personaloom.config.targets import find_target
from personaloom.errors import ConfigError, Fault, PersonaLoomError

__all__ = ["instantiate"]

TARGET = "_target_"


def instantiate(node: Mapping[str, Any], where: str = "config", /, **more: Any) -> Any:
    """Call what ``_target_`` names with the node's other keys and ``more``; nodes inside it come first.

    Args:
        node: plain values.
        where: the node's key, for messages.
        more: arguments that no config can hold (a bank, a seed); stronger than the node's.

    Raises:
        ConfigError: the class is not trusted or not there, or refuses its arguments.
    """
    found = find_target(node.get(TARGET), f"{where}.{TARGET}")
    arguments = {name: _built(value, f"{where}.{name}") for name, value in node.items() if name != TARGET}
    try:
        return found(**(arguments | more))
    except (PersonaLoomError, FileNotFoundError):
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError([Fault(where, f"{node[TARGET]}: {error}", "mend its arguments")]) from error


def _built(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        if TARGET in value:
            return instantiate(value, where)
        return {name: _built(each, f"{where}.{name}") for name, each in value.items()}
    if isinstance(value, list):
        return [_built(each, f"{where}[{index}]") for index, each in enumerate(value)]
    return value
