"""How rows get into a store: queued, and committed in small groups from the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from personaloom.errors import StoreError
from personaloom.store_file import get_meta, set_meta, trouble

__all__ = ["GroupCommit"]

GROUP_SECONDS = 0.1
GROUP_ROWS = 1000


class GroupCommit:
    """The writing side of a store's connection (WAL, so readers never wait).

    Args:
        connection: in autocommit mode.
        folder: of the store, for messages.

    Attributes:
        version: rises with every committed change.
    """

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self.version: int = get_meta(connection, "version") or 0
        self._connection = connection
        self._folder = folder
        self._rows: list[tuple[str, str, tuple[Any, ...]]] = []
        self._handle: asyncio.TimerHandle | None = None
        self._failure: StoreError | None = None

    def add(self, table: str, statement: str, values: tuple[Any, ...]) -> None:
        """Queue one row of a table; those of one table are written in the order they came in.

        Raises:
            StoreError: the rows before it could not be committed.
        """
        if self._failure is not None:
            raise self._failure
        self._rows.append((table, statement, values))
        if len(self._rows) >= GROUP_ROWS:
            self.flush()
        elif self._handle is None:
            with suppress(RuntimeError):  # outside an event loop rows wait for the next flush or read
                self._handle = asyncio.get_running_loop().call_later(GROUP_SECONDS, self._flush_soon)

    def _flush_soon(self) -> None:
        try:
            self.flush()
        except StoreError as error:
            self._failure = error  # raised by the next row: a callback of the loop has nobody to raise to

    def flush(self) -> None:
        """Commit what is queued.

        Raises:
            StoreError: the disk is full, or the file cannot be written; nothing that was committed is harmed.
        """
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if not self._rows:
            return
        # Table by table, so that a statement is set up once for many rows; all of them count at once.
        rows, self._rows = sorted(self._rows, key=itemgetter(0)), []
        try:
            with self._change():
                for statement, neighbours in groupby(rows, key=itemgetter(1)):
                    self._connection.executemany(statement, map(itemgetter(2), neighbours))
        except BaseException:
            self._rows = rows
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A change of its own, after what is queued: all of it or nothing.

        Raises:
            StoreError: it cannot be committed.
        """
        self.flush()
        with self._change():
            yield

    @contextmanager
    def _change(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            set_meta(self._connection, "version", self.version + 1)
            self._connection.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise StoreError(trouble(self._folder, error)) from error
            raise
        self.version += 1
