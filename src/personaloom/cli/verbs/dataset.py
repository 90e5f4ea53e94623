"""``dataset=old.jsonl``: statistics and a report of files that were not made here, measured as our own are."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from personaloom.cli.argv import Invocation
from personaloom.config import compose, validate
from personaloom.config.composition import Composed
from personaloom.errors import UsageError
from personaloom.foreign import report_foreign
from personaloom.paths import command
from personaloom.plural import many
from personaloom.quality import QualityPlan

__all__ = ["COUNTED", "quality_of", "run"]

COUNTED = {"personas": "persona", "interactions": "conversation", "turns": "turn"}
_SHOWN = ("turns", "user_words", "assistant_words", "user_distinct_2", "assistant_distinct_2", "near_duplicates",
          "retrieval_to_persona", "style_effect", "checks_rejected")  # fmt: skip


def run(value: str, call: Invocation) -> int:
    """Measure a file or folder.

    Args:
        value: samples of the reference, PersonaAtlas, chat messages, ShareGPT, TRL records or our own (JSONL, JSON or
            Parquet); a folder of such files, or the reference's output folder.
        call: ``quality.…`` says how to measure, ``name=`` and ``output_dir=`` where the result goes; of the stages only
            ``report`` has a meaning here.

    Raises:
        UsageError: another stage was asked for, or a sweep.
        InputError: nothing can be read there.
    """
    if call.action == "multirun":
        raise UsageError("dataset= looks at one dataset: run it once for each, and set them side by side with compare=")
    if (Path(value).expanduser() / "store.sqlite").exists():
        raise UsageError(f"dataset={value} is a dataset already: {command('stages=report', f'dataset_dir={value}')}")
    config = composed(call)
    stages = config["stages"]["run"]
    if any(word.startswith("stages") for word in call.overrides) and set(stages) != {"report"}:
        raise UsageError(f"dataset={value} is only looked at: stages=report, and not {', '.join(stages)}")
    named = any(word.lstrip("+").startswith("name=") for word in call.overrides)
    folder, manifest = report_foreign(
        Path(value).expanduser(),
        quality_of(config),
        output_dir=Path(config["output_dir"]),
        name=config["name"] if named else None,
    )
    sys.stdout.write("\n".join(_lines(folder, manifest)) + "\n")
    return 0


def composed(call: Invocation, *, writes: bool = True) -> Composed:
    """The config of the command line of a verb that asks no model, judged."""
    config = compose(call.overrides, config=call.config, config_dirs=call.config_dirs)
    return validate(config, keys_needed=False, writes=writes)


def quality_of(config: Mapping[str, Any]) -> QualityPlan:
    """The quality plan of a config."""
    return QualityPlan.from_config(config["quality"], config["seeds"]["personas"])


def _lines(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    counts, quality = manifest["counts"], manifest["quality"]
    there = [many(counts[key], one) for key, one in COUNTED.items() if counts[key] or key != "personas"]
    yield f"{manifest['read_in_from']}: {', '.join(there)}"
    yield from (f"  {note}" for note in [*manifest["notes"], quality["note"]] if note)
    for name in _SHOWN:
        figure = quality["figures"].get(name)
        if figure is not None:
            yield _line(name, figure)
    yield from (_line(name, figure) for name, figure in quality["figures"].items() if name.startswith("overlap_"))
    yield from _divergence(json.loads((folder / "statistics.json").read_text("utf-8"))["quality"].get("reference"))
    found = ", ".join(f"{check} {count:,}" for check, count in quality["by_check"].items())
    yield f"  checks                  {found or 'no fault found'}"
    yield f"statistics  {folder / 'statistics.json'}"
    yield f"report      {folder / 'report.html'}"


def _line(name: str, figure: Mapping[str, Any]) -> str:
    interval = f"  ({figure['low']:.3g} to {figure['high']:.3g})" if "low" in figure else ""
    return f"  {name.replace('_', ' '):24}{figure['value']:.3g}{interval}"


def _divergence(reference: Mapping[str, Any] | None) -> Iterator[str]:
    """How far the data is from ``quality.reference``, beside how far its own two halves are from each other."""
    if not reference:
        return
    size = many(reference["reference_samples"], "sample")
    yield f"  from the reference ({size}), in bits: 0 alike, 1 nothing in common"
    for name, found in reference.items():
        if isinstance(found, Mapping) and found.get("jensen_shannon_bits") is not None:
            halves = found.get("between_own_halves")
            beside = "" if halves is None else f"  (between its own halves {halves:.3g})"
            yield f"    {name.replace('_', ' '):22}{found['jensen_shannon_bits']:.3g}{beside}"
