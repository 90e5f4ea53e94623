"""Finding and opening the files that the reference's config names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from personaloom.config.reference.draft import Draft
from personaloom.config.reference.section import expand

__all__ = ["found", "leaves", "read_if_possible"]


def found(value: Any, where: str, draft: Draft) -> str:
    """A file by the path in the config: in the config's folder first, then in the working directory.

    One that is in neither place keeps its name; the check of the composed config says that it is missing, unless the
    command line chose another.
    """
    path = Path(expand(str(value), where, draft.faults)).expanduser()
    beside = draft.folder / path
    return str(path if path.exists() and not beside.exists() else beside)


def leaves(content: Any, sections: Collection[str], where: str = "") -> list[tuple[str, Any]]:
    """Full key and value of everything in a file, and in those of its mappings that are sections."""
    out: list[tuple[str, Any]] = []
    for key, value in content.items() if isinstance(content, Mapping) else ():
        full = f"{where}.{key}" if where else str(key)
        out += leaves(value, sections, full) if isinstance(value, Mapping) and key in sections else [(full, value)]
    return out


def read_if_possible(path: Path) -> Any:
    """The YAML of a file, or None."""
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None  # whoever uses the file says what is wrong with it
