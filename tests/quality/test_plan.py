"""The quality plan: flagged, filtered or left alone, as the config says."""

from pathlib import Path

import pytest
import yaml

from personaloom.errors import ConfigError
from personaloom.quality import QualityPlan
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
    others = {
        QualityPlan(action="filter").fingerprint(),
        QualityPlan(checks={"min_chars": 2}).fingerprint(),
        QualityPlan(action="off").fingerprint(),
    }
    assert len(others | {base}) == 4


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
