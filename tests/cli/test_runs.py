"""Whole runs and sweeps from the command line, with the simulated model."""

import json
from pathlib import Path

import pytest
import yaml

from personaloom.cli import entry

TINY = ["tracking=none", "num_personas=1", "query.queries_per_persona=2", "interaction=short"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def datasets() -> list[Path]:
    return sorted(Path("outputs/datasets").iterdir())


def test_a_run_leaves_a_dataset_a_summary_and_a_config_that_makes_it_again(capsys):
    assert entry([*TINY, "seed=4"]) == 0
    out, err = capsys.readouterr()
    (folder,) = datasets()
    assert str(folder) in "".join(out.split()).replace("\n", "")
    assert "SIMULATED" in out
    assert err.startswith("config:")
    (saved,) = Path("outputs/runs").glob("*/*/.hydra/config.yaml")
    assert yaml.safe_load((saved.parent / "overrides.yaml").read_text()) == [*TINY, "seed=4"]
    assert entry(["--config", str(saved)]) == 0
    assert datasets() == [folder]
    assert json.loads((folder / "manifest.json").read_text())["config"]["seed"] == 4


def test_flags_and_overrides_give_the_same_dataset():
    assert entry([*TINY, "--skip-distractor", "--skip-query-transfer"]) == 0
    assert entry([*TINY, "distractor=none", "query.style_transfer_probability=0"]) == 0
    assert len(datasets()) == 1


def test_a_sweep_runs_every_job_in_folders_by_number(capsys):
    assert entry(["-m", *TINY, "distractor=none,heavy"]) == 0
    (sweep,) = Path("outputs/sweeps").iterdir()
    assert sorted(path.name for path in sweep.iterdir() if path.is_dir()) == ["0", "1", "comparison"]
    assert len(datasets()) == 2
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in datasets()]
    assert {manifest["sweep"]["id"] for manifest in manifests} == {sweep.name}
    assert {manifest["sweep"]["job"] for manifest in manifests} == {0, 1}
    assert "2 of 2 jobs done" in capsys.readouterr().out


def test_a_job_that_fails_leaves_the_others_running_and_the_sweep_exits_with_1(capsys):
    Path("taken").mkdir()
    Path("taken/file").write_text("not a dataset")
    assert entry(["-m", *TINY, "reset=true", "dataset_dir=taken,free", "name=n${hydra:job.num}"]) == 1
    out, err = capsys.readouterr()
    assert "1 of 2 jobs done" in out
    assert Path("free/manifest.json").exists()
    assert Path("taken/file").exists()
    assert "job #0 failed" in err
    assert "Traceback" not in out + err


def test_a_recipe_can_ask_for_a_sweep():
    assert entry(["experiment=noise_sweep", *TINY, "hydra.sweeper.params.distractor='none,light'"]) == 0
    assert len(datasets()) == 2


def test_a_stage_whose_input_is_missing_says_so_with_exit_code_2(capsys):
    assert entry([*TINY, "--stage", "interaction"]) == 2
    assert "persona" in capsys.readouterr().err


def test_stages_one_after_the_other_are_the_whole():
    assert entry([*TINY, "--stage", "persona"]) == 0
    assert entry([*TINY, "stages=query,interaction"]) == 0
    assert entry([*TINY, "--stage", "training"]) == 0
    (folder,) = datasets()
    samples = [path.read_bytes() for path in sorted(folder.glob("training_data/*.jsonl"))]
    assert entry([*TINY, "reset=true"]) == 0
    assert datasets() == [folder]
    assert [len(path.read_bytes()) for path in sorted(folder.glob("training_data/*.jsonl"))] == [
        len(s) for s in samples
    ]


def test_personas_alone_with_the_basic_mode(capsys):
    assert entry(["--mode", "basic", "--num-personas", "2", "tracking=none", "export_path=p.json"]) == 0
    assert len(json.loads(Path("p.json").read_text())) >= 1
    out = capsys.readouterr().out
    assert "personas p.json" in out
    assert "SIMULATED" in out  # system prompts are text
    assert entry(["--mode", "basic", "num_personas=1", "generate_prompts=false", "tracking=none"]) == 0
    out = capsys.readouterr().out
    assert "SIMULATED" not in out
    assert "1 persona, 0 conversations" in out
