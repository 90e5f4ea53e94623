"""``--help`` and ``--cfg``: quick, complete, and without a secret."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from personaloom.cli import entry
from personaloom.cli.flags import FLAGS
from personaloom.cli.help import help_page
from personaloom.config.groups import group_options, search_folders, shipped_choices, top_level_keys


def test_the_help_imports_nothing_heavy():
    command = [sys.executable, "-X", "importtime", "-m", "personaloom.cli", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "Usage:" in done.stdout
    heavy = {
        "hydra",
        "omegaconf",
        "litellm",
        "mlflow",
        "pandas",
        "numpy",
        "pydantic",
        "rich",
        "aiohttp",
        "pyarrow",
    }
    assert not heavy & imported


def test_the_help_has_every_group_option_key_and_flag_in_eighty_columns():
    page = help_page()
    words = set(page.replace(",", " ").replace("*", " ").split())
    groups = group_options(search_folders())
    assert set(groups) <= words
    assert {option for options in groups.values() for option in options} <= words
    assert {key.name for key in top_level_keys()} <= words
    assert {name for flag in FLAGS for name in flag.names} <= words
    assert page.count("  python run.py") == 3
    assert max(map(len, page.splitlines())) <= 80
    narrow = help_page(width=60)
    assert max(map(len, narrow.splitlines())) <= 60
    assert "".join(narrow.split()) == "".join(page.split())


def test_every_shipped_default_is_an_option():
    groups = group_options(search_folders())
    for group, option in shipped_choices().items():
        assert option in groups.get(group, {option: None}), group


def test_the_help_shows_the_users_own_options(tmp_path, capsys):
    (tmp_path / "llm").mkdir()
    (tmp_path / "llm" / "my_model.yaml").write_text("a: 1")
    (tmp_path / "llm" / "_shared.yaml").write_text("a: 1")
    assert entry(["--config-dir", str(tmp_path), "--help"]) == 0
    said = capsys.readouterr().out
    assert "my_model" in said
    assert "_shared" not in said, "a part of other options, not one of its own"


def test_the_version_is_said(capsys):
    assert entry(["--version"]) == 0
    assert capsys.readouterr().out.startswith("personaloom 0.")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("elsewhere")
def test_the_composed_config_is_shown_as_yaml_on_stdout_alone(capsys):
    assert entry(["--cfg", "job", "seed=3", "--skip-distractor"]) == 0
    out, err = capsys.readouterr()
    assert yaml.safe_load(out)["seeds"]["noise"] == "${seed}"
    assert err.startswith("config:")
    assert entry(["--cfg", "job", "--resolve", "seed=3"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["seeds"]["noise"] == 3


@pytest.mark.usefixtures("elsewhere")
def test_no_secret_is_shown(capsys, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "value-of-the-variable")
    Path("config.yaml").write_text(
        "defaults: [personaloom]\nllm: {headers: {X-Key: '${oc.env:MY_TOKEN}'}, api_key: abcdef}\nname: sk-abcdefghijkl\n"
    )
    for more in ([], ["--resolve"]):
        assert entry(["--cfg", "job", *more]) == 0
        out = capsys.readouterr().out
        assert "value-of-the-variable" not in out
        assert "abcdef" not in out
        assert "${oc.env:MY_TOKEN}" in out


@pytest.mark.usefixtures("elsewhere")
def test_what_is_shown_can_be_used_as_a_config(capsys):
    assert entry(["--cfg", "job", "--resolve", "interaction=long", "seed=8"]) == 0
    first = capsys.readouterr().out
    Path("saved.yaml").write_text(first)
    assert entry(["--config", "saved.yaml", "--cfg", "job", "--resolve"]) == 0
    assert capsys.readouterr().out == first
