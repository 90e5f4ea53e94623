"""The reference's output folders become a dataset that can be read, compared and exported."""

import json
import shutil
from pathlib import Path

import pytest

from personaloom.cli import entry
from personaloom.config.reference.dataset import read_in
from personaloom.config.reference.outputs import interaction_of
from personaloom.errors import InputError
from personaloom.files import file_facts
from personaloom.records import Interaction, NoiseVerdict, PersonaSpec, TrainingSample

OUTPUT = Path(__file__).parent / "data" / "output"


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def own_id(record):
    """The reference's id of a conversation or sample."""
    return record["metadata"]["read_in"]["interaction_id"]


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return read_in(OUTPUT)


def test_every_persona_and_conversation_is_there_once(dataset):
    folder, manifest = dataset
    people = [PersonaSpec.from_dict(record) for record in lines(folder / "personas.jsonl")]
    talks = [Interaction.from_dict(record) for record in lines(folder / "interactions.jsonl")]
    assert len(people) == 2
    assert len({talk.interaction_id for talk in talks}) == len(talks) == 3
    assert {talk.persona_id for talk in talks} == {person.persona_id for person in people}
    assert people[0].features["age_band"] == "2534"  # a number in the file, a text here
    assert people[0].system_prompt
    assert people[0].metadata["read_in"] == {"persona_id": "persona_20260101_120001_000000000001"}
    assert manifest["counts"]["interactions"] == 3
    assert manifest["counts"]["turns"] == 5


def test_noise_counts_as_applied_only_where_the_text_differs(dataset):
    folder, manifest = dataset
    noise = {
        own_id(talk)[-1]: [entry["metadata"]["verdict"] for entry in talk["metadata"]["noise"]]
        for talk in lines(folder / "interactions.jsonl")
    }
    assert noise == {"1": ["not_drawn", "applied"], "2": ["applied"], "3": ["rejected", "not_drawn"]}
    counts = manifest["noise"]
    assert (counts["units"], counts["drawn"], counts["applied"], counts["rejected"]) == (5, 3, 2, 1)
    assert counts["configured_rate"] is None


def test_splits_are_the_references_and_the_newest_export_counts(dataset):
    folder, manifest = dataset
    where = {
        own_id(record)[-1]: split
        for split in ("train", "val", "test")
        for record in lines(folder / "training_data" / f"{split}_samples.jsonl")
    }
    assert where["1"] == "train"
    assert where["2"] == "val"
    assert sum(manifest["samples_by_split"].values()) == 3
    assert any("into several splits: 1" in note for note in manifest["notes"])


def test_samples_are_our_own_in_every_field(dataset):
    folder, _ = dataset
    (sample,) = [TrainingSample.from_dict(r) for r in lines(folder / "training_data" / "val_samples.jsonl")
                 if own_id(r).endswith("2")]  # fmt: skip
    assert sample.noisy_initial_queries == [
        {
            "noisy_text": "Give me a soup, you decide the rest.",
            "noise_type": "incomplete_info",
            "applied_strategies": ["missing_slots", "unclear_priority"],
        }
    ]
    assert sample.prompt_trajectory[0]["text"] == "Give me a soup for four people in 30 minutes."
    assert sample.full_conversation[0]["content"] == "Give me a soup, you decide the rest."


def test_tokens_are_counted_and_their_cost_is_not_claimed(dataset):
    _, manifest = dataset
    usage = manifest["usage"]
    assert usage["attributed"]["calls"] == 2
    assert usage["attributed"]["total_tokens"] == 158
    assert usage["attributed"]["cost_usd"] is None
    assert usage["unknown_conversations"] == 0
    assert usage["paid"]["calls"] == 0


def test_the_manifest_names_every_file_with_its_hash_and_a_report_is_there(dataset):
    folder, manifest = dataset
    assert "report.html" in manifest["files"]
    for name, facts in manifest["files"].items():
        assert file_facts(folder / name, facts["records"]).to_dict() == facts
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert on_disk == {*manifest["files"], "manifest.json", "store.sqlite", ".lock"}
    assert {model["model"] for model in manifest["models"]} == {
        "openai/gpt-4o-mini",
        "openrouter/anthropic/claude-3.5-haiku",
    }


def test_the_same_outputs_are_the_same_dataset_and_others_are_not(dataset, tmp_path):
    folder, _ = dataset
    before = (folder / "manifest.json").read_bytes()
    (folder.parent / ".reference-1.part").mkdir()  # as a reader leaves it that is killed
    assert read_in(OUTPUT)[0] == folder
    assert (folder / "manifest.json").read_bytes() == before
    assert list(folder.parent.iterdir()) == [folder]
    fewer = tmp_path / "fewer"
    shutil.copytree(OUTPUT, fewer)
    shutil.rmtree(fewer / "personas")
    assert read_in(fewer)[0] != folder


def test_personas_that_only_conversations_tell_of_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(OUTPUT / "training_data", "training_data")
    folder, manifest = read_in(Path("training_data"))
    (person,) = lines(folder / "personas.jsonl")
    assert person["features"]["domain"] == "cooking"
    assert manifest["counts"]["interactions"] == 2
    assert manifest["counts"]["prompts"] == 0


def test_personas_alone_are_a_dataset_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder, manifest = read_in(OUTPUT / "personas")
    assert manifest["counts"]["personas"] == 2
    assert manifest["counts"]["interactions"] == 0
    assert (folder / "report.html").is_file()


def test_a_file_of_samples_is_read_in_as_well(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    source = OUTPUT / "training_data" / "train_samples.json"
    assert entry([f"migrate={source}", "name=mine", "output_dir=elsewhere", "tracking=none"]) == 0
    said = capsys.readouterr().out
    (folder,) = Path("elsewhere/datasets").iterdir()
    assert folder.name.startswith("mine-")
    assert "1 persona, 1 conversation, 2 turns" in said
    assert str(folder / "report.html") in said


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("interactions/x.json", "{broken", "cannot be read"),
        ("interactions/x.json", '{"sample_id": "a", "full_conversation": []}', "names no persona"),
        ("interactions/x.json", '{"sample_id": "a", "persona_id": "b", "messages": [{"role": "user"}]}', "has no text"),
        ("training_data/train_samples.json", '[{"sample_id": "a"}]', "record 1 is no sample"),
        ("notes.txt", "nothing", "nothing of the reference system's"),
    ],
)
def test_damage_is_named_and_leaves_nothing_behind(tmp_path, monkeypatch, name, text, words):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "output" / name
    file.parent.mkdir(parents=True)
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match=words):
        read_in(Path("output"))
    assert not list(tmp_path.glob("outputs/datasets/*"))
    assert not list(tmp_path.glob("outputs/datasets/.*.part"))


def test_an_interaction_with_messages_is_read_like_one_of_our_own():
    record = {
        "interaction_id": "i1",
        "persona_id": "p1",
        "persona_features": {"mood": "calm", "unset": None},
        "original_query": "Why is the sky blue?",
        "messages": [
            {"role": "user", "content": "why is teh sky blue", "metadata": {"clean_version": "Why is the sky blue?"}},
            {"role": "assistant", "content": "Air scatters blue light most."},
        ],
    }
    talk = interaction_of(record)
    (noise,) = talk.noise()
    assert noise.verdict is NoiseVerdict.APPLIED
    assert noise.layer == "surface_noise"
    assert talk.initial_query == "Why is the sky blue?"
    assert talk.persona_features == {"mood": "calm"}
