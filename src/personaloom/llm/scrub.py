"""Keeping keys out of messages, files and pages: servers echo them, and libraries print them.

A config names environment variables and never holds a key, so there should be nothing to remove. This is the second
lock on that door.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from personaloom.errors import AuthenticationFailedError

__all__ = ["HIDDEN", "excerpt", "read_secret", "redacted", "scrub", "secret_values", "without_userinfo"]

HIDDEN = "***"
_SHAPES = re.compile(
    r"""(?ix)
    \b(?:sk|pk|rk|xai|gsk|hf|r8|pplx|csk|fw|tgp|nvapi|ghp)[-_][A-Za-z0-9_\-*]{6,}  # prefixed keys, masked ones too
    | \bkey[-_](?=[A-Za-z_\-]*[\d*])[A-Za-z0-9_\-*]{6,}  # without a digit or a star it is a word: key_findings
    | \bAIza[A-Za-z0-9_\-]{10,} | \bAKIA[A-Z0-9]{12,} | \bya29\.[A-Za-z0-9_\-.]+
    | (?<=bearer\s)\s*[A-Za-z0-9._~+/=\-]{6,} | (?<=basic\s)\s*(?=[A-Za-z]*[\d+/=])[A-Za-z0-9+/=]{8,}
    | (?<=[?&]key=)[^&\s"']+ | (?<=api_key=)[^&\s"',)]+
    """
)
_SECRET_VARIABLE = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|CREDENTIALS?)(?:$|_)|PASSWORD(?:$|_)", re.IGNORECASE
)
_SECRET_KEY = re.compile(r"(^|[_\-.])(api_?key|token|password|passwd|secret|authorization|cookie)$", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
_SHORTEST = 6  # shorter values would blank out ordinary words


def read_secret(name: str, where: str, *, required: bool = True) -> str:
    """The value of an environment variable, now; to be sent and dropped. ``""`` where it is not set and not required.

    Raises:
        AuthenticationFailedError: it is not set, or no header can carry it.
    """
    value = os.environ.get(name, "").strip()
    if not value and required:
        raise AuthenticationFailedError(f"{where} needs a key → set the environment variable {name}")
    if not (value.isascii() and value.isprintable()):
        raise AuthenticationFailedError(
            f"{where}: what {name} holds is no key: it has line breaks or signs outside ASCII"
        )
    return value


def secret_values(names: Iterable[str | None] = (), *, all_like_keys: bool = False) -> list[str]:
    """Values of these environment variables, and with ``all_like_keys`` of every variable named like a key.

    To be used at once for scrubbing and dropped.
    """
    chosen = {name for name in names if name}
    if all_like_keys:
        chosen |= {name for name in os.environ if _SECRET_VARIABLE.search(name)}
    values = {os.environ.get(name, "").strip() for name in chosen}
    return sorted((value for value in values if len(value) >= _SHORTEST), key=lambda value: (-len(value), value))


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without these values, and without whatever else has the shape of a key."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return _SHAPES.sub(HIDDEN, _USERINFO.sub(HIDDEN, text))


def excerpt(text: str, secrets: Iterable[str] = (), limit: int = 300) -> str:
    """One scrubbed line for a message."""
    line = " ".join(scrub(text, secrets).split()).encode(errors="replace").decode()
    return line if len(line) <= limit else line[: limit - 1] + "…"


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
    return _USERINFO.sub(HIDDEN, config) if isinstance(config, str) else config


def without_userinfo(uri: str) -> str:
    """An address without the ``user:password@`` part, fit to be shown and stored."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
