"""The ledger: every paid reply, under the hash of what was asked, shared by all runs.

A reply counts as complete only when it is committed, so that after ``kill -9`` a run asks again at most for what was
in flight. Commits are made in small groups, a few milliseconds apart, from the event loop itself: a group of replies
costs one transaction. WAL with ``synchronous=NORMAL`` survives the death of the process at any moment; a power cut can
lose the last moments.

Across processes each key is leased before its call is sent: the second process to want it waits for the first one's
reply. A lease lasts as long as its process lives (looked up by process id and start time on the same host), or until it
expires.

The file holds whole conversations (mode 0600) and never keys or headers. Simulated replies are not stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from personaloom.errors import StoreError
from personaloom.llm.owner import is_alive, owner_name
from personaloom.llm.types import Deployment, LLMReply, LLMRequest, Sampling, Usage

__all__ = ["SCHEMA_VERSION", "Ledger", "LedgerEntry", "LedgerMode", "call_hash"]

SCHEMA_VERSION = 1
GROUP_SECONDS = 0.004
LEASE_SECONDS = 60.0
POLL_SECONDS = 0.05

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, created REAL NOT NULL, payer TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    origin TEXT NOT NULL, purpose TEXT NOT NULL, cost_usd REAL, reply BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uses (dataset TEXT NOT NULL, key BLOB NOT NULL, PRIMARY KEY (dataset, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (key BLOB PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL) WITHOUT ROWID;
"""


