"""What a run does when the world is in its way: a full disk, a folder in use, a locked ledger, a budget that is shared."""

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
from contextlib import contextmanager

import pytest
from harness import Command, content, dataset, lines, manifest, run
from loopback import LoopbackLLM, LoopbackProcess

from personaloom.llm import ledger as ledger_module
from personaloom.llm import ledger_file


def gpt4o(server, *words):
    return ("llm=gpt4o", f"llm.base_url={server.base_url}", "distractor=none", *words)


@contextmanager
def mounted(folder, options):
    """A small file system of its own."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs rights that this machine does not give")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def replies(out):
    with sqlite3.connect(out / "ledger.sqlite") as connection:
        return connection.execute("SELECT COUNT(*) FROM replies").fetchone()[0]


# -- the ledger ----------------------------------------------------------------------------------------------------


def test_a_slice_of_the_ledger_replays_its_dataset_without_a_server(tmp_path, capsys):
    with LoopbackLLM() as server:
        words = gpt4o(server, "num_personas=1")
        assert run(*words, out=tmp_path / "a") == 0
        assert run(*words, "seed=7", "name=other", out=tmp_path / "a") == 0
        asked = server.totals.requests
    folder = next(path for path in (tmp_path / "a" / "datasets").iterdir() if path.name.startswith("personas"))
    target = tmp_path / "slice.sqlite"
    assert run("ledger=export", f"of={folder}", f"to={target}", out=tmp_path / "a") == 0
    kept = replies(tmp_path / "a")
    assert kept == asked
    assert run(*words, "ledger.mode=readonly", f"ledger.path={target}", out=tmp_path / "b") == 0
    assert content(dataset(tmp_path / "b")) == content(folder)
    capsys.readouterr()
    assert run("ledger=show", f"ledger.path={target}", out=tmp_path / "b") == 0
    said = capsys.readouterr().out
    assert f"{json.loads((folder / 'manifest.json').read_text())['usage']['paid']['calls']:,} replies" in said
    assert folder.name.split("-")[-1] in said


def test_a_ledger_of_simulated_runs_says_why_it_is_empty(tmp_path, capsys):
    assert run("num_personas=1", "query.queries_per_persona=1", out=tmp_path) == 0
    assert run("ledger=show", out=tmp_path) == 0
    assert run("ledger=export", f"of={dataset(tmp_path)}", f"to={tmp_path / 's.sqlite'}", out=tmp_path) == 2
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert "of the simulated model are not kept" in text


def test_looking_needs_neither_a_key_nor_a_folder_to_write_to(tmp_path, capsys, monkeypatch):
    with LoopbackLLM() as server:
        run(*gpt4o(server, "num_personas=1", "query.queries_per_persona=1"), out=tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr("personaloom.config.checks.os.access", lambda path, mode: not mode & os.W_OK)
    assert run("ledger=show", "llm=gpt4o", out=tmp_path) == 0
    assert run("--estimate", "llm=gpt4o", "num_personas=1", out=tmp_path) == 0
    assert run("--estimate", "-m", "llm=gpt4o", "num_personas=1", "seed=1,2", out=tmp_path) == 0
    assert run("ledger=prune", "older_than=1d", "llm=gpt4o", out=tmp_path) == 2
    assert "no permission" in capsys.readouterr().err


def test_a_slice_in_a_folder_that_cannot_be_written_replays_too(tmp_path):
    with LoopbackLLM() as server:
        words = gpt4o(server, "num_personas=1")
        assert run(*words, out=tmp_path / "a") == 0
    with mounted(tmp_path / "ro", "size=8m") as place:
        of = dataset(tmp_path / "a").name.split("-")[-1]
        assert run("ledger=export", f"of={of}", f"to={place / 's.sqlite'}", out=tmp_path / "a") == 0
        remount(place, "ro")
        replay = ("ledger.mode=readonly", f"ledger.path={place / 's.sqlite'}")
        assert run(*words, *replay, out=tmp_path / "b") == 0
    assert content(dataset(tmp_path / "b")) == content(dataset(tmp_path / "a"))


def test_pruning_forgets_one_dataset_and_spares_what_others_use(tmp_path, capsys):
    with LoopbackLLM() as server:
        words = gpt4o(server, "num_personas=1")
        assert run(*words, "name=short", "interaction.max_turns=2", out=tmp_path) == 0
        assert run(*words, "name=long", out=tmp_path) == 0
        kept = replies(tmp_path)
        long = next(path for path in (tmp_path / "datasets").iterdir() if path.name.startswith("long"))
        assert run("ledger=prune", f"of={long}", out=tmp_path) == 0
        assert 0 < replies(tmp_path) < kept
        before = server.totals.requests
        short = next(path for path in (tmp_path / "datasets").iterdir() if path.name.startswith("short"))
        whole = content(short)
        assert run(*words, "name=short", "interaction.max_turns=2", "reset=true", out=tmp_path) == 0
        assert server.totals.requests == before
        assert content(short) == whole
    assert run("ledger=prune", "older_than=0h", out=tmp_path) == 0
    assert replies(tmp_path) == 0
    assert "replies forgotten" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ledger=prune",), "older_than=30d"),
        (("ledger=prune", "older_than=soon"), "older_than=30d"),
        (("ledger=export", "of=abc"), "to="),
        (("ledger=show", "of=abc"), "takes no of="),
        (("ledger=shw",), "did you mean show"),
        (("ledger=prune", "of=fedcba"), "no dataset of"),
    ],
)
def test_a_ledger_command_that_makes_no_sense_says_what_would(tmp_path, capsys, words, said):
    with LoopbackLLM() as server:
        run(*gpt4o(server, "num_personas=1", "query.queries_per_persona=1"), out=tmp_path)
    capsys.readouterr()
    assert run(*words, out=tmp_path) == 2
    assert said in capsys.readouterr().err


def test_a_ledger_that_another_program_holds_ends_the_run_after_a_bounded_wait(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ledger_module, "BUSY_SECONDS", 0.2)
    with LoopbackLLM() as server:
        words = gpt4o(server, "num_personas=1")
        assert run(*words, "query.queries_per_persona=1", out=tmp_path) == 0
        holder = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        assert run(*words, out=tmp_path) == 1
        assert "held by another program" in capsys.readouterr().err
        holder.execute("ROLLBACK")
        holder.close()
        assert run(*words, out=tmp_path) == 0


def test_a_ledger_that_cannot_even_be_opened_is_said_so_after_a_bounded_wait(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ledger_file, "OPEN_WAIT_S", 0.2)
    with LoopbackLLM() as server:
        words = gpt4o(server, "num_personas=1", "query.queries_per_persona=1")
        assert run(*words, out=tmp_path) == 0
        holder = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        assert run(*words, "seed=2", out=tmp_path) == 1
        assert "held by another program" in capsys.readouterr().err
        holder.close()
        assert run(*words, "seed=2", "name=free", out=tmp_path) == 0


# -- folders and disks -----------------------------------------------------------------------------------------------


def test_the_second_command_on_a_folder_is_told_who_holds_it(tmp_path, capsys):
    with LoopbackProcess(latency=0.2) as server:
        words = gpt4o(server, "num_personas=2")
        first = Command(*words, out=tmp_path / "a")
        first.wait_for(lambda: (tmp_path / "a" / "ledger.sqlite").exists() and server.stats()["requests"] > 2)
        assert run(*words, out=tmp_path / "a") == 1
        said = capsys.readouterr().err
        assert f"in use by process {first.process.pid}" in said
        first.signal(signal.SIGTERM)  # as a scheduler stops a job: like Ctrl-C
        assert first.wait() == 130
        assert run(*words, out=tmp_path / "a") == 0


@pytest.mark.parametrize("kilobytes", [320, 800])
def test_a_full_disk_is_a_clear_error_and_the_same_command_goes_on_with_room(tmp_path, kilobytes):
    with LoopbackLLM() as server, mounted(tmp_path / "small", f"size={kilobytes}k") as place:
        words = gpt4o(server, "num_personas=4", "engine.concurrency=8")
        first = Command(*words, out=place / "out", log=tmp_path / "full.log")
        assert first.wait() == 1
        said = first.log.read_text()
        assert "Free some space" in said or "No space left" in said
        assert "unforeseen" not in said
        remount(place, "size=64m")
        assert run(*words, out=place / "out") == 0
        asked = server.totals.requests
        assert run(*words, out=tmp_path / "whole") == 0
        assert content(dataset(place / "out")) == content(dataset(tmp_path / "whole"))
        # What could not be committed is asked for again: at most a call of each conversation that was in flight.
        assert asked - (server.totals.requests - asked) <= 10


def test_a_folder_that_becomes_read_only_is_a_clear_error(tmp_path, capsys):
    with LoopbackLLM() as server, mounted(tmp_path / "ro", "size=64m") as place:
        words = gpt4o(server, "num_personas=1")
        assert run(*words, "query.queries_per_persona=1", out=place / "out") == 0
        remount(place, "ro")
        assert run(*words, out=place / "out") in {1, 2}
        said = capsys.readouterr().err
        assert "cannot be written" in said
        assert "name another folder" in said
        remount(place, "rw")
        assert run(*words, out=place / "out") == 0


# -- failures --------------------------------------------------------------------------------------------------------


def test_a_conversation_that_takes_too_long_is_a_recorded_failure_and_the_others_are_made(tmp_path):
    slow = "what should"  # the loopback server is slow with whoever says this

    def latency(body):
        return 30.0 if slow in str(body["messages"]).lower() else 0.0

    with LoopbackLLM(latency=latency) as server:
        words = ("num_personas=3", "engine.conversation_deadline_s=2", "engine.max_failed_share=1")
        assert run(*gpt4o(server, *words), out=tmp_path) == 0
    facts = manifest(tmp_path)
    assert facts["counts"]["interactions"] + facts["counts"]["failed"] == 15
    failures = lines(dataset(tmp_path) / "failures.jsonl")
    assert {failure["kind"] for failure in failures} == {"timeout"}
    assert all("conversation_deadline_s=2" in failure["message"] for failure in failures)
    assert facts["counts"]["interactions"] > 0


def test_a_truncated_reply_is_kept_or_refused_as_the_config_says(tmp_path):
    with LoopbackLLM(faults={"truncated": 1.0}) as server:
        words = gpt4o(server, "num_personas=1", "mode=enhanced", "llm.json_schema=native")
        run(*words, "llm.accept_truncated=false", out=tmp_path / "refused")
    facts = manifest(tmp_path / "refused")
    assert facts["counts"]["interactions"] == 0
    assert "truncated" in facts["failures"]


def test_what_retries_used_is_counted_and_priced(tmp_path):
    """Replies without usable content were answered, so they cost; the report has them to the token and the cent."""
    price = "llm.price={input_per_million: 1, output_per_million: 2}"
    quick = ("engine.retry.base_s=0.001", "engine.retry.cap_s=0.01")
    with LoopbackLLM(faults={"refusal": 0.15, "500": 0.1}) as server:
        run(*gpt4o(server, "num_personas=2", price, *quick), out=tmp_path)
        totals = server.totals
    paid = manifest(tmp_path)["usage"]["paid"]
    assert paid["attempts"] == totals.requests > totals.whole
    assert (paid["input_tokens"], paid["output_tokens"]) == (totals.input_tokens, totals.output_tokens)
    assert paid["cost_usd"] == pytest.approx((totals.input_tokens + 2 * totals.output_tokens) / 1e6)


# -- budget ----------------------------------------------------------------------------------------------------------


def job(url, seed, out, budget):
    """One job of a sweep, as a launcher with several processes starts it; it exits as the command line does."""
    from dataclasses import replace
    from pathlib import Path

    from personaloom.config import build_parts, compose, validate
    from personaloom.pipeline import Pipeline

    words = ("llm=gpt4o", f"llm.base_url={url}", "distractor=none", "num_personas=2", "tracking=none", f"seed={seed}")
    parts = build_parts(validate(compose([*words, f"engine.budget.max_calls={budget}", f"output_dir={out}"])))
    pipeline = Pipeline(replace(parts, output_dir=Path(out), sweep={"id": "four"}))
    pipeline.run()
    raise SystemExit(0 if pipeline.stopped is None else pipeline.stopped.exit_code)


def test_four_jobs_of_a_sweep_in_processes_of_their_own_share_one_budget(tmp_path):
    """Together they never pass it, each exports what it has, and a raised one lets them end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness", "personaloom.api"])
    with LoopbackProcess(latency=0.01) as server:
        for budget, codes in ((60, {3}), (10_000, {0})):
            jobs = [context.Process(target=job, args=(server.base_url, seed, tmp_path, budget)) for seed in range(4)]
            for process in jobs:
                process.start()
            for process in jobs:
                process.join(120)
            assert {process.exitcode for process in jobs} == codes
            if codes == {3}:
                assert server.stats()["requests"] == budget
                made = [json.loads(path.read_text()) for path in tmp_path.glob("datasets/*/manifest.json")]
                assert [facts["status"] for facts in made] == ["stopped_by_budget"] * 4
                assert sum(facts["usage"]["paid"]["calls"] for facts in made) == budget
    made = [json.loads(path.read_text()) for path in tmp_path.glob("datasets/*/manifest.json")]
    assert [facts["counts"]["interactions"] for facts in made] == [10] * 4


def test_the_jobs_of_a_sweep_on_the_command_line_share_one_budget_and_export_what_they_have(tmp_path):
    with LoopbackLLM() as server:
        words = gpt4o(server, "num_personas=1", "engine.budget.max_calls=50")
        assert run("-m", *words, "seed=1,2", out=tmp_path) == 3
        assert server.totals.requests == 50
        assert run("-m", *words, "seed=1,2,3", out=tmp_path) == 3  # again, and larger: what was spent is spent
        assert server.totals.requests == 50
    statuses = [json.loads(path.read_text())["status"] for path in tmp_path.glob("datasets/*/manifest.json")]
    assert "stopped_by_budget" in statuses
