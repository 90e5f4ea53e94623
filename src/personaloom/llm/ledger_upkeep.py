"""Looking after a ledger: how large it is, forgetting what is old, and cutting out one dataset's replies."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from personaloom.errors import StoreError, UsageError
from personaloom.llm.ledger_file import LedgerMode, decode_reply, open_ledger, trouble
from personaloom.llm.types import LLMReply

__all__ = ["LedgerUpkeep"]

_OF_DATASET = "(payer = :dataset OR key IN (SELECT key FROM uses WHERE dataset = :dataset))"
_OF_OTHERS = "(payer <> :dataset OR key IN (SELECT key FROM uses WHERE dataset <> :dataset))"


class LedgerUpkeep:
    """A ledger file, opened to be looked at, pruned or cut.

    Args:
        path: of the file.
        mode: readonly suffices for everything but ``prune``.

    Raises:
        StoreError: there is none, or it cannot be used.
    """

    def __init__(self, path: str | Path, mode: LedgerMode = LedgerMode.READONLY) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise StoreError(f"there is no ledger at {self.path}: check ledger.path")
        self._connection = open_ledger(self.path, mode)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def statistics(self) -> dict[str, Any]:
        """Size, replies and cost by model, and how many replies each dataset uses.

        ``{"path", "bytes", "replies", "models": [{"model", "origin", "replies", "cost_usd", "first", "last"}],
        "datasets": {fingerprint: replies}}``; ``first`` and ``last`` are seconds since 1970.
        """
        rows = self._all(
            "SELECT model, origin, COUNT(*), SUM(cost_usd), MIN(created), MAX(created) FROM replies "
            "GROUP BY model, origin ORDER BY 3 DESC, 1"
        )
        datasets = self._all(
            "SELECT dataset, COUNT(*) FROM (SELECT payer AS dataset, key FROM replies UNION SELECT dataset, key "
            "FROM uses) GROUP BY dataset ORDER BY dataset"
        )
        return {
            "path": str(self.path),
            "bytes": sum(part.stat().st_size for part in self.path.parent.glob(self.path.name + "*")),
            "replies": sum(row[2] for row in rows),
            "models": [
                {"model": m, "origin": o, "replies": n, "cost_usd": c, "first": a, "last": z}
                for m, o, n, c, a, z in rows
            ],
            "datasets": dict(datasets),
        }

    def dataset(self, name: str) -> str:
        """The full fingerprint of a dataset that is named by the beginning of it.

        Raises:
            UsageError: no dataset of this ledger begins so, or several do.
        """
        known = [dataset for dataset in self.statistics()["datasets"] if dataset]
        found = [dataset for dataset in known if dataset.startswith(name)]
        if len(found) == 1:
            return str(found[0])
        if not known:
            raise UsageError(
                f"of={name}: {self.path} holds no dataset's replies; those of the simulated model are not kept, "
                "because they cost nothing → name another ledger with ledger.path=FILE"
            )
        shown = ", ".join(dataset[:12] for dataset in (found or known)[:8])
        problem = f"{len(found)} datasets of {self.path} begin so" if found else f"no dataset of {self.path} begins so"
        raise UsageError(f"of={name}: {problem} → name a dataset folder, or one of: {shown}")

    def count(self, *, older_than_s: float | None = None, dataset: str | None = None) -> int:
        """How many replies ``prune`` would forget."""
        where, values = _chosen(older_than_s, dataset)
        return int(self._all(f"SELECT COUNT(*) FROM replies WHERE {where}", values)[0][0])

    def prune(self, *, older_than_s: float | None = None, dataset: str | None = None) -> int:
        """Forget replies older than so many seconds, or used by this dataset alone, or both; gives their number.

        Raises:
            ValueError: neither was said.
            StoreError: the file is held by another program, or cannot be written.
        """
        where, values = _chosen(older_than_s, dataset)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            gone = self._connection.execute(f"DELETE FROM replies WHERE {where}", values).rowcount
            self._connection.execute("DELETE FROM uses WHERE key NOT IN (SELECT key FROM replies)")
            if dataset is not None and older_than_s is None:
                self._connection.execute("DELETE FROM uses WHERE dataset = ?", (dataset,))
            self._connection.execute("COMMIT")
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise StoreError(trouble(self.path, error)) from error
        return gone

    def export_slice(self, dataset: str, target: str | Path) -> int:
        """Write the replies that one dataset uses to a new ledger file, which replays it without a key.

        Returns:
            How many replies it holds. The file is one file, mode 0600, without a journal beside it.

        Raises:
            StoreError: the file is there already, or cannot be written; then nothing is left of it.
        """
        path = Path(target)
        if path.exists():
            raise StoreError(f"{path} exists already: name a new file for the slice")
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        try:
            count = self._copy(dataset, part)
            part.rename(path)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the slice {path} cannot be written: {error}") from error
        finally:
            for left in path.parent.glob(part.name + "*"):
                left.unlink()
        return count

    def _copy(self, dataset: str, target: Path) -> int:
        # From here to there over two connections: one that may not write cannot attach a file to write to.
        slice_ = open_ledger(target)
        try:
            values = {"dataset": dataset}
            slice_.execute("BEGIN IMMEDIATE")
            count = slice_.executemany(
                "INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                self._connection.execute(f"SELECT * FROM replies WHERE {_OF_DATASET}", values),
            ).rowcount
            slice_.execute("INSERT INTO uses SELECT ?, key FROM replies", (dataset,))
            slice_.execute("COMMIT")
            slice_.execute("PRAGMA journal_mode = DELETE")
        finally:
            slice_.close()
        return max(count, 0)

    def history(self) -> Iterator[tuple[str, str, LLMReply]]:
        """(purpose, model, reply) of every stored reply, for estimates."""
        for purpose, model, key, blob in self._connection.execute("SELECT purpose, model, key, reply FROM replies"):
            yield purpose, model, decode_reply(key, blob, self.path)

    def _all(self, statement: str, values: dict[str, Any] | None = None) -> list[Any]:
        try:
            return self._connection.execute(statement, values or {}).fetchall()
        except sqlite3.Error as error:
            raise StoreError(trouble(self.path, error)) from error


def _chosen(older_than_s: float | None, dataset: str | None) -> tuple[str, dict[str, Any]]:
    if older_than_s is None and dataset is None:
        raise ValueError("say what to prune: an age, a dataset, or both")
    where: list[str] = ["1"]
    values: dict[str, Any] = {}
    if older_than_s is not None:
        where.append("created < :before")
        values["before"] = time.time() - older_than_s
    if dataset is not None:
        where.append(f"{_OF_DATASET} AND NOT {_OF_OTHERS}")
        values["dataset"] = dataset
    return " AND ".join(where), values
