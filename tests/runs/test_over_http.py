"""Runs against a server that speaks HTTP on loopback: what it saw is what we report, whatever goes wrong on the way."""

import asyncio
import signal
import sqlite3
from pathlib import Path

import pytest
from harness import Command, content, dataset, lines, manifest, run
from loopback import LoopbackLLM, LoopbackProcess

ROOT = Path(__file__).parents[2]
QUICK = ("engine.retry.base_s=0.001", "engine.retry.cap_s=0.01", "llm.timeout=2")


def gpt4o(server, *words):
    return ("llm=gpt4o", f"llm.base_url={server.base_url}", *words)


def test_the_server_saw_what_the_token_report_says_call_for_call(tmp_path, capsys):
    with LoopbackLLM() as server:
        assert run(*gpt4o(server, "distractor=heavy", "num_personas=4"), out=tmp_path) == 0
        totals = server.totals
        asked = [request.body["messages"] for request in server.requests]
    facts = manifest(tmp_path)
    paid = facts["usage"]["paid"]
    assert paid["attempts"] == paid["calls"] == totals.requests
    assert (paid["input_tokens"], paid["output_tokens"]) == (totals.input_tokens, totals.output_tokens)
    assert facts["counts"]["interactions"] == 20
    assert facts["simulated"] is False
    assert not dataset(tmp_path).name.startswith("SIM-")
    assert facts["usage"]["paid"]["cost_usd"] is None  # nobody told us what this server charges
    assert facts["usage"]["unpriced_models"] == ["openai/gpt-4o"]
    assert len(lines(dataset(tmp_path) / "failures.jsonl")) == facts["counts"]["failed"] == 0
    assert asked
    assert "paid by this run: unknown" in capsys.readouterr().out
    assert run("stages=report", f"dataset_dir={dataset(tmp_path)}", out=tmp_path) == 0
    assert "paid by this run: nothing; for the dataset: unknown" in capsys.readouterr().out


def test_a_second_run_and_a_second_level_pay_only_for_what_differs(tmp_path):
    with LoopbackLLM() as server:
        words = gpt4o(server, "num_personas=3")
        run(*words, "distractor=none", out=tmp_path)
        first = server.totals.requests
        run(*words, "distractor=none", "name=again", out=tmp_path)
        assert server.totals.requests == first
        run(*words, "distractor=light", "name=light", out=tmp_path)
        assert server.totals.requests - first < first
    folders = {path.name.split("-")[0]: path for path in (tmp_path / "datasets").iterdir()}
    again = content(folders["again"])
    assert again == content(folders["personas"])
    import json

    usage = json.loads((folders["again"] / "manifest.json").read_text())["usage"]
    assert usage["attributed"]["calls"] == first
    # The name is outside the fingerprint: it is the same dataset, which paid for these calls itself.
    assert usage["paid"]["calls"] == first
    assert usage["this_run"]["calls"] == 0  # and nothing was sent again
    assert json.loads((folders["personas"] / "manifest.json").read_text())["usage"]["this_run"]["calls"] == first


def test_levels_are_equal_up_to_the_first_unit_that_differs(tmp_path):
    with LoopbackLLM() as server:
        for level in ("none", "light", "heavy"):
            run(*gpt4o(server, "num_personas=4", f"distractor={level}", f"name={level}"), out=tmp_path)
    folders = {path.name.split("-")[0]: path for path in (tmp_path / "datasets").iterdir()}
    talks = {
        level: {t["interaction_id"]: t for t in lines(folder / "interactions.jsonl")}
        for level, folder in folders.items()
    }
    assert set(talks["none"]) == set(talks["light"]) == set(talks["heavy"])
    differing = 0
    for sample, clean in talks["none"].items():
        for level in ("light", "heavy"):
            noisy = talks[level][sample]
            drawn = [n["layer"] is not None for n in noisy["metadata"]["noise"]]
            applied = [n["metadata"]["verdict"] == "applied" for n in noisy["metadata"]["noise"]]
            same = applied.index(True) * 2 if True in applied else len(clean["messages"])
            texts = [[m["content"] for m in talk["messages"][:same]] for talk in (clean, noisy)]
            assert texts[0] == texts[1]
            differing += True in applied
            assert sum(applied) <= sum(drawn)
    assert differing


