"""The quality plan: flagged, filtered or left alone, as the config says."""

from pathlib import Path

import pytest
import yaml

from personaloom.errors import ConfigError
from personaloom.quality import Judgement, QualityPlan, Review
from personaloom.quality.intervals import share
from personaloom.quality.scores import rank_correlation
from personaloom.records import TrainingSample
from personaloom.training import TrainingDataExporter

CONF = Path(__file__).parents[2] / "conf"
GOOD = TrainingSample(
    "s", "p", {}, "q", "q", [], [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}], 1, [], {}
)  # fmt: skip
BAD = GOOD.with_(full_conversation=[{"role": "user", "content": "Why?"}])


def test_a_failed_sample_is_flagged_filtered_or_left_alone():
    flagged, verdict = QualityPlan().review(BAD)
    assert flagged.metadata["quality"]["accepted"] is False
    assert "ending" in verdict.reason
    assert QualityPlan(action="filter").review(BAD)[0] is None
    assert QualityPlan(action="off").review(BAD) == (BAD, None)
    for action in ("flag", "filter", "off"):
        assert QualityPlan(action=action).review(GOOD)[0] is GOOD


def test_the_fingerprint_covers_what_changes_samples_and_nothing_else(tmp_path):
    (tmp_path / "bench.txt").write_text("a question of more than five words\n")
    base = QualityPlan().fingerprint()
    assert QualityPlan(statistics=False, judge={}, decontaminate={"b": tmp_path / "bench.txt"}).fingerprint() == base
    assert QualityPlan(action="off").fingerprint() == QualityPlan(checks={"min_chars": 2}).fingerprint() == base
    filtering = {QualityPlan(action="filter", checks={"min_chars": n}).fingerprint() for n in (1, 2)}
    assert len(filtering | {base}) == 3


def test_the_settings_cover_all_that_the_files_depend_on(tmp_path):
    bench = tmp_path / "bench.txt"
    bench.write_text("a question of more than five words\n")
    plans = [{}, {"statistics": False}, {"judge": {}}, {"judge": {"min_mean": 2}}, {"decontaminate": {"b": bench}},
             {"action": "off"}, {"checks": {"min_chars": 2}}]  # fmt: skip
    seen = [QualityPlan(**plan).settings() for plan in plans]
    assert all(seen[i] != seen[j] for i in range(len(seen)) for j in range(i))
    before = QualityPlan(decontaminate={"b": bench}).settings()
    bench.write_text("another question of more than five words\n")
    assert QualityPlan(decontaminate={"b": bench}).settings() != before


def test_too_low_a_score_takes_a_sample_out_and_others_are_told_theirs():
    plan = QualityPlan(judge={"min_mean": 3}, action="off")
    low = Judgement("s", {"coherence": 2, "helpfulness": 3}, model="openai/judge")
    assert plan.filters
    kept, verdict = plan.review(GOOD, low)
    assert kept is None
    assert "coherence 2" in verdict.reason
    assert "2.50" in verdict.reason
    kept, _ = plan.review(GOOD, low.with_(scores={"coherence": 4}))
    assert kept.metadata["judge"] == {
        "scores": {"coherence": 4},
        "mean": 4,
        "model": "openai/judge",
        "simulated": False,
    }
    assert plan.review(GOOD, Judgement("s", skipped="wrote it"))[0] is GOOD


def test_a_review_counts_what_it_saw_and_measures_what_it_kept():
    lines = []
    scores = {"s": Judgement("s", {"coherence": 5}, model="j", simulated=True)}
    review = Review(QualityPlan(action="filter", judge={}), lambda sample: scores.get(sample.sample_id), lines.append)
    assert review.look(GOOD).metadata["judge"]["mean"] == 5
    assert review.look(BAD.with_(sample_id="b")) is None
    (line,) = lines
    assert (line["sample_id"], line["accepted"]) == ("b", False)
    assert "ending" in line["reason"]
    found = review.statistics()["quality"]
    assert found["checks"]["rejected"]["n"] == 2
    assert found["lengths"]["turns"]["n"] == 1
    assert found["judge"]["scores"]["coherence"]["value"] == 5
    assert found["judge"]["note"]
    small = review.summary(found)
    assert (small["rejected"], small["flagged"], small["by_check"]) == (1, 0, {"ending": 1})
    assert small["figures"]["turns"] == {"value": 1.0}
    assert small["figures"]["judge_mean"]["value"] == 5


def test_without_statistics_nothing_is_measured_and_samples_are_still_reviewed():
    review = Review(QualityPlan(statistics=False, action="filter"))
    assert review.look(BAD) is None
    assert review.statistics() == {"quality": {}}
    assert review.summary({})["rejected"] == 1


def test_the_rank_correlation_is_spearmans():
    assert rank_correlation([(1, 2), (2, 4), (3, 6)]) == pytest.approx(1)
    assert rank_correlation([(1, 6), (2, 4), (3, 2)]) == pytest.approx(-1)
    assert rank_correlation([(1, 1), (2, 1), (3, 1)]) is None
    stats = pytest.importorskip("scipy.stats")
    pairs = [(1, 3), (2, 3), (2, 5), (4, 1), (9, 7), (9, 2)]
    assert rank_correlation(pairs) == pytest.approx(stats.spearmanr(*zip(*pairs, strict=True)).statistic)


def test_files_that_are_not_there_are_named():
    with pytest.raises(ConfigError) as caught:
        QualityPlan(action="drop", reference="nowhere.jsonl", decontaminate={"maths": "gone.txt"}, decontaminate_n=2)
    assert [fault.where for fault in caught.value.faults] == [
        "quality.action", "quality.decontaminate_n", "quality.reference", "quality.decontaminate.maths",
    ]  # fmt: skip


def test_the_plan_measures_with_what_the_config_names(tmp_path):
    (tmp_path / "bench.txt").write_text("Because.\nwhy do we measure anything at all here\n")
    (tmp_path / "real.jsonl").write_text("")
    plan = QualityPlan(reference=tmp_path / "real.jsonl", decontaminate={"b": tmp_path / "bench.txt"})
    found = plan.compute([GOOD, BAD], read=lambda path: [GOOD])
    assert found["quality"]["reference"]["reference_samples"] == 1
    assert found["quality"]["checks"]["samples_by_check"] == {"ending": 1}
    assert found["quality"]["decontamination"]["benchmarks"]["b"]["value"] == 0
    assert "quality" not in QualityPlan(statistics=False).compute([GOOD])


def composed(path):
    """A group option over the one it builds on, as the config library would merge them."""
    node = yaml.safe_load(path.read_text("utf-8"))
    base = composed(path.parent / "default.yaml") if "defaults" in node else {}
    node.pop("defaults", None)
    return {
        **base,
        **{
            k: {**base[k], **v} if isinstance(v, dict) and isinstance(base.get(k), dict) else v for k, v in node.items()
        },
    }


@pytest.mark.parametrize("path", sorted((CONF / "quality").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_quality_option_builds(path):
    assert QualityPlan.from_config(composed(path), seed=3).seed == 3


@pytest.mark.parametrize("path", sorted((CONF / "training_data").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_training_data_option_builds(path):
    node = composed(path)
    assert node.pop("_target_") == "personaloom.training.TrainingDataExporter"
    assert TrainingDataExporter(**node, seed=1).formats


def test_the_ends_of_an_interval_are_exact():
    assert all(share(0, n)["low"] == 0 and share(n, n)["high"] == 1 for n in range(1, 200))
