"""The main job, by the command line a newcomer types."""

import json
import os
import sqlite3
from contextlib import closing

import pytest
from harness import content, dataset, lines, manifest, run


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A plain small run, read by several tests and changed by none."""
    out = tmp_path_factory.mktemp("plain")
    assert run("num_personas=4", out=out) == 0
    return out


def test_every_promised_file_is_there_and_the_manifest_has_its_hash(plain):
    import hashlib

    folder, facts = dataset(plain), manifest(plain)["files"]
    promised = {"personas.jsonl", "interactions.jsonl", "statistics.json", "token_usage.json", "report.html"}
    promised |= {f"training_data/{split}_samples.jsonl" for split in ("train", "val", "test")}
    assert promised <= set(facts)
    for name, fact in facts.items():
        raw = (folder / name).read_bytes()
        assert (hashlib.sha256(raw).hexdigest(), len(raw)) == (fact["sha256"], fact["bytes"]), name
    assert not list(folder.rglob("*.part"))


def test_every_conversation_is_whole_and_every_count_is_of_the_files(plain):
    folder, facts = dataset(plain), manifest(plain)
    talks = lines(folder / "interactions.jsonl")
    assert len(talks) == facts["counts"]["interactions"] == 20
    for talk in talks:
        roles = [message["role"] for message in talk["messages"]]
        assert roles == ["user", "assistant"] * talk["num_turns"]
        assert 2 <= talk["num_turns"] <= 5
        assert all(message["content"].strip() for message in talk["messages"])
    assert facts["counts"]["turns"] == sum(talk["num_turns"] for talk in talks)
    assert facts["counts"]["samples"] == 20
    assert facts["noise"]["units"] == facts["counts"]["turns"]


def test_simulated_text_says_so_everywhere(plain):
    folder = dataset(plain)
    assert folder.name.startswith("SIM-")
    assert manifest(plain)["simulated"] is True
    assert all(talk["metadata"]["simulated"] for talk in lines(folder / "interactions.jsonl"))
    samples = lines(folder / "training_data" / "train_samples.jsonl")
    assert all(sample["metadata"]["simulated"] for sample in samples)
    assert json.loads((folder / "statistics.json").read_text())["simulated"] is True
    assert "simulated" in (folder / "report.html").read_text("utf-8").lower()


def test_every_record_names_the_prompts_that_made_it(plain):
    known = manifest(plain)["prompts"]
    for talk in lines(dataset(plain) / "interactions.jsonl"):
        uses = talk["metadata"]["prompts"]
        assert {"assistant", "user_feedback", "formulate_prompt"} <= set(uses)
        for name, use in uses.items():
            assert use["sha256"] == known[name]["sha256"]


def test_the_same_command_again_makes_no_call_and_changes_nothing(plain, capsys):
    before = content(dataset(plain))
    stamp = (dataset(plain) / "interactions.jsonl").stat().st_mtime_ns
    assert run("num_personas=4", out=plain) == 0
    assert (dataset(plain) / "interactions.jsonl").stat().st_mtime_ns == stamp
    assert content(dataset(plain)) == before
    assert "nothing was left to make" in capsys.readouterr().out


def test_the_last_counts_that_are_shown_are_those_of_the_summary(tmp_path, capsys):
    run("num_personas=2", out=tmp_path)
    usage = manifest(tmp_path)["usage"]["attributed"]
    tokens = usage["input_tokens"] + usage["output_tokens"]
    assert f"{usage['calls']:,} calls, {tokens:,} tokens" in capsys.readouterr().err


def test_a_file_that_was_edited_to_the_same_size_is_written_anew_and_that_is_said(tmp_path, capsys):
    run("num_personas=1", out=tmp_path)
    path, whole = dataset(tmp_path) / "interactions.jsonl", content(dataset(tmp_path))
    times = path.stat()
    path.write_bytes(path.read_bytes().replace(b"user", b"USER"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as editors do that keep a file's time
    assert run("num_personas=1", out=tmp_path) == 0
    assert content(dataset(tmp_path)) == whole
    assert "interactions.jsonl was changed" in capsys.readouterr().err
    path.touch()  # looked into, and found to be as it was
    stamp = path.stat().st_mtime_ns
    assert run("num_personas=1", out=tmp_path) == 0
    assert path.stat().st_mtime_ns == stamp


def test_another_machine_makes_the_same_dataset(plain, tmp_path):
    """A run is a pure function of config and seed: another folder, another concurrency, the same bytes but for times."""
    assert run("num_personas=4", "engine.concurrency=3", out=tmp_path) == 0
    assert dataset(tmp_path).name == dataset(plain).name
    assert content(dataset(tmp_path)) == content(dataset(plain))


def test_growing_keeps_what_was_there_to_the_byte(tmp_path):
    run("num_personas=2", out=tmp_path)
    before = {name: (dataset(tmp_path) / name).read_bytes() for name in ("personas.jsonl", "interactions.jsonl")}
    assert run("num_personas=5", out=tmp_path) == 0
    for name, raw in before.items():
        assert (dataset(tmp_path) / name).read_bytes().startswith(raw), name
    assert manifest(tmp_path)["counts"]["interactions"] == 25


def test_shrinking_exports_exactly_the_first_ones_and_loses_nothing(tmp_path):
    run("num_personas=3", out=tmp_path)
    all_three = (dataset(tmp_path) / "personas.jsonl").read_bytes()
    run("num_personas=2", out=tmp_path)
    assert len(lines(dataset(tmp_path) / "personas.jsonl")) == 2
    run("num_personas=3", out=tmp_path)
    assert (dataset(tmp_path) / "personas.jsonl").read_bytes() == all_three


@pytest.mark.parametrize("mode", ["realtime", "posthoc"])
def test_stage_by_stage_gives_the_same_dataset_as_all_at_once(tmp_path, mode):
    words = ("num_personas=2", f"distractor.mode={mode}", "distractor.activation_probability=0.5")
    for stage in ("persona", "query", "interaction", "distractor", "training"):
        assert run("--stage", stage, *words, out=tmp_path / "steps") == 0, stage
    assert run(*words, out=tmp_path / "all") == 0
    assert dataset(tmp_path / "steps").name == dataset(tmp_path / "all").name
    assert content(dataset(tmp_path / "steps")) == content(dataset(tmp_path / "all"))


@pytest.mark.parametrize(
    ("stage", "missing"),
    [("query", "persona"), ("interaction", "persona"), ("distractor", "persona"), ("training", "persona")],
)
def test_a_stage_without_its_input_says_what_is_missing(tmp_path, capsys, stage, missing):
    assert run("--stage", stage, "num_personas=2", out=tmp_path) == 2
    assert f"--stage {missing}" in capsys.readouterr().err


def test_the_interaction_stage_asks_for_queries(tmp_path, capsys):
    run("--stage", "persona", "num_personas=2", out=tmp_path)
    assert run("--stage", "interaction", "num_personas=2", out=tmp_path) == 2
    assert "--stage query" in capsys.readouterr().err


def test_the_distractor_stage_after_a_realtime_run_has_nothing_to_do_and_says_so(tmp_path, capsys):
    run("num_personas=1", out=tmp_path)
    assert run("--stage", "distractor", "num_personas=1", out=tmp_path) == 0
    said = capsys.readouterr()
    assert "nothing left to do" in said.err + said.out


def test_reset_clears_this_dataset_and_no_other(tmp_path):
    run("num_personas=1", "name=a", out=tmp_path)
    run("num_personas=1", "name=b", out=tmp_path)
    folders = {path.name[4]: path for path in (tmp_path / "datasets").iterdir()}
    marks = "SELECT COUNT(*) FROM meta WHERE name = 'mark'"
    for path in folders.values():
        in_store(path, "INSERT INTO meta VALUES ('mark', '1')")
    assert run("--reset", "num_personas=1", "name=a", out=tmp_path) == 0
    assert {name: in_store(path, marks) for name, path in folders.items()} == {"a": [(0,)], "b": [(1,)]}


def test_what_goes_on_from_a_dataset_never_clears_it(tmp_path, capsys):
    """A dataset may have been made with reset=true, and the reference's configs may say so for every stage."""
    words = ("num_personas=1", "reset=true")
    for stage in ("persona", "query", "interaction", "training"):
        assert run("--stage", stage, *words, out=tmp_path) == 0
    assert "nothing is cleared" in capsys.readouterr().err
    before = content(dataset(tmp_path))
    assert len(before["interactions.jsonl"]) == 5
    where = f"dataset_dir={dataset(tmp_path)}"
    assert run("stages=export", where, "training_data.formats=[jsonl,openai]", out=tmp_path) == 0
    assert run("stages=export", where, "--reset", out=tmp_path) == 0
    assert content(dataset(tmp_path)) == before