FAULTS = ["429", "500", "529", "cut", "cut-body", "empty", "no-text", "html", "half-json", "content-type", "slow"]


@pytest.mark.parametrize("fault", [*FAULTS, "mixed"])
def test_every_conversation_is_made_or_has_a_recorded_reason(tmp_path, fault):
    """A fifth of all requests goes wrong; attempts equal the server's count, tokens those of whole replies."""
    faults = {name: 0.2 / len(FAULTS) for name in FAULTS} if fault == "mixed" else {fault: 0.2}
    words = ("num_personas=2", "query.queries_per_persona=3", *QUICK)
    if fault == "slow":  # each of these waits for its deadline
        words += ("llm.timeout=1",)
    with LoopbackLLM(faults=faults, retry_after=0) as server:
        code = run(*gpt4o(server, *words), out=tmp_path)
        totals = server.totals
    facts = manifest(tmp_path)
    assert code in {0, 4}
    assert facts["counts"]["interactions"] + facts["counts"]["failed"] == 6
    failed = {
        line["failure_id"].split("-s")[0] for line in lines(dataset(tmp_path) / "failures.jsonl") if not line["made_up"]
    }
    assert len(failed) == facts["counts"]["failed"]
    paid = facts["usage"]["paid"]
    assert paid["attempts"] == totals.requests
    if fault not in {"no-text", "mixed"}:
        assert (paid["input_tokens"], paid["output_tokens"]) == (totals.input_tokens, totals.output_tokens)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:pydantic.*")
@pytest.mark.parametrize("transport", ["direct", "litellm"])
def test_a_rejected_key_ends_the_run_and_every_request_is_counted(tmp_path, capsys, transport):
    """Some calls come back well, others are in flight or waiting when the first is rejected."""
    words = ("num_personas=20", "engine.concurrency=4", f"llm.transport={transport}")
    with LoopbackLLM(faults={"401": 0.1}, latency=0.01) as server:
        assert run(*gpt4o(server, *words), out=tmp_path) == 1
        sent = server.totals.requests
    assert 4 < sent < 40
    assert "401" in capsys.readouterr().err
    assert manifest(tmp_path)["status"] == "failed"
    assert manifest(tmp_path)["usage"]["paid"]["attempts"] == sent


def test_a_conversation_given_up_at_its_deadline_counts_what_was_sent(tmp_path):
    words = ("num_personas=1", "engine.conversation_deadline_s=0.3", "llm.timeout=20")
    with LoopbackLLM(faults={"hang": 1.0}) as server:
        assert run(*gpt4o(server, *words), out=tmp_path) == 4
        sent = server.totals.requests
    usage = manifest(tmp_path)["usage"]
    assert usage["paid"]["attempts"] == usage["unknown_attempts"] == sent > 0


def test_a_refusing_server_leaves_failures_and_exit_code_4(tmp_path, capsys):
    with LoopbackLLM(faults={"refusal": 1.0}) as server:
        for _ in range(2):  # the second time the prompt fails by itself, and is no conversation
            assert run(*gpt4o(server, "num_personas=1", *QUICK), out=tmp_path) == 4
            facts = manifest(tmp_path)
            assert facts["counts"]["interactions"] == 0
            assert facts["counts"]["failed"] == 5
            assert facts["failures"] == {"refusal": 5}
            assert facts["failed_share"] == 1.0
            assert "\nagain    reset=true engine.retry.content_attempts=6 " in capsys.readouterr().out
    assert (dataset(tmp_path) / "report.html").exists()  # what failed is to be read there


