"""Marginals and two-way tables of a population, from a CSV or Parquet file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from personaloom.errors import BankError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Table = npt.NDArray[np.float64]

__all__ = ["PopulationTables", "read_tables"]

_MOST_VALUES = 100
_MISSING = frozenset(("", "nan", "none", "null", "na"))


@dataclass(frozen=True, slots=True)
class PopulationTables:
    """Targets of the fit.

    Attributes:
        values: dimension to its values, in order of first appearance.
        marginals: dimension to shares that sum to 1.
        pairs: pair of dimensions to a table of shares, shape (values of the first, values of the second).
        rows: rows of the file.
    """

    values: Mapping[str, tuple[str, ...]]
    marginals: Mapping[str, Table]
    pairs: Mapping[tuple[str, str], Table]
    rows: int


def read_tables(
    path: Path, columns: Sequence[str] | None, weight: str | None, pairs: str | Sequence[Sequence[str]]
) -> PopulationTables:
    """See ``PopulationBank.load``."""
    data = _columns(path)
    rows = len(next(iter(data.values()), []))
    if not rows:
        raise BankError(f"{path} has no rows → give one row a person, or one row a count")
    if {"dimension", "value"} <= set(data):
        return _counted(path, data, rows, pairs)
    return _people(path, data, rows, columns, weight, pairs)


def _columns(path: Path) -> dict[str, list[Any]]:
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise BankError(f"{path}: a population is a .csv or .parquet file → convert it, or mend persona_bank.path")
    import pyarrow as pa  # noqa: PLC0415 - heavy, only here
    import pyarrow.csv as pa_csv  # noqa: PLC0415 - heavy, only here
    import pyarrow.parquet as pa_parquet  # noqa: PLC0415 - heavy, only here

    try:
        table = pa_csv.read_csv(path) if suffix == ".csv" else pa_parquet.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise BankError(f"{path} cannot be read: {error} → check persona_bank.path and the file") from error
    found: dict[str, list[Any]] = table.to_pydict()
    return found


def _text(value: Any) -> str:
    text = "" if value is None else str(value).strip()
    return "" if text.lower() in _MISSING else text


def _number(path: Path, raw: Any, row: int, column: str) -> float:
    try:
        number = float(raw)
    except (TypeError, ValueError):
        number = -1.0
    if 0 <= number < float("inf"):
        return number
    raise BankError(f"{path}: row {row + 1}, column '{column}': {raw!r} → write a number that is at least 0")


def _people(
    path: Path,
    data: Mapping[str, list[Any]],
    rows: int,
    columns: Sequence[str] | None,
    weight: str | None,
    pairs: str | Sequence[Sequence[str]],
) -> PopulationTables:
    for name in (*(columns or ()), *([weight] if weight else [])):
        if name not in data:
            raise BankError(f"{path} has no column '{name}' → choose from {', '.join(data)}")
    weights = np.ones(rows)
    if weight:
        weights = np.array([_number(path, raw, row, weight) for row, raw in enumerate(data[weight])])
    names = list(columns) if columns else [name for name in data if name != weight]
    texts = {name: [_text(value) for value in data[name]] for name in names}
    values = {name: tuple(dict.fromkeys(text for text in texts[name] if text)) for name in names}
    names = [name for name in names if values[name] and (columns or len(values[name]) <= _MOST_VALUES)]
    if not names:
        raise BankError(
            f"{path}: no column has between 1 and {_MOST_VALUES} values → name some in persona_bank.columns"
        )
    at = {name: {value: code for code, value in enumerate(values[name])} for name in names}
    codes = {name: np.array([at[name].get(text, -1) for text in texts[name]]) for name in names}
    marginals = {name: _share(path, name, _count(weights, codes[name])) for name in names}
    candidates = {
        (a, b): _cross(weights, codes[a], codes[b], len(values[a]), len(values[b]))
        for a, b in _wanted(path, names, pairs)
    }
    kept = _forest(candidates) if pairs == "auto" else list(candidates)
    tables = {pair: _share(path, " x ".join(pair), candidates[pair]) for pair in kept}
    return PopulationTables({name: values[name] for name in names}, marginals, tables, rows)


def _count(weights: Table, codes: npt.NDArray[np.int64]) -> Table:
    known = codes >= 0
    return np.bincount(codes[known], weights=weights[known]).astype(np.float64)


def _cross(weights: Table, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], rows: int, columns: int) -> Table:
    known = (a >= 0) & (b >= 0)
    flat = np.bincount(a[known] * columns + b[known], weights=weights[known], minlength=rows * columns)
    return flat.reshape(rows, columns).astype(np.float64)


def _share(path: Path, what: str, counts: Table) -> Table:
    total = float(counts.sum())
    if total <= 0:
        raise BankError(f"{path}: all counts of {what} are 0 → give some people a weight")
    shares: Table = counts / total
    return shares


def _wanted(path: Path, names: Sequence[str], pairs: str | Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    if pairs == "auto":
        return list(combinations(names, 2))
    if pairs == "none":
        return []
    if isinstance(pairs, str):
        raise BankError(f"persona_bank.pairs is '{pairs}' → write auto, none, or a list of [first, second]")
    out = []
    for pair in pairs:
        if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(names):
            raise BankError(
                f"{path}: persona_bank.pairs has {list(pair)} → name two different ones of {', '.join(names)}"
            )
        out.append((pair[0], pair[1]))
    return out


def _forest(tables: Mapping[tuple[str, str], Table]) -> list[tuple[str, str]]:
    """The strongest dependencies that form no circle (Chow and Liu, IEEE Trans. Inf. Theory 14, 1968)."""
    group: dict[str, str] = {name: name for pair in tables for name in pair}
    kept = []
    for information, pair in sorted(
        ((_information(t), pair) for pair, t in tables.items()), key=lambda x: (-x[0], x[1])
    ):
        left, right = (_root(group, name) for name in pair)
        if left != right and information > 1e-12:
            group[left] = right
            kept.append(pair)
    return sorted(kept)


def _root(group: Mapping[str, str], name: str) -> str:
    while group[name] != name:
        name = group[name]
    return name


def _information(table: Table) -> float:
    """Mutual information, in nats."""
    total = table.sum()
    if total <= 0:
        return 0.0
    p = table / total
    independent = p.sum(axis=1, keepdims=True) * p.sum(axis=0, keepdims=True)
    some = p > 0
    return float((p[some] * np.log(p[some] / independent[some])).sum())


def _counted(
    path: Path, data: Mapping[str, list[Any]], rows: int, pairs: str | Sequence[Sequence[str]]
) -> PopulationTables:
    """One row a count."""
    count_column = next((name for name in ("count", "share", "weight") if name in data), None)
    if count_column is None:
        raise BankError(f"{path} has no column 'count' → add it; its columns are {', '.join(data)}")
    single: dict[str, dict[str, float]] = {}
    double: dict[tuple[str, str], dict[tuple[str, str], float]] = {}
    blank = [None] * rows
    seconds = zip(data.get("dimension_2", blank), data.get("value_2", blank), strict=True)
    for row, (name, value, second) in enumerate(zip(data["dimension"], data["value"], seconds, strict=True)):
        a, v, b, w = _text(name), _text(value), _text(second[0]), _text(second[1])
        if not a or not v or bool(b) != bool(w) or a == b:
            raise BankError(f"{path}: row {row + 1} names no value of a dimension, or of two → fill its columns")
        number = _number(path, data[count_column][row], row, count_column)
        if b:
            cells = double.setdefault((a, b), {})
            cells[v, w] = cells.get((v, w), 0.0) + number
        else:
            counts = single.setdefault(a, {})
            counts[v] = counts.get(v, 0.0) + number
    return _targets(path, single, double, rows, pairs)


def _targets(
    path: Path,
    single: Mapping[str, Mapping[str, float]],
    double: Mapping[tuple[str, str], Mapping[tuple[str, str], float]],
    rows: int,
    pairs: str | Sequence[Sequence[str]],
) -> PopulationTables:
    seen: dict[str, dict[str, None]] = {name: dict.fromkeys(counts) for name, counts in single.items()}
    for (a, b), cells in double.items():
        for v, w in cells:
            seen.setdefault(a, {})[v] = None
            seen.setdefault(b, {})[w] = None
    values = {name: tuple(found) for name, found in seen.items()}
    tables = {}
    for (a, b), cells in double.items():
        table = np.array([[cells.get((v, w), 0.0) for w in values[b]] for v in values[a]])
        tables[a, b] = _share(path, f"{a} x {b}", table)
    marginals = {}
    for name, names in values.items():
        if name in single:
            counts = np.array([single[name].get(value, 0.0) for value in names])
        else:
            pair = next(pair for pair in tables if name in pair)
            counts = tables[pair].sum(axis=1 - pair.index(name))
        marginals[name] = _share(path, name, counts)
    if pairs == "none":
        tables = {}
    elif not isinstance(pairs, str):
        wanted = _wanted(path, list(values), pairs)
        missing = [pair for pair in wanted if pair not in tables and pair[::-1] not in tables]
        if missing:
            raise BankError(
                f"{path} has no table of {' x '.join(missing[0])} → add it, or drop it from persona_bank.pairs"
            )
        tables = {pair: table for pair, table in tables.items() if pair in wanted or pair[::-1] in wanted}
    return PopulationTables(values, marginals, tables, rows)
