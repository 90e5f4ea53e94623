"""Recognising a key that was written where only the name of an environment variable belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from personaloom.errors import Fault

__all__ = ["holds_secret", "is_secret", "is_secret_name", "masked", "redact", "secret_faults"]

_VALUE = re.compile(
    r"\bsk-[\w\-]{8,}"
    r"|\b(?:xai-|gsk_|hf_|gh[pos]_|glpat-|r8_|pplx-|nvapi-|csk-|fw_|github_pat_)\w{20,}"
    r"|\bAIza[\w\-]{20,}|\bAKIA[A-Z0-9]{12,}|\beyJ[\w\-]{16,}\.[\w\-]+"
    r"|\bBearer\s+[\w\-.=+/]{8,}"
)
_NAMES = {
    "apikey", "token", "accesstoken", "authtoken", "secret", "clientsecret", "password", "passwd",
    "authorization", "proxyauthorization", "xapikey", "bearer", "credential", "credentials", "secretkey", "accesskey",
}  # fmt: skip
_NAME_MAPS = frozenset({"headers_env"})
"""Mappings from a header to the name of a variable: no key is in them, whatever the header is called."""
_REMEDY = "name the environment variable that holds it: llm.api_key_env=NAME"


def is_secret(text: str) -> bool:
    """Whether a text has the look of a key (``sk-…``, ``Bearer …`` and the like)."""
    return bool(_VALUE.search(text))


def is_secret_name(name: str) -> bool:
    """Whether something of this name can only hold a key: ``api_key``, ``X-Api-Key``, ``password``."""
    return re.sub(r"[^a-z]", "", name.lower()) in _NAMES


def holds_secret(key: str, value: str) -> bool:
    """Whether ``key=value`` gives a literal key, by the name of the key's last part or by the look of the value."""
    parts = key.lstrip("+~").replace("/", ".").split(".")
    named = is_secret_name(parts[-1]) and not set(parts) & _NAME_MAPS
    return (named and value not in {"", "null"} and "${oc.env:" not in value) or is_secret(f"{key}={value}")


def redact(text: str) -> str:
    """The text with everything that looks like a key replaced by ``***``."""
    return _VALUE.sub("***", text)


def secret_faults(node: Any, path: str = "") -> Iterator[Fault]:
    """A fault for each literal key in a config; the keys themselves are not repeated.

    Values such as ``${oc.env:NAME}`` are names, not keys: give the config in which these are not resolved.
    """
    if isinstance(node, Mapping):
        for name, value in node.items():
            where = f"{path}.{name}" if path else str(name)
            if is_secret(str(name)):
                yield Fault(redact(where), "a literal key is used as a name", _REMEDY)
            elif name in _NAME_MAPS and isinstance(value, Mapping):
                yield from secret_faults(list(value.values()), where)
            elif isinstance(value, str) and value and is_secret_name(str(name)) and "${oc.env:" not in value:
                yield Fault(where, "a literal key does not belong into a config", _REMEDY)
            else:
                yield from secret_faults(value, where)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for index, value in enumerate(node):
            yield from secret_faults(value, f"{path}[{index}]")
    elif isinstance(node, str) and is_secret(node):
        yield Fault(path, "the value has the look of a key", _REMEDY)


def masked(node: Any, name: str = "") -> Any:
    """A config with every literal key replaced by ``***``; names of variables stay."""
    if isinstance(node, Mapping):
        inside = name in _NAME_MAPS
        return {key: masked(value, "" if inside else str(key)) for key, value in node.items()}
    if isinstance(node, list):
        return [masked(value, name) for value in node]
    if not isinstance(node, str) or "${oc.env:" in node:
        return node
    return "***" if node and is_secret_name(name) else redact(node)
