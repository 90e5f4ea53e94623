"""What a run shows: bars on a terminal, lines elsewhere, a summary at the end; nothing wider than the terminal."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from personaloom.cli.display import LiveProgress, PlainProgress, duration, make_progress
from personaloom.cli.summary import print_summary
from personaloom.tracking import RunRef


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def terminal(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)


def test_a_terminal_gets_bars_and_anything_else_gets_lines():
    assert isinstance(make_progress(terminal(80)), LiveProgress)
    assert isinstance(make_progress(Console(file=io.StringIO())), PlainProgress)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_bars_fit_the_terminal(width):
    console = terminal(width)
    progress = LiveProgress(console)
    progress.counts.clock = clock = Clock()
    progress.counts.start({"persona": 10, "interaction": 10_462, "distractor": 0})
    clock.now += 60
    progress.advance("persona", 10)
    progress.advance("interaction", 1234, 5)
    progress.advance("distractor", 17)
    progress.usage(12_345, 9_876_543, 1.25, 256)
    progress.status("waiting for openai/gpt-4o: 429, 12 s")
    console.print(progress.render())
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    text = " ".join(lines)
    for part in ("personas", "10/10", "1,234/10,462"):
        assert part in text
    if width >= 60:
        assert "waiting for openai/gpt-4o: 429" in text
        assert "5 failed" in text
        assert "7 min 28 s" in text
    if width >= 80:
        assert "$1.25" in text
        assert "20.6/s" in text


def test_a_stage_at_its_end_keeps_its_rate_and_nothing_is_in_flight_while_files_are_written():
    console = terminal(80)
    progress = LiveProgress(console)
    progress.counts.clock = clock = Clock()
    progress.counts.start({"interaction": 50, "distractor": 0})
    clock.now += 5
    progress.advance("interaction", 50)
    progress.usage(400, 12_000, 0.0, 1)
    progress.status("logging to MLflow")
    clock.now += 95
    console.print(progress.render())
    text = console.file.getvalue()
    assert "10.0/s" in text
    assert "400 calls, 12,000 tokens" in text
    assert "in flight" not in text


def test_what_is_to_be_made_is_said_in_the_singular_too():
    lines: list[str] = []
    progress = PlainProgress(lines.append, 5.0, Clock())
    progress.start({"prompt": 1, "query": 1, "interaction": 2})
    assert lines == ["to make: 1 prompt, 1 query, 2 conversations"]


def test_the_live_display_starts_twice_and_ends_once():
    console = terminal(80)
    progress = LiveProgress(console)
    progress.start({"persona": 2})
    progress.advance("persona", 2)
    progress.start({"query": 3})
    progress.note("dealt again from the start")
    progress.finish()
    progress.finish()
    progress.status("writing the report")
    text = console.file.getvalue()
    assert "dealt again" in text
    assert "writing the report" in text


def test_lines_come_every_few_seconds_and_at_the_end():
    lines: list[str] = []
    clock = Clock()
    progress = PlainProgress(lines.append, 5.0, clock)
    progress.start({"persona": 10, "query": 0, "interaction": 50})
    for _ in range(40):
        clock.now += 0.5
        progress.advance("interaction", 1)
    progress.usage(400, 12_000, None, 3)
    progress.note("a note")
    progress.finish()
    progress.status("logging to MLflow")
    assert lines[0] == "to make: 10 personas, 50 conversations"
    assert [line.partition(":")[0] for line in lines[1:5]] == ["5 s", "10 s", "15 s", "20 s"]
    assert "about 5 s left" in lines[4]
    assert lines[-3:] == [
        "note: a note",
        "20 s: personas 0/10, queries 0, conversations 40/50; 400 calls, 12,000 tokens, cost unknown",
        "logging to MLflow …",
    ]


def test_what_follows_the_last_count_is_said_at_once():
    lines: list[str] = []
    progress = PlainProgress(lines.append, 5.0, Clock())
    progress.start({"persona": 1})
    progress.status("sampling")
    progress.advance("persona", 1)
    progress.status("logging to MLflow")
    progress.finish()
    assert lines == ["to make: 1 persona", "0 s: personas 1/1", "logging to MLflow …"]


def test_fresh_queries_beyond_those_planned_are_no_share_of_them():
    lines: list[str] = []
    progress = PlainProgress(lines.append, 5.0, Clock())
    progress.start({"query": 3})
    progress.advance("query", 4)
    progress.finish()
    assert lines[-1] == "0 s: queries 4"


@pytest.mark.parametrize(("seconds", "text"), [(8.4, "8 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_durations_are_read_by_people(seconds, text):
    assert duration(seconds) == text


def totals(cost):
    return {"calls": 400, "attempts": 402, "input_tokens": 123_456, "output_tokens": 65_432, "cost_usd": cost}


def manifest(**changes):
    layer = {"drawn": 20, "applied": 19}
    return {
        "name": "SIM-personas", "simulated": True, "status": "done", "duration_s": 3.2,
        "counts": {"personas": 10, "prompts": 10, "queries": 50, "interactions": 50, "samples": 50, "turns": 171,
                   "failed": 0, "supplements": 2, "rejected_samples": 0},
        "end_reasons": {"target_reached": 30, "satisfied": 20},
        "noise": {"mode": "realtime", "configured_rate": 0.25, "units": 171, "drawn": 44, "applied": 40, "rejected": 2,
                  "not_applicable": 2, "conversations": 50, "conversations_drawn": 30, "conversations_applied": 28,
                  "layers": {"surface_noise": layer, "incomplete_info": {"drawn": 0, "applied": 0}}, "strategies": {}},
        "failures": {}, "failed_share": 0.0,
        "usage": {"paid": totals(0.0), "attributed": totals(1.5),
                  "by_module": {"interaction_generation": totals(0.0123)},
                  "by_model": {"simulated/persona-1": totals(None)}, "unpriced_models": ["x/y"], "unknown_attempts": 0},
        "models": [{"role": "assistant", "model": "simulated/persona-1"}], "tracking": {"error": None},
    } | changes  # fmt: skip


def summary(width=100, run=None, **changes):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    print_summary(manifest(**changes), Path("outputs/datasets/SIM-personas-0123456789ab"), run, console)
    return console.file.getvalue()


def test_the_summary_says_what_was_made_noised_spent_and_where_it_is():
    links = {
        "Runs": "http://127.0.0.1:5000/#/runs",
        "Samples": "http://127.0.0.1:5000/#/samples",
        "This run": "x",
    }
    text = summary(run=RunRef(kind="mlflow", links=links, serve="mlflow ui"))
    for part in (
        "SIMULATED", "10 personas, 50 conversations", "171 turns", "configured 25.0%", "applied to 23.4%",
        "(40 of 171)", "56.0% of the conversations", "surface_noise 19", "failures  ", "none",
        "interaction_generation", "123,456", "$0.0123", "simulated/persona-1", "unknown",
        "paid by this run: $0.00; for the dataset: $1.50", "x/y", "outputs/datasets/SIM-personas-0123456789ab",
        "mlflow ui", "Runs: http://127.0.0.1:5000/#/runs", "Samples: http://127.0.0.1:5000/#/samples",
    ):  # fmt: skip
        assert part in text, part
    assert "incomplete_info" not in text
    personas = summary(run=RunRef(kind="mlflow", links=links), counts=manifest()["counts"] | {"interactions": 0})
    assert "Runs: " in personas
    assert "Samples: " not in personas


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_summary_fits_narrow_terminals(width):
    """All but what is there to be copied: a path or an address is never broken."""
    address = "http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning"
    said = summary(width, RunRef(links={"Runs": address})).splitlines()
    whole = [line for line in said if "/" in line or "paid by this run" in line]
    assert max(len(line) for line in said if line not in whole) <= width
    assert any(address in line for line in whole)


def test_a_run_that_had_nothing_left_to_do_says_that_it_paid_nothing():
    text = summary(unchanged=True)
    assert "done (nothing was left to make)" in text
    assert "paid by this run: nothing; for the dataset: $1.50" in text


def test_a_run_that_the_ledger_answered_paid_nothing_and_one_that_went_on_paid_what_it_sent():
    usage = manifest()["usage"]
    text = summary(usage=usage | {"this_run": usage["paid"] | {"calls": 0, "cost_usd": 0.0}})
    assert "paid by this run: nothing; for the dataset: $1.50" in text
    text = summary(usage=usage | {"this_run": usage["paid"] | {"calls": 3, "cost_usd": 0.25}})
    assert "paid by this run: $0.2500; for the dataset: $1.50" in text


def test_turns_that_were_looked_at_are_not_called_noise_and_noise_beside_is_counted_by_conversation():
    lines: list[str] = []
    progress = PlainProgress(lines.append)
    progress.start({"interaction": 4, "distractor": 0})
    progress.advance("interaction", 4)
    progress.advance("distractor", 11)
    progress.usage(1, 12, 0.0, 0)
    progress.finish()
    assert lines[-1].endswith("conversations 4/4, user turns 11; 1 call, 12 tokens, $0")
    progress = PlainProgress(lines.append)
    progress.start({"distractor": 4})
    assert lines[-1] == "to make: 4 noisy versions"


def test_pairs_are_counted_with_the_file_that_holds_them():
    assert "5 pairs of a clean and a noisy conversation: robustness_pairs.jsonl" in summary(
        counts=manifest()["counts"] | {"pairs": 5}
    )
    assert "robustness_pairs" not in summary()


def test_failures_and_lost_tracking_are_said_with_the_way_on():
    counts = manifest()["counts"] | {"failed": 3}
    text = summary(counts=counts, failures={"timeout": 3}, failed_share=0.06, tracking={"error": "no answer"})
    assert "3 (6.0%): timeout 3" in text
    assert "not logged: no answer" in text
    assert "stages=track dataset_dir=" in text


def test_what_failed_for_good_is_said_with_the_words_that_ask_for_it_again():
    def said(*kinds, **config):
        counts = manifest()["counts"] | {"failed": 2}
        text = summary(200, counts=counts, failures=dict.fromkeys(kinds, 1), failed_share=0.04, config=config)
        return " ".join(text.split()), [line.split()[1:] for line in text.splitlines() if line.startswith("again")]

    text, (words,) = said("refusal", "timeout", engine={"retry": {"content_attempts": 5}})
    assert words == ["reset=true", "engine.retry.content_attempts=10", "engine.retry.retry_refusals=true"]
    assert "for a passing reason" in text
    assert said("empty_reply", "truncated")[1] == [["reset=true", "engine.retry.max_fault_attempts=12"]]
    assert "a larger llm.max_tokens makes a dataset of its own" in said("truncated")[0]
    assert said("timeout")[1] == said("refusal", ledger={"mode": "off"})[1] == []


def test_the_time_of_report_and_upload_is_said_beside_the_run_s_own():
    console = Console(file=io.StringIO(), width=100)
    print_summary(manifest(), Path("d"), console=console, after={"report": 1.1, "MLflow": 3.2})
    assert "done in 3 s, and 4 s for report and MLflow" in console.file.getvalue()
    print_summary(manifest(unchanged=True), Path("d"), console=console, after={"report": 0.01, "MLflow": 3.2})
    assert "(nothing was left to make), and 3 s for MLflow" in console.file.getvalue()
    assert "MLflow" not in summary()


def test_a_run_that_failed_is_not_said_to_have_no_failures():
    assert "none" in summary()
    assert "failures" not in summary(status="failed", failures={}, counts=manifest()["counts"] | {"failed": 0})


def test_the_command_that_uploads_later_names_the_store_that_the_run_was_meant_for():
    config = {"output_dir": "elsewhere", "experiment_name": "personaloom", "tracking": {"uri": "http://127.0.0.1:9"}}
    text = summary(config=config, tracking={"error": "no answer"})
    folder = "outputs/datasets/SIM-personas-0123456789ab"
    command = f"stages=track dataset_dir={folder} output_dir=elsewhere tracking.uri=http://127.0.0.1:9\n"
    assert command in text


def test_a_key_that_is_set_and_was_not_used_is_said_without_its_value(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "do-not-show")
    text = summary()
    assert "OPENAI_API_KEY is set and was not used" in " ".join(text.split())
    assert "do-not-show" not in text
    assert "SIMULATED" not in summary(simulated=False)
