"""The comparison as files for people and programs: JSON, CSV, LaTeX, and a summary in Markdown."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["FILES", "effect_text", "number_text", "write_tables"]

FILES = ("comparison.json", "summary.md", "metrics.csv", "means.csv", "differences.csv", "comparison.tex")
_TEX = str.maketrans(
    {
        "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
    }
)  # fmt: skip
NOT_KNOWN = "\u2013"
Row = Mapping[str, Any]


def write_tables(folder: Path, result: Row) -> None:
    """Write them all; each is replaced as a whole."""
    metrics = result["metrics"]
    labels = [member["label"] for member in result["members"]]
    keys = sorted({key for values in metrics.values() for key in values})
    means = {(row["member"], row["measure"]): row for row in result["means"]}
    _text(folder / "comparison.json", json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    _csv(
        folder / "metrics.csv",
        ["metric", *labels],
        ([key, *(metrics[label].get(key) for label in labels)] for key in keys),
    )
    _csv(
        folder / "means.csv",
        ["measure", "unit", "dataset", "mean", "low", "high", "n", "personas"],
        (
            [m["name"], m["unit"], label, *(means[label, m["name"]][key] for key in _NUMBERS)]
            for m in result["measures"]
            for label in labels
        ),
    )
    fields = ("level", "measure", "primary", *_NUMBERS, "p", "p_adjusted", "paired", "deviation")
    _csv(
        folder / "differences.csv",
        ["level", "measure", "primary", "difference", *fields[4:]],
        ([row[key] for key in fields] for row in result["differences"]),
    )
    _text(folder / "comparison.tex", "\n".join(_latex(result, means)) + "\n")
    _text(folder / "summary.md", "\n".join(_markdown(result)) + "\n")


_NUMBERS = ("value", "low", "high", "n", "personas")


def number_text(value: float | None, sign: bool = False) -> str:
    """Three significant digits, and a dash for what is not known."""
    if value is None:
        return NOT_KNOWN
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4
    return f"{value:{'+' if sign else ''},.{digits}f}".replace("-", "\u2212")


def effect_text(row: Row) -> str:
    """A difference with its interval and n, in words that fit a line."""
    said = number_text(row["value"], sign=True)
    if row["low"] is not None:
        said += f" [{number_text(row['low'], sign=True)}, {number_text(row['high'], sign=True)}]"
    p = row.get("p_adjusted")
    tested = "" if p is None else f", p = {p:.3f}" if p >= 0.001 else ", p < 0.001"
    return f"{said}{tested} (n = {row['n']:,}, {row['personas']:,} personas)"


def _text(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)


def _csv(path: Path, head: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    scratch = path.with_name(f".{path.name}.part")
    with scratch.open("w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)
    scratch.replace(path)


def _markdown(result: Row) -> Iterator[str]:
    labels = {each["name"]: each["label"] for each in result["measures"]}
    yield f"# Comparison {result['name']}\n"
    if result["simulated"]:
        yield "**SIM**: text of the simulated model; no language model was asked.\n"
    yield f"Baseline: `{result['baseline']}`. Primary measure: {labels[result['primary']].lower()}.\n"
    for failed in result["sweep"].get("failed") or ():
        yield f"Job {failed['job']} (`{' '.join(failed['overrides'])}`) failed: {failed['message']}\n"
    yield "| dataset | conversations | noisy messages | cost, attributed | paid | pairing |"
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    for member in result["members"]:
        noise, usage = member["noise"], member["usage"]
        share = f"{(noise['applied'] or 0) / noise['units']:.1%}" if noise.get("units") else NOT_KNOWN
        costs = " | ".join(_dollars(usage[kind].get("cost_usd")) for kind in ("attributed", "paid"))
        talks = member["counts"].get("interactions", 0)
        yield f"| {_code(member['label'])} | {talks:,} | {share} | {costs} | {_escaped(member['pairing'])} |"
    if result["differences"]:
        yield from _effects(result, labels)
    if result["replicates"]:
        yield from _replicates(result, labels)


def _effects(result: Row, labels: Mapping[str, str]) -> Iterator[str]:
    units = {each["name"]: each["unit"] for each in result["measures"]}
    yield "\n## Differences from the baseline\n"
    rows = [row for row in result["differences"] if row["value"] is not None]
    if any(row["low"] is None for row in rows):
        yield f"No intervals and no tests below {result['fewest_personas']} personas.\n"
    yield "| measure | level | difference |"
    yield "| --- | --- | --- |"
    for row in rows:
        star = " (primary)" if row["primary"] else ""
        measure, level = f"{labels[row['measure']]}{star}, {units[row['measure']]}", _code(row["level"])
        yield f"| {measure} | {level} | {effect_text(row)} |"
    yield f"\nIntervals: {result['interval']}. Tests: {result['test']}."


def _replicates(result: Row, labels: Mapping[str, str]) -> Iterator[str]:
    yield "\n## Between replicates\n"
    yield "Standard deviation of a level's mean, and of its difference from the baseline, over replicates.\n"
    yield "| measure | level | replicates | of the mean | of the difference |"
    yield "| --- | --- | ---: | ---: | ---: |"
    spread = {(row["level"], row["measure"]): row["deviation"] for row in result["differences"]}
    for row in result["replicates"]:
        of = number_text(spread.get((row["level"], row["measure"])))
        level, spread_of_mean = _code(row["level"]), number_text(row["deviation"])
        yield f"| {labels[row['measure']]} | {level} | {row['n']} | {spread_of_mean} | {of} |"


def _latex(result: Row, means: Mapping[tuple[str, str], Row]) -> Iterator[str]:
    labels = [member["label"] for member in result["members"]]
    yield "% \\usepackage{booktabs}"
    if result["simulated"]:
        yield "% Text of the simulated model; no language model was asked."
    yield "\\begin{tabular}{l" + "r" * len(labels) + "}\n\\toprule"
    yield " & ".join(["Measure", *map(_tex, labels)]) + " \\\\\n\\midrule"
    for each in result["measures"]:
        cells = [_cell(means[label, each["name"]]) for label in labels]
        yield " & ".join([_tex(each["label"]), *cells]) + " \\\\"
    yield "\\bottomrule\n\\end{tabular}\n"
    yield "\\begin{tabular}{llrrr}\n\\toprule"
    yield "Measure & Level & Difference & 95\\,\\% interval & $n$ \\\\\n\\midrule"
    names = {each["name"]: each["label"] for each in result["measures"]}
    for row in result["differences"]:
        between = "--" if row["low"] is None else f"$[{_math(row['low'])}, {_math(row['high'])}]$"
        cells = [_tex(names[row["measure"]]), _tex(row["level"]), f"${_math(row['value'])}$", between, f"{row['n']:,}"]
        yield " & ".join(cells) + " \\\\"
    yield "\\bottomrule\n\\end{tabular}"


def _cell(row: Row) -> str:
    value = number_text(row["value"]).replace("\u2212", "-").replace(NOT_KNOWN, "--")
    if row["low"] is None:
        return value
    return f"{value} [{number_text(row['low'])}, {number_text(row['high'])}]".replace("\u2212", "-")


def _math(value: float | None) -> str:
    return number_text(value, sign=True).replace("\u2212", "-").replace(NOT_KNOWN, r"\text{--}")


def _tex(text: str) -> str:
    return text.translate(_TEX)


def _code(text: Any) -> str:
    """As code in a cell of Markdown; a back-tick would end it."""
    plain = str(text).replace("`", "'")
    return f"`{_escaped(plain)}`"


def _escaped(text: str) -> str:
    """As a cell of a Markdown table, which a bar would end."""
    return text.replace("|", "\\|")


def _dollars(amount: float | None) -> str:
    return "unknown" if amount is None else f"${amount:,.4f}" if 0 < amount < 1 else f"${amount:,.2f}"