def test_reasons_add_up_to_the_conversations_that_failed(tmp_path):
    """Each has one, the last of its tries; ``failures.jsonl`` has them all."""
    with LoopbackLLM(faults={"refusal": 0.2, "filter": 0.1}) as server:
        assert run(*gpt4o(server, "num_personas=4", "distractor=none", *QUICK), out=tmp_path) == 4
    facts = manifest(tmp_path)
    tries = [line for line in lines(dataset(tmp_path) / "failures.jsonl") if not line["made_up"]]
    assert len(tries) > facts["counts"]["failed"] == sum(facts["failures"].values()) > 0
    assert len(facts["failures"]) > 1


def test_what_failed_in_passing_is_made_up_by_the_same_command(tmp_path):
    words = ("num_personas=2", "engine.retry.max_attempts=1", "distractor=none")
    with LoopbackLLM(script=[None] * 12 + ["500"] * 6) as server:
        assert run(*gpt4o(server, *words), out=tmp_path / "a") == 4
        broken = manifest(tmp_path / "a")["counts"]
        assert broken["failed"] > 0
        assert run(*gpt4o(server, *words), out=tmp_path / "a") == 0
        assert run(*gpt4o(server, *words), out=tmp_path / "b") == 0
    assert manifest(tmp_path / "a")["counts"]["failed"] == 0
    mended, whole = content(dataset(tmp_path / "a")), content(dataset(tmp_path / "b"))
    assert mended == whole


def test_a_budget_of_calls_is_never_passed_and_a_raised_one_goes_on(tmp_path, capsys):
    with LoopbackLLM() as server:
        words = gpt4o(server, "num_personas=2", "distractor=none")
        assert run(*words, "engine.budget.max_calls=20", out=tmp_path) == 3
        assert server.totals.requests == 20
        assert "engine.budget.max_calls=20" in capsys.readouterr().err
        assert manifest(tmp_path)["status"] == "stopped_by_budget"
        assert run(*words, "engine.budget.max_calls=20", out=tmp_path) == 3
        assert server.totals.requests == 20
        assert run(*words, "engine.budget.max_calls=10000", out=tmp_path) == 0
    assert manifest(tmp_path)["status"] == "done"
    assert manifest(tmp_path)["counts"]["interactions"] == 10


def test_a_budget_of_minutes_ends_a_run_that_was_told_to_wait_for_longer(tmp_path):
    with LoopbackLLM(faults={"429": 1.0}, retry_after=600) as server:
        process = Command(*gpt4o(server, "num_personas=1", "engine.budget.max_minutes=0.005"), out=tmp_path / "a")
        assert process.wait() == 3
    assert manifest(tmp_path / "a")["status"] == "stopped_by_budget"


def test_a_budget_in_dollars_is_kept_to_the_cent(tmp_path):
    price = "llm.price={input_per_million: 1000, output_per_million: 2000}"
    with LoopbackLLM() as server:
        words = gpt4o(server, "num_personas=3", "distractor=none", "llm.max_tokens=200", price)
        assert run(*words, "engine.budget.max_cost_usd=20", out=tmp_path) == 3
        spent = server.totals.input_tokens / 1e3 + server.totals.output_tokens * 2 / 1e3
    assert 5 < spent <= 20
    assert manifest(tmp_path)["usage"]["paid"]["cost_usd"] == pytest.approx(spent)


def test_a_budget_without_a_price_is_refused_with_the_way_to_give_one(tmp_path, capsys):
    with LoopbackLLM() as server:
        assert run(*gpt4o(server, "engine.budget.max_cost_usd=1"), out=tmp_path) == 2
        assert server.totals.requests == 0
    assert "llm.price" in capsys.readouterr().err


