"""Why a setting of the reference's has no counterpart, and what does its work instead."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from personaloom.config.reference.draft import Gap

__all__ = ["gap"]

_REASONS = (
    ("*template", "prompts are PersonaLoom's own; prompts.overrides puts files of yours in their place"),
    ("*max_retries", "engine.retry says how often a request is made again, and after what"),
    ("*retry_delay", "waits grow from engine.retry.base_s, and follow what a server asks for"),
    ("paths.logs.*", "there is no log file: what happened stands in the dataset's manifest.json"),
    ("paths.*.format", "personas.jsonl and its neighbours have one form; training_data.formats chooses the samples'"),
    ("*.output_format", "training_data.formats chooses the form of the samples"),
    ("experiment.batch_size", "nothing waits for a batch: engine.concurrency is the number held at once"),
    ("experiment.save_intermediate", "every result is stored as soon as it is there"),
    ("*selection.strategy", "queries are dealt by key, and none twice before the set is used up"),
    ("distractor.apply_to.*", "each user turn may be made noisy, the first one like the others"),
    ("distractor.llm.*", "llm.roles.noise is the model that writes noise"),
    ("*extract_semantics", "semantics are read whenever a contract asks for it"),
    ("*preserve_clean", "the clean text is always kept beside the noisy one"),
    ("*require_constraint", "sampler.min_constraints says how many there are at least"),
)  # fmt: skip


def gap(key: str, value: Any) -> Gap:
    """The gap for a setting."""
    reason = next(
        (reason for pattern, reason in _REASONS if fnmatchcase(key, pattern)), "there is nothing like it here"
    )
    return Gap(key, value, reason)
