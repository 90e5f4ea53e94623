"""The ledger's file: how it is opened, what is in it, and what is said when it cannot be used."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from enum import StrEnum
from pathlib import Path

import orjson

from personaloom.errors import StoreError
from personaloom.llm.types import LLMReply, Usage

__all__ = [
    "SCHEMA_VERSION", "LedgerMode", "decode_reply", "encode_reply", "file_identity", "is_locked", "open_ledger",
    "removed", "trouble",
]  # fmt: skip

SCHEMA_VERSION = 1
OPEN_WAIT_S = 15.0
"""How long another program may hold the file before a run gives up on opening it."""
CHECKPOINT_PAGES = 4000
"""16 MiB of journal before it is written back: a page that is changed again and again is then written once."""

_SUMMED = b"\x01"
_SUM_BYTES = 8

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, created REAL NOT NULL, payer TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    origin TEXT NOT NULL, purpose TEXT NOT NULL, cost_usd REAL, reply BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS uses (dataset TEXT NOT NULL, key BLOB NOT NULL, PRIMARY KEY (dataset, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (key BLOB PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL) WITHOUT ROWID;
"""


class LedgerMode(StrEnum):
    """What a run may do with the ledger."""

    READWRITE = "readwrite"
    READONLY = "readonly"
    """Replay only: a call that is not there is refused, nothing is sent."""
    OFF = "off"


def open_ledger(path: Path, mode: LedgerMode = LedgerMode.READWRITE) -> sqlite3.Connection:
    """A connection to the ledger, which is made where it is missing (unless it is only to be read).

    Another program that holds the file is waited for, up to ``OPEN_WAIT_S``.

    Raises:
        StoreError: it is no ledger, is damaged, is held by another program, was written by another version, or cannot
            be opened.
    """
    if mode is LedgerMode.READONLY and not path.exists():
        raise StoreError(f"there is no ledger at {path}, and it is only to be read: check ledger.path")
    try:
        if mode is LedgerMode.READONLY:
            return _prepared(_reading(path), path, may_write=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Created with its mode, so that there is no moment in which others could read it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        return _prepared(_connect(path), path, may_write=True)
    except sqlite3.Error as error:
        raise StoreError(trouble(path, error)) from error
    except OSError as error:
        raise StoreError(
            f"the ledger {path} cannot be opened: {error.strerror or error}. Make it writable, name another "
            "ledger.path, or replay what is in it with ledger.mode=readonly"
        ) from error


def _connect(target: Path | str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(target, timeout=OPEN_WAIT_S, isolation_level=None, check_same_thread=False, uri=uri)


def _reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write; a file in a folder that cannot be written is read as it lies there."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    connection = _connect(address, uri=True)
    try:
        connection.execute("PRAGMA user_version").fetchone()
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if is_locked(error):
            raise
        return _connect(f"{address}&immutable=1", uri=True)
    return connection


def _prepared(connection: sqlite3.Connection, path: Path, *, may_write: bool) -> sqlite3.Connection:
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if version == 0 and tables:
            raise StoreError(f"{path} is not a ledger but another program's database: name another ledger.path")
        if version not in (0, SCHEMA_VERSION) or (version == 0 and not may_write):
            raise StoreError(
                f"{path} is not a ledger of this version (schema {version}, this program writes {SCHEMA_VERSION}): "
                "name another ledger.path, or use the version of personaloom that wrote it"
            )
        if may_write:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            if version == 0:
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def file_identity(path: Path) -> tuple[int, int] | None:
    """Which file this is, whatever its name; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a third of the time of Path.stat(), and asked for every group
    except OSError:
        return None
    return found.st_dev, found.st_ino


def removed(path: Path) -> str:
    """What is said of a ledger that somebody removed or replaced: SQLite would write on to where nobody looks."""
    return (
        f"the ledger {path} was moved, removed or replaced while this run used it, so no further reply would be kept. "
        "Put it back and run the same command again"
    )


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another connection is in the way, so that trying again may help."""
    return "locked" in str(error) or "busy" in str(error)


def trouble(path: Path, error: sqlite3.Error) -> str:
    """What is wrong with a ledger, and what to do."""
    text = str(error)
    if is_locked(error):
        return (
            f"the ledger {path} is held by another program ({text}): wait for it or end it, or name another ledger.path"
        )
    if "full" in text or "disk I/O" in text:
        return f"the ledger {path} cannot be written: {text}. Free some space and run the same command again"
    if "readonly" in text or "read-only" in text or "unable to open" in text:
        return f"the ledger {path} cannot be written: {text}. Make it writable, or name another ledger.path"
    return (
        f"the ledger {path} cannot be used: {text}. Nothing was read from it: move it away "
        f"(mv {path} {path}.damaged) or name another ledger.path; a copy can often be recovered with: "
        "sqlite3 FILE .recover"
    )


def encode_reply(key: bytes, reply: LLMReply) -> bytes:
    """A reply as it is stored: with a sum over it and its key, because SQLite does not notice a changed letter."""
    usage = reply.usage
    content = orjson.dumps(
        [
            reply.text, reply.model, reply.snapshot, reply.finish_reason, reply.cost_usd, round(reply.latency_s, 4),
            usage.input_tokens, usage.output_tokens, usage.source, usage.cached_tokens, usage.reasoning_tokens,
        ]
    )  # fmt: skip
    return _SUMMED + _sum(key, content) + content


def _sum(key: bytes, content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_SUM_BYTES, key=key[:64]).digest()


def decode_reply(key: bytes, blob: bytes, path: Path) -> LLMReply:
    """A stored reply.

    Raises:
        StoreError: it is not what was stored under this key, or does not read as a reply.
    """
    try:
        if blob[:1] == _SUMMED:  # else it was stored before there were sums
            found, blob = blob[1 : 1 + _SUM_BYTES], blob[1 + _SUM_BYTES :]
            if found != _sum(key, blob):
                raise ValueError("it is not what was stored")
        text, model, snapshot, finish, cost, latency, n_in, n_out, source, cached, reasoning = orjson.loads(blob)
        usage = Usage(n_in, n_out, source, cached, reasoning)
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"the ledger {path} is damaged: a stored reply does not read as one ({error}). None of it was used: move "
            f"the file away (mv {path} {path}.damaged) or name another ledger.path; to keep what other datasets paid, "
            "forget this one's replies instead: ledger=prune of=DATASET_FOLDER"
        ) from error
    return LLMReply(text, usage, model, snapshot, finish, cost, latency, attempts=0, from_ledger=True)
