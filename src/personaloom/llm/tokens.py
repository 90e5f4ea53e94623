"""Token counts without a tokenizer: an estimate for display and limits, a bound for budgets.

Tokenizers of the providers must be downloaded or are not public; a call is priced by what the provider reports. These
two serve before a call, and after one whose reply carries no usage.

The estimate is linear in five counts of bytes (letters, spaces, digits, other ASCII signs, the rest), fitted to
cl100k_base and o200k_base over 591 English texts (prose, Markdown, code, queries; 20 to 1,500 characters): 90 % of them
within 15 % of the tokenizer's count, 98 % within 22 %, the worst 34 % off. Chinese, Japanese, German and Arabic come
out within 25 % of cl100k_base and up to twice o200k_base; Cyrillic up to 1.6 times. About 8 µs for 4 kB.
"""

from __future__ import annotations

from collections.abc import Iterable

from personaloom.llm.types import ChatMessage

__all__ = ["MESSAGE_TOKENS", "REPLY_TOKENS", "estimate", "worst_case"]

MESSAGE_TOKENS = 4
"""A message's frame (role and separators) in the OpenAI chat format."""
REPLY_TOKENS = 3
"""What primes the reply."""
_FRAME_BOUND = 16  # templates of open models spend more on a frame than OpenAI's

_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123))
_DIGITS = b"0123456789"
_ASCII = bytes(range(128))
_PER_LETTER, _PER_SPACE, _PER_DIGIT, _PER_SIGN, _PER_FOREIGN_BYTE = 0.155, 0.455, 0.78, 0.48, 0.36


def estimate(what: str | Iterable[ChatMessage]) -> int:
    """About how many tokens a text is, or messages with their frames; at least 1 for a text that is not empty."""
    if isinstance(what, str):
        return _of_text(what)
    return sum(_of_text(message.content) + MESSAGE_TOKENS for message in what) + REPLY_TOKENS


def _of_text(text: str) -> int:
    raw = text.encode("utf-8", "replace")
    if not raw:
        return 0
    spaces = raw.count(b" ")
    rest = raw.translate(None, _LETTERS + b" ")
    foreign = len(rest.translate(None, _ASCII))
    digits = len(rest) - len(rest.translate(None, _DIGITS))
    count = (
        _PER_LETTER * (len(raw) - spaces - len(rest))
        + _PER_SPACE * spaces
        + _PER_DIGIT * digits
        + _PER_SIGN * (len(rest) - digits - foreign)
        + _PER_FOREIGN_BYTE * foreign
    )
    return max(1, round(count))


def worst_case(what: str | Iterable[ChatMessage]) -> int:
    """More tokens than any byte-level tokenizer makes of it: one for each byte of UTF-8, and generous frames."""
    if isinstance(what, str):
        return len(what.encode("utf-8", "replace"))
    return sum(len(message.content.encode("utf-8", "replace")) + _FRAME_BOUND for message in what) + _FRAME_BOUND
