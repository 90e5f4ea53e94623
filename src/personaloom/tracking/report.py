"""``report.html``: one self-contained page about a dataset folder."""

from __future__ import annotations

import html
import os
from pathlib import Path

from personaloom.tracking.folder import read_manifest

__all__ = ["write_report"]


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into a finished dataset folder, beside and renamed, and return its path.

    Raises:
        MissingStageInputError: the folder holds no manifest.
    """
    manifest = read_manifest(folder)
    banner = "<p><b>SIM: written by the simulated model</b></p>" if manifest.get("simulated") else ""
    rows = "".join(
        f"<tr><th>{html.escape(str(key))}<td>{html.escape(str(value))}"
        for key, value in manifest["counts"].items()
    )
    path = folder / "report.html"
    scratch = folder / ".report.html.part"
    title = html.escape(str(manifest.get("name")))
    scratch.write_text(
        f"<!doctype html><meta charset=utf-8><title>{title}</title>{banner}<table>{rows}</table>",
        encoding="utf-8",
    )
    os.replace(scratch, path)
    return path
