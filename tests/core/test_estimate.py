"""An estimate is held against a real run: what was asked and read lies in the range that was printed."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from personaloom.config import build_parts, compose, validate
from personaloom.estimate import estimate
from personaloom.llm.ledger import LedgerMode
from personaloom.parts import LedgerSettings
from personaloom.pipeline import Pipeline
from personaloom.sweep_estimate import SweepJob, together

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))
from loopback import LoopbackLLM


def parts(server, out, *words):
    return build_parts(
        validate(
            compose(["llm=gpt4o", f"llm.base_url={server.base_url}", f"output_dir={out}", "tracking=none", *words])
        )
    )


def within(real, bounds):
    return bounds.low <= real <= bounds.high


@pytest.mark.parametrize("noise", ["none", "moderate", "heavy"])
def test_real_calls_and_tokens_lie_in_the_range_stage_by_stage(tmp_path, noise):
    with LoopbackLLM() as server:
        words = ("num_personas=12", f"distractor={noise}")
        told = estimate(parts(server, tmp_path, *words))
        assert server.totals.requests == 0
        assert list(tmp_path.iterdir()) == []
        usage = Pipeline(parts(server, tmp_path, *words)).run()["usage"]
    assert {line.operation for line in told.lines} == set(usage["by_operation"])
    for line in told.lines:
        assert within(usage["by_operation"][line.operation]["calls"], line.calls), line
    for name in ("calls", "input_tokens"):
        assert within(usage["paid"][name], told.total(name)), (name, usage["paid"][name], told.total(name))
    assert told.conversations == 60


def test_stages_without_conversations_are_estimated_by_what_they_make(tmp_path):
    with LoopbackLLM() as server:
        for number, stages in enumerate((["persona"], ["query"])):
            words = ("num_personas=20", "stages=custom", f"stages.run={stages}")
            told = estimate(parts(server, tmp_path, *words))
            before = server.totals.requests
            Pipeline(parts(server, tmp_path, *words)).run()
            assert within(server.totals.requests - before, told.total("calls")), (stages, told)
            assert (told.personas, told.conversations) == (20, 100 * number)
            assert estimate(parts(server, tmp_path, *words)).lines == ()
        assert estimate(parts(server, tmp_path, "stages=custom", "stages.run=[distractor]")).lines == ()


def test_with_the_ledgers_history_the_tokens_of_every_stage_are_in_the_range(tmp_path):
    """The loopback server writes less than a real model; once the ledger has seen that, the estimate knows."""
    with LoopbackLLM() as server:
        Pipeline(parts(server, tmp_path, "num_personas=8", "name=first")).run()
        words = ("num_personas=20", "seed=3")
        told = estimate(parts(server, tmp_path, *words))
        usage = Pipeline(parts(server, tmp_path, *words)).run()["usage"]
    assert {line.source for line in told.lines} >= {"ledger"}
    for line in told.lines:
        real = usage["by_operation"][line.operation]
        assert within(real["calls"], line.calls), (line, real)
        if line.source == "ledger":
            assert within(real["input_tokens"], line.input_tokens), (line, real)
            assert within(real["output_tokens"], line.output_tokens), (line, real)
    for name in ("calls", "input_tokens", "output_tokens"):
        assert within(usage["paid"][name], told.total(name)), (name, usage["paid"][name], told.total(name))


def test_what_is_there_already_is_not_estimated_again(tmp_path):
    with LoopbackLLM() as server:
        Pipeline(parts(server, tmp_path, "num_personas=2")).run()
        assert estimate(parts(server, tmp_path, "num_personas=2")).lines == ()
        more = estimate(parts(server, tmp_path, "num_personas=3"))
    assert (more.done, more.conversations, more.personas) == (10, 5, 1)


def test_a_cost_is_a_range_where_the_price_is_known_and_unknown_where_it_is_not(tmp_path):
    with LoopbackLLM() as server:
        price = "llm.price={input_per_million: 1, output_per_million: 2}"
        known = estimate(parts(server, tmp_path, "num_personas=2", price)).total("cost_usd")
        assert 0 < known.low < known.likely < known.high
        assert estimate(parts(server, tmp_path, "num_personas=2")).total("cost_usd") is None


def test_what_jobs_of_a_sweep_ask_alike_is_counted_once(tmp_path):
    with LoopbackLLM() as server:

        def job(*words):
            built = parts(server, tmp_path, "num_personas=3", *words)
            return SweepJob(built, estimate(built))

        none, heavy = job("distractor=none"), job("distractor=heavy")
        for each in (none, heavy):
            Pipeline(each.parts).run()
        real = server.totals.requests
    told = together([none, heavy])["calls"]
    apart = [each.alone.total("calls") for each in (none, heavy)]
    assert within(real, told), (real, told)
    assert told.likely < 0.85 * sum(each.likely for each in apart)
    assert together([none, none])["calls"] == apart[0]
    unkept = replace(none, parts=replace(none.parts, ledger=LedgerSettings(tmp_path / "x", LedgerMode.OFF)))
    assert together([none, unkept])["calls"].likely == pytest.approx(2 * apart[0].likely)
