"""Personal data and secrets in text, found by pattern: counted by kind, never quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["PRIVATE_KINDS", "find_private"]

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", re.compile(r"\b[A-Za-z0-9._%+-]{1,64}@(?!example\.)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}\b")),
    ("phone", re.compile(r"(?<![\w.])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?|\d{3}[ .-])\d{3}[ .-]\d{4}(?!\w)")),
    ("card", re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-])")),
    ("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")),
    ("us_ssn", re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")),
    ("ip_address", re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.])")),
    (
        "api_key",
        re.compile(
            r"\b(?:sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,}|AIza[\w-]{35}"
            r"|hf_[A-Za-z0-9]{30,}|xox[abprs]-[\w-]{10,})"
        ),
    ),
    ("private_key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    ("password", re.compile(r"(?i)\b(?:password|passwd|pwd)\s*[:=]\s*(?!\*|<|your|example)\S{6,}")),
)  # fmt: skip

PRIVATE_KINDS = tuple(name for name, _ in _PATTERNS)
"""What is looked for."""

_LOCAL = ("127.", "0.", "10.", "192.168.", "255.")
_ANY = re.compile(r"[@\d]|PRIVATE|(?i:pass|pwd|sk-|hf_|gh[a-z]_|AIza|xox)")


def find_private(texts: Sequence[str]) -> dict[str, int]:
    """Kinds of personal data or secrets to how often each occurs; kinds without any are left out.

    Numbers that look like payment cards count only with a right check digit (Luhn), IBANs likewise (ISO 7064), and
    addresses of private networks not at all. Patterns miss what has no fixed form, such as names.
    """
    found: dict[str, int] = {}
    for text in texts:
        if not _ANY.search(text):
            continue
        for kind, pattern in _PATTERNS:
            count = sum(1 for match in pattern.finditer(text) if _holds(kind, match[0]))
            if count:
                found[kind] = found.get(kind, 0) + count
    return found


def _holds(kind: str, text: str) -> bool:
    if kind == "card":
        return _luhn([int(char) for char in text if char.isdigit()])
    if kind == "iban":
        plain = text.replace(" ", "")
        return 15 <= len(plain) <= 34 and _iban(plain)
    if kind == "ip_address":
        return not text.startswith(_LOCAL)
    return True


def _luhn(digits: list[int]) -> bool:
    doubled = [2 * digit - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and sum(doubled) % 10 == 0


def _iban(text: str) -> bool:
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1
