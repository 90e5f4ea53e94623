"""A Hugging Face dataset folder: Parquet files and a dataset card that says how the data came to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from personaloom.training.formats.base import FormatOptions

__all__ = ["dataset_card"]

_TEXT = {"dtype": "string"}
_NOISY = (("noisy_text", _TEXT), ("noise_type", _TEXT), ("applied_strategies", {"list": "string"}))
_FEATURES: tuple[dict[str, Any], ...] = (
    {"name": "sample_id", **_TEXT},
    {"name": "persona_id", **_TEXT},
    {"name": "persona_features", "list": [{"name": "name", **_TEXT}, {"name": "value", **_TEXT}]},
    {"name": "original_query", **_TEXT},
    {"name": "initial_query", **_TEXT},
    {
        "name": "prompt_trajectory",
        "list": [
            {"name": "turn", "dtype": "int64"},
            {"name": "text", **_TEXT},
            *({"name": name, **kind} for name, kind in _NOISY),
        ],
    },
    {"name": "full_conversation", "list": [{"name": "role", **_TEXT}, {"name": "content", **_TEXT}]},
    {"name": "num_turns", "dtype": "int64"},
    {"name": "noisy_initial_queries", "list": [{"name": name, **kind} for name, kind in _NOISY]},
    {"name": "metadata", **_TEXT},
    {"name": "exact_json", **_TEXT},
)

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def dataset_card(options: FormatOptions, files: Mapping[str, tuple[str, int]]) -> bytes:
    """The card, ``README.md``.

    Args:
        options: licence, title, fingerprint, models, prompts, counts and noise are taken from ``options.card`` (the
            manifest's keys); what is not known is said to be not recorded.
        files: split name to (path relative to the card, number of samples).
    """
    import yaml  # noqa: PLC0415 - only the card needs it

    head = yaml.safe_dump(_header(options, files), sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{head}---\n\n{_body(options, files)}".encode("utf-8", "replace")


def _title(options: FormatOptions) -> str:
    return str(options.card.get("title") or options.card.get("name") or "Persona conversations")


def _header(options: FormatOptions, files: Mapping[str, tuple[str, int]]) -> dict[str, Any]:
    total = sum(count for _, count in files.values())
    size = next((label for limit, label in _SIZES if total < limit), "n>1M")
    # The hub refuses a split without rows in a listing; the files are there all the same.
    listed = {split: path for split, (path, count) in files.items() if count}
    return {
        "license": options.card.get("license") or "unknown",
        "language": ["en"],
        "pretty_name": _title(options),
        "task_categories": ["text-generation"],
        "tags": ["synthetic", "conversational", "persona", *(["simulated"] if options.simulated else [])],
        "size_categories": [size],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": _hub_split(split), "path": path} for split, path in listed.items()],
            }
        ],
        # Without the sizes of the splits, which the hub's library wants in bytes or not at all and counts by itself.
        "dataset_info": {"features": [dict(feature) for feature in _FEATURES]},
    }


def _hub_split(split: str) -> str:
    return {"val": "validation"}.get(split, split)


_ABOUT = (
    "Multi-turn conversations between a simulated user with a persona and an assistant model; some user turns "
    "are noisy on purpose, and each says how. No person wrote or was recorded in any of them."
)
_FIELDS = (
    "`full_conversation` is what was said, noise included; `prompt_trajectory` has each user turn's clean text, "
    "and its noisy text where there is one. `metadata` is JSON. `exact_json` is null unless a sample does not fit "
    "the columns; then it holds the whole sample."
)
_USE = (
    "Training and testing assistants on varied users: other voices, incomplete or ambiguous requests, spelling "
    "noise. Comparing datasets that differ in one setting."
)
_LIMITS = (
    "Users and answers are made by models and carry their habits, errors and biases. The personas are combinations "
    "of listed features and stand for no group of people. Answers were not checked for truth. Noise was checked "
    "against its own contract and is English first."
)


def _body(options: FormatOptions, files: Mapping[str, tuple[str, int]]) -> str:
    card = options.card
    splits = _table(("split", "samples"), [(split, count) for split, (_, count) in files.items()])
    parts = [
        f"# {_title(options)}",
        _banner(options),
        _ABOUT,
        "## Splits\n\nBy persona: no persona is in two splits.\n\n" + splits,
        "## How it was made\n\n" + _making(card),
        "### Models\n\n" + _models(card),
        "### Prompts\n\n" + _prompts(card),
        "### Noise\n\n" + _noise(card),
        "## Fields\n\n" + _FIELDS,
        "## Intended use\n\n" + _USE,
        "## Limits\n\n" + _LIMITS,
        "## Licence\n\n" + _licence(card),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _banner(options: FormatOptions) -> str:
    if not options.simulated:
        return ""
    return (
        "> **Simulated.** A text generator without a language model wrote every word, to test the pipeline. "
        "Do not train on this data and do not read its quality figures as findings."
    )


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _making(card: Mapping[str, Any]) -> str:
    known = [("fingerprint", card.get("fingerprint")), ("created", card.get("created_at"))]
    known += [(f"seed of {name}", value) for name, value in (card.get("seeds") or {}).items()]
    known += [(f"version of {name}", value) for name, value in (card.get("versions") or {}).items()]
    queries = card.get("queries") or {}
    known += [(f"queries: {name}", queries[name]) for name in ("source", "sha256", "size") if name in queries]
    rows: list[tuple[Any, ...]] = [pair for pair in known if pair[1] is not None]
    return _table(("what", "value"), rows) if rows else "Not recorded."


def _models(card: Mapping[str, Any]) -> str:
    rows: list[tuple[Any, ...]] = [
        (model.get("role"), model.get("model"), ", ".join(model.get("snapshots") or ()) or "not said")
        for model in card.get("models") or ()
    ]
    return _table(("role", "model", "snapshots"), rows) if rows else "Not recorded."


def _prompts(card: Mapping[str, Any]) -> str:
    rows: list[tuple[Any, ...]] = [
        (name, use.get("version"), f"`{use.get('sha256')}`") for name, use in (card.get("prompts") or {}).items()
    ]
    return _table(("prompt", "version", "SHA-256"), rows) if rows else "Not recorded."


def _noise(card: Mapping[str, Any]) -> str:
    noise = card.get("noise") or {}
    keys = ("mode", "configured_rate", "units", "drawn", "applied", "rejected", "not_applicable")
    rows: list[tuple[Any, ...]] = [(key, noise[key]) for key in keys if key in noise]
    return _table(("what", "value"), rows) if rows else "Not recorded."


def _licence(card: Mapping[str, Any]) -> str:
    if card.get("license"):
        return f"{card['license']}."
    return "None was given. The terms of the models' providers and of the query set apply."
