"""The figures of a comparison as PNG: a forest plot of differences, and distributions as small multiples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["FIGURES", "write_figures"]

FIGURES = ("forest.png", "distributions.png")
_INK, _QUIET, _RULE, _TEAL, _CLAY = "#26241f", "#6d685d", "#dcd7cb", "#2f6f6a", "#a5523b"
_MOST_MEMBERS = 12
_MOST_CATEGORIES = 14


def write_figures(folder: Path, result: Mapping[str, Any]) -> list[Path]:
    """Draw both; one for which there are no numbers is left out, and an older one is removed."""
    written = []
    for name, draw in zip(FIGURES, (_forest, _distributions), strict=True):
        path = folder / name
        figure = draw(result)
        if figure is None:
            path.unlink(missing_ok=True)
            continue
        if result["simulated"]:
            figure.text(0.995, 0.003, "SIM · simulated model", ha="right", va="bottom", color=_CLAY, fontsize=8)
        scratch = path.with_name(f".{name}")
        figure.savefig(scratch, format="png", dpi=144)
        scratch.replace(path)
        written.append(path)
    return written


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only where figures are drawn
    from matplotlib.figure import Figure  # noqa: PLC0415 - only where figures are drawn

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _bare(axes: Any, title: str) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_RULE)
    axes.tick_params(colors=_QUIET, labelsize=8, length=0)
    axes.set_title(title, loc="left", color=_INK, fontsize=8.5)


def _forest(result: Mapping[str, Any]) -> Any:
    """A panel for each measure on its own scale, a line for each level, zero marked."""
    rows = [row for row in result["differences"] if row["value"] is not None]
    if not rows:
        return None
    measures = [m for m in result["measures"] if any(row["measure"] == m["name"] for row in rows)]
    levels = list(dict.fromkeys(row["level"] for row in rows))
    across = 2
    down = math.ceil(len(measures) / across)
    figure = _figure(10.5, 0.9 + down * (0.75 + 0.27 * len(levels)))
    figure.suptitle(f"Differences from {result['baseline']}", x=0.01, ha="left", color=_INK, fontsize=12)
    grid = figure.subplots(down, across, squeeze=False).flatten()
    for axes, each in zip(grid, measures, strict=False):
        star = " · primary" if each["name"] == result["primary"] else "" if each["outcome"] else " · set by the level"
        _bare(axes, f"{each['label']} ({each['unit']}){star}")
        axes.axvline(0, color=_QUIET, linewidth=0.8)
        for place, level in enumerate(levels):
            for row in (r for r in rows if r["measure"] == each["name"] and r["level"] == level):
                _whisker(axes, row, place)
        axes.set_ylim(len(levels) - 0.4, -0.6)
        axes.set_yticks(range(len(levels)), [_short(level) for level in levels])
        axes.margins(x=0.12)
    for axes in grid[len(measures) :]:
        axes.set_visible(False)
    few = min(row["personas"] for row in rows)
    note = f"95 % intervals over {few:,} personas"
    if few < result["fewest_personas"]:
        note = f"{few:,} personas: no intervals below {result['fewest_personas']}"
    figure.supxlabel(note, x=0.01, ha="left", color=_QUIET, fontsize=8)
    return figure


def _whisker(axes: Any, row: Mapping[str, Any], place: int) -> None:
    colour = _TEAL if row["low"] is not None else _QUIET
    if row["low"] is not None:
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2, solid_capstyle="round")
    axes.plot([row["value"]], [place], "o" if row["low"] is not None else "D", color=colour, markersize=5)
    axes.annotate(
        f"n = {row['n']:,}", (1.01, place), xycoords=("axes fraction", "data"), ha="left", va="center", color=_QUIET,
        fontsize=7,
    )  # fmt: skip


def _distributions(result: Mapping[str, Any]) -> Any:
    """A row for each distribution, a column for each dataset, one scale a row."""
    parts = result["distributions"]
    labels = [member["label"] for member in result["members"]][:_MOST_MEMBERS]
    if not parts:
        return None
    figure = _figure(max(6.0, 1.5 + 2.1 * len(labels)), 1.6 * len(parts) + 0.6)
    grid = figure.subplots(len(parts), len(labels), squeeze=False, sharey="row")
    for line, part in zip(grid, parts, strict=True):
        most = max(max(values, default=0) for values in part["series"].values()) or 1
        for axes, label in zip(line, labels, strict=True):
            values = part["series"][label][:_MOST_CATEGORIES]
            _bare(axes, "")
            axes.bar(range(len(values)), values, color=_TEAL, width=0.85)
            axes.set_ylim(0, most * 1.08)
            axes.set_yticks([])
            _ticks(axes, [str(name) for name in part["categories"][:_MOST_CATEGORIES]])
        line[0].set_title(part["title"], loc="left", color=_INK, fontsize=9)
    for axes, label in zip(grid[0], labels, strict=True):
        axes.annotate(
            _short(label), (0, 1), (0, 22), xycoords="axes fraction", textcoords="offset points", color=_QUIET,
            fontsize=9, fontweight="bold",
        )  # fmt: skip
    return figure


def _ticks(axes: Any, names: Sequence[str]) -> None:
    every = max(1, math.ceil(len(names) / 6)) if all(len(name) < 5 for name in names) else 1
    long = every == 1 and any(len(name) >= 5 for name in names)
    shown = [name.replace("_", " ") if place % every == 0 else "" for place, name in enumerate(names)]
    axes.set_xticks(range(len(names)), shown, rotation=90 if long else 0, fontsize=5.5 if long else 7)


def _short(text: str) -> str:
    return text if len(text) <= 34 else f"…{text[-32:]}"
