"""``migrate=config.yaml`` writes Hydra files that mean what the reference's file means."""

import shutil
from pathlib import Path

import pytest
import yaml

from personaloom.cli import entry
from personaloom.config import compose, validate

DATA = Path(__file__).parent / "data"


@pytest.fixture(params=["complete", "variants"])
def example(request, tmp_path, monkeypatch):
    """An example in the working directory."""
    shutil.copytree(DATA / request.param, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "MY_ROUTER_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "set")
    return request.param


def migrated(capsys):
    assert entry(["migrate=config.yaml"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "overrides", [[], ["llm=simulated"], ["distractor=heavy", "num_personas=7"], ["sampler.max_features=6"]]
)
def test_the_migrated_config_composes_to_the_same_as_the_file_itself(example, capsys, overrides):
    migrated(capsys)
    direct = validate(compose(overrides, config=Path("config.yaml")))
    assert validate(compose(overrides, config=Path("personaloom_conf/config.yaml"))) == direct


def test_the_report_names_files_gaps_and_the_command(example, capsys):
    said = migrated(capsys)
    assert "to run it: python run.py --config personaloom_conf/config.yaml" in said
    for file in Path("personaloom_conf").rglob("*.yaml"):
        assert file.as_posix() in said
    gaps = {"complete": "experiment.batch_size = 50: ", "variants": "query_generation.selection.strategy = random: "}
    assert gaps[example] in said


def test_overrides_go_into_the_command_that_runs_the_result(example, capsys):
    assert entry(["migrate=config.yaml", "--num-personas", "3", "name=a b"]) == 0
    said = capsys.readouterr().out
    assert "config personaloom_conf/config.yaml 'name=a b' num_personas=3\n" in said


def test_the_files_are_plain_hydra_and_say_where_each_value_comes_from(example, capsys):
    migrated(capsys)
    primary = Path("personaloom_conf/config.yaml").read_text("utf-8")
    assert yaml.safe_load(primary)["defaults"][0] == "personaloom"
    assert "# persona_generation.num_personas" in primary
    assert "# Settings without a counterpart, left out:" in primary
    for file in Path("personaloom_conf").glob("*/reference.yaml"):
        assert yaml.safe_load(file.read_text("utf-8"))["defaults"][1] == "_self_"
    assert "# api.model" in Path("personaloom_conf/llm/reference.yaml").read_text("utf-8")


def test_nothing_is_ever_overwritten(example, capsys):
    migrated(capsys)
    before = {path: path.read_bytes() for path in Path("personaloom_conf").rglob("*.yaml")}
    assert entry(["migrate=config.yaml"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("personaloom_conf").rglob("*.yaml")} == before
    assert not list(Path().glob(".personaloom_conf*"))


def test_a_key_is_refused_and_nothing_is_written(example, capsys):
    text = (
        Path("config.yaml")
        .read_text("utf-8")
        .replace("experiment:", "openai: {api_key: sk-abcdefgh12345}\nexperiment:")
    )
    Path("config.yaml").write_text(text, "utf-8")
    assert entry(["migrate=config.yaml"]) == 2
    said = capsys.readouterr().err
    assert "OPENAI_API_KEY" in said
    assert "sk-abcdefgh" not in said
    assert not Path("personaloom_conf").exists()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["migrate=nothing.yaml"], "no such file"),
        (["migrate=personaloom.yaml"], "it has no persona_generation"),
        (["migrate=empty"], "nothing of the reference system's"),
    ],
)
def test_what_cannot_be_migrated_is_refused_in_words(example, capsys, argv, words):
    Path("personaloom.yaml").write_text("defaults: [personaloom, _self_]\n")
    Path("empty").mkdir()
    assert entry(argv) == 2
    assert words in capsys.readouterr().err


def test_both_ways_run_and_find_the_same_dataset(example, capsys):
    migrated(capsys)
    rest = ["llm=simulated", "tracking=none", "num_personas=1", "reset=false", "stages=enhanced"]
    assert entry(rest) == 0  # ./config.yaml is used without being named
    (folder,) = Path({"complete": "output", "variants": "results"}[example]).glob("datasets/*")
    made = (folder / "training_data" / "train_samples.json").read_bytes()
    assert entry(["--config", "personaloom_conf/config.yaml", *rest]) == 0
    assert list(folder.parent.iterdir()) == [folder]
    assert (folder / "training_data" / "train_samples.json").read_bytes() == made
