"""The config folders as they lie on disk, read without Hydra: groups, their options, and the top-level keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from personaloom.errors import ConfigNotFoundError
from personaloom.paths import conf_dir

__all__ = ["TopLevelKey", "describe", "group_options", "search_folders", "shipped_choices", "top_level_keys"]

PRIMARY = "personaloom.yaml"


@dataclass(frozen=True, slots=True)
class TopLevelKey:
    """A key of the shipped primary config: its name, its value as written, and the comment behind it."""

    name: str
    default: str
    comment: str


def search_folders(config_dirs: Iterable[Path] = ()) -> list[Path]:
    """Where configs are looked for, strongest first: the user's folders, last named first, then the shipped one.

    Raises:
        ConfigNotFoundError: a folder of the user's does not exist.
    """
    folders: list[Path] = []
    for folder in config_dirs:
        if not folder.is_dir():
            raise ConfigNotFoundError(f"--config-dir {folder}: no such folder")
        folders.insert(0, folder.resolve())
    return [*folders, conf_dir()]


def group_options(folders: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """``{group: {option: its file}}``, sorted; a file in an earlier folder hides one of the same name in a later.

    A file whose name begins with ``_`` is no option: others have it in their defaults list.
    """
    found: dict[str, dict[str, Path]] = {}
    for folder in reversed(folders):
        for path in sorted(folder.rglob("*.yaml")):
            group = path.parent.relative_to(folder).as_posix()
            hidden = path.stem.startswith("_") or any(part.startswith(".") for part in path.relative_to(folder).parts)
            if group != "." and not hidden:
                found.setdefault(group, {})[path.stem] = path
    return {group: dict(sorted(found[group].items())) for group in sorted(found)}


def describe(path: Path) -> str:
    """The first line of comment in a config file that is no Hydra directive, or an empty text."""
    for line in path.read_text("utf-8", errors="replace").splitlines():
        text = line.strip()
        if text.startswith("#") and not text.startswith("# @"):
            return text.lstrip("# ").strip()
        if text and not text.startswith("#"):
            break
    return ""


def shipped_choices() -> dict[str, str]:
    """``{group: option}`` of the shipped defaults list; groups with nothing chosen are left out."""
    text = (conf_dir() / PRIMARY).read_text("utf-8")
    listed = re.findall(r"^ +- (?:optional )?(\w+): (\w+)$", text, re.MULTILINE)
    return {group: option for group, option in listed if option != "null"}


def top_level_keys() -> list[TopLevelKey]:
    """The keys of the shipped primary config that belong to no group, in the order of the file."""
    text = (conf_dir() / PRIMARY).read_text("utf-8")
    lines = re.findall(r"^(\w+):[ \t]*(.*?)[ \t]*(?:#[ \t]*(.*))?$", text, re.MULTILINE)
    return [TopLevelKey(*line) for line in lines if line[0] not in {"defaults", "hydra"}]
