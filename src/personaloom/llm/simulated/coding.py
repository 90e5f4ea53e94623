"""Code blocks: skeletons in the language that was asked for."""

from __future__ import annotations

import re

from personaloom.llm.simulated.variables import Variables
from personaloom.text.topics import Topic
from personaloom.text.wording import Dice, bank

__all__ = ["code_block"]

_LANGUAGES = (
    ("sql", re.compile(r"\bsql\b|\bselect\b|\bjoin\b|postgres|database query", re.IGNORECASE)),
    ("javascript", re.compile(r"javascript|typescript|\bnode\b|react|\bjs\b", re.IGNORECASE)),
    ("bash", re.compile(r"\bbash\b|shell|command line|\bawk\b|\bgrep\b", re.IGNORECASE)),
    ("python", re.compile(r"python|pandas|numpy|django|flask|dataframe", re.IGNORECASE)),
    (
        "other",
        re.compile(r"\brust\b|\bgolang\b|\bjava\b|c\+\+|\bc#|kotlin|swift|regex|css|html", re.IGNORECASE),
    ),
)


def code_block(message: str, topic: Topic, variables: Variables, dice: Dice) -> list[str]:
    """A lead, a fenced block and a remark."""
    text = f"{message} {' '.join(topic.terms)}"
    language = next((name for name, pattern in _LANGUAGES if pattern.search(text)), "python")
    names = [word for word in topic.terms if re.fullmatch(r"[a-z][a-z0-9]{2,14}", word)] or ["value"]
    parts = dice.some(names, 2)
    facts = {
        "name": "_".join(parts) if language != "javascript" else parts[0] + "".join(p.capitalize() for p in parts[1:]),
        "term": parts[0],
        "short": variables.fixed["short"].replace('"', "'").replace("\n", " "),
    }
    words = bank("code")
    return [words.say("lead", dice, facts), words.say(language, dice, facts), words.say("after", dice, facts)]
