"""A bank fitted to a population: marginals and two-way tables, matched by iterative proportional fitting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from personaloom.errors import BankError
from personaloom.personas.model import ConditionalTable, Dimension, PersonaBank, Value

if TYPE_CHECKING:
    from personaloom.personas.fitting import Fit
    from personaloom.personas.tables import PopulationTables

__all__ = ["PopulationBank"]


class PopulationBank:
    """Makes a ``PersonaBank`` from a user's table; sample it with the weighted sampler."""

    @staticmethod
    def load(
        path: str,
        columns: Sequence[str] | None = None,
        weight: str | None = None,
        pairs: str | Sequence[Sequence[str]] = "auto",
        tolerance: float = 1e-6,
        max_rounds: int = 1000,
    ) -> PersonaBank:
        """Fit a bank.

        Args:
            path: CSV or Parquet. Either one row a person, columns being dimensions; or one row a count, with the
                columns ``dimension, value, count`` and, for two-way tables, ``dimension_2, value_2``.
            columns: which columns are dimensions; None takes all with at most 100 different values.
            weight: the column with the weight of a person, in the first form.
            pairs: two-way tables to match: ``none``; a list of pairs; ``auto`` takes all that are given in the second
                form, and in the first the strongest dependencies that link the dimensions without a circle.
            tolerance: the fit ends when no share of a target misses by more.
            max_rounds: or after so many rounds; what error is left stands in ``bank.report``.

        Raises:
            BankError: the file cannot be read or used, with row and column.
        """
        from personaloom.personas.fitting import fit  # noqa: PLC0415 - NumPy only on use
        from personaloom.personas.tables import read_tables  # noqa: PLC0415 - NumPy only on use

        if not path:
            raise BankError("persona_bank.path is empty → write persona_bank.path=<your CSV or Parquet file>")
        if not (0 < tolerance < 1 and max_rounds >= 1):
            raise BankError(
                f"persona_bank.tolerance is {tolerance}, max_rounds {max_rounds} → 0 < tolerance < 1 ≤ max_rounds"
            )
        tables = read_tables(Path(path).expanduser(), columns, weight, pairs)
        return _bank(Path(path), tables, fit(tables, tolerance, max_rounds))


def _bank(path: Path, tables: PopulationTables, fitted: Fit) -> PersonaBank:
    dimensions = tuple(
        Dimension(
            name,
            tuple(Value(v, float(w)) for v, w in zip(values, fitted.marginals[name], strict=True)),
            f"{name.replace('_', ' ').capitalize()}, as in the population that the bank was fitted to.",
            "demographics",
        )
        for name, values in tables.values.items()
    )
    conditional = tuple(
        ConditionalTable(
            c.target,
            c.given,
            tuple(len(tables.values[g]) + 1 for g in c.given),
            tuple(c.table.ravel().tolist()),
        )
        for c in fitted.conditionals
        if c.given
    )
    report = {
        "population": path.name,
        "rows": tables.rows,
        "two_way_tables": [list(pair) for pair in tables.pairs],
        "fit_error": fitted.error if math.isfinite(fitted.error) else None,
        "fit_worst": fitted.worst,
        "fit_rounds": fitted.rounds,
        "fit_converged": fitted.converged,
    }
    return PersonaBank(dimensions, (), path.stem, str(path), conditional, report).check()
