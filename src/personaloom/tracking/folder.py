"""Reading a finished dataset folder: its JSONL files, one record at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from personaloom.errors import InputError
from personaloom.records import NoiseVerdict

__all__ = ["conversation_text", "noise_of", "read_jsonl", "run_name"]


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSONL file in order; none where the file is not there (its stage did not run).

    Raises:
        InputError: a line is not a JSON object; the message names it.
    """
    import orjson  # noqa: PLC0415 - only where files are read

    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return
    with stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise InputError(f"{path.name}:{number}: not JSON ({error})") from error
            if not isinstance(record, dict):
                raise InputError(f"{path.name}:{number}: not an object")
            yield record


def noise_of(interaction: dict[str, Any]) -> list[dict[str, Any] | None]:
    """For each user turn its ``NoiseResult`` dictionary, or None where no distractor ran.

    The conversation's own list comes first; a message that carries its result itself is the fallback.
    """
    listed = (interaction.get("metadata") or {}).get("noise") or []
    results: list[dict[str, Any] | None] = []
    for message in interaction.get("messages") or []:
        if message.get("role") != "user":
            continue
        turn = len(results)
        own = (message.get("metadata") or {}).get("noise")
        results.append(listed[turn] if turn < len(listed) else own)
    return results


def conversation_text(interaction: dict[str, Any], limit: int = 20_000) -> str:
    """A conversation as plain text, one paragraph a message, cut at ``limit`` characters.

    A noisy message says so: ``user [typo_misspelling]: …``.
    """
    noise = iter(noise_of(interaction))
    lines = []
    for message in interaction.get("messages") or []:
        role = str(message.get("role"))
        result = (next(noise, None) if role == "user" else None) or {}
        applied = (result.get("metadata") or {}).get("verdict") == NoiseVerdict.APPLIED
        kinds = ", ".join(result.get("applied_strategies") or [str(result.get("layer"))]) if applied else ""
        lines.append(f"{role} [{kinds}]: {message.get('content')}" if kinds else f"{role}: {message.get('content')}")
    text = "\n\n".join(lines)
    return text if len(text) <= limit else text[:limit] + " …"


def run_name(manifest: dict[str, Any]) -> str:
    """What a run is called: in a sweep what differs (``SIM-distractor=heavy seed=2``), else the dataset's name."""
    name = str(manifest.get("name") or "dataset")
    sweep = manifest.get("sweep") or {}
    overrides = [str(item) for item in sweep.get("differs") or sweep.get("overrides") or []]
    said = " ".join(overrides) if overrides else name.removeprefix("SIM-")
    return ("SIM-" if manifest.get("simulated") else "") + said[:240]
