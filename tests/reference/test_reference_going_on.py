"""A run that stopped in the reference system goes on here: what it made is kept, and only the rest is made."""

import json
import shutil
from pathlib import Path

import pytest

from personaloom.cli import entry

OUTPUT = Path(__file__).parent / "data" / "output"
QUICK = ("tracking=none", "query.queries_per_persona=2", "interaction.max_turns=2", "quality=none")
USED = [
    "Give me a soup for four people in 30 minutes.",
    "How long does rice take?",
    "Which train goes from Lyon to Turin?",
]


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def run(*words, code=0):
    assert entry([*words, *QUICK]) == code


def dataset(name, folder="outputs"):
    (found,) = Path(folder).glob(f"datasets/{name}-*")
    return found, json.loads((found / "manifest.json").read_text("utf-8"))


def messages(folder):
    return {
        talk["metadata"]["read_in"]["interaction_id"]: [m["content"] for m in talk["messages"]]
        for talk in lines(folder / "interactions.jsonl")
        if "read_in" in talk["metadata"]
    }


@pytest.fixture
def queries(tmp_path, monkeypatch):
    """A folder to run in, with a query set that has what was asked before, and six more."""
    monkeypatch.chdir(tmp_path)
    texts = [*USED, *(f"What is the {n}th thing to know about bees?" for n in range(6))]
    Path("queries.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts), "utf-8")
    return "query.path=queries.jsonl"


def test_what_is_made_in_the_references_folder_is_never_taken_for_its_own(queries):
    """Its configs say so: ``output`` is read in and written to, and MLflow copies token reports there."""
    shutil.copytree(OUTPUT, "output")
    words = ("start_from=output", "output_dir=output", queries, "name=more")
    run(*words, "num_personas=2")
    made, _ = dataset("SIM-more", "output")
    copied = Path("output/mlartifacts/1/0123/artifacts/data")
    copied.mkdir(parents=True)
    shutil.copy(made / "token_usage.json", copied)
    run(*words, "num_personas=3")
    assert dataset("SIM-more", "output")[1]["counts"]["personas"] == 3
    dataset("reference", "output")  # one, as before


def test_what_was_made_is_kept_and_only_the_rest_is_made(queries):
    run(f"start_from={OUTPUT}", queries, "num_personas=4", "name=more")
    read, _ = dataset("reference")
    folder, manifest = dataset("SIM-more")
    assert messages(folder) == messages(read)
    assert len(messages(read)) == 3
    talks = lines(folder / "interactions.jsonl")
    slots = [f"p00000{person}-q0{slot}" for person in range(4) for slot in range(2)]
    assert [talk["interaction_id"] for talk in talks] == slots
    made = [talk["original_query"] for talk in talks if "read_in" not in talk["metadata"]]
    assert len(set(made)) == 5
    assert not set(made) & set(USED)
    assert manifest["read_in"]["personas"] == 2
    assert manifest["made_here"]["interactions"] == 5
    assert manifest["counts"]["expected_interactions"] == 8


def test_the_same_command_goes_on_and_more_personas_add_to_it(queries):
    words = (f"start_from={OUTPUT}", queries, "name=more")
    run(*words, "num_personas=3")
    folder, _ = dataset("SIM-more")
    before = lines(folder / "interactions.jsonl")
    run(*words, "num_personas=4")
    folder, manifest = dataset("SIM-more")
    assert lines(folder / "interactions.jsonl")[:6] == before
    assert manifest["counts"]["personas"] == 4
    run(*words, "num_personas=1")  # those that were read in are never left out
    assert dataset("SIM-more")[1]["counts"]["personas"] == 2


def test_a_persona_whose_conversations_are_there_gets_no_prompt_that_nobody_uses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(OUTPUT / "training_data", "training_data")
    run("start_from=training_data", "num_personas=2", "name=more")
    folder, manifest = dataset("SIM-more")
    first, second = lines(folder / "personas.jsonl")
    assert first["system_prompt"] is None
    assert second["system_prompt"]
    assert manifest["made_here"] | {"turns": 0} == {"personas": 1, "prompts": 1, "interactions": 2, "turns": 0}


def test_nothing_is_claimed_of_what_was_read_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(OUTPUT / "interactions", "output/interactions")
    run("start_from=output", "num_personas=3", "name=more", "distractor=heavy")
    _, manifest = dataset("SIM-more")
    usage, noise = manifest["usage"], manifest["noise"]
    assert usage["unknown_conversations"] == 3
    assert usage["attributed"]["cost_usd"] is None
    assert usage["paid"]["cost_usd"] == 0
    assert noise["units"] + manifest["read_in"]["noise"]["units"] == manifest["counts"]["turns"]
    assert manifest["read_in"]["noise"]["configured_rate"] is None
    assert {m["model"] for m in manifest["models"] if m.get("read_in")} == {
        "openai/gpt-4o-mini",
        "openrouter/anthropic/claude-3.5-haiku",
    }
    assert any("is not known" in note for note in manifest["notes"])


def test_noise_is_added_beside_clean_conversations_and_not_to_noisy_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("stages=distractor,training", "distractor.mode=posthoc", "distractor.activation_probability=1")
    run(f"start_from={OUTPUT}", *words, "name=noisy")
    folder, manifest = dataset("SIM-noisy")
    engines = {
        talk["metadata"]["read_in"]["interaction_id"][-1]: {n["metadata"]["engine"] for n in talk["metadata"]["noise"]}
        for talk in lines(folder / "interactions.jsonl")
    }
    assert engines == {"1": {"reference"}, "2": {"reference"}, "3": {"semantic"}}
    assert manifest["noise"]["units"] == 2
    assert manifest["samples_by_split"] == {"train": 1, "val": 2, "test": 0}


def test_a_folder_that_was_read_in_is_exported_and_judged_where_it_lies_and_never_changed(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert entry([f"migrate={OUTPUT}"]) == 0
    folder, before = dataset("reference")
    here = f"dataset_dir={folder}"
    assert (
        entry(
            [
                here,
                "stages=score,export",
                "quality=judged",
                "quality.judge.share=1",
                "training_data=chat",
                "tracking=none",
            ]
        )
        == 0
    )
    manifest = dataset("reference")[1]
    assert manifest["quality"]["judge"]["judged"] == 3
    assert manifest["samples_by_split"] == before["samples_by_split"]
    assert (folder / "training_data" / "val_openai.jsonl").is_file()
    assert not manifest["simulated"]
    capsys.readouterr()
    for words in (["stages=enhanced"], ["stages=export", "reset=true"]):
        assert entry([here, *words, "tracking=none"]) == 2
        assert f"start_from={folder}" in capsys.readouterr().err
    assert len(messages(folder)) == 3


def test_a_config_of_the_reference_goes_on_from_its_outputs_and_says_that_it_can(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(OUTPUT.parent / "complete", ".", dirs_exist_ok=True)
    shutil.copytree(OUTPUT, "output")
    words = ("--config", "config.yaml", "llm=simulated", "num_personas=3")
    run(*words)
    assert "start_from=output goes on from what the reference made there" in capsys.readouterr().err
    run(*words, "start_from=output", "name=more")
    folder, manifest = dataset("SIM-more", "output")
    (folder / "manifest.json").unlink()  # as after a kill while the files were written
    run(*words, "start_from=output", "name=more")
    assert dataset("SIM-more", "output")[0] == folder
    assert manifest["made_here"]["personas"] == 1
    assert manifest["usage"]["by_model"]["gpt-4o-mini"]["calls"] == 2  # and none of our own datasets' in that folder


@pytest.mark.parametrize(
    ("given", "words"), [("nowhere", "no such file or folder"), ("ours", "was not read in from elsewhere")]
)
def test_what_cannot_be_gone_on_from_is_refused_before_anything_is_made(tmp_path, monkeypatch, capsys, given, words):
    monkeypatch.chdir(tmp_path)
    Path("ours").mkdir()
    Path("ours/manifest.json").write_text("{}", "utf-8")
    run(f"start_from={given}", code=2)
    assert words in capsys.readouterr().err
    assert not Path("outputs/datasets").exists()


def test_an_estimate_counts_only_what_is_missing(queries, capsys):
    words = (f"start_from={OUTPUT}", queries, "num_personas=2")
    assert entry([*words, *QUICK, "--estimate"]) == 0
    assert "1 conversation" in capsys.readouterr().out


def test_siblings_that_go_on_from_the_same_records_are_compared_in_what_they_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert entry(["-m", f"start_from={OUTPUT}", "distractor=none,heavy", "num_personas=3", *QUICK]) == 0
    assert "distractor=heavy: ok (3)" in capsys.readouterr().out
