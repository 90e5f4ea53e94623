"""The PNG figures of a run. Imports matplotlib: for the child only.

PNG, because MLflow's page shows interactive figures only with a network at hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

__all__ = ["write_figures"]

_INK, _QUIET, _RULE = "#26241f", "#6d685d", "#dcd7cb"
_TEAL, _OCHRE, _CLAY, _STONE = "#2f6f6a", "#c08a2d", "#a5523b", "#c9c3b4"
_MOST_BARS = 40


def write_figures(
    folder: Path, manifest: Mapping[str, Any], turns: Counter[int], coverage: Counter[str], personas: int
) -> list[Path]:
    """Draw what there are numbers for, as ``figure_*.png`` files in ``folder``.

    Args:
        folder: where the files go.
        manifest: of the dataset; a simulated one is marked in every figure.
        turns: conversations by their number of turns.
        coverage: personas by the dimensions they have.
        personas: how many there are.
    """
    by_module = (manifest.get("usage") or {}).get("by_module") or {}
    layers = (manifest.get("noise") or {}).get("layers") or {}
    drawings = []
    if turns:
        drawings.append(("figure_turns", "Turns per conversation", (6.4, 3.6), lambda axes: _turns(axes, turns)))
    if by_module:
        drawings.append(("figure_tokens", "Tokens by stage", (6.4, 3.6), lambda axes: _tokens(axes, by_module)))
    if layers:
        drawings.append(("figure_noise", "Noise by layer", (6.4, 3.6), lambda axes: _noise(axes, layers)))
    if coverage and personas:
        height = 1.6 + 0.21 * min(len(coverage), _MOST_BARS)
        drawings.append(
            (
                "figure_personas",
                "Personas that have a dimension",
                (6.4, height),
                lambda axes: _coverage(axes, coverage, personas),
            )
        )
    return [_write(folder / f"{name}.png", title, size, draw, manifest) for name, title, size, draw in drawings]


def _write(path: Path, title: str, size: tuple[float, float], draw: Any, manifest: Mapping[str, Any]) -> Path:
    figure = Figure(figsize=size, dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_RULE)
    axes.tick_params(colors=_QUIET, labelsize=9, length=0)
    draw(axes)
    axes.set_title(title, loc="left", color=_INK, fontsize=12, pad=12)
    axes.xaxis.label.set_color(_QUIET)
    axes.yaxis.label.set_color(_QUIET)
    if manifest.get("simulated"):
        axes.set_title("SIM · simulated model", loc="right", color=_CLAY, fontsize=9, fontweight="bold", pad=12)
    figure.savefig(path)
    return path


def _turns(axes: Axes, turns: Counter[int]) -> None:
    numbers = range(min(turns), max(turns) + 1)
    bars = axes.bar([str(n) for n in numbers], [turns[n] for n in numbers], color=_TEAL, width=0.7)
    axes.bar_label(bars, fmt="{:,.0f}", color=_QUIET, fontsize=9, padding=2)
    axes.set_xlabel("turns")
    axes.set_ylabel("conversations")


def _tokens(axes: Axes, by_module: Mapping[str, Mapping[str, Any]]) -> None:
    names = [name.replace("_", " ") for name in by_module]
    taken = [float(spent.get("input_tokens") or 0) for spent in by_module.values()]
    given = [float(spent.get("output_tokens") or 0) for spent in by_module.values()]
    axes.barh(names, taken, color=_TEAL, label="input", height=0.62)
    axes.barh(names, given, left=taken, color=_OCHRE, label="output", height=0.62)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("tokens")
    axes.legend(frameon=False, fontsize=9, labelcolor=_QUIET)


def _noise(axes: Axes, layers: Mapping[str, Mapping[str, Any]]) -> None:
    names = [name.replace("_", " ") for name in layers]
    drawn = [float(counted.get("drawn") or 0) for counted in layers.values()]
    applied = [float(counted.get("applied") or 0) for counted in layers.values()]
    axes.barh(names, drawn, color=_STONE, label="drawn", height=0.62)
    bars = axes.barh(names, applied, color=_CLAY, label="applied", height=0.34)
    axes.bar_label(bars, fmt="{:,.0f}", color=_INK, fontsize=9, padding=3)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("user messages")
    axes.legend(frameon=False, fontsize=9, labelcolor=_QUIET)


def _coverage(axes: Axes, coverage: Counter[str], personas: int) -> None:
    most = coverage.most_common(_MOST_BARS)
    axes.barh(
        [name.replace("_", " ") for name, _ in most],
        [100 * number / personas for _, number in most],
        color=_TEAL,
        height=0.66,
    )
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"per cent of {personas:,} personas")
