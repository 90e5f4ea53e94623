"""``_target_``: which classes a config may name, and finding them. The check of the name comes before the import."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

from personaloom.config.nearest import choices
from personaloom.errors import ConfigError, Fault

__all__ = ["TRUSTED_VARIABLE", "argument_faults", "find_target", "trusted_modules"]

TRUSTED_VARIABLE = "PERSONALOOM_TRUSTED"
"""Comma-separated modules whose classes a config may name, beside our own. Never read from a config."""


def trusted_modules() -> tuple[str, ...]:
    """``personaloom`` and the modules of the environment variable."""
    listed = os.environ.get(TRUSTED_VARIABLE, "").split(",")
    return ("personaloom", *(name.strip().rstrip(".") for name in listed if name.strip().rstrip(".")))


def _is_trusted(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in trusted_modules())


def find_target(target: Any, where: str) -> Callable[..., Any]:
    """The class or function that a ``_target_`` names.

    Args:
        target: a dotted name.
        where: its full key, for messages.

    Raises:
        ConfigError: not trusted (nothing was imported then), not there, or nothing to call.
    """
    if not isinstance(target, str) or not all(part.isidentifier() for part in target.split(".")):
        raise _error(where, f"is {target!r}, no dotted name of a class", "write package.module.Class")
    module = target.rpartition(".")[0]
    if not _is_trusted(target):
        remedy = f"export {TRUSTED_VARIABLE}={module or target} if you trust that module"
        raise _error(where, f"{target} is not in a trusted module ({', '.join(trusted_modules())})", remedy)
    found: Callable[..., Any] = _import(target, where)
    if not callable(found):
        raise _error(where, f"{target} is a {type(found).__name__}, nothing that can be called", "name a class")
    home = getattr(found, "__module__", None) or getattr(getattr(found, "__self__", None), "__module__", "")
    if not _is_trusted(str(home)):
        raise _error(where, f"{target} is really {home}.{getattr(found, '__qualname__', '')}, which is not trusted", "")
    return found


def _import(target: str, where: str) -> Any:
    parts = target.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        try:
            found: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                continue
            raise _error(where, f"{name} cannot be imported: {error}", f"install {error.name}") from error
        except Exception as error:
            raise _error(where, f"{name} cannot be imported: {type(error).__name__}: {error}", "mend it") from error
        for index, part in enumerate(parts[length:], start=length):
            if not hasattr(found, part):
                names = getattr(found, "__all__", None) or [name for name in dir(found) if not name.startswith("_")]
                here = ".".join(parts[:index])
                raise _error(where, f"{here} has no {part}", choices(part, names, what="it has"))
            found = getattr(found, part)
            if inspect.ismodule(found) and not _is_trusted(found.__name__):
                raise _error(where, f"{target} leads out of the trusted modules, to {found.__name__}", "")
        if inspect.ismodule(found) and callable(getattr(found, parts[-1], None)):
            return getattr(found, parts[-1])  # a function that lives in a module of its own name
        return found
    raise _error(where, f"there is no module {parts[0]}", "is its folder on PYTHONPATH?")


def argument_faults(
    found: Callable[..., Any], given: Mapping[str, Any], where: str, supplied: Collection[str] = ()
) -> list[Fault]:
    """What is wrong with keyword arguments, by the signature.

    Args:
        found: the class or function.
        given: arguments of the config.
        where: the node's key.
        supplied: names that the caller adds.
    """
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):  # some builtins have none
        return []
    named = {p.name: p for p in parameters if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    faults = []
    if not open_ended:
        takes = sorted(set(named) - set(supplied))
        faults += [
            Fault(f"{where}.{name}", f"{found.__qualname__} has no such argument", choices(name, takes))
            for name in given
            if name not in named
        ]
    faults += [
        Fault(f"{where}.{name}", f"{found.__qualname__} needs it, and it is missing", f"add {name}:")
        for name, parameter in named.items()
        if parameter.default is parameter.empty and name not in given and name not in supplied
    ]
    return faults


def _error(where: str, problem: str, remedy: str) -> ConfigError:
    return ConfigError([Fault(where, problem, remedy)])
