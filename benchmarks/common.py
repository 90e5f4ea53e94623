"""What the benchmarks share: the loopback server of the tests, parts from overrides, and a small table."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "llm"))
from loopback import LoopbackLLM, LoopbackProcess

from personaloom.config import build_parts, compose, validate
from personaloom.parts import Parts

__all__ = ["LoopbackLLM", "LoopbackProcess", "machine", "parts_of", "resident_mib", "table"]


def parts_of(folder: str | Path, *overrides: str) -> Parts:
    """The parts that a command line builds, in a folder of the benchmark's own."""
    return build_parts(validate(compose([*overrides, f"output_dir={folder}", "tracking=none"])))


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns, and the machine below them."""
    cells = [[str(cell) for cell in row] for row in (titles, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(machine())


def machine() -> str:
    """Cores, load and versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "orjson"))
    load = os.getloadavg()[0]
    return f"({os.cpu_count()} cores, load {load:.1f}; Python {platform.python_version()}, {packages})"


def resident_mib() -> float:
    """Resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
