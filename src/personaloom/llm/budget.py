"""A budget that is never passed: the worst case of each call is reserved before it is sent.

What is spent and reserved stands in a small SQLite book, by scope (a dataset), so that it adds up over resumes and over
the jobs of a sweep and of the same sweep begun again, in one process or several. A call that does not fit waits while
others are in flight (most use less than their worst case); when nothing is in flight and it still does not fit, the
budget is exhausted.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from personaloom.errors import BudgetExhaustedError, StoreError
from personaloom.llm.owner import is_alive, owner_name, retire

__all__ = ["Budget", "BudgetLimits", "Spend"]

WAIT_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Spend:
    """Money, tokens and calls; ``cost_usd`` is None where the price is not known."""

    cost_usd: float | None = 0.0
    tokens: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """What a run may use in all (``engine.budget``); None is no limit. Minutes count per invocation."""

    max_cost_usd: float | None = None
    max_tokens: int | None = None
    max_calls: int | None = None
    max_minutes: float | None = None

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return any(v is not None for v in (self.max_cost_usd, self.max_tokens, self.max_calls, self.max_minutes))


class Budget:
    """The budget of one run, or of the jobs of one sweep that share a scope.

    Args:
        limits: of the run.
        path: the book; None keeps it in memory (one process, no resume).
        scope: what this run's spending is noted under: a dataset's fingerprint, or a sweep id.
        shared: further scopes that count against the limits: the other datasets of a sweep.

    Raises:
        StoreError: the book cannot be opened.
    """

    def __init__(
        self, limits: BudgetLimits, path: str | Path | None = None, scope: str = "", shared: Iterable[str] = ()
    ) -> None:
        self.limits = limits
        self.scope = scope
        self._scopes = sorted({scope, *shared})
        self._of_all = f"FROM {{}} WHERE scope IN ({', '.join('?' * len(self._scopes))})"
        self._path = path
        self._owner = owner_name()
        self._deadline = None if limits.max_minutes is None else time.monotonic() + limits.max_minutes * 60
        try:
            if path is not None:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._book = sqlite3.connect(path or ":memory:", timeout=30, isolation_level=None, check_same_thread=False)
            self._book.execute("PRAGMA journal_mode = WAL")
            self._book.execute("PRAGMA synchronous = NORMAL")
            self._book.execute(
                "CREATE TABLE IF NOT EXISTS entries (id TEXT PRIMARY KEY, scope TEXT NOT NULL, owner TEXT NOT NULL, "
                "cost REAL NOT NULL, tokens INTEGER NOT NULL, calls INTEGER NOT NULL)"
            )
            self._book.execute(
                "CREATE TABLE IF NOT EXISTS spent (scope TEXT PRIMARY KEY, cost REAL NOT NULL, "
                "tokens INTEGER NOT NULL, calls INTEGER NOT NULL)"
            )
            self._adopt_orphans()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the budget book {path} cannot be used: {error}") from error

    def spent(self) -> Spend:
        """What was used so far in all scopes of this budget, by all their runs."""
        return self._sum_of("spent")

    def know_of(self, spent: Spend) -> None:
        """See that at least this much counts as spent in this run's scope: runs without a budget write no book."""
        with self._transaction():
            held = "SELECT cost, tokens, calls FROM spent WHERE scope = ?"
            cost, tokens, calls = self._book.execute(held, (self.scope,)).fetchone() or (0.0, 0, 0)
            more = max((spent.cost_usd or 0.0) - cost, 0.0), max(spent.tokens - tokens, 0), max(spent.calls - calls, 0)
            if any(more):
                self._spend(self.scope, *more)

    async def reserve(self, worst: Spend) -> str:
        """Set the worst case of a call aside; gives the reservation's name.

        Raises:
            BudgetExhaustedError: the call does not fit, and nothing is in flight that could make room.
        """
        while True:
            self.check_minutes()
            name = uuid.uuid4().hex
            with self._transaction():
                spent, reserved = self._sum_of("spent"), self._sum_of("entries")
                problem = self._over(spent, worst)
                if problem is None and self._over(_sum(spent, reserved), worst) is None:
                    values = (name, self.scope, self._owner, worst.cost_usd or 0.0, worst.tokens, worst.calls)
                    self._book.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", values)
                    return name
            if problem is not None and not reserved.calls:
                raise BudgetExhaustedError(problem)
            await asyncio.sleep(WAIT_SECONDS)
            self._adopt_orphans()

    def settle(self, reservation: str, actual: Spend) -> None:
        """Replace a reservation by what the call really used."""
        with self._transaction():
            self._book.execute("DELETE FROM entries WHERE id = ?", (reservation,))
            self._spend(self.scope, actual.cost_usd or 0.0, actual.tokens, actual.calls)

    def close(self) -> None:
        """Close the book; what is still set aside counts as spent, by whoever looks next."""
        retire(self._owner)
        self._book.close()

    def _spend(self, scope: str, cost: float, tokens: int, calls: int) -> None:
        self._book.execute(
            "INSERT INTO spent VALUES (?, ?, ?, ?) ON CONFLICT (scope) DO UPDATE SET cost = cost + excluded.cost, "
            "tokens = tokens + excluded.tokens, calls = calls + excluded.calls",
            (scope, cost, tokens, calls),
        )

    def _sum_of(self, table: str) -> Spend:
        sums = "SELECT COALESCE(SUM(cost), 0.0), COALESCE(SUM(tokens), 0), COALESCE(SUM(calls), 0) "
        return Spend(*self._book.execute(sums + self._of_all.format(table), self._scopes).fetchone())

    def _adopt_orphans(self) -> None:
        """A killed process's reservations count as spent at their worst case: nobody knows what became of them."""
        with self._transaction():
            rows = self._book.execute("SELECT id, scope, owner, cost, tokens, calls FROM entries").fetchall()
            for name, scope, owner, cost, tokens, calls in rows:
                if not is_alive(owner):
                    self._spend(scope, cost, tokens, calls)
                    self._book.execute("DELETE FROM entries WHERE id = ?", (name,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One change of the book, whole or not at all.

        Raises:
            StoreError: it cannot be made: the disk is full, or another program holds the book.
        """
        try:
            self._book.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._book.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._book.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(
                f"the budget book {self._path} cannot be written: {error}. What is spent cannot be counted, so nothing "
                "more is sent: mend this and run the same command again"
            ) from error

    def _over(self, spent: Spend, worst: Spend) -> str | None:
        limits = self.limits
        for key, limit, used, more in (
            ("max_cost_usd", limits.max_cost_usd, spent.cost_usd or 0.0, worst.cost_usd or 0.0),
            ("max_tokens", limits.max_tokens, spent.tokens, worst.tokens),
            ("max_calls", limits.max_calls, spent.calls, worst.calls),
        ):
            if limit is not None and used + more > limit * (1 + 1e-12):
                return (
                    f"engine.budget.{key}={limit:g} is reached: {used:.6g} used, the next call may take {more:.6g}. "
                    f"Raise it and run the same command to go on"
                )
        return None

    def check_minutes(self) -> None:
        """See whether there is time left.

        Raises:
            BudgetExhaustedError: there is none.
        """
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise BudgetExhaustedError(
                f"engine.budget.max_minutes={self.limits.max_minutes:g} is reached: run the same command to go on"
            )


def _sum(a: Spend, b: Spend) -> Spend:
    return Spend((a.cost_usd or 0.0) + (b.cost_usd or 0.0), a.tokens + b.tokens, a.calls + b.calls)
