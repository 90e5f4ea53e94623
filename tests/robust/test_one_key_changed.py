"""The same command with one key changed, on a dataset that is there: what the key reaches is renewed, and nothing else."""

from typing import ClassVar

import pytest
from harness import dataset, lines, manifest, run
from loopback import LoopbackLLM

from personaloom.tracking import RunRef


def test_what_formats_vary_in_renews_their_files_and_no_sample(tmp_path, capsys):
    words = ("num_personas=1", "query.queries_per_persona=1")
    assert run(*words, "training_data.formats=[jsonl,openai]", out=tmp_path) == 0
    folder = dataset(tmp_path)
    samples = (folder / "training_data/train_samples.jsonl").read_bytes()
    more = ("training_data.formats=[jsonl,openai]", "training_data.system_prompt=true")
    assert run(*words, *more, out=tmp_path) == 0
    (record,) = lines(folder / "training_data/train_openai.jsonl")
    assert record["messages"][0]["role"] == "system"
    assert (folder / "training_data/train_samples.jsonl").read_bytes() == samples
    assert "stay as they were" not in capsys.readouterr().err
    assert run(*words, out=tmp_path) == 0
    assert "an earlier export that stay as they were: openai" in capsys.readouterr().err
    assert "training_data/train_openai.jsonl" not in manifest(tmp_path)["files"]


def test_a_price_that_is_given_later_prices_what_was_made_and_a_later_budget_counts_it(tmp_path, capsys):
    with LoopbackLLM(keep=False) as server:
        at = ("llm=openai_compatible", f"llm.base_url={server.base_url}", "llm.model=m", "query.queries_per_persona=1")
        assert run(*at, "num_personas=1", out=tmp_path) == 0
        assert manifest(tmp_path)["usage"]["attributed"]["cost_usd"] is None
        price = "llm.price={input_per_million: 1, output_per_million: 2}"
        assert run(*at, "num_personas=1", price, out=tmp_path) == 0
        dollars = (server.totals.input_tokens + 2 * server.totals.output_tokens) / 1e6
        assert manifest(tmp_path)["usage"]["paid"]["cost_usd"] == pytest.approx(dollars)
        assert "price unknown" not in capsys.readouterr().out.rpartition("status")[2]
        sent = server.totals.requests
        for limit in (f"max_calls={sent}", f"max_cost_usd={dollars}"):
            assert run(*at, "num_personas=2", price, f"engine.budget.{limit}", out=tmp_path) == 3
        assert server.totals.requests == sent


class Places:
    """A tracker that logs to a place, and a list of the places that were logged to."""

    logged: ClassVar = []

    def __init__(self, place):
        self.run = RunRef(kind="mlflow", run_id="r", uri=place)

    def holds(self, run):
        return run.uri == self.run.uri

    def start_run(self, manifest, config):
        return self.run

    def log(self, folder, config_files=()):
        self.logged.append(self.run.uri)
        return self.run

    def begin(self):
        """Nothing to do."""

    close = begin


def test_a_finished_dataset_is_logged_where_the_command_now_says_and_once(tmp_path, monkeypatch):
    monkeypatch.setattr("personaloom.cli.job.make_tracker", lambda keys, *_: Places(keys["uri"]))
    for place in ("a", "a", "b", "b"):
        assert run("num_personas=1", "query.queries_per_persona=1", f"tracking.uri={place}://x", out=tmp_path) == 0
    assert Places.logged == ["a://x", "b://x"]
    assert manifest(tmp_path)["tracking"]["uri"] == "b://x"
