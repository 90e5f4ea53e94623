"""Sweeps from the command line: pairing, jobs that fail, kills, and comparisons afterwards, with the simulated model."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from loopback import LoopbackLLM

from personaloom.cli import entry
from personaloom.cli.sweep import SweepTask, _varying
from personaloom.tracking import TrackingWorker

TINY = ["tracking=none", "num_personas=1", "query.queries_per_persona=2", "interaction=short"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sweeps() -> list[Path]:
    return sorted(Path("outputs/sweeps").iterdir(), key=lambda path: path.stat().st_mtime_ns)


def comparison(folder: Path) -> dict:
    return json.loads((folder / "comparison" / "comparison.json").read_text("utf-8"))


def manifests() -> list[dict]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(Path("outputs/datasets").glob("*/manifest.json"))]


def test_a_sweep_ends_with_a_comparison_that_can_be_made_again_otherwise(capsys):
    """Levels are paired; compare= takes sweeps, folders and fingerprints, and has options."""
    assert entry(["-m", *TINY, "distractor=none,light,heavy"]) == 0
    (sweep,) = sweeps()
    found = comparison(sweep)
    assert [m["label"] for m in found["members"]] == ["distractor=none", "distractor=light", "distractor=heavy"]
    assert [m["pairing"] for m in found["members"]] == ["baseline", "ok (2)", "ok (2)"]
    assert found["sweep"] == {"id": sweep.name, "jobs": 3, "failed": []}
    out = capsys.readouterr().out
    assert "comparison of 3 datasets" in out
    assert "comparison.html" in out
    assert {" ".join(m["sweep"]["differs"]) for m in manifests()} == {m["label"] for m in found["members"]}
    assert entry(["compare=last", "baseline=heavy", "primary=turns"]) == 0
    assert comparison(sweep)["baseline"] == "distractor=heavy"
    assert entry([f"compare={sweep.name}"]) == 0
    assert comparison(sweep)["baseline"] == "distractor=none"
    one, other, _ = sorted(Path("outputs/datasets").iterdir())
    assert entry([f"compare={one},{other.name.rpartition('-')[2][:8]}"]) == 0
    (made,) = Path("outputs/comparisons").iterdir()
    assert (made / "comparison.html").exists()
    capsys.readouterr()
    assert entry(["compare=nowhere"]) == 2
    assert f"sweeps: {sweep.name} or last" in capsys.readouterr().err
    assert entry(["compare=last", "num_personas=3"]) == 2
    assert "baseline=LEVEL" in capsys.readouterr().err


def test_a_job_that_fails_leaves_three_datasets_and_its_reason_on_screen(capsys):
    """The store of one level is damaged by design."""
    assert entry([*TINY, "distractor=heavy"]) == 0
    (broken,) = Path("outputs/datasets").iterdir()
    (broken / "store.sqlite").write_bytes(b"no database at all" * 100)
    capsys.readouterr()
    assert entry(["-m", *TINY, "distractor=none,light,moderate,heavy"]) == 1
    out, err = capsys.readouterr()
    assert "3 of 4 jobs done" in out
    assert "store.sqlite" in err.partition("job #3 failed: ")[2].splitlines()[0]
    assert "Traceback" not in out + err
    found = comparison(sweeps()[-1])
    assert [m["label"] for m in found["members"]] == [f"distractor={level}" for level in ("none", "light", "moderate")]
    (failed,) = found["sweep"]["failed"]
    assert failed["job"] == 3
    assert "store.sqlite" in failed["message"]
    assert "store.sqlite" in (sweeps()[-1] / "comparison" / "summary.md").read_text("utf-8")


def test_seeds_are_replicates(capsys):
    assert entry(["-m", *TINY, "distractor=none,heavy", "seed=1,2"]) == 0
    found = comparison(sweeps()[0])
    assert {m["level"] for m in found["members"]} == {"distractor=none", "distractor=heavy"}
    assert {m["replicate"] for m in found["members"]} == {"seed=1", "seed=2"}
    assert [m["pairing"] for m in found["members"]].count("ok (2)") == 2
    assert all(row["n"] == 2 for row in found["replicates"])
    effects = next(row for row in found["differences"] if row["measure"] == "noisy_turns")
    assert set(effects["replicates"]) == {"seed=1", "seed=2"}
    assert "SD between 2 replicates" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_a_sweep_resumed_after_a_kill_repeats_nothing_and_compares_everything():
    """What is asked again is at most what was in flight when the process died."""
    words = ["-m", "tracking=none", "num_personas=1", "query.queries_per_persona=3", "distractor=none,heavy"]
    words += ["llm=openai_compatible", "llm.model=openai/loopback", "engine.concurrency=4"]
    with LoopbackLLM() as server:
        assert entry([*words, f"llm.base_url={server.base_url}", "output_dir=whole"]) == 0
        whole = server.totals.requests
        server.reset()
        server.latency = 0.02
        command = [*words, f"llm.base_url={server.base_url}"]
        code = "import sys; from personaloom.cli import entry; sys.exit(entry(sys.argv[1:]))"
        process = subprocess.Popen(
            [sys.executable, "-c", code, *command],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while server.totals.requests < whole * 0.6 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        server.latency = 0
        assert entry(command) == 0
        assert whole <= server.totals.requests <= whole + 4
    found = comparison(sweeps()[-1])
    assert [m["pairing"] for m in found["members"]] == ["baseline", "ok (3)"]


def test_runs_are_named_by_the_overrides_that_differ():
    jobs = [["num_personas=3", "distractor=none", "+seed=1"], ["num_personas=3", "distractor=heavy", "+seed=1"]]
    assert _varying(jobs) == ["distractor"]


def test_a_job_that_travels_to_another_process_leaves_the_tracking_child_behind():
    import pickle

    with TrackingWorker() as worker:
        assert pickle.loads(pickle.dumps(SweepTask(worker)))._worker is None


def test_a_killed_worker_costs_the_jobs_that_were_not_done_and_is_said_in_words(capsys, monkeypatch):
    """Joblib ends all workers when one is killed, and raises; what was finished, or half written, is still told."""
    plain, done = SweepTask.__call__, []

    def killed_later(task, loaded):
        if done:
            folder = sweeps()[-1] / "1"
            folder.mkdir(exist_ok=True)
            (folder / "outcome.json").write_text('{"job": 1, "over')
            raise BrokenProcessPool("a worker was terminated")
        plain(task, loaded)
        done.append(1)

    monkeypatch.setattr(SweepTask, "__call__", killed_later)
    assert entry(["-m", *TINY, "distractor=none,light"]) == 1
    said = capsys.readouterr()
    assert "error: a worker process was killed" in said.err
    assert "unforeseen" not in said.err
    assert "1 of 2 jobs done" in said.out
    assert "its process ended without a word" in said.out
