"""The judge's questions, and the shapes of its replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CRITERIA", "SCORES_SCHEMA", "WINNER_SCHEMA", "Criterion"]


@dataclass(frozen=True)
class Criterion:
    """One question of the rubric, with what its ends mean."""

    name: str
    question: str
    low: str
    high: str

    def to_dict(self) -> dict[str, str]:
        """For the template."""
        return {"name": self.name, "question": self.question, "low": self.low, "high": self.high}


CRITERIA: Mapping[str, Criterion] = {
    criterion.name: criterion
    for criterion in (
        Criterion(
            "persona_adherence",
            "Do the person's messages fit who the person is meant to be, in voice, knowledge and wishes?",
            "they could be anybody's or contradict the person",
            "one would recognise the person",
        ),
        Criterion(
            "helpfulness",
            "Do the answers bring the person further in what was asked?",
            "wrong, evasive or beside the question",
            "correct, complete and usable at once",
        ),
        Criterion(
            "coherence",
            "Does each message follow from those before it, without contradiction or repetition?",
            "messages do not belong together",
            "one conversation from the first word to the last",
        ),
        Criterion(
            "noise_realism",
            "Could a real person have written the noisy messages like this?",
            "garbled in a way nobody writes",
            "just what people type",
        ),
    )
}
"""The rubric by name; ``noise_realism`` is asked only where there is noise."""

SCORES_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "scores": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "score": {"type": "integer", "minimum": 1, "maximum": 5},
                    "reason": {"type": "string"},
                },
                "required": ["name", "score", "reason"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["scores"],
    "additionalProperties": False,
}
WINNER_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"winner": {"type": "string", "enum": ["first", "second", "tie"]}, "reason": {"type": "string"}},
    "required": ["winner", "reason"],
    "additionalProperties": False,
}
