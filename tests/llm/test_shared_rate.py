"""What processes on one key share, and what they do not need it for."""

import os
import subprocess
import sys

import orjson
import pytest

from personaloom.llm.rate import AdaptiveRate
from personaloom.llm.shared_rate import SharedFile, SharedRate

fcntl = pytest.importorskip("fcntl")


def told_too_much(rate: AdaptiveRate) -> None:
    for number in range(1, 9):
        rate.sent(100.0)
        rate.too_much(100.0, number, 7.0)


@pytest.fixture
def pair(tmp_path):
    """Two controllers that share a file."""
    rates = AdaptiveRate(), AdaptiveRate()
    shared = [SharedRate(rate, SharedFile.open("m", tmp_path), lambda: 100.0) for rate in rates]
    yield list(zip(rates, shared, strict=True))
    for one in shared:
        one.close()


def test_what_one_process_was_told_the_others_know(pair):
    (mine, my_share), (other, others_share) = pair
    with my_share:
        told_too_much(mine)
    assert not other.limited
    with others_share:
        assert other.snapshot() == mine.snapshot()
        assert other.paused_until == 107.0
    assert others_share.joined_at == 100.0, "numbers of its requests from before mean nothing since"


def test_each_step_of_one_is_seen_by_the_other(pair):
    (mine, my_share), (other, others_share) = pair
    with my_share:
        told_too_much(mine)
    numbers = []
    for rate, share in [(mine, my_share), (other, others_share)] * 3:
        with share:
            numbers.append(rate.sent(110.0))
    assert numbers == [9, 10, 11, 12, 13, 14]


def test_nothing_is_locked_or_written_until_a_server_complains(pair, tmp_path):
    (mine, my_share), _ = pair
    with my_share:
        mine.accepted(100.0, mine.sent(100.0), 0.1)
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [0, 0]


def test_only_numbers_are_written_and_only_for_the_user(pair, tmp_path):
    (mine, my_share), _ = pair
    with my_share:
        told_too_much(mine)
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o077 == 0
    content = next(tmp_path.glob("*.rate")).read_bytes()
    assert len(content) < 8192

    def leaves(value):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return [value] if inner is None else [leaf for item in inner for leaf in leaves(item)]

    assert all(leaf is None or isinstance(leaf, int | float) for leaf in leaves(orjson.loads(content[8:])))


def test_a_run_after_the_others_begins_afresh_even_if_they_were_killed(tmp_path):
    killed = (
        "import os; from pathlib import Path; from personaloom.llm.shared_rate import SharedFile\n"
        f"file = SharedFile.open('m', Path({str(tmp_path)!r})); file.write(b'[]'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", killed], check=False)
    assert next(tmp_path.glob("*.rate")).stat().st_size > 0
    file = SharedFile.open("m", tmp_path)
    assert file.counter() == 0
    file.close()
    assert not list(tmp_path.iterdir())


def test_a_process_that_holds_the_lock_and_is_stopped_holds_up_nobody(pair, tmp_path):
    (mine, my_share), _ = pair
    with my_share:
        told_too_much(mine)
    stopped = os.open(next(tmp_path.glob("*.rate")), os.O_RDWR)
    fcntl.flock(stopped, fcntl.LOCK_EX)
    with my_share:
        assert mine.sent(110.0) == 9
    os.close(stopped)
    with my_share:
        assert mine.sent(110.0) == 10


def test_half_a_content_is_written_anew(pair, tmp_path):
    (mine, my_share), (other, others_share) = pair
    with my_share:
        told_too_much(mine)
    file = SharedFile.open("m", tmp_path)
    file.write(b'{"paused_un')
    file.close()
    with others_share:
        told_too_much(other)
    with my_share:
        assert mine.snapshot() == other.snapshot()


def test_a_folder_that_is_not_the_users_is_not_used(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "link").symlink_to(elsewhere)
    assert SharedFile.open("m", tmp_path / "link") is None
    (tmp_path / "file").write_text("")
    assert SharedFile.open("m", tmp_path / "file") is None
