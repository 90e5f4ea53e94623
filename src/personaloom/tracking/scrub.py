"""Keep secrets out of whatever is logged, reported or said.

The config names environment variables and never holds a key, so there should be nothing to remove. This is the second
lock on that door: MLflow's credentials live in the environment of the process, and a server's error text may echo them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

__all__ = ["HIDDEN", "redacted", "scrub", "without_userinfo"]

HIDDEN = "***"
_MIN_SECRET = 6
_SECRET_KEY = re.compile(r"(^|[_\-.])(api_?key|token|password|passwd|secret|authorization|cookie)$", re.IGNORECASE)
_SECRET_VARIABLE = re.compile(r"(TOKEN|PASSWORD|SECRET|API_KEY|ACCESS_KEY|CREDENTIALS?)(_ID)?$")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/\s@:]*:[^/\s@]+@")


def redacted(config: Any) -> Any:
    """A copy of a config in which the value of every key that sounds like a secret is hidden.

    Names of environment variables (``api_key_env``) and numbers (``max_tokens``) are not secrets and stay.
    """
    if isinstance(config, Mapping):
        return {
            key: HIDDEN if isinstance(value, str) and value and _SECRET_KEY.search(str(key)) else redacted(value)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return [redacted(value) for value in config]
    return _USERINFO.sub(f"{HIDDEN}@", config) if isinstance(config, str) else config


def scrub(text: str) -> str:
    """Text without the values of secret environment variables, bearer tokens and passwords in addresses."""
    for name, value in os.environ.items():
        if len(value) >= _MIN_SECRET and _SECRET_VARIABLE.search(name) and value in text:
            text = text.replace(value, HIDDEN)
    return _USERINFO.sub(f"{HIDDEN}@", _BEARER.sub(rf"\1 {HIDDEN}", text))


def without_userinfo(uri: str) -> str:
    """An address without the ``user:password@`` part, fit to be shown and stored."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
