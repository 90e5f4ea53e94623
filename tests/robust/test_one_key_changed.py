"""The same command with one key changed, on a dataset that is there: what the key reaches is renewed, and nothing else."""

from harness import dataset, lines, manifest, run


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
