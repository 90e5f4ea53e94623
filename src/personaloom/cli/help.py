"""``--help``: written from the config folders themselves, without Hydra; 80 columns, or as few as there are."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

from personaloom.cli.flags import FLAGS, Flag
from personaloom.config.groups import describe, group_options, search_folders, shipped_choices, top_level_keys
from personaloom.paths import command

__all__ = ["help_page"]

_WIDTH = 80
_NARROWEST = 50
_EXAMPLES = (
    ("", "ten personas with a simulated model: no key, no network"),
    ("llm=gpt4o distractor=heavy num_personas=200", "a real model and much noise"),
    ("-m distractor=none,light,heavy", "three datasets that differ in noise alone"),
)


def help_page(config_dirs: Iterable[Path] = (), width: int = _WIDTH) -> str:
    """The whole page, ending in a newline.

    Args:
        config_dirs: folders with further options.
        width: columns of the terminal; no more than 80 are used.
    """
    width = max(_NARROWEST, min(width, _WIDTH))
    folders = search_folders(config_dirs)
    blocks = [
        ["PersonaLoom: from a composed config to a tracked dataset of conversations."],
        [f"Usage: {command('[FLAGS] [KEY=VALUE | GROUP=OPTION] ...')}"],
        ["Groups and their options (* is the default):", *_groups(group_options(folders), width)],
        ["Top-level keys (any key below them is set the same way: engine.concurrency=64):", *_keys(width)],
        ["Flags:", *(line for flag in FLAGS for line in _flag(flag, width))],
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
    return "\n\n".join("\n".join(line for text in block for line in _fitted(text, width)) for block in blocks) + "\n"


def _groups(groups: dict[str, dict[str, Path]], width: int) -> list[str]:
    chosen = shipped_choices()
    lines = []
    for group, options in groups.items():
        names = [f"*{name}" if name == chosen.get(group) else name for name in options]
        lines += _item(group, ", ".join(names), 17, width)
        if group == "experiment":
            lines += [
                line for name, path in options.items() for line in _item("", f"{name}: {describe(path)}", 19, width)
            ]
    return lines


def _keys(width: int) -> list[str]:
    lines = []
    for key in top_level_keys():
        text = key.comment or (f"default {key.default}" if key.default else "")
        default = f" [{key.default}]" if key.default and key.comment and len(key.default) < 20 else ""
        lines += _item(key.name, text + default, 21, width)
    return lines


def _flag(flag: Flag, width: int) -> list[str]:
    return _item(", ".join(flag.names) + (f" {flag.value}" if flag.value else ""), flag.help, 24, width)


def _item(name: str, text: str, indent: int, width: int) -> list[str]:
    """A name in the left column and its text in the right one, wrapped."""
    head = f"  {name} ".ljust(indent)
    return textwrap.wrap(text, width, initial_indent=head, subsequent_indent=" " * indent, break_on_hyphens=False) or [
        head.rstrip()
    ]


def _fitted(line: str, width: int) -> list[str]:
    """A line that is too long in several, further in than the first."""
    if len(line) <= width:
        return [line]
    inner = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, width, subsequent_indent=inner, break_on_hyphens=False, break_long_words=False)
