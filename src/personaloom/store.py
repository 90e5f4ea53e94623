"""The dataset folder's SQLite store: the truth that every export is written from.

One process at a time works in a folder, held by a lock file. A record that is there is never changed: growing adds to
it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from personaloom.errors import StoreError, UsageError
from personaloom.llm.usage import CallRecord
from personaloom.records import DealtQuery, Failure, Interaction, PersonaSpec, Record
from personaloom.store_calls import calls_of
from personaloom.store_commits import GroupCommit
from personaloom.store_file import get_meta, open_store, set_meta, trouble
from personaloom.store_folder import folder_is_ours, lock, unlock

__all__ = ["PERSONA_LEVEL", "Store"]

PERSONA_LEVEL = -1
"""The slot number of what belongs to the persona as a whole."""

_ADD_CALL = "INSERT INTO calls (persona, slot, call, record) VALUES (?, ?, ?, ?)"
_ADD_REPLAYED = (
    "INSERT INTO calls (persona, slot, call, record) SELECT ?, ?, ?, ? WHERE NOT EXISTS "
    "(SELECT 1 FROM calls WHERE persona = ? AND slot = ? AND call = ?)"
)

_COPIED = ("personas", "prompts", "queries", "interactions", "twins", "noise", "failures")
"""Tables that another dataset with the same fingerprint so far can hand over, in the order of the stages."""


class Store:
    """The store of one dataset folder, locked for this process.

    Args:
        folder: the dataset folder; made where it is missing.
        fingerprint: of the dataset; a folder that holds another one is refused.

    Raises:
        FolderInUseError: another process works in it.
        StoreError: it cannot be written, is damaged, or was written by a newer version.
        UsageError: it holds another dataset, or something that is not ours.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        if not folder_is_ours(folder):
            raise UsageError(
                f"{folder} is not empty and is no dataset folder of ours: name another dataset_dir or name"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock(folder)
        except OSError as error:
            raise StoreError(f"the dataset folder {folder} cannot be written: {error.strerror or error}") from error
        try:
            self._connection = open_store(folder, fingerprint)
            self._commits = GroupCommit(self._connection, folder)
        except sqlite3.Error as error:
            unlock(self._lock)
            raise StoreError(trouble(folder, error)) from error
        except BaseException:
            unlock(self._lock)
            raise

    @property
    def version(self) -> int:
        """Rises with every committed change: exports are up to date when they carry the same number."""
        return self._commits.version

    @staticmethod
    def check_free(folder: Path) -> None:
        """See that no process works in a folder.

        Raises:
            FolderInUseError: one does.
        """
        unlock(lock(folder))

    # -- writing -------------------------------------------------------------------------------------------------

    def put_personas(self, personas: Iterable[tuple[int, PersonaSpec]]) -> None:
        """Add personas in bulk; those that are there stay."""
        rows = ((index, _dumped(persona)) for index, persona in personas)
        with self._commits.transaction():
            self._connection.executemany("INSERT OR IGNORE INTO personas VALUES (?, ?)", rows)

    def put_prompt(self, persona: int, text: str, metadata: Mapping[str, Any]) -> None:
        """Add a persona's system prompt."""
        self._commits.add(
            "prompts", "INSERT OR REPLACE INTO prompts VALUES (?, ?, ?)", (persona, text, orjson.dumps(metadata))
        )

    def put_query(self, persona: int, slot: int, query: DealtQuery) -> None:
        """Add the query that a slot's conversation starts with (a supplement's replaces the failed one's)."""
        self._put("queries", persona, slot, _dumped(query))

    def put_interaction(self, persona: int, slot: int, interaction: Interaction, twin: Interaction | None) -> None:
        """Add a finished conversation, and the clean twin of a robustness pair."""
        self._put("interactions", persona, slot, _dumped(interaction))
        if twin is not None:
            self._put("twins", persona, slot, _dumped(twin))

    def put_noise(self, persona: int, slot: int, results: list[dict[str, Any]]) -> None:
        """Add the noise that was made for a conversation after it was finished."""
        self._put("noise", persona, slot, orjson.dumps(results))

    def put_score(self, persona: int, slot: int, judgement: Mapping[str, Any]) -> None:
        """Add or renew what the judge says of a conversation's sample."""
        self._put("scores", persona, slot, orjson.dumps(judgement))

    def put_comparison(self, persona: int, slot: int, comparison: Mapping[str, Any]) -> None:
        """Add or renew what the judge says of a conversation and its clean twin."""
        self._put("comparisons", persona, slot, orjson.dumps(comparison))

    def put_failure(self, persona: int, slot: int, failure: Failure) -> None:
        """Add or renew a failure."""
        self._commits.add(
            "failures",
            "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)",
            (persona, slot, failure.failure_id, _dumped(failure)),
        )

    def drop_failure(self, failure_id: str) -> None:
        """Forget a failure that was mended by running again."""
        self._commits.add("failures", "DELETE FROM failures WHERE failure_id = ?", (failure_id,))

    def put_calls(self, persona: int, slot: int, calls: Iterable[CallRecord]) -> None:
        """Add the calls that something took; a replay of a call that is booked here already is not booked twice."""
        for call in calls:
            name = call.metadata.get("call", "")
            values = (persona, slot, name, _dumped(call))
            if call.metadata.get("from_ledger"):
                self._commits.add("calls", _ADD_REPLAYED, (*values, persona, slot, name))
            else:
                self._commits.add("calls", _ADD_CALL, values)

    def _put(self, table: str, persona: int, slot: int, record: bytes) -> None:
        self._commits.add(table, f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", (persona, slot, record))

    def put_meta(self, name: str, value: Any) -> None:
        """Remember a JSON value."""
        self.flush()
        try:
            set_meta(self._connection, name, value)
        except sqlite3.Error as error:
            raise StoreError(trouble(self.folder, error)) from error

    def adopt(self, source: Path, tables: Iterable[str]) -> None:
        """Copy rows from another dataset's store: conversations that this dataset's later stages start from.

        Their calls come along, as paid by somebody else, and no others.

        Raises:
            StoreError: the other store cannot be read.
        """
        wanted = [name for name in _COPIED if name in set(tables)]
        try:
            self._connection.execute(
                "ATTACH ? AS source", (f"{(source / 'store.sqlite').absolute().as_uri()}?mode=ro",)
            )
            try:
                calls = list(calls_of(self._connection, wanted))
                # All of it or nothing: a part would be taken for the whole after a kill.
                with self._commits.transaction():
                    for name in wanted:
                        self._connection.execute(f"INSERT OR IGNORE INTO {name} SELECT * FROM source.{name}")
                    self._connection.executemany(_ADD_CALL, calls)
            finally:
                self._connection.execute("DETACH source")
        except sqlite3.Error as error:
            raise StoreError(trouble(source, error)) from error

    # -- reading -------------------------------------------------------------------------------------------------

    def meta(self, name: str) -> Any:
        """A remembered value, or None."""
        try:
            return get_meta(self._connection, name)
        except (sqlite3.Error, orjson.JSONDecodeError) as error:
            raise StoreError(trouble(self.folder, sqlite3.DatabaseError(str(error)))) from error

    def count(self, table: str, below: int | None = None) -> int:
        """Rows of a table that belong to the first ``below`` personas (all, where None)."""
        self.flush()
        where = "" if below is None else f" WHERE persona < {int(below)}"
        ((number,),) = self._rows_of(f"SELECT COUNT(*) FROM {table}{where}")
        return int(number)

    def personas(self, below: int) -> Iterator[tuple[int, PersonaSpec]]:
        """(index, persona with its system prompt) of the first ``below``, in order."""
        statement = (
            "SELECT a.persona, a.record, b.text, b.metadata FROM personas a LEFT JOIN prompts b USING (persona) "
            "WHERE a.persona < ? ORDER BY a.persona"
        )
        for index, record, text, metadata in self._rows_of(statement, below):
            persona = PersonaSpec.from_dict(self._decoded(record))
            if text is not None:
                extras = {**persona.metadata, **self._decoded(metadata)}
                persona = persona.with_(system_prompt=text, metadata=extras)
            yield index, persona

    def slots(self, table: str, below: int) -> Iterator[tuple[int, int]]:
        """(persona, slot) of a table's rows, in order."""
        return self._rows_of(f"SELECT persona, slot FROM {table} WHERE persona < ? ORDER BY persona, slot", below)

    def records(self, table: str, below: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """(persona, slot, dictionary) of a table's rows, in order."""
        statement = f"SELECT persona, slot, record FROM {table} WHERE persona < ? ORDER BY persona, slot"
        for persona, slot, record in self._rows_of(statement, below):
            yield persona, slot, self._decoded(record)

    def record(self, table: str, persona: int, slot: int) -> dict[str, Any] | None:
        """One row's dictionary."""
        statement = f"SELECT record FROM {table} WHERE persona = ? AND slot = ?"
        for (record,) in self._rows_of(statement, persona, slot):
            return self._decoded(record)
        return None

    def calls(self, below: int) -> Iterator[dict[str, Any]]:
        """Every call record, in the order of persona and slot."""
        statement = "SELECT record FROM calls WHERE persona < ? ORDER BY persona, slot, id"
        for (record,) in self._rows_of(statement, below):
            yield self._decoded(record)

    def failures(self, below: int) -> Iterator[tuple[int, int, Failure]]:
        """(persona, slot, failure), in order."""
        for persona, slot, record in self._rows_of(
            "SELECT persona, slot, record FROM failures WHERE persona < ? ORDER BY persona, slot, failure_id", below
        ):
            yield persona, slot, Failure.from_dict(self._decoded(record))

    def _decoded(self, record: bytes) -> dict[str, Any]:
        try:
            found: dict[str, Any] = orjson.loads(record)
        except orjson.JSONDecodeError as error:
            damage = sqlite3.DatabaseError(f"a record is damaged ({error})")
            raise StoreError(trouble(self.folder, damage)) from error
        return found

    def _rows_of(self, statement: str, *values: Any) -> Iterator[Any]:
        self.flush()
        try:
            # Not ``yield from``: that would close the cursor, perhaps after the store, when a reader stops half-way.
            for row in self._connection.execute(statement, values):  # noqa: UP028 - see above
                yield row
        except sqlite3.Error as error:
            raise StoreError(trouble(self.folder, error)) from error

    # -- ending --------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Commit what is queued; see ``GroupCommit.flush``."""
        self._commits.flush()

    def close(self) -> None:
        """Commit, close and unlock."""
        try:
            self.flush()
        finally:
            self._connection.close()
            unlock(self._lock)


def _dumped(record: Record) -> bytes:
    """As ``orjson.dumps(record.to_dict())``, and several times as fast: orjson reads dataclasses by itself."""
    return orjson.dumps(record, default=dict)
