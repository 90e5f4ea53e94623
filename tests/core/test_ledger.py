"""The ledger: what was paid is found again, by anyone, and a damaged file never answers."""

import asyncio
import sqlite3
import stat
import time

import pytest

from personaloom.errors import RunInterruptedError, StoreError
from personaloom.llm import ledger as ledger_module
from personaloom.llm.ledger import Ledger, LedgerMode, call_hash
from personaloom.llm.ledger_upkeep import LedgerUpkeep
from personaloom.llm.types import CallKey, ChatMessage, Deployment, LLMReply, LLMRequest, Purpose, Role, Sampling, Usage

REAL = Deployment("openai", "openai/gpt-4o")


def request(text="hello", attempt=0, seed=1):
    key = CallKey(seed, "p000000", "p000000-q00", 0, Role.ASSISTANT, 0, Purpose.ASSISTANT_RESPONSE, attempt)
    return LLMRequest(Role.ASSISTANT, (ChatMessage("user", text),), key)


def reply(text="hi"):
    return LLMReply(text, Usage(5, 2, cached_tokens=1), "openai/gpt-4o", "gpt-4o-2024-08-06", cost_usd=0.01)


async def paid(ledger, asked, answer):
    key = call_hash(REAL, asked, Sampling())
    assert await ledger.claim(key) is None
    await ledger.put(key, asked, REAL, answer)
    return key


def test_a_committed_reply_is_found_by_the_next_process_with_its_usage(tmp_path):
    async def first():
        ledger = Ledger(tmp_path / "ledger.sqlite", dataset="a")
        key = await paid(ledger, request(), reply())
        ledger.close()
        return key

    key = asyncio.run(first())
    entry = Ledger(tmp_path / "ledger.sqlite", dataset="b").find(key)
    assert entry.reply.text == "hi"
    assert entry.reply.usage == Usage(5, 2, cached_tokens=1)
    assert entry.reply.from_ledger
    assert entry.reply.attempts == 0
    assert entry.payer == "a"


def test_a_group_waits_for_more_only_where_more_can_come(tmp_path, monkeypatch):
    """With an hour to a group: what most calls wait for is committed at once, what few wait for is not."""
    monkeypatch.setattr(ledger_module, "GROUP_SECONDS", 3600)
    keys = [bytes([number]) * 32 for number in range(6)]

    async def main():
        ledger = Ledger(tmp_path / "l.sqlite")
        await asyncio.wait_for(asyncio.gather(*(ledger.claim(key) for key in keys)), 60)  # nobody else is under way
        first = asyncio.ensure_future(ledger.put(keys[0], request(), REAL, reply()))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not first.done()  # five are still asked for
        rest = [ledger.put(key, request(), REAL, reply()) for key in keys[1:4]]
        await asyncio.wait_for(asyncio.gather(first, *rest), 60)
        assert ledger.find(keys[0]).reply.text == "hi"
        ledger.close()

    asyncio.run(main())


def test_everything_that_could_change_the_reply_changes_the_key():
    base = call_hash(REAL, request(), Sampling())
    others = [
        call_hash(Deployment("openai", "openai/gpt-4o", "http://127.0.0.1:1/v1"), request(), Sampling()),
        call_hash(Deployment("azure", "openai/gpt-4o"), request(), Sampling()),
        call_hash(REAL, request("other"), Sampling()),
        call_hash(REAL, request(attempt=1), Sampling()),
        call_hash(REAL, request(seed=2), Sampling()),
        call_hash(REAL, request(), Sampling(temperature=0.1)),
        call_hash(REAL, request(), Sampling(extra_body={"top_k": 1})),
    ]
    assert len({base, *others}) == 8
    assert call_hash(REAL, request(), Sampling()) == base


def test_the_second_process_waits_for_the_reply_of_the_first(tmp_path):
    """Two ledgers stand for two processes: each has an owner of its own."""

    async def both():
        one, two = (Ledger(tmp_path / "l.sqlite", dataset=name) for name in "ab")
        key = call_hash(REAL, request(), Sampling())
        assert await one.claim(key) is None
        waiting = asyncio.ensure_future(two.claim(key))
        while not two.waiting_for:  # noqa: ASYNC110 - the ledger has no event for this
            await asyncio.sleep(0)
        assert two.waiting_for == "replies that another run asks for"
        assert not waiting.done()
        await one.put(key, request(), REAL, reply("shared"))
        entry = await waiting
        one.close()
        two.close()
        return entry

    assert asyncio.run(both()).reply.text == "shared"


