"""Keeping keys out of messages: servers echo them, and libraries print them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from personaloom.errors import AuthenticationFailedError

__all__ = ["excerpt", "read_secret", "scrub", "secret_values"]

_SHAPES = re.compile(
    r"""(?ix)
    \b(?:sk|pk|rk|xai|gsk|hf|key|r8|pplx|csk|fw|tgp|nvapi|ghp)[-_][A-Za-z0-9_\-*]{6,}  # prefixed keys, masked ones too
    | \bAIza[A-Za-z0-9_\-]{10,} | \bAKIA[A-Z0-9]{12,} | \bya29\.[A-Za-z0-9_\-.]+
    | (?<=bearer\s)\s*[A-Za-z0-9._~+/=\-]{6,}
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)
    | (?<=[?&]key=)[^&\s"']+ | (?<=api_key=)[^&\s"',)]+
    """
)
_SECRET_NAME = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD)(?:$|_)", re.IGNORECASE)
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
        chosen |= {name for name in os.environ if _SECRET_NAME.search(name)}
    values = {os.environ.get(name, "").strip() for name in chosen}
    return sorted((value for value in values if len(value) >= _SHORTEST), key=lambda value: (-len(value), value))


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without these values, and without whatever else has the shape of a key."""
    for secret in secrets:
        text = text.replace(secret, "[key]")
    return _SHAPES.sub("[key]", text)


def excerpt(text: str, secrets: Iterable[str] = (), limit: int = 300) -> str:
    """One scrubbed line for a message."""
    line = " ".join(scrub(text, secrets).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
