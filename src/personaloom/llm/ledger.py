"""The ledger: every paid reply, under the hash of what was asked, shared by all runs.

A reply counts as complete only when it is committed, so that after ``kill -9`` a run asks again at most for what was
in flight. Look-ups, leases and replies are collected for a few milliseconds, or until most of what is under way waits
for them, and done together, from the event loop itself: a group costs one transaction. WAL with
``synchronous=NORMAL`` survives the death of the process at any moment; a power cut can lose the last moments.

Across processes each key is leased before its call is sent: the second process to want it waits for the first one's
reply. A lease lasts as long as its process lives (looked up by process id and start time on the same host), or until it
expires by the clock that counts from the machine's start: it is the same in all processes, and nobody sets it. One
that would last for longer than any lease can is left from before the last start.

The file holds whole conversations (mode 0600) and never keys or headers. Simulated replies are not stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from personaloom.errors import StoreError
from personaloom.llm.ledger_file import (
    SCHEMA_VERSION,
    LedgerMode,
    decode_reply,
    encode_reply,
    file_identity,
    is_locked,
    open_ledger,
    removed,
    trouble,
)
from personaloom.llm.owner import is_alive, owner_name, retire
from personaloom.llm.types import Deployment, LLMReply, LLMRequest, Sampling

__all__ = ["SCHEMA_VERSION", "Ledger", "LedgerEntry", "LedgerMode", "call_hash"]

GROUP_SECONDS = 0.01
BUSY_SECONDS = 30.0
"""How long a group waits for another program that holds the file, before the run says so and ends."""
NOTICEABLE_SECONDS = 1.0
LEASE_SECONDS = 60.0
POLL_SECONDS = 0.05
KEYS_AT_ONCE = 100
"""In one look-up; few enough that sqlite3 keeps the statement of each number prepared (it keeps 128)."""

_LEASE = (
    "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, "
    "expires = excluded.expires WHERE leases.expires NOT BETWEEN ? AND ? OR leases.owner = excluded.owner"
)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A stored reply and who paid for it."""

    reply: LLMReply
    payer: str


