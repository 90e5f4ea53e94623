"""The end of a run in words: what is there, what is missing, what it cost and where to look. Read from the manifest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from personaloom.cli.display import duration
from personaloom.engine import CONTENT_FAILURES
from personaloom.llm.endpoints import OPENAI_PROTOCOL
from personaloom.outcome import upload_later
from personaloom.plural import many
from personaloom.tracking import RunRef

__all__ = ["print_summary", "unused_keys"]

WIDEST = 110
NOTICED_S = 0.1
"""What takes less is not said to have taken time."""
NO_USE_ASKING = frozenset({"content_filter", "context_length", "truncated"})
"""Failures that the same request gives again."""
_OTHER_KEYS = ("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY")
Row = tuple[str, str]


def print_summary(
    manifest: Mapping[str, Any],
    folder: Path,
    run: RunRef | None = None,
    console: Console | None = None,
    exported: Path | None = None,
    after: Mapping[str, float] | None = None,
) -> None:
    """Print it to stdout, for the terminal's width.

    Args:
        manifest: of the dataset.
        folder: of the dataset.
        run: where MLflow has it.
        console: to print to.
        exported: the file of personas that ``export_path`` asked for.
        after: seconds of what came after the run's own, by what it was.
    """
    console = console or Console()
    if console.width > WIDEST and console.is_terminal:
        console.width = WIDEST
    console.print()
    if manifest["simulated"]:
        console.print(_banner(manifest))
    _print_rows(console, [*_made(manifest, after or {}), *_noise(manifest), *_missing(manifest)])
    console.print(_tokens(manifest))
    # Paths, addresses and commands stay whole, however narrow the window: they are there to be copied.
    for label, text in (*_cost(manifest), *_places(manifest, folder, run or RunRef(), exported)):
        console.print(Text.assemble((f"{label:<8} ", "bold"), text), soft_wrap=True)


def unused_keys() -> list[str]:
    """Variables that hold a key of a provider in this environment; their values are not looked at."""
    names = {provider.key_env for provider in OPENAI_PROTOCOL.values()} | set(_OTHER_KEYS)
    return sorted(name for name in names if name and os.environ.get(name))


def _banner(manifest: Mapping[str, Any]) -> Text:
    text = Text("SIMULATED", style="bold yellow")
    all_of_it = all(model["model"].startswith("simulated/") for model in manifest["models"])
    if not all_of_it:
        return text.append(": a part of this text was written by no model", style="not bold")
    text.append(": no model wrote this text; choose one with llm=gpt4o and the like", style="not bold")
    keys = unused_keys()
    if keys:
        unused = "is set and was not used" if len(keys) == 1 else "are set and were not used"
        text.append(f"\n{', '.join(keys)} {unused}", style="not bold")
    return text


def _made(manifest: Mapping[str, Any], after: Mapping[str, float]) -> Iterator[Row]:
    counts = manifest["counts"]
    how = " (nothing was left to make)" if manifest.get("unchanged") else f" in {duration(manifest['duration_s'])}"
    if round(sum(after.values())):
        *others, last = (name for name, seconds in after.items() if seconds >= NOTICED_S)
        what = f"{', '.join(others)} and {last}" if others else last
        how += f", and {duration(sum(after.values()))} for {what}"
    yield "status", f"{manifest['status'].replace('_', ' ')}{how}"
    made = {"persona": "personas", "conversation": "interactions", "turn": "turns", "sample": "samples"}
    yield (
        "there" if manifest.get("read_in") else "made",
        ", ".join(many(counts[key], name) for name, key in made.items()),
    )
    here = manifest.get("made_here")
    if here and any(here.values()):
        yield "", f"of them made here: {', '.join(many(here[made[name]], name) for name in list(made)[:3])}"
    if counts.get("pairs"):
        yield "", f"{many(counts['pairs'], 'pair')} of a clean and a noisy conversation: robustness_pairs.jsonl"
    ends = manifest.get("end_reasons") or {}
    if ends:
        yield (
            "ended",
            ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in sorted(ends.items())),
        )
    if counts.get("supplements"):
        yield (
            "supplements",
            f"{many(counts['supplements'], 'conversation was', 'conversations were')} made up with fresh queries",
        )


def _noise(manifest: Mapping[str, Any]) -> Iterator[Row]:
    noise = manifest.get("noise") or {}
    if not noise.get("units"):
        return
    units, talks = noise["units"], noise["conversations"]
    yield (
        "noise",
        (
            f"{noise['mode']}, configured {_share(noise['configured_rate'])} of user turns; "
            f"drawn for {noise['drawn'] / units:.1%}, applied to {noise['applied'] / units:.1%} "
            f"({noise['applied']:,} of {units:,})"
        ),
    )
    if talks:
        touched = noise["conversations_applied"]
        yield "", f"{touched / talks:.1%} of the conversations have some ({touched:,} of {talks:,})"
    layers = [f"{name} {each['applied']:,}" for name, each in noise["layers"].items() if each["drawn"]]
    if layers:
        yield "", ", ".join(layers)
    lost = [f"{noise[key]:,} {word}" for key, word in (("rejected", "rejected"), ("not_applicable", "not applicable"))]
    if noise["rejected"] or noise["not_applicable"]:
        yield "", f"drawn and not applied: {', '.join(lost)}"


def _missing(manifest: Mapping[str, Any]) -> Iterator[Row]:
    failed, failures = manifest["counts"]["failed"], manifest.get("failures") or {}
    if not failed and not failures:
        if manifest["status"] != "failed":  # else the run itself did: what ended it is said after the summary
            yield "failures", "none"
        return
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(failures.items()))
    yield "failures", f"{failed:,} ({manifest['failed_share']:.1%}): {kinds}; see failures.jsonl"
    if not set(failures) <= CONTENT_FAILURES:
        yield "", "run the same command again to make up what failed for a passing reason"
    for_good = CONTENT_FAILURES & set(failures)
    if _again(manifest):
        yield (
            "",
            "what failed for good is asked for again by the same command with the words below; what was paid stays",
        )
    elif for_good and for_good <= NO_USE_ASKING:
        longer = " or a larger llm.max_tokens" if "truncated" in for_good else ""
        yield "", f"the same request fails again: another model (llm=…){longer} makes a dataset of its own"
    elif set(failures) <= CONTENT_FAILURES:
        yield "", "none of it for a passing reason: failures.jsonl says what was wrong"


def _again(manifest: Mapping[str, Any]) -> str:
    """The overrides that have asked again what failed for good: the ledger answers everything up to there."""
    settings = manifest.get("config") or {}
    failed = CONTENT_FAILURES & set(manifest.get("failures") or {}) - NO_USE_ASKING
    if not failed or (settings.get("ledger") or {}).get("mode", "readwrite") != "readwrite":
        return ""
    retry = (settings.get("engine") or {}).get("retry") or {}
    words = ["reset=true"]
    if failed & {"malformed_reply", "refusal"}:
        words.append(f"engine.retry.content_attempts={2 * int(retry.get('content_attempts') or 3)}")
    if "refusal" in failed:
        words.append("engine.retry.retry_refusals=true")
    if "empty_reply" in failed:
        words.append(f"engine.retry.max_fault_attempts={2 * int(retry.get('max_fault_attempts') or 6)}")
    return " ".join(words)


def _tokens(manifest: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    for _ in range(4):
        table.add_column(justify="right", no_wrap=True)
    usage = manifest["usage"]
    for title, parts in (("tokens by stage", usage["by_module"]), ("by model", usage["by_model"])):
        if parts:
            table.add_row(*(Text(cell, style="bold") for cell in (title, "calls", "in", "out", "cost")))
        for name, each in parts.items():
            numbers = (f"{each[key]:,}" for key in ("calls", "input_tokens", "output_tokens"))
            table.add_row(f"  {name}", *numbers, _dollars(each.get("cost_usd")))
    return table


def _cost(manifest: Mapping[str, Any]) -> Iterator[Row]:
    usage = manifest["usage"]
    sent, attributed = usage.get("this_run", usage["paid"]), usage["attributed"]
    # A dataset that was left as it is has the manifest of the run that made it.
    idle = manifest.get("unchanged") or not sent["calls"]
    paid_by_run = "nothing" if idle else _dollars(sent["cost_usd"])
    yield "cost", f"paid by this run: {paid_by_run}; for the dataset: {_dollars(attributed['cost_usd'])}"
    if usage.get("unknown_conversations"):
        yield (
            "",
            f"tokens of {many(usage['unknown_conversations'], 'conversation')} read in from elsewhere are not known",
        )
    if usage.get("unpriced_models"):
        yield "", f"price unknown: {', '.join(usage['unpriced_models'])} (give it with llm.price)"
    if usage.get("unknown_attempts"):
        cut = many(usage["unknown_attempts"], "attempt was", "attempts were")
        yield "", f"{cut} cut off, with an unknown number of tokens"


def _places(manifest: Mapping[str, Any], folder: Path, run: RunRef, exported: Path | None) -> Iterator[Row]:
    if again := _again(manifest):
        yield "again", again
    yield "dataset", str(folder)
    if exported is not None:
        yield "personas", str(exported)
    error = (manifest.get("tracking") or {}).get("error")
    if error:
        yield "MLflow", f"not logged: {error}"
        yield "", upload_later(folder, manifest)
    if run.serve:
        yield "MLflow", run.serve
    # The samples side by side are of conversations: where there is none, that page is empty.
    shown = [link for link in run.links.items() if link[0] != "Samples" or manifest["counts"]["interactions"]]
    for index, (title, address) in enumerate(shown[:2]):
        yield ("MLflow" if not index and not run.serve else ""), f"{title}: {address}"
    for note in run.notes:
        yield "", note


def _share(rate: float | None) -> str:
    return "an unknown share" if rate is None else f"{rate:.1%}"


def _dollars(amount: float | None) -> str:
    if amount is None:
        return "unknown"
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.4f}"


def _print_rows(console: Console, rows: list[Row]) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(label, Text(text))
    console.print(grid)
