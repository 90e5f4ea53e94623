"""The store: what is in it stays, one process at a time, and a folder of somebody else's is never touched."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from personaloom.errors import FolderInUseError, StoreError, UsageError
from personaloom.llm.usage import CallRecord
from personaloom.records import Failure, Interaction, Message, PersonaSpec
from personaloom.store import Store


def persona(index):
    return PersonaSpec(f"p{index:06d}", {"role": "engineer"})


def talk(index):
    return Interaction(f"p{index:06d}-q00", f"p{index:06d}", {}, "q", "q", [Message("user", "q")], 1)


def call(name, **extra):
    return CallRecord("m", "o", "x", "p", 1, 1, "", {"call": name, **extra})


def test_records_come_back_in_order_after_reopening(tmp_path):
    store = Store(tmp_path / "d", "f" * 64)
    store.put_personas((i, persona(i)) for i in range(5))
    for index in (3, 1, 2):
        store.put_interaction(index, 0, talk(index), None)
    store.put_prompt(1, "You are …", {"prompt": {"name": "x"}})
    store.close()
    again = Store(tmp_path / "d", "f" * 64)
    assert list(again.slots("interactions", 3)) == [(1, 0), (2, 0)]
    assert [p.system_prompt for _, p in again.personas(3)] == [None, "You are …", None]
    assert again.count("interactions") == 3
    again.close()


def test_a_persona_that_is_there_is_never_changed(tmp_path):
    store = Store(tmp_path / "d", "f")
    store.put_personas([(0, persona(0))])
    store.put_personas([(0, persona(0).with_(features={"role": "other"}))])
    assert next(store.personas(1))[1].features == {"role": "engineer"}
    store.close()


def test_another_dataset_is_refused(tmp_path):
    Store(tmp_path / "d", "a" * 64).close()
    with pytest.raises(UsageError, match="holds another dataset"):
        Store(tmp_path / "d", "b" * 64)


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="no dataset folder of ours"):
        Store(tmp_path, "a")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_second_process_is_told_who_holds_the_folder(tmp_path):
    store = Store(tmp_path / "d", "a")
    code = (
        "import sys; from pathlib import Path; from personaloom.store import Store\n"
        "try: Store(Path(sys.argv[1]), 'a')\nexcept Exception as e: print(type(e).__name__, e)"
    )
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path / "d")], capture_output=True, text=True, check=True)
    with pytest.raises(FolderInUseError, match="another run in this very process"):
        Store(tmp_path / "d", "a")
    store.close()
    assert "FolderInUseError" in said.stdout
    assert "in use by process" in said.stdout
    Store(tmp_path / "d", "a").close()


def test_the_lock_is_free_again_after_a_failed_opening(tmp_path):
    Store(tmp_path / "d", "a").close()
    for _ in range(2):
        with pytest.raises(UsageError):
            Store(tmp_path / "d", "b")
    with pytest.raises(UsageError) as other:
        Store(tmp_path / "d", "b")
    assert not isinstance(other.value, FolderInUseError)


def test_a_disk_that_is_full_at_the_very_end_is_an_error_with_a_remedy(tmp_path):
    store = Store(tmp_path, "f")
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="Free some space"):
        store.put_meta("exported", "x" * 100_000)
    store.close()


def test_a_damaged_store_is_an_error_with_a_remedy(tmp_path):
    (tmp_path / "store.sqlite").write_bytes(b"no database at all, however long it may be" * 100)
    with pytest.raises(StoreError, match="reset=true"):
        Store(tmp_path, "a")


def test_a_replayed_call_is_booked_once_and_a_new_one_every_time(tmp_path):
    store = Store(tmp_path / "d", "a")
    store.put_calls(0, 0, [call("x"), call("y")])
    store.put_calls(0, 0, [call("x", from_ledger=True), call("z", from_ledger=True)])
    store.put_calls(0, 0, [call("x")])
    assert [record["metadata"]["call"] for record in store.calls(1)] == ["x", "y", "z", "x"]
    store.close()


def test_a_failure_that_was_mended_is_forgotten(tmp_path):
    store = Store(tmp_path / "d", "a")
    store.put_failure(0, 0, Failure("p000000-q00", "p000000", "interaction", "timeout", "late", transient=True))
    assert len(list(store.failures(1))) == 1
    store.drop_failure("p000000-q00")
    assert list(store.failures(1)) == []
    store.close()


def test_the_version_rises_with_every_change_and_only_then(tmp_path):
    store = Store(tmp_path / "d", "a")
    store.put_personas([(0, persona(0))])
    version = store.version
    store.flush()
    store.put_meta("note", 1)
    assert store.version == version
    store.put_noise(0, 0, [])
    store.flush()
    assert store.version == version + 1
    store.close()


def test_rows_of_another_store_are_taken_over_whole_or_not_at_all(tmp_path):
    with closing(Store(tmp_path / "there", "x")) as source:
        source.put_personas([(0, PersonaSpec("p000000", {}))])
        source.put_prompt(0, "a prompt", {})
    with closing(sqlite3.connect(tmp_path / "there" / "store.sqlite")) as damaged:
        damaged.execute("DROP TABLE queries")
    with closing(Store(tmp_path / "here", "y")) as store:
        with pytest.raises(StoreError, match="no such table"):
            store.adopt(tmp_path / "there", ("personas", "prompts", "queries"))
        assert store.count("personas") == 0