def test_a_run_that_is_ending_waits_for_no_other(tmp_path):
    async def both():
        one, two = (Ledger(tmp_path / "l.sqlite") for _ in range(2))
        await one.claim(b"key")
        waiting = asyncio.ensure_future(two.claim(b"key"))
        while not two.waiting_for:  # noqa: ASYNC110 - the ledger has no event for this
            await asyncio.sleep(0)
        two.wait_no_more(RunInterruptedError("stop"))
        with pytest.raises(RunInterruptedError):
            await waiting
        one.close()
        two.close()

    asyncio.run(asyncio.wait_for(both(), 20))


def test_who_waits_for_another_program_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_module, "NOTICEABLE_SECONDS", 0.0)

    async def held():
        ledger = Ledger(tmp_path / "l.sqlite")
        with sqlite3.connect(tmp_path / "l.sqlite") as other:
            other.execute("BEGIN EXCLUSIVE")
            waiting = asyncio.ensure_future(ledger.claim(b"key"))
            while not ledger.waiting_for:  # noqa: ASYNC110 - the ledger has no event for this
                await asyncio.sleep(0)
            assert ledger.waiting_for == "l.sqlite: held by another program"
        assert await waiting is None
        assert ledger.waiting_for == ""
        ledger.close()

    asyncio.run(asyncio.wait_for(held(), 20))


def test_a_lease_given_up_goes_to_the_one_who_waits(tmp_path):
    async def both():
        one, two = (Ledger(tmp_path / "l.sqlite") for _ in range(2))
        key = call_hash(REAL, request(), Sampling())
        await one.claim(key)
        waiting = asyncio.ensure_future(two.claim(key))
        await asyncio.sleep(0)
        one.release(key)
        assert await waiting is None
        one.close()
        two.close()

    asyncio.run(both())


def test_the_lease_of_a_killed_process_is_taken_over_at_once(tmp_path):
    async def after():
        ledger = Ledger(tmp_path / "l.sqlite")
        key = call_hash(REAL, request(), Sampling())
        with sqlite3.connect(tmp_path / "l.sqlite") as other:
            owner = ledger._owner.split(":")
            owner[1], owner[2] = "999999999", "1"  # no such process
            other.execute("INSERT INTO leases VALUES (?, ?, ?)", (key, ":".join(owner), time.monotonic() + 50))
        assert await ledger.claim(key) is None
        ledger.close()

    asyncio.run(after())


@pytest.mark.parametrize(
    ("jump", "left", "taken"), [(9e4, 50, False), (-9e4, 50, False), (0, -1, True), (0, 9e5, True)]
)
def test_a_lease_ends_with_its_time_and_not_when_somebody_sets_the_clock(tmp_path, monkeypatch, jump, left, taken):
    """9e5: from before the machine was started again, by a process on another host."""

    async def work():
        ledger = Ledger(tmp_path / "l.sqlite")
        with sqlite3.connect(tmp_path / "l.sqlite") as other:
            other.execute("INSERT INTO leases VALUES (?, ?, ?)", (b"key", "elsewhere:1:1:x", time.monotonic() + left))
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + jump)
        waiting = asyncio.ensure_future(ledger.claim(b"key"))
        while not (waiting.done() or ledger.waiting_for):  # noqa: ASYNC110 - there is no event for this
            await asyncio.sleep(0)
        assert waiting.done() == taken
        waiting.cancel()
        ledger.close()

    asyncio.run(asyncio.wait_for(work(), 20))


def test_only_the_user_can_read_it(tmp_path):
    Ledger(tmp_path / "l.sqlite").close()
    assert stat.S_IMODE((tmp_path / "l.sqlite").stat().st_mode) == 0o600


def test_a_damaged_file_is_an_error_with_a_remedy(tmp_path):
    (tmp_path / "l.sqlite").write_bytes(b"this is no database, and long enough to be looked at" * 50)
    with pytest.raises(StoreError, match="move it away"):
        Ledger(tmp_path / "l.sqlite")


def test_a_damaged_reply_is_never_given(tmp_path):
    async def work():
        ledger = Ledger(tmp_path / "l.sqlite")
        key = await paid(ledger, request(), reply())
        ledger.close()
        return key

    key = asyncio.run(work())
    with sqlite3.connect(tmp_path / "l.sqlite") as raw:
        raw.execute("UPDATE replies SET reply = ?", (b'["half',))
    with pytest.raises(StoreError, match="does not read as one"):
        Ledger(tmp_path / "l.sqlite").find(key)


def test_a_reply_with_one_changed_byte_is_never_given(tmp_path):
    async def work():
        ledger = Ledger(tmp_path / "l.sqlite")
        key = await paid(ledger, request(), reply("a letter more or less is still JSON"))
        return key, ledger

    key, ledger = asyncio.run(work())
    with sqlite3.connect(tmp_path / "l.sqlite") as raw:
        (blob,) = raw.execute("SELECT reply FROM replies").fetchone()
    for place in range(len(blob)):
        wrong = blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
        ledger._connection.execute("UPDATE replies SET reply = ?", (wrong,))
        with pytest.raises(StoreError, match="does not read as one"):
            ledger.find(key)
    ledger.close()


