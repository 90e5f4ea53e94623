"""``preview=3``: prompts as they are sent, and the first conversations of a config, before any larger cost.

They are the first conversations of the real dataset: what they cost is in the ledger, and no run pays it again.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from personaloom.cli.argv import Invocation
from personaloom.cli.commands import announce
from personaloom.cli.display import make_progress
from personaloom.config import build_parts, compose, validate
from personaloom.engine import Engine, Work
from personaloom.errors import UsageError
from personaloom.executors import LocalExecutor
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import ChatMessage
from personaloom.origin import was_read_in
from personaloom.parts import Parts
from personaloom.pipeline import Pipeline
from personaloom.plural import many
from personaloom.records import Interaction, PromptUse
from personaloom.results import load_records

__all__ = ["FirstOnly", "SeenPrompts", "preview", "run"]

MOST = 100

_COMMANDS = {code: 0x2400 + code for code in range(32) if code not in {9, 10}} | dict.fromkeys(
    (*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD
)
"""Control characters but tab and line break by their pictures; delete, C1 and overrides of direction as U+FFFD."""


class SeenPrompts(PromptLibrary):
    """Templates that remember the first messages made from each of them, in the order of use."""

    def __init__(self, folder: str | Path | None = None, overrides: Mapping[str, str | Path] | None = None) -> None:
        super().__init__(folder, overrides)
        self.seen: dict[str, tuple[tuple[ChatMessage, ...], PromptUse]] = {}

    def render(self, name: str, variables: Mapping[str, Any]) -> tuple[tuple[ChatMessage, ...], PromptUse]:
        """As the base class does."""
        rendered = super().render(name, variables)
        self.seen.setdefault(name, rendered)
        return rendered


class FirstOnly(LocalExecutor):
    """Does the first so many pieces of work and leaves the rest."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def run(self, engine: Engine, work: Iterable[Work]) -> None:
        """See ``Engine.run``."""
        await super().run(engine, itertools.islice(work, self._count))


def run(value: str, call: Invocation) -> int:
    """Show a preview of the composed config.

    Raises:
        UsageError: no number of conversations, or a sweep.
    """
    if not value.isdecimal() or not 1 <= int(value) <= MOST:
        raise UsageError(f"preview={value}: says no number of conversations → give one from 1 to {MOST}")
    if call.action == "multirun":
        raise UsageError("preview= is of one run: preview each job by itself")
    composed = compose(call.overrides, config=call.config, config_dirs=call.config_dirs)
    announce(composed)
    config = validate(composed)
    with tempfile.TemporaryDirectory(prefix="personaloom-preview-") as folder:
        return preview(build_parts(config), int(value), Path(folder) / "dataset", Console(), config["prompts"])


def preview(
    parts: Parts, count: int, folder: Path, console: Console, prompt_files: Mapping[str, Any] | None = None
) -> int:
    """Make the first ``count`` conversations in a folder that is not the dataset's, and print them.

    Returns:
        The exit code: 0, 1 where no conversation came about, or that of what stopped the run.
    """
    prompts = SeenPrompts(**(prompt_files or {}))
    # Persona i has at least one slot, so as many personas as conversations are enough; most are never looked at.
    there = parts.start_from.facts.personas if parts.start_from else 0
    personas = min(parts.num_personas, there + -(-count // parts.query_generator.slots_of(there)))
    few = replace(parts, prompts=prompts, executor=FirstOnly(count), dataset_dir=folder, export_path=None, reset=False)
    pipeline = Pipeline(few, make_progress())
    manifest = pipeline.run(personas)
    _print_prompts(prompts.seen, console)
    found = load_records(folder / "interactions.jsonl", manifest["counts"]["interactions"], Interaction.from_dict)
    talks = [talk for talk in found if not was_read_in(talk.metadata)]
    for talk in talks[:count]:
        _print_talk(talk, console)
    _print_end(manifest, len(talks), parts, console)
    if pipeline.stopped is not None:
        return pipeline.stopped.exit_code
    return 0 if talks or parts.mode == "basic" else 1


def shown(text: str) -> str:
    """A model's text as it may go to a terminal: signs that would command it are made visible."""
    return text.translate(_COMMANDS)


def _print_prompts(seen: Mapping[str, tuple[Sequence[ChatMessage], PromptUse]], console: Console) -> None:
    for name, (messages, use) in seen.items():
        console.print(Rule(f"prompt {name}, version {use.version}, {use.sha256[:12]}", align="left"))
        for message in messages:
            console.print(Text(message.role, style="bold"))
            console.print(Padding(Text(shown(message.content)), (0, 0, 0, 2)))


def _print_talk(talk: Interaction, console: Console) -> None:
    console.print(Rule(f"conversation {talk.interaction_id}", align="left"))
    features = ", ".join(f"{name}: {value}" for name, value in talk.persona_features.items())
    for label, text in (("persona", features), ("query", talk.original_query)):
        console.print(Text.assemble((f"{label}  ", "bold"), shown(text)))
    for message in talk.messages:
        console.print(Text.assemble((message.role, "bold"), (_noise_of(message.metadata), "yellow")))
        console.print(Padding(Text(shown(message.content)), (0, 0, 0, 2)))


def _noise_of(metadata: Mapping[str, Any]) -> str:
    noise = metadata.get("noise")
    if not noise:
        return ""
    return f"  noise: {noise['layer']} ({', '.join(noise['applied_strategies'])}); clean: {noise['original_text']}"


def _print_end(manifest: Mapping[str, Any], made: int, parts: Parts, console: Console) -> None:
    console.print(Rule())
    total = parts.query_generator.slots_in(parts.num_personas)
    used = manifest["usage"]["attributed"]
    tokens = used["input_tokens"] + used["output_tokens"]
    cost = "cost unknown" if used["cost_usd"] is None else f"${used['cost_usd']:,.4f}"
    failures = ", ".join(f"{kind} {count}" for kind, count in manifest["failures"].items())
    lines = [f"{made} of {many(total, 'conversation')}; {many(used['calls'], 'call')}, {tokens:,} tokens, {cost}"]
    lines += [f"failures: {failures}"] if failures else []
    lines += ["what the whole run would take: the same command with --estimate in place of preview="]
    for line in lines:
        console.print(Text(line))
