"""``--help``: written from the config folders themselves, without importing Hydra; 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

from personaloom.cli.flags import FLAGS, Flag
from personaloom.config.groups import describe, group_options, search_folders, shipped_choices, top_level_keys
from personaloom.paths import command

__all__ = ["help_page"]

_WIDTH = 80
_EXAMPLES = (
    ("", "ten personas with a simulated model: no key, no network"),
    ("llm=gpt4o distractor=heavy num_personas=200", "a real model and much noise"),
    ("-m distractor=none,light,heavy", "three datasets that differ in noise alone"),
)


def help_page(config_dirs: Iterable[Path] = ()) -> str:
    """The whole page, ending in a newline."""
    folders = search_folders(config_dirs)
    blocks = [
        ["PersonaLoom: from a composed config to a tracked dataset of conversations."],
        [f"Usage: {command('[FLAGS] [KEY=VALUE | GROUP=OPTION] ...')}"],
        ["Groups and their options (* is the default):", *_groups(group_options(folders))],
        ["Top-level keys (any key below them is set the same way: engine.concurrency=64):", *_keys()],
        ["Flags:", *(line for flag in FLAGS for line in _flag(flag))],
        [
            "Verbs: preview=3  estimate=true  compare=A,B  migrate=config.yaml",
            "       dataset=old.jsonl  annotate=FOLDER  arms=A,B  preferences=A,B",
            "       ledger=show|prune|export  fetch=local",
        ],
        [
            "Examples:",
            *(line for words, what in _EXAMPLES for line in (f"  {command(words)}".rstrip(), f"      {what}")),
        ],
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _groups(groups: dict[str, dict[str, Path]]) -> list[str]:
    chosen = shipped_choices()
    lines = []
    for group, options in groups.items():
        names = [f"*{name}" if name == chosen.get(group) else name for name in options]
        lines += _item(group, ", ".join(names), indent=17)
        if group == "experiment":
            lines += [line for name, path in options.items() for line in _item("", f"{name}: {describe(path)}", 19)]
    return lines


def _keys() -> list[str]:
    lines = []
    for key in top_level_keys():
        text = key.comment or (f"default {key.default}" if key.default else "")
        default = f" [{key.default}]" if key.default and key.comment and len(key.default) < 20 else ""
        lines += _item(key.name, text + default, indent=21)
    return lines


def _flag(flag: Flag) -> list[str]:
    return _item(", ".join(flag.names) + (f" {flag.value}" if flag.value else ""), flag.help, indent=24)


def _item(name: str, text: str, indent: int) -> list[str]:
    """A name in the left column and its text in the right one, wrapped."""
    head = f"  {name} ".ljust(indent)
    return textwrap.wrap(text, _WIDTH, initial_indent=head, subsequent_indent=" " * indent, break_on_hyphens=False) or [
        head.rstrip()
    ]