def stored_replies(out):
    ledger = Path(out) / "ledger.sqlite"
    if not ledger.exists():
        return 0
    with sqlite3.connect(ledger) as connection:
        try:
            return connection.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def test_kill_9_at_twenty_moments_costs_at_most_what_was_in_flight(tmp_path):
    """One run, killed twenty times and begun again, ends as one that was never interrupted."""
    # Some 300 calls, killed at 141 at the latest: there is most of a run left for a signal that comes late.
    words = ("num_personas=6", "engine.concurrency=8", "distractor=heavy")
    with LoopbackProcess(latency=0.02) as server:
        for moment in range(20):
            process = Command(*gpt4o(server, *words), out=tmp_path / "killed")
            goal = 8 + 7 * moment
            process.wait_for(lambda goal=goal: stored_replies(tmp_path / "killed") >= goal)
            process.signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        assert run(*gpt4o(server, *words), out=tmp_path / "killed") == 0
        asked = server.stats()["requests"]
        stored = stored_replies(tmp_path / "killed")
        assert run(*gpt4o(server, *words), out=tmp_path / "whole") == 0
    assert asked <= stored + 20 * 10  # conversations in flight: a quarter more than engine.concurrency
    assert content(dataset(tmp_path / "killed")) == content(dataset(tmp_path / "whole"))
    killed, whole = (manifest(tmp_path / name)["usage"]["attributed"] for name in ("killed", "whole"))
    for what in ("calls", "input_tokens", "output_tokens"):
        assert killed[what] == whole[what]


def test_ctrl_c_stores_what_is_in_flight_and_the_same_command_goes_on(tmp_path):
    words = ("num_personas=6", "distractor=none", "engine.concurrency=8")
    with LoopbackProcess(latency=0.05) as server:
        process = Command(*gpt4o(server, *words), out=tmp_path / "a")
        process.wait_for(lambda: stored_replies(tmp_path / "a") >= 20)
        process.signal(signal.SIGINT)
        assert process.wait() == 130, process.log.read_text()
        assert "run the same command to go on" in process.log.read_text()
        assert stored_replies(tmp_path / "a") == server.stats()["requests"]
        assert manifest(tmp_path / "a")["status"] == "interrupted"
        assert run(*gpt4o(server, *words), out=tmp_path / "a") == 0
        total = server.stats()["requests"]
        assert run(*gpt4o(server, *words), out=tmp_path / "b") == 0
        assert server.stats()["requests"] == 2 * total
    assert content(dataset(tmp_path / "a")) == content(dataset(tmp_path / "b"))


def test_a_hanging_server_is_no_hanging_run(tmp_path):
    words = ("num_personas=1", "llm.timeout=0.2", "engine.retry.max_attempts=2", "engine.retry.base_s=0.01")
    with LoopbackLLM(faults={"hang": 1.0}) as server:
        assert run(*gpt4o(server, *words), out=tmp_path) == 4
    assert set(manifest(tmp_path)["failures"]) == {"timeout"}


def test_no_key_reaches_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-proj-never-to-be-seen-0123456789")
    with LoopbackLLM() as server:
        assert run(*gpt4o(server, "num_personas=1", "llm.api_key_env=OPENAI_API_KEY"), out=tmp_path) == 0
        assert server.requests[0].headers["authorization"] == "Bearer sk-proj-never-to-be-seen-0123456789"
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"never-to-be-seen" not in path.read_bytes(), path