def test_a_dataset_that_goes_on_from_another_counts_the_calls_of_what_it_took_and_no_others(tmp_path):
    """Attributed cost is what a sweep compares: the donor's own conversations and noise are not in it."""
    words = ("num_personas=1", "query.queries_per_persona=2")
    light = (*words, "distractor=light", "name=light")
    other = (*words, "distractor.mode=posthoc", "distractor.activation_probability=0.9", "name=other")
    run(*words, "distractor=heavy", "name=first", out=tmp_path / "a")
    run(*light, "stages=query,interaction,training", out=tmp_path / "a")
    run(*words, "distractor=heavy", "distractor.mode=posthoc", "name=beside", out=tmp_path / "a")
    run(*other, "stages=distractor", out=tmp_path / "a")
    run(*light, out=tmp_path / "b")
    run(*other, out=tmp_path / "b")
    for name in ("light", "other"):
        (taken,), (alone,) = (
            [
                json.loads(path.read_text())["usage"]
                for path in tmp_path.glob(f"{out}/datasets/SIM-{name}-*/manifest.json")
            ]
            for out in "ab"
        )
        assert taken["paid"]["calls"] < alone["paid"]["calls"]
        assert taken["by_operation"] == alone["by_operation"]


def in_store(folder, statement):
    with closing(sqlite3.connect(folder / "store.sqlite", isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


def test_reset_refuses_a_folder_that_is_not_ours(tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("precious")
    assert run("--reset", "num_personas=1", f"dataset_dir={mine}", out=tmp_path / "out") == 2
    assert (mine / "thesis.tex").read_text() == "precious"
    assert "no dataset folder of ours" in capsys.readouterr().err


def test_a_small_query_set_is_dealt_again_and_said_once(tmp_path, capsys):
    (tmp_path / "q.jsonl").write_text(
        "".join(json.dumps({"text": f"How do I plant tomato number {n}?"}) + "\n" for n in range(4))
    )
    assert run("num_personas=2", f"query.path={tmp_path / 'q.jsonl'}", out=tmp_path / "o") == 0
    said = capsys.readouterr()
    assert (said.err + said.out).count("dealt again") == 1
    assert manifest(tmp_path / "o")["queries"]["passes"] == 3


def test_a_dataset_of_an_exact_size(tmp_path):
    words = ("num_personas=3", "query.queries_per_persona=1", "query.extra_slots=2")
    assert run(*words, out=tmp_path) == 0
    ids = [talk["interaction_id"] for talk in lines(dataset(tmp_path) / "interactions.jsonl")]
    assert ids == ["p000000-q00", "p000000-q01", "p000001-q00", "p000001-q01", "p000002-q00"]


def test_a_clean_run_has_no_noise(tmp_path):
    assert run("--skip-distractor", "num_personas=2", out=tmp_path) == 0
    noise = manifest(tmp_path)["noise"]
    assert (noise["configured_rate"], noise["drawn"], noise["applied"]) == (0.0, 0, 0)


def test_queries_stay_as_they_are_where_transfer_is_skipped(tmp_path):
    assert run("--skip-query-transfer", "num_personas=2", out=tmp_path) == 0
    for query in lines(dataset(tmp_path) / "queries.jsonl"):
        assert query["adapted_query"] == query["original_query"]
        assert query["style_transferred"] is False


def test_personas_of_others_are_dealt_prompted_and_exported(tmp_path, capsys):
    people = ["A retired tram driver from Lisbon who restores radios.", "A nurse who studies law.", "A chess player."]
    (tmp_path / "people.jsonl").write_text("".join(json.dumps({"persona": text}) + "\n" for text in people))
    bank = ("persona_bank=text", f"persona_bank.path={tmp_path / 'people.jsonl'}")
    assert run(*bank, "num_personas=3", out=tmp_path / "o") == 0
    texts = [persona["features"]["persona"] for persona in lines(dataset(tmp_path / "o") / "personas.jsonl")]
    assert sorted(texts) == sorted(people)
    assert manifest(tmp_path / "o")["counts"]["interactions"] == 15
    assert run(*bank, "num_personas=4", out=tmp_path / "p") == 2
    assert "num_personas=3" in capsys.readouterr().err
    words = (*bank, "--mode", "basic", "generate_prompts=false", "num_personas=3")
    assert run(*words, f"export_path={tmp_path / 'x.parquet'}", out=tmp_path / "q") == 0
    import pyarrow.parquet as pq

    rows = pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert sorted(row["features"]["persona"] for row in rows) == sorted(people)


def test_a_distance_that_cannot_be_had_stops_before_any_call(tmp_path, capsys):
    words = ("persona_bank=compact", "sampler.min_features=3", "sampler.diversity.min_hamming_distance=12")
    assert run(*words, "num_personas=5000", out=tmp_path) == 2
    said = capsys.readouterr().err
    assert "reached" in said
    assert "packing bound" in said
    assert not list(tmp_path.rglob("interactions.jsonl"))


def test_reset_leaves_what_is_not_ours_and_says_so(tmp_path, capsys):
    run("num_personas=1", "training_data.formats=[jsonl,hf]", out=tmp_path)
    mine = dataset(tmp_path) / "my_annotations.csv"
    mine.write_text("hours of work")
    assert run("--reset", "num_personas=1", out=tmp_path) == 0
    assert mine.read_text() == "hours of work"
    assert f"not ours in {mine.parent}: my_annotations.csv\n" in capsys.readouterr().err
    assert manifest(tmp_path)["counts"]["samples"] == 5


def test_a_single_stage_on_a_finished_dataset_denies_nothing_that_is_there(tmp_path):
    run("num_personas=1", out=tmp_path)
    before = manifest(tmp_path)
    assert run("--stage", "persona", "num_personas=1", out=tmp_path) == 0
    assert manifest(tmp_path)["counts"] == before["counts"]
    assert set(manifest(tmp_path)["files"]) == set(before["files"])
    assert run("--stage", "persona", "num_personas=2", out=tmp_path) == 0
    assert manifest(tmp_path)["counts"]["samples"] == 5
    assert manifest(tmp_path)["counts"]["personas"] == 2
