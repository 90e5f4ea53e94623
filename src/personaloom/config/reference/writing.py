"""A translation as Hydra files: a ``config.yaml`` with its defaults list, and one option file a group."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from personaloom.config.reference.draft import Origin, Translation
from personaloom.config.secrets import redact
from personaloom.errors import StoreError, UsageError
from personaloom.paths import command

__all__ = ["CONF_FOLDER", "OPTION", "write_conf"]

CONF_FOLDER = "personaloom_conf"
OPTION = "reference"
_COLUMN = 44


def write_conf(translation: Translation, folder: Path | None = None) -> list[Path]:
    """Write the Hydra files; they appear together or not at all.

    Args:
        translation: what ``translate`` found.
        folder: None for ``personaloom_conf`` beside the reference's file.

    Returns:
        The files, ``config.yaml`` first.

    Raises:
        UsageError: the folder is there already; nothing is ever overwritten.
        StoreError: it cannot be written.
    """
    folder = folder or translation.path.parent / CONF_FOLDER
    if folder.exists():
        raise UsageError(f"{folder} is there already, and is not overwritten → rename or remove it first")
    part = folder.with_name(f".{folder.name}.part")
    files = {"config.yaml": _primary(translation, folder)}
    files |= {
        f"{group}/{OPTION}.yaml": _option(translation, group, base) for group, base in translation.groups().items()
    }
    try:
        shutil.rmtree(part, ignore_errors=True)
        for name, text in files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_text(text, "utf-8")
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}") from error
    return [folder / name for name in files]


def _primary(translation: Translation, folder: Path) -> str:
    groups = translation.groups()
    lines = [
        f"# {translation.path.name} of the reference system, in PersonaLoom's terms.",
        f"# To run it: {command('--config', folder / 'config.yaml')}",
        "# Paths are as seen from the folder that it was migrated in: run it from there.",
        "# Behind each value stands the key that it came from.",
        "defaults:",
        "  - personaloom",
        *(f"  - override {group}: {OPTION}" for group in groups),
        "  - _self_",
        "",
        *_lines({key: origin for key, origin in translation.values.items() if key.partition(".")[0] not in groups}),
    ]
    if translation.remarks:
        lines += ["", "# To know:", *(f"#   {remark}" for remark in translation.remarks)]
    if translation.gaps:
        lines += ["", "# Settings without a counterpart, left out:"]
        lines += [f"#   {gap.key} = {redact(_flow(gap.value))}: {gap.reason}" for gap in translation.gaps]
    return "\n".join(lines) + "\n"


def _option(translation: Translation, group: str, base: str) -> str:
    own = {
        key.removeprefix(f"{group}."): origin
        for key, origin in translation.values.items()
        if key.startswith(f"{group}.")
    }
    head = [
        f"# {group} as {translation.path.name} of the reference system has it",
        f"defaults: [{base}, _self_]",
    ]
    return "\n".join([*head, *_lines(own)]) + "\n"


def _lines(values: Mapping[str, Origin]) -> Iterator[str]:
    """YAML in the order of the keys' first parts, with the origin behind each value."""
    tree: dict[str, Any] = {}
    for key, origin in values.items():
        *above, last = key.split(".")
        node = tree
        for name in above:
            node = node.setdefault(name, {})
        node[last] = origin
    yield from _tree(tree, "")


def _tree(node: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in node.items():
        if not isinstance(value, Origin):
            yield f"{indent}{key}:"
            yield from _tree(value, f"{indent}  ")
        elif isinstance(value.value, list | dict) and any(isinstance(v, list | dict) for v in _members(value.value)):
            yield f"{indent}{key}:".ljust(_COLUMN - 1) + f" # {value.key}"
            block = yaml.safe_dump(value.value, sort_keys=False, allow_unicode=True, width=110)
            yield from (f"{indent}  {line}" for line in block.splitlines())
        else:
            yield f"{indent}{key}: {_flow(value.value)}".ljust(_COLUMN - 1) + f" # {value.key}"


def _members(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value)


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")