def test_a_pipeline_works_inside_a_running_event_loop_twice_and_in_threads(tmp_path):
    import threading

    from personaloom import EnhancedPersonaGenerationPipeline

    def make(name):
        overrides = [f"output_dir={tmp_path}", f"name={name}", "tracking=none"]
        return EnhancedPersonaGenerationPipeline(ROOT / "conf" / "config.yaml", overrides).run(num_personas=1)

    async def notebook_cell():
        return make("a"), make("a")

    first, second = asyncio.run(notebook_cell())
    assert first["interactions"] == second["interactions"]
    results = {}
    threads = [threading.Thread(target=lambda n=n: results.update({n: make(n)})) for n in ("t1", "t2", "t3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert all(result["training_data"]["total_samples"] == 5 for result in results.values())


def test_posthoc_noise_leaves_the_conversation_as_it_was(tmp_path, capsys):
    with LoopbackLLM() as server:
        run(*gpt4o(server, "num_personas=2", "distractor=none", "name=clean"), out=tmp_path)
        run(*gpt4o(server, "num_personas=2", "distractor=heavy", "distractor.mode=posthoc", "name=post"), out=tmp_path)
    assert "noisy versions 10/10" in capsys.readouterr().err
    folders = {path.name.split("-")[0]: path for path in (tmp_path / "datasets").iterdir()}
    clean, post = (lines(folders[name] / "interactions.jsonl") for name in ("clean", "post"))
    said = [[[m["content"] for m in talk["messages"]] for talk in talks] for talks in (clean, post)]
    assert said[0] == said[1]
    applied = [n for talk in post for n in talk["metadata"]["noise"] if n["metadata"]["verdict"] == "applied"]
    assert applied
    assert all(n["noisy_text"] != n["original_text"] for n in applied)


def test_pairs_share_every_turn_before_the_first_noisy_one(tmp_path):
    with LoopbackLLM() as server:
        run(*gpt4o(server, "num_personas=3", "distractor=heavy", "distractor.pairs=true"), out=tmp_path)
    pairs = lines(dataset(tmp_path) / "robustness_pairs.jsonl")
    talks = {talk["interaction_id"]: talk for talk in lines(dataset(tmp_path) / "interactions.jsonl")}
    assert len(pairs) == manifest(tmp_path)["counts"]["pairs"] > 0
    for pair in pairs:
        shared = 2 * pair["shared_turns"]
        assert pair["clean"]["messages"][:shared] == pair["noisy"]["messages"][:shared]
        noise = talks[pair["pair_id"]]["metadata"]["noise"][pair["shared_turns"]]
        assert pair["clean"]["messages"][shared]["content"] == noise["original_text"]
        assert pair["noisy"]["messages"][shared]["content"] == noise["noisy_text"]


def test_a_readonly_ledger_replays_without_a_server(tmp_path):
    with LoopbackLLM() as server:
        words = gpt4o(server, "num_personas=1")
        assert run(*words, out=tmp_path / "a") == 0
    replay = ("ledger.mode=readonly", f"ledger.path={tmp_path / 'a' / 'ledger.sqlite'}")
    assert run(*words, *replay, out=tmp_path / "b") == 0
    assert content(dataset(tmp_path / "a")) == content(dataset(tmp_path / "b"))
    assert run(*words, *replay, "num_personas=2", out=tmp_path / "b") == 1


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert run("num_personas=1", out=blocked) in {1, 2}
    said = capsys.readouterr().err
    assert str(blocked) in said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_stopping_at_any_call_and_going_on_ends_in_the_same_dataset(tmp_path):
    """With refusals that call for supplements: a budget stops the run at ever later calls, in mid-supplement too."""
    words = ("num_personas=3", "query.queries_per_persona=3", "distractor=none", "engine.retry.content_attempts=1")
    with LoopbackLLM(faults={"refusal": 0.06}) as server:
        code = run(*gpt4o(server, *words), out=tmp_path / "whole")
        total = server.totals.requests
        server.reset()
        for calls in range(5, total, 9):
            assert run(*gpt4o(server, *words, f"engine.budget.max_calls={calls}"), out=tmp_path / "bits") == 3
        assert run(*gpt4o(server, *words), out=tmp_path / "bits") == code
        assert server.totals.requests == total
    assert manifest(tmp_path / "whole")["counts"]["supplements"] > 0
    assert content(dataset(tmp_path / "bits")) == content(dataset(tmp_path / "whole"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:pydantic.*")
@pytest.mark.parametrize("transport", ["direct", "litellm"])
def test_an_address_where_nobody_is_ends_the_run_soon_and_names_it(tmp_path, capsys, transport):
    words = ("llm=gpt4o", "llm.base_url=http://127.0.0.1:9/v1", "num_personas=20", f"llm.transport={transport}")
    assert run(*words, "engine.retry.base_s=0.01", out=tmp_path) == 1
    said = capsys.readouterr().err
    assert "127.0.0.1:9" in said
    assert "check llm.base_url" in said
    assert manifest(tmp_path)["usage"]["unknown_attempts"] == 0


def test_an_estimate_needs_no_key(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert run("--estimate", "llm=gpt4o", "num_personas=2", out=tmp_path) == 0
    assert "$" in capsys.readouterr().out
    assert run("--estimate", "-m", "llm=gpt4o", "num_personas=1", "distractor=none,heavy", out=tmp_path) == 0
    said = capsys.readouterr().out
    assert "#1 distractor=heavy" in said
    assert "$" in said.partition("all jobs together:")[2]
    assert not (tmp_path / "datasets").exists()


def test_a_model_that_is_not_there_ends_the_run_before_more_is_tried(tmp_path, capsys):
    with LoopbackLLM(script=["404"]) as server:
        words = gpt4o(server, "num_personas=4", "engine.concurrency=4", "distractor=none")
        assert run(*words, out=tmp_path) == 1
        said = " ".join(capsys.readouterr().err.split())
        assert "set llm.model=openai/gpt-4o to one that is there" in said
        assert f"{server.base_url}/models lists" in said
        facts = manifest(tmp_path)
        assert facts["status"] == "failed"
        assert facts["counts"]["failed"] == 0
        assert facts["usage"]["attributed"]["attempts"] == server.totals.requests == 1
        assert run(*words, out=tmp_path) == 0


def test_a_pool_goes_on_without_a_model_that_is_not_there(tmp_path):
    with LoopbackLLM() as server, LoopbackLLM(faults={"404": 1.0}) as empty:
        pool = f"llm.pool=[{{model: openai/gpt-4o}},{{model: openai/gpt-9,base_url: '{empty.base_url}'}}]"
        assert run(*gpt4o(server, "num_personas=2", "distractor=none", pool), out=tmp_path) == 4
        assert empty.totals.requests
    facts = manifest(tmp_path)
    assert facts["counts"]["interactions"] > 0
    assert set(facts["failures"]) == {"model_not_found"}
    assert facts["counts"]["interactions"] + facts["counts"]["failed"] == 10


def test_a_pool_goes_on_without_a_model_that_only_says_too_many_and_the_next_command_makes_it_up(tmp_path):
    words = ("num_personas=2", "distractor=none", "engine.retry.max_outage_s=0.3", *QUICK)
    with LoopbackLLM() as server, LoopbackLLM(faults={"429-plain": 1.0}) as full:
        pool = f"llm.pool=[{{model: openai/gpt-4o}},{{model: openai/gpt-9,base_url: '{full.base_url}'}}]"
        assert run(*gpt4o(server, *words, pool), out=tmp_path / "a") == 4
        facts = manifest(tmp_path / "a")
        assert set(facts["failures"]) == {"unavailable"}
        assert facts["counts"]["interactions"] > 0
        assert facts["counts"]["interactions"] + facts["counts"]["failed"] == 10
        full.faults = {}
        assert run(*gpt4o(server, *words, pool), out=tmp_path / "a") == 0
        assert run(*gpt4o(server, *words, pool), out=tmp_path / "b") == 0
    assert content(dataset(tmp_path / "a")) == content(dataset(tmp_path / "b")), "a conversation belongs to its model"


def test_a_server_that_only_says_too_many_ends_the_run_with_the_reason(tmp_path, capsys):
    words = ("num_personas=4", "distractor=none", "engine.retry.max_outage_s=0.3", *QUICK)
    with LoopbackLLM(faults={"429-plain": 1.0}) as server:
        assert run(*gpt4o(server, *words), out=tmp_path) == 1
        said = " ".join(capsys.readouterr().err.split())
        assert "answered nothing but rejections and faults" in said
        assert "run the same command later to go on" in said
        assert manifest(tmp_path)["counts"]["failed"] == 0
        server.faults = {}
        assert run(*gpt4o(server, *words), out=tmp_path) == 0
