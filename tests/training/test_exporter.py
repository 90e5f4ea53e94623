"""The exporter: one pass, whole files or none, statistics that can be counted by hand."""

import hashlib
import json

import pytest
from training_builders import conversation, noise

from personaloom.errors import ConfigError, StoreError
from personaloom.training import TrainingDataExporter


def collected(exporter, personas=10):
    for persona in range(personas):
        noises = [noise("clean", "cleen")] if persona % 2 else []
        for number in range(2):
            yield exporter.collector.collect(conversation(number, persona, 2 + number, noises))


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_files_hold_every_sample_once_and_no_persona_is_in_two_of_them(tmp_path):
    exporter = TrainingDataExporter()
    stats = exporter.export(collected(exporter), tmp_path, simulated=True)
    rows = {name: lines(tmp_path / "training_data" / f"{name}_samples.jsonl") for name in ("train", "val", "test")}
    assert stats["samples_by_split"] == {"train": 16, "val": 2, "test": 2}
    assert {name: len(found) for name, found in rows.items()} == stats["samples_by_split"]
    owners = [{row["persona_id"] for row in found} for found in rows.values()]
    assert sum(map(len, owners)) == len(set.union(*owners)) == 10
    assert all(row["metadata"]["split"] == name for name, found in rows.items() for row in found)


def test_statistics_are_the_ones_counted_by_hand(tmp_path):
    exporter = TrainingDataExporter()
    stats = exporter.export(collected(exporter), tmp_path, simulated=True)
    assert stats["total_samples"] == 20
    assert stats["avg_turns"] == stats["avg_trajectory_length"] == 2.5
    assert stats["persona_distribution"] == {f"p{i:06d}": 2 for i in range(10)}
    noise_stats = stats["distractor_stats"]
    assert noise_stats["samples_with_noise"] == noise_stats["initial_queries_with_noise"] == 10
    assert noise_stats["noise_rate"] == 0.5
    assert noise_stats["layer_distribution"] == {
        "surface_noise": 10,
        "incomplete_info": 0,
        "semantic_ambiguity": 0,
    }
    assert noise_stats["unit_noise_rate"] == 10 / 50
    assert json.loads(json.dumps(stats)) == stats


def test_what_is_not_written_is_counted_all_the_same(tmp_path):
    """Noise of a dataset whose samples show none is still the noise that there was."""
    bare = TrainingDataExporter(
        include_trajectory=False, include_distractor_versions=False, include_metadata=False, include_persona=False
    )
    stats = bare.export(collected(TrainingDataExporter()), tmp_path, simulated=True)
    assert stats["distractor_stats"]["samples_with_noise"] == stats["distractor_stats"]["units_with_noise"] == 10
    kept = {key for row in lines(tmp_path / "training_data" / "train_samples.jsonl") for key in row}
    assert kept == {"sample_id", "persona_id", "original_query", "initial_query", "full_conversation", "num_turns"}


def test_reported_hashes_sizes_and_counts_are_those_of_the_files(tmp_path):
    exporter = TrainingDataExporter(formats=["jsonl", "json"])
    stats = exporter.export(collected(exporter), tmp_path, simulated=True)
    assert len(stats["files"]) == 6
    for relative, facts in stats["files"].items():
        raw = (tmp_path / relative).read_bytes()
        assert facts["sha256"] == hashlib.sha256(raw).hexdigest()
        assert facts["bytes"] == len(raw)
    assert stats["paths"]["json"]["val"] == str(tmp_path / "training_data" / "val_samples.json")


def test_no_samples_give_empty_files_and_zeros(tmp_path):
    stats = TrainingDataExporter(formats=["jsonl", "json"]).export([], tmp_path, simulated=False)
    assert (tmp_path / "training_data" / "test_samples.jsonl").read_bytes() == b""
    assert json.loads((tmp_path / "training_data" / "test_samples.json").read_text()) == []
    assert stats["total_samples"] == stats["avg_turns"] == 0


def test_a_fault_in_mid_export_leaves_the_earlier_files_as_they_were(tmp_path):
    exporter = TrainingDataExporter(formats=["jsonl", "json"])
    exporter.export(collected(exporter), tmp_path, simulated=True)
    folder = tmp_path / "training_data"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def broken():
        yield from collected(exporter, 1)
        raise RuntimeError("the store is gone")

    with pytest.raises(RuntimeError, match="the store is gone"):
        exporter.export(broken(), tmp_path, simulated=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_same_samples_give_the_same_bytes(tmp_path):
    exporter = TrainingDataExporter()
    one = exporter.export(collected(exporter), tmp_path / "a", simulated=True)
    two = exporter.export(collected(exporter), tmp_path / "b", simulated=True)
    assert one["files"] == two["files"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "training_data").write_text("a file stands where the folder should be")
    with pytest.raises(StoreError, match=r"train_samples\.jsonl cannot be written"):
        TrainingDataExporter().export([], tmp_path, simulated=False)


def test_all_faults_of_the_settings_are_listed_with_the_choices():
    with pytest.raises(ConfigError, match=r"(?s)no format 'xml'.*jsonl, json.*train_on.*choose null, all or last"):
        TrainingDataExporter(formats=["xml"], train_on="first")
    with pytest.raises(ConfigError, match="the list is empty"):
        TrainingDataExporter(formats=[])


def test_the_fingerprint_covers_switches_and_split_and_not_the_formats():
    base = TrainingDataExporter().fingerprint()
    assert len(base) == 64
    assert TrainingDataExporter(formats=["json"], system_prompt=True, train_on="all").fingerprint() == base
    others = [
        TrainingDataExporter(include_persona=False),
        TrainingDataExporter(seed=1),
        TrainingDataExporter(split={"train": 0.9, "val": 0.05, "test": 0.05}),
    ]
    assert len({base, *(exporter.fingerprint() for exporter in others)}) == 4


def test_a_lone_surrogate_in_a_text_does_not_stop_the_export(tmp_path):
    exporter = TrainingDataExporter()
    sample = exporter.collector.collect(conversation(noises=[noise("clean", "half \ud83d of a smile")]))
    exporter.export([sample], tmp_path, simulated=True)
    rows = [row for path in (tmp_path / "training_data").iterdir() for row in lines(path)]
    assert rows == [sample.to_dict()]