def test_another_schema_is_refused_with_a_remedy(tmp_path):
    Ledger(tmp_path / "l.sqlite").close()
    with sqlite3.connect(tmp_path / "l.sqlite") as raw:
        raw.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"schema 99.*ledger\.path"):
        Ledger(tmp_path / "l.sqlite")


def test_somebody_elses_database_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "mine.sqlite") as raw:
        raw.execute("CREATE TABLE precious (x)")
    with pytest.raises(StoreError, match="not a ledger"):
        Ledger(tmp_path / "mine.sqlite")


def test_readonly_needs_a_ledger_and_writes_nothing(tmp_path):
    with pytest.raises(StoreError, match=r"ledger\.path"):
        Ledger(tmp_path / "none.sqlite", LedgerMode.READONLY)
    Ledger(tmp_path / "l.sqlite").close()

    async def work():
        ledger = Ledger(tmp_path / "l.sqlite", LedgerMode.READONLY)
        key = call_hash(REAL, request(), Sampling())
        assert await ledger.claim(key) is None
        await ledger.put(key, request(), REAL, reply())
        return ledger.find(key)

    assert asyncio.run(work()) is None


def test_off_opens_no_file(tmp_path):
    ledger = Ledger(tmp_path / "l.sqlite", "off")
    assert ledger.find(b"x") is None
    assert list(tmp_path.iterdir()) == []


def test_a_slice_replays_one_dataset_and_pruning_spares_what_others_use(tmp_path):
    async def work():
        ledger = Ledger(tmp_path / "l.sqlite", dataset="a")
        shared = await paid(ledger, request("shared"), reply("s"))
        own = await paid(ledger, request("own"), reply("o"))
        ledger.close()
        other = Ledger(tmp_path / "l.sqlite", dataset="b")
        other.note_use(shared)
        await paid(other, request("b only"), reply("b"))
        other.close()
        return shared, own

    shared, own = asyncio.run(work())
    with LedgerUpkeep(tmp_path / "l.sqlite", LedgerMode.READWRITE) as upkeep:
        assert upkeep.statistics()["datasets"] == {"a": 2, "b": 2}
        assert upkeep.export_slice("a", tmp_path / "slice.sqlite") == 2
        assert upkeep.count(dataset="a") == upkeep.prune(dataset="a") == 1
    ledger = Ledger(tmp_path / "l.sqlite")
    assert ledger.find(own) is None
    assert ledger.find(shared) is not None
    replay = Ledger(tmp_path / "slice.sqlite", LedgerMode.READONLY)
    assert replay.find(own).reply.text == "o"
    assert {path.name for path in tmp_path.glob("slice*")} == {"slice.sqlite"}
    assert stat.S_IMODE((tmp_path / "slice.sqlite").stat().st_mode) == 0o600


def test_it_holds_no_key_and_no_header(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    asyncio.run(paid(Ledger(tmp_path / "l.sqlite"), request(), reply()))
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"sk-very-secret" not in stored


def test_a_failed_run_that_could_not_let_go_holds_up_nobody_in_its_process(tmp_path):
    """As on a full disk: neither the reply nor the end of the lease can be written."""

    async def work():
        failed = Ledger(tmp_path / "l.sqlite")
        key = call_hash(REAL, request(), Sampling())
        assert await failed.claim(key) is None
        other = Ledger(tmp_path / "l.sqlite")
        waiting = asyncio.ensure_future(other.claim(key))
        failed._connection.execute("PRAGMA query_only = 1")
        with pytest.raises(StoreError):
            await failed.put(key, request(), REAL, reply())
        assert not waiting.done()
        failed.close()
        with sqlite3.connect(tmp_path / "l.sqlite") as file:
            assert file.execute("SELECT COUNT(*) FROM leases").fetchone() == (1,)
        assert await waiting is None
        other.close()

    asyncio.run(asyncio.wait_for(work(), 20))


@pytest.mark.parametrize("left", ["nothing", "another ledger"])
def test_a_ledger_that_is_moved_away_in_mid_run_takes_no_further_call(left, tmp_path):
    """SQLite would go on for ever, and what was paid would be in a file that has no name."""

    async def main():
        ledger = Ledger(tmp_path / "ledger.sqlite")
        await paid(ledger, request(), reply())
        (tmp_path / "ledger.sqlite").rename(tmp_path / "moved.sqlite")
        if left != "nothing":
            Ledger(tmp_path / "ledger.sqlite").close()
        with pytest.raises(StoreError, match="was moved, removed or replaced"):
            await ledger.claim(call_hash(REAL, request("more"), Sampling()))
        ledger.close()

    asyncio.run(main())