class LedgerMode(StrEnum):
    """What a run may do with the ledger."""

    READWRITE = "readwrite"
    READONLY = "readonly"
    """Replay only: a call that is not there is refused, nothing is sent."""
    OFF = "off"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A stored reply and who paid for it."""

    reply: LLMReply
    payer: str


def call_hash(deployment: Deployment, request: LLMRequest, sampling: Sampling) -> bytes:
    """SHA-256 over provider, origin, model, messages, sampling parameters, schema and call key (32 bytes)."""
    content = (
        deployment.provider,
        deployment.origin,
        deployment.model,
        [(message.role, message.content) for message in request.messages],
        (sampling.temperature, sampling.top_p, sampling.max_tokens, sampling.seed, sampling.stop),
        dict(sampling.extra_body),
        request.schema,
        request.key.parts(),
    )
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


class Ledger:
    """A ledger file, open for one process.

    Args:
        path: the SQLite file; its folder is made where it is missing.
        mode: see ``LedgerMode``.
        dataset: the fingerprint of the dataset that this run makes: it is noted as the payer of new replies.

    Raises:
        StoreError: the file is no ledger, is damaged, was written by a newer version, or cannot be written.
    """

    def __init__(self, path: str | Path, mode: LedgerMode | str = LedgerMode.READWRITE, dataset: str = "") -> None:
        self.path = Path(path)
        self.mode = LedgerMode(mode)
        self.dataset = dataset
        self._owner = owner_name()
        self._connection: sqlite3.Connection | None = None
        self._writes: list[tuple[str, tuple[Any, ...]]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._flush_handle: asyncio.Handle | None = None
        self._held: dict[bytes, float] = {}
        if self.mode is not LedgerMode.OFF:
            self._connection = self._open()

    # -- opening -------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        if self.mode is LedgerMode.READONLY and not self.path.exists():
            raise StoreError(f"ledger.mode=readonly, and there is no ledger at {self.path}: check ledger.path")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Created with its mode, so that there is no moment in which others could read it.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self.path.chmod(0o600)
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            self._prepare(connection)
        except sqlite3.DatabaseError as error:
            raise StoreError(self._damage(error)) from error
        except OSError as error:
            raise StoreError(f"the ledger {self.path} cannot be opened: {error.strerror or error}") from error
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if version not in (0, SCHEMA_VERSION) or (version == 0 and tables):
            connection.close()
            raise StoreError(
                f"{self.path} is not a ledger of this version (schema {version}, this program writes "
                f"{SCHEMA_VERSION}): name another ledger.path, or use the version of personaloom that wrote it"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        connection.execute("PRAGMA busy_timeout = 0")

    def _damage(self, error: sqlite3.Error) -> str:
        remedy = (
            "wait for the other program, or name another ledger.path"
            if "locked" in str(error) or "busy" in str(error)
            else f"move it away (mv {self.path} {self.path}.damaged) or name another ledger.path; "
            "a copy can often be recovered with: sqlite3 FILE .recover"
        )
        return f"the ledger {self.path} cannot be used: {error}. Nothing was read from it: {remedy}"

    # -- calls ---------------------------------------------------------------------------------------------------

    def find(self, key: bytes) -> LedgerEntry | None:
        """The stored reply, or None.

        Raises:
            StoreError: the file is damaged; a reply that does not read as one is never given.
        """
        if self._connection is None:
            return None
        try:
            row = self._connection.execute("SELECT payer, reply FROM replies WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise StoreError(self._damage(error)) from error
        if row is None:
            return None
        return LedgerEntry(_decode(row[1], self.path), row[0])

    async def claim(self, key: bytes) -> LedgerEntry | None:
        """The stored reply; or None, and the key is leased to this process, which has to ``put`` or ``release`` it.

        Waits while another living process holds the lease.
        """
        entry = self.find(key)
        if entry is not None or self._connection is None or self.mode is LedgerMode.READONLY:
            return entry
        while True:
            await self._write(
                "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, "
                "expires = excluded.expires WHERE leases.expires < ? OR leases.owner = excluded.owner",
                (key, self._owner, time.time() + LEASE_SECONDS, time.time()),
            )
            row = self._connection.execute("SELECT owner FROM leases WHERE key = ?", (key,)).fetchone()
            if row is not None and row[0] == self._owner:
                self._held[key] = time.time()
                # Another process may have finished between the look-up and the lease.
                entry = self.find(key)
                if entry is not None:
                    self.release(key)
                return entry
            if row is not None and not is_alive(row[0]):
                await self._write("DELETE FROM leases WHERE key = ? AND owner = ?", (key, row[0]))
                continue
            await asyncio.sleep(POLL_SECONDS)
            entry = self.find(key)
            if entry is not None:
                return entry

    async def put(self, key: bytes, request: LLMRequest, deployment: Deployment, reply: LLMReply) -> None:
        """Store a reply and give up the lease; returns when it is committed."""
        if self._connection is None or self.mode is not LedgerMode.READWRITE:
            return
        self._held.pop(key, None)
        self._queue("DELETE FROM leases WHERE key = ?", (key,))
        self._queue("INSERT OR IGNORE INTO uses VALUES (?, ?)", (self.dataset, key))
        await self._write(
            "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key, time.time(), self.dataset, deployment.provider, deployment.model, deployment.origin,
                str(request.key.purpose), reply.cost_usd, _encode(reply),
            ),
        )  # fmt: skip

    def release(self, key: bytes) -> None:
        """Give up a lease without a reply (the call failed)."""
        if self._held.pop(key, None) is not None:
            self._queue("DELETE FROM leases WHERE key = ? AND owner = ?", (key, self._owner))

    def note_use(self, key: bytes) -> None:
        """Remember that this dataset uses a reply that was there already, for pruning and for slices."""
        if self._connection is not None and self.mode is LedgerMode.READWRITE:
            self._queue("INSERT OR IGNORE INTO uses VALUES (?, ?)", (self.dataset, key))

    # -- group commit --------------------------------------------------------------------------------------------

    def _queue(self, statement: str, values: tuple[Any, ...]) -> None:
        self._writes.append((statement, values))
        if self._flush_handle is None:
            self._flush_handle = asyncio.get_running_loop().call_later(GROUP_SECONDS, self._flush)

    async def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        self._queue(statement, values)
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def _flush(self) -> None:
        self._flush_handle = None
        if self._connection is None:
            return
        self._renew_leases()
        try:
            self._commit(self._connection)
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                # Another process is committing: try again in a moment, without blocking the loop.
                self._flush_handle = asyncio.get_running_loop().call_later(GROUP_SECONDS, self._flush)
                return
            self._fail(error)
            return
        except sqlite3.Error as error:
            self._fail(error)
            return
        self._writes.clear()
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _commit(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in self._writes:
                connection.execute(statement, values)
            connection.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def _fail(self, error: sqlite3.Error) -> None:
        """Tell every waiter: a reply that could not be committed is not complete."""
        full = "disk is full" in str(error) or "disk I/O" in str(error)
        message = f"the ledger {self.path} cannot be written: {error}"
        message += ": free some space and run the same command again" if full else ""
        self._writes.clear()
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_exception(StoreError(message))

    def _renew_leases(self) -> None:
        now = time.time()
        for key, since in self._held.items():
            if now - since > LEASE_SECONDS / 3:
                self._held[key] = now
                self._writes.append(
                    (
                        "UPDATE leases SET expires = ? WHERE key = ? AND owner = ?",
                        (now + LEASE_SECONDS, key, self._owner),
                    )
                )

    def close(self) -> None:
        """Commit what is queued and close the file; the leases of this process are given up."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.execute("PRAGMA busy_timeout = 5000")
            if self._writes or self._held:
                self._writes.append(("DELETE FROM leases WHERE owner = ?", (self._owner,)))
                self._commit(connection)
        finally:
            self._writes.clear()
            self._held.clear()
            connection.close()

    # -- upkeep --------------------------------------------------------------------------------------------------

    def statistics(self) -> dict[str, Any]:
        """Size, replies and cost by model."""
        connection = self._reading()
        rows = connection.execute(
            "SELECT model, origin, COUNT(*), SUM(cost_usd), MIN(created), MAX(created) FROM replies "
            "GROUP BY model, origin ORDER BY 3 DESC"
        ).fetchall()
        return {
            "path": str(self.path),
            "bytes": sum(p.stat().st_size for p in self.path.parent.glob(self.path.name + "*")),
            "replies": sum(row[2] for row in rows),
            "models": [
                {"model": m, "origin": o, "replies": n, "cost_usd": c, "first": a, "last": z}
                for m, o, n, c, a, z in rows
            ],
            "datasets": dict(connection.execute("SELECT dataset, COUNT(*) FROM uses GROUP BY dataset ORDER BY 1")),
        }

    def prune(self, *, older_than_s: float | None = None, dataset: str | None = None) -> int:
        """Forget replies older than so many seconds, or used by this dataset alone, or both; gives their number."""
        connection = self._reading()
        if older_than_s is None and dataset is None:
            raise ValueError("say what to prune: an age, a dataset, or both")
        where: list[str] = ["1 = 1"]
        values: list[Any] = []
        if older_than_s is not None:
            where.append("created < ?")
            values.append(time.time() - older_than_s)
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute("BEGIN IMMEDIATE")
        if dataset is not None:
            where.append(
                "key IN (SELECT key FROM uses WHERE dataset = ?) "
                "AND key NOT IN (SELECT key FROM uses WHERE dataset <> ?)"
            )
            values += [dataset, dataset]
        gone = connection.execute(f"DELETE FROM replies WHERE {' AND '.join(where)}", values).rowcount
        connection.execute("DELETE FROM uses WHERE key NOT IN (SELECT key FROM replies)")
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        return gone

    def export_slice(self, dataset: str, target: str | Path) -> int:
        """Write the replies that one dataset uses to a new ledger file, which replays it without a key."""
        connection = self._reading()
        path = Path(target)
        if path.exists():
            raise StoreError(f"{path} exists already: name a new file for the slice")
        Ledger(path).close()
        connection.execute("ATTACH ? AS slice", (str(path),))
        try:
            connection.execute("BEGIN IMMEDIATE")
            count = connection.execute(
                "INSERT INTO slice.replies SELECT * FROM replies WHERE key IN (SELECT key FROM uses WHERE dataset = ?)",
                (dataset,),
            ).rowcount
            connection.execute("INSERT INTO slice.uses SELECT * FROM uses WHERE dataset = ?", (dataset,))
            connection.execute("COMMIT")
        finally:
            connection.execute("DETACH slice")
        return count

    def history(self) -> Iterator[tuple[str, str, LLMReply]]:
        """(purpose, model, reply) of every stored reply, for estimates."""
        for purpose, model, blob in self._reading().execute("SELECT purpose, model, reply FROM replies"):
            yield purpose, model, _decode(blob, self.path)

    def _reading(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError("the ledger is off or closed")
        return self._connection


def _encode(reply: LLMReply) -> bytes:
    usage = reply.usage
    return orjson.dumps(
        [
            reply.text, reply.model, reply.snapshot, reply.finish_reason, reply.cost_usd, round(reply.latency_s, 4),
            usage.input_tokens, usage.output_tokens, usage.source, usage.cached_tokens, usage.reasoning_tokens,
        ]
    )  # fmt: skip


def _decode(blob: bytes, path: Path) -> LLMReply:
    try:
        text, model, snapshot, finish, cost, latency, n_in, n_out, source, cached, reasoning = orjson.loads(blob)
        usage = Usage(n_in, n_out, source, cached, reasoning)
    except (ValueError, TypeError) as error:
        raise StoreError(f"the ledger {path} is damaged: a stored reply does not read as one ({error})") from error
    return LLMReply(text, usage, model, snapshot, finish, cost, latency, attempts=0, from_ledger=True)