_Answer = LedgerEntry | str
"""What became of a claim: the stored reply, or whoever holds the lease now."""


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
        self._claims: list[tuple[bytes, asyncio.Future[_Answer]]] = []
        self._replies: list[tuple[Any, ...]] = []
        self._stored: list[asyncio.Future[None]] = []
        self._uses: list[tuple[str, bytes]] = []
        self._ended: list[tuple[bytes, str]] = []
        self._held: dict[bytes, float] = {}
        self._leased = False
        self._others = 0
        self._given_up: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._at_once = False
        self._busy_since: float | None = None
        self._connection: sqlite3.Connection | None = None
        if self.mode is not LedgerMode.OFF:
            self._connection = open_ledger(self.path, self.mode)
            if self.mode is LedgerMode.READWRITE:
                self._connection.execute("PRAGMA busy_timeout = 0")  # the event loop waits, not the thread
        self._file = file_identity(self.path)
        self._owner = owner_name()

    @property
    def waiting_for(self) -> str:
        """What holds it up, in a few words; empty where nothing does."""
        if self._busy_since is not None and time.monotonic() - self._busy_since > NOTICEABLE_SECONDS:
            return f"{self.path.name}: held by another program"
        return "replies that another run asks for" if self._others else ""

    def wait_no_more(self, reason: Exception | None) -> None:
        """From now on a key that another run holds is not waited for: its claim raises this (None: wait again)."""
        self._given_up = reason

    # -- calls ---------------------------------------------------------------------------------------------------

    def find(self, key: bytes) -> LedgerEntry | None:
        """The stored reply, or None.

        Raises:
            StoreError: the file is damaged; a reply that does not read as one is never given.
        """
        if self._connection is None:
            return None
        try:
            return self._look_up(self._connection, [key]).get(key)
        except sqlite3.Error as error:
            raise StoreError(trouble(self.path, error)) from error

    async def claim(self, key: bytes) -> LedgerEntry | None:
        """The stored reply; or None, and the key is leased to this process, which has to ``put`` or ``release`` it.

        Waits while another living process holds the lease.

        Raises:
            StoreError: the file is damaged, full, or held by another program for too long.
        """
        if self._connection is None or self.mode is LedgerMode.READONLY:
            return self.find(key)
        while True:
            future: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
            self._claims.append((key, future))
            self._soon()
            try:
                answer = await future
            except asyncio.CancelledError:
                self.release(key)
                raise
            if isinstance(answer, LedgerEntry):
                return answer
            if answer == self._owner:
                return None
            if is_alive(answer):
                if self._given_up is not None:
                    raise self._given_up
                self._others += 1
                try:
                    await asyncio.sleep(POLL_SECONDS)
                finally:
                    self._others -= 1
            else:
                self._ended.append((key, answer))

    async def put(self, key: bytes, request: LLMRequest, deployment: Deployment, reply: LLMReply) -> None:
        """Store a reply and give up the lease; returns when it is committed.

        Raises:
            StoreError: it could not be committed, so it does not count.
        """
        if self._connection is None or self.mode is not LedgerMode.READWRITE:
            return
        self._held.pop(key, None)
        self._ended.append((key, self._owner))
        self._replies.append(
            (
                key, time.time(), self.dataset, deployment.provider, deployment.model, deployment.origin,
                str(request.key.purpose), reply.cost_usd, encode_reply(key, reply),
            )
        )  # fmt: skip
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stored.append(future)
        self._soon()
        await future

    def release(self, key: bytes) -> None:
        """Give up a lease without a reply (the call failed)."""
        if self._connection is not None and self.mode is LedgerMode.READWRITE:
            self._held.pop(key, None)
            self._ended.append((key, self._owner))
            self._soon()

    def note_use(self, key: bytes) -> None:
        """Remember that this dataset uses a reply that another one paid, for pruning and for slices."""
        if self._connection is not None and self.mode is LedgerMode.READWRITE:
            self._uses.append((self.dataset, key))
            self._soon()

    # -- one transaction for many --------------------------------------------------------------------------------

    def _soon(self) -> None:
        """See that what is queued is committed soon: at once where two of three calls under way wait for it."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_later(GROUP_SECONDS, self._flush)
        most_wait = len(self._claims) + len(self._stored) >= 2 * len(self._held)
        if most_wait and not self._at_once and self._busy_since is None:
            self._at_once = True
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._at_once = False
        connection = self._connection
        if connection is None:
            return
        try:
            if file_identity(self.path) != self._file:
                raise StoreError(removed(self.path))
            answers = self._commit(connection)
        except sqlite3.OperationalError as error:
            if is_locked(error) and self._waits_on():
                return
            self._fail(StoreError(trouble(self.path, error)))
        except sqlite3.Error as error:
            self._fail(StoreError(trouble(self.path, error)))
        except StoreError as error:  # a damaged reply, or no file any more
            self._fail(error)
        else:
            self._tell(answers)

    def _waits_on(self) -> bool:
        """Whether to try again: another process is committing, or a program holds the file, but not too long yet."""
        now = time.monotonic()
        self._busy_since = self._busy_since or now
        if now - self._busy_since > BUSY_SECONDS:
            return False
        self._timer = asyncio.get_running_loop().call_later(GROUP_SECONDS, self._flush)
        return True

    def _commit(self, connection: sqlite3.Connection) -> dict[bytes, _Answer]:
        """Everything that is queued, in one transaction; gives what became of the claims."""
        wanted = [key for key, future in self._claims if not future.done()]
        # A replay only looks up, which need not keep other processes from writing.
        found = {} if self._has_writes or self._held else self._look_up(connection, wanted, "BEGIN")
        if len(found) == len(wanted) and not self._has_writes:
            return {**found}
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._replies)
            connection.executemany("INSERT OR IGNORE INTO uses VALUES (?, ?)", self._uses)
            connection.executemany("DELETE FROM leases WHERE key = ? AND owner = ?", self._ended)
            self._renew(connection)
            answers: dict[bytes, _Answer] = {**self._look_up(connection, wanted)}
            self._lease(connection, [key for key in wanted if key not in answers], answers)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return answers

    @property
    def _has_writes(self) -> bool:
        return bool(self._replies or self._uses or self._ended)

    def _look_up(self, connection: sqlite3.Connection, keys: list[bytes], begin: str = "") -> dict[bytes, LedgerEntry]:
        if begin:
            connection.execute(begin)  # one snapshot for all, taken once
        try:
            rows: list[tuple[bytes, str, bytes]] = []
            for start in range(0, len(keys), KEYS_AT_ONCE):
                some = keys[start : start + KEYS_AT_ONCE]
                marks = ", ".join("?" * len(some))
                statement = f"SELECT key, payer, reply FROM replies WHERE key IN ({marks})"
                rows += connection.execute(statement, some).fetchall()
            return {key: LedgerEntry(decode_reply(key, reply, self.path), payer) for key, payer, reply in rows}
        finally:
            if begin:
                connection.execute("COMMIT")

    def _lease(self, connection: sqlite3.Connection, keys: list[bytes], answers: dict[bytes, _Answer]) -> None:
        """Lease what can be had; for the rest, say who holds it."""
        if not keys:
            return
        now = time.monotonic()
        rows = [(key, self._owner, now + LEASE_SECONDS, now, now + 2 * LEASE_SECONDS) for key in keys]
        granted = connection.executemany(_LEASE, rows).rowcount
        self._leased = True
        for key in keys:
            holder = self._owner
            if granted != len(keys):
                (holder,) = connection.execute("SELECT owner FROM leases WHERE key = ?", (key,)).fetchone()
            answers[key] = holder

    def _renew(self, connection: sqlite3.Connection) -> None:
        now = time.monotonic()
        due = [key for key, since in self._held.items() if now - since > LEASE_SECONDS / 3]
        if due:
            rows = [(now + LEASE_SECONDS, key, self._owner) for key in due]
            connection.executemany("UPDATE leases SET expires = ? WHERE key = ? AND owner = ?", rows)
            self._held.update(dict.fromkeys(due, now))

    def _tell(self, answers: dict[bytes, _Answer]) -> None:
        self._busy_since = None
        claims, stored = self._take()
        now = time.monotonic()
        for key, claim in claims:
            answer = answers.get(key)
            if answer == self._owner:
                self._held[key] = now
            if not claim.done() and answer is not None:
                claim.set_result(answer)
        for put in stored:
            if not put.done():
                put.set_result(None)

    def _fail(self, error: StoreError) -> None:
        """Tell every waiter: a reply that could not be committed is not complete."""
        self._busy_since = None
        claims, stored = self._take()
        waiting: list[asyncio.Future[Any]] = [*(future for _, future in claims), *stored]
        for future in waiting:
            if not future.done():
                future.set_exception(error)

    def _take(self) -> tuple[list[tuple[bytes, asyncio.Future[_Answer]]], list[asyncio.Future[None]]]:
        claims, stored = self._claims, self._stored
        self._claims, self._stored, self._replies, self._uses, self._ended = [], [], [], [], []
        return claims, stored

    def close(self) -> None:
        """Commit what is queued and close the file; the leases of this process are given up.

        Raises:
            StoreError: what was queued could not be committed.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        connection, self._connection = self._connection, None
        if connection is None:
            retire(self._owner)
            return
        try:
            connection.execute("PRAGMA busy_timeout = 5000")
            if self._has_writes or self._held:
                self._claims = []
                self._commit(connection)
        except sqlite3.Error as error:
            raise StoreError(trouble(self.path, error)) from error
        finally:
            self._take()
            self._held.clear()
            if self._leased:
                # What cannot be deleted now (a full disk) holds nobody up either: its owner is retired.
                with suppress(sqlite3.Error):
                    connection.execute("DELETE FROM leases WHERE owner = ?", (self._owner,))
            retire(self._owner)
            connection.close()
