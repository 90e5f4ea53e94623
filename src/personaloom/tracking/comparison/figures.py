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
        figure.savefig(scratch, format="png", dpi=120)
        scratch.replace(path)
        written.append(path)
    return written


def _figure(width: float, height: float, left: float, bottom: float = 0.5, **spaces: float) -> Any:
    """A figure with fixed margins in inches: finding them by drawing everything first takes as long again."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only where figures are drawn
    from matplotlib.figure import Figure  # noqa: PLC0415 - only where figures are drawn

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.subplots_adjust(
        left=left / width, right=1 - 0.65 / width, top=1 - 0.75 / height, bottom=bottom / height, **spaces
    )
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
    label = 0.2 + 0.065 * max(len(_short(level)) for level in levels)
    panel = 0.27 * len(levels) + 0.2
    figure = _figure(
        2 * (label + 3.9), 1.25 + down * (panel + 0.55), label, hspace=0.6 / panel, wspace=(label + 0.65) / 3.25
    )
    _title(figure, f"Differences from {result['baseline']}")
    grid = figure.subplots(down, across, squeeze=False).flatten()
    for axes, each in zip(grid, measures, strict=False):
        star = " · primary" if each["name"] == result["primary"] else "" if each["outcome"] else " †"
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
    figure.text(0.01, 0.1 / figure.get_figheight(), f"{note}; † set by the level, not tested", color=_QUIET, fontsize=8)
    return figure


def _title(figure: Any, text: str) -> None:
    figure.text(0.01, 1 - 0.3 / figure.get_figheight(), text, color=_INK, fontsize=12)


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
    """A row for each distribution, and in it the datasets side by side on one scale."""
    parts = result["distributions"]
    labels = [member["label"] for member in result["members"]][:_MOST_MEMBERS]
    if not parts:
        return None
    figure = _figure(max(6.0, 0.9 + 2.3 * len(labels)), 1.4 + 1.95 * len(parts), 0.25, bottom=1.0, hspace=1.35)
    _title(figure, "Distributions")
    grid = figure.subplots(len(parts), 1, squeeze=False).flatten()
    for axes, part in zip(grid, parts, strict=True):
        names = [str(name).replace("_", " ") for name in part["categories"][:_MOST_CATEGORIES]]
        step = len(names) * 1.18 + 0.4
        places = [place * step + x for place in range(len(labels)) for x in range(len(names))]
        values = [value for label in labels for value in part["series"][label][:_MOST_CATEGORIES]]
        most = max(values, default=0) or 1
        _bare(axes, f"{part['title']} ({part['kind']})")
        axes.bar(places, values, color=_TEAL, width=0.85)
        axes.set_xlim(-0.6, step * len(labels) - 0.8)
        axes.set_ylim(0, most * 1.08)
        axes.set_yticks([])
        _ticks(axes, places, names, len(labels))
        for place, label in enumerate(labels):
            axes.text(place * step - 0.4, most * 1.1, _short(label), color=_QUIET, fontsize=7, va="bottom")
        axes.set_title(axes.get_title(loc="left"), loc="left", color=_INK, fontsize=8.5, pad=13)
    return figure


def _ticks(axes: Any, places: Sequence[float], names: list[str], times: int) -> None:
    long = any(len(name) >= 5 for name in names)
    every = 1 if long else max(1, math.ceil(len(names) / 6))
    shown = [
        (x, name)
        for place, (x, name) in enumerate(zip(places, names * times, strict=True))
        if place % len(names) % every == 0
    ]
    axes.set_xticks(
        [x for x, _ in shown], [name for _, name in shown], rotation=90 if long else 0, fontsize=4.5 if long else 7
    )


def _short(text: str) -> str:
    return text if len(text) <= 34 else f"…{text[-32:]}"
