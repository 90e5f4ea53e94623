"""The file of a dataset's store: its schema, how it is opened, and what is read of it without a lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson

from personaloom.errors import StoreError, UsageError

__all__ = ["get_meta", "open_store", "set_meta", "slots_done", "stored_meta", "trouble"]

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE personas (persona INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE prompts (persona INTEGER PRIMARY KEY, text TEXT NOT NULL, metadata BLOB NOT NULL);
CREATE TABLE queries (persona INTEGER, slot INTEGER, record BLOB NOT NULL, PRIMARY KEY (persona, slot)) WITHOUT ROWID;
CREATE TABLE interactions (persona INTEGER, slot INTEGER, record BLOB NOT NULL, PRIMARY KEY (persona, slot));
CREATE TABLE twins (persona INTEGER, slot INTEGER, record BLOB NOT NULL, PRIMARY KEY (persona, slot));
CREATE TABLE noise (persona INTEGER, slot INTEGER, record BLOB NOT NULL, PRIMARY KEY (persona, slot));
CREATE TABLE scores (persona INTEGER, slot INTEGER, record BLOB NOT NULL, PRIMARY KEY (persona, slot));
CREATE TABLE failures (persona INTEGER, slot INTEGER, failure_id TEXT PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE calls (id INTEGER PRIMARY KEY, persona INTEGER, slot INTEGER, call TEXT, record BLOB NOT NULL);
CREATE INDEX calls_by_slot ON calls (persona, slot);
"""

_COMPARISONS = (
    "CREATE TABLE IF NOT EXISTS comparisons "
    "(persona INTEGER, slot INTEGER, record BLOB NOT NULL, PRIMARY KEY (persona, slot))"
)
"""Came later; added to a store that has none, which an older program goes on to read."""


def open_store(folder: Path, fingerprint: str) -> sqlite3.Connection:
    """A connection to a folder's store, made where it is missing.

    Raises:
        sqlite3.Error: it cannot be opened or written.
        StoreError: another version of the program wrote it.
        UsageError: it holds another dataset.
    """
    path = folder / "store.sqlite"
    connection = sqlite3.connect(path.absolute().as_uri(), uri=True, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path)
        held = get_meta(connection, "fingerprint")
        if held is None:
            set_meta(connection, "fingerprint", fingerprint)
        elif held != fingerprint:
            raise UsageError(
                f"{folder} holds another dataset (fingerprint {held[:12]}, this config makes {fingerprint[:12]}): "
                "leave dataset_dir to its default, or name another folder"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, SCHEMA_VERSION):
        raise StoreError(
            f"{path} has schema {version}, this program writes {SCHEMA_VERSION}: use the version of personaloom that "
            "wrote it, or start a new dataset under another name"
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if version == 0:
        connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    connection.execute(_COMPARISONS)


def slots_done(
    folder: Path, fingerprint: str, table: str = "interactions", judge: str | None = None
) -> set[tuple[int, int]]:
    """(persona, slot) of the conversations that a dataset folder holds, without locking it; none where it has none.

    Of ``prompts``, which belong to personas as a whole, the slot is -1.

    Args:
        folder: of the dataset.
        fingerprint: of the dataset; a folder that holds another one holds nothing of it.
        table: another table of conversations.
        judge: only rows under this judge's name (``scores``, ``comparisons``).
    """
    with _unlocked(folder) as connection:
        if connection is None or get_meta(connection, "fingerprint") != fingerprint:
            return set()
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            return set()
        if judge is None:
            slot = "-1" if table == "prompts" else "slot"
            return set(connection.execute(f"SELECT persona, {slot} FROM {table}"))
        rows = connection.execute(f"SELECT persona, slot, record FROM {table}")
        return {(persona, slot) for persona, slot, record in rows if orjson.loads(record)["judge"] == judge}


def stored_meta(folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """What a dataset folder's store remembers under some names, without locking it; empty where it has no store.

    Raises:
        StoreError: it cannot be read.
    """
    with _unlocked(folder) as connection:
        return {} if connection is None else {name: get_meta(connection, name) for name in names}


@contextmanager
def _unlocked(folder: Path) -> Iterator[sqlite3.Connection | None]:
    """A connection that reads beside whoever works in the folder; None where there is no store.

    Raises:
        StoreError: the store cannot be read.
    """
    path = folder / "store.sqlite"
    if not path.exists():
        yield None
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise StoreError(trouble(folder, error)) from error


def get_meta(connection: sqlite3.Connection, name: str) -> Any:
    """A JSON value that a store remembers, or None."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else orjson.loads(row[0])


def set_meta(connection: sqlite3.Connection, name: str, value: Any) -> None:
    """Have a store remember a JSON value."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, orjson.dumps(value)))


def trouble(folder: Path, error: sqlite3.Error) -> str:
    """What an error of SQLite's means for whoever runs this, and the remedy."""
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return f"{folder / 'store.sqlite'}: {text}. Free some space and run the same command again; nothing is lost"
    if "readonly" in text or "read-only" in text or "unable to open" in text:
        return f"{folder / 'store.sqlite'}: {text}. Make the folder writable, or name another output_dir"
    remedy = "If it is damaged, start again with reset=true: paid replies stay in the ledger"
    return f"{folder / 'store.sqlite'}: {text}. {remedy}"
