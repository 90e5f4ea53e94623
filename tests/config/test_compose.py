"""Composition: which config, which folders, and no trace left in the process."""

import os
import threading
from pathlib import Path

import pytest
import yaml

from personaloom.config import compose
from personaloom.config.provenance import write_provenance
from personaloom.errors import ConfigError, ConfigNotFoundError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_the_shipped_config_is_taken_where_there_is_no_other():
    config = compose()
    assert config["num_personas"] == 10
    assert config["llm"]["_target_"] == "personaloom.llm.SimulatedModel"
    assert "ships with PersonaLoom" in config.primary.announcement


def test_a_config_in_the_current_folder_comes_before_the_shipped_one_and_is_announced():
    write(Path("config.yaml"), "defaults: [personaloom, _self_]\nnum_personas: 7\n")
    config = compose(["seed=3"])
    assert (config["num_personas"], config["seeds"]["noise"]) == (7, 3)
    assert "config.yaml" in config.primary.announcement


def test_the_config_that_is_named_comes_before_all(tmp_path):
    write(Path("config.yaml"), "defaults: [personaloom, _self_]\nnum_personas: 7\n")
    mine = write(tmp_path / "sub" / "any_name.yml", "defaults: [personaloom, _self_]\nnum_personas: 8\n")
    assert compose(config=mine)["num_personas"] == 8


def test_the_copy_that_users_make_is_the_shipped_config():
    from personaloom.paths import conf_dir

    write(Path("config.yaml"), (conf_dir() / "config.yaml").read_text("utf-8"))
    assert dict(compose()) == dict(compose(config=conf_dir() / "personaloom.yaml"))


def test_a_file_that_changes_between_two_runs_of_a_process_is_read_again(tmp_path):
    """Also where neither its size nor its time tells; what has not changed reads as it did the first time."""
    text = "# @package distractor\nsize: 1e3\nnow: ${seed}\nmissing_here: null\nword: 'off'\nlist: [1, ~, {a: 2}]\n"
    option = write(tmp_path / "conf" / "distractor" / "mine.yaml", text)
    before = option.stat()
    first, again = (compose(["distractor=mine"], config_dirs=[tmp_path / "conf"])["distractor"] for _ in range(2))
    assert first == again
    assert (first["size"], first["now"], first["word"], first["list"]) == (
        1000.0,
        compose()["seed"],
        "off",
        [1, None, {"a": 2}],
    )
    write(option, text.replace("1e3", "2e3"))
    os.utime(option, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert compose(["distractor=mine"], config_dirs=[tmp_path / "conf"])["distractor"]["size"] == 2000.0
    write(option, "a: 1\na: 2\n")
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"mine\.yaml"):
            compose(["distractor=mine"], config_dirs=[tmp_path / "conf"])


def test_seed_sets_all_seeds_and_each_can_be_set_alone():
    assert compose(["seed=5", "seeds.noise=6"])["seeds"] == {
        "personas": 5,
        "queries": 5,
        "noise": 6,
        "generation": 5,
    }


def test_a_folder_of_the_users_adds_options_and_shadows_shipped_ones(tmp_path):
    write(tmp_path / "mine/interaction/tiny.yaml", "defaults: [default, _self_]\nmax_turns: 2\n")
    write(tmp_path / "mine/interaction/short.yaml", "defaults: [default, _self_]\nmax_turns: 99\n")
    dirs = [tmp_path / "mine"]
    assert compose(["interaction=tiny"], config_dirs=dirs)["interaction"]["max_turns"] == 2
    assert compose(["interaction=short"], config_dirs=dirs)["interaction"]["max_turns"] == 99
    assert compose(["interaction=short"])["interaction"]["max_turns"] == 2


def test_the_last_folder_is_the_strongest(tmp_path):
    for name, turns in (("a", 7), ("b", 8)):
        write(tmp_path / name / "interaction/mine.yaml", f"defaults: [default, _self_]\nmax_turns: {turns}\n")
    config = compose(["interaction=mine"], config_dirs=[tmp_path / "a", tmp_path / "b"])
    assert config["interaction"]["max_turns"] == 8


def test_the_folder_of_a_config_adds_options_without_shadowing(tmp_path):
    write(tmp_path / "mine/interaction/tiny.yaml", "defaults: [default, _self_]\nmax_turns: 2\n")
    write(tmp_path / "mine/interaction/short.yaml", "max_turns: 99\n")
    config = write(tmp_path / "mine/my.yaml", "defaults: [personaloom, _self_]\n")
    assert compose(["interaction=tiny"], config=config)["interaction"]["max_turns"] == 2
    assert compose(["interaction=short"], config=config)["interaction"]["max_turns"] == 2


def test_a_missing_folder_or_config_is_named(tmp_path):
    with pytest.raises(ConfigNotFoundError, match="nowhere"):
        compose(config_dirs=[tmp_path / "nowhere"])
    with pytest.raises(FileNotFoundError, match=r"nope\.yaml"):
        compose(config=tmp_path / "nope.yaml")


def test_a_runs_own_config_reproduces_it_and_its_groups_can_still_be_overridden(tmp_path):
    first = compose(["seed=9", "num_personas=4", "interaction=long", "sampler.min_features=3"])
    saved, _ = write_provenance(tmp_path, first)
    again = compose(config=saved)
    assert dict(again) == dict(first)
    assert again.primary.kind == "resolved"
    changed = compose(["interaction=short", "tracking=none", "num_personas=5"], config=saved)
    assert changed["interaction"]["max_turns"] == 2
    assert changed["tracking"]["kind"] == "none"
    assert (changed["num_personas"], changed["seed"]) == (5, 9)


def test_a_partial_config_without_a_defaults_list_fills_up_from_the_shipped_one(tmp_path):
    config = compose(config=write(tmp_path / "part.yaml", "num_personas: 3\nengine: {concurrency: 5}\n"))
    assert (config["num_personas"], config["engine"]["concurrency"]) == (3, 5)
    assert config["engine"]["max_failed_share"] == 0.05


def test_recipes_change_several_groups():
    config = compose(["experiment=paper_scale"])
    assert config["num_personas"] * config["query"]["queries_per_persona"] + config["query"]["extra_slots"] == 10_462
    assert compose(["experiment=noise_sweep"]).multirun
    assert not config.multirun


def test_values_of_environment_variables_are_used_and_never_shown(monkeypatch, tmp_path):
    monkeypatch.setenv("SOME_ADDRESS", "http://secret.example")
    config = compose(["llm.base_url=${oc.env:SOME_ADDRESS}", "name=x", "experiment_name=at-${llm.base_url}"])
    assert config["llm"]["base_url"] == "http://secret.example"
    assert config.public["llm"]["base_url"] == "${oc.env:SOME_ADDRESS}"
    assert "secret" not in str(config.public)
    saved, overrides = write_provenance(tmp_path, config)
    assert "secret" not in saved.read_text() + overrides.read_text()
    assert dict(compose(config=saved)) == dict(config)


def test_a_folder_of_any_letters_needs_no_quotes():
    config = compose(["output_dir=/home/jörg/Mé mo/数据"])
    assert config["output_dir"] == "/home/jörg/Mé mo/数据"


def test_a_path_may_begin_in_the_home_folder(monkeypatch, tmp_path):
    """Neither YAML nor most shells replace ``~``, and a folder of that name is what somebody removes with ``rm -r``."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    write(Path("config.yaml"), "defaults: [personaloom, _self_]\noutput_dir: ~/data\n")
    config = compose(["query.path=~/q.jsonl", "prompts.overrides={assistant: '~/a.j2'}"])
    assert config["ledger"]["path"] == f"{tmp_path}/me/data/ledger.sqlite"
    assert config.run_dir.is_relative_to(tmp_path / "me" / "data")
    assert config["query"]["path"] == f"{tmp_path}/me/q.jsonl"
    assert config["prompts"]["overrides"] == {"assistant": f"{tmp_path}/me/a.j2"}
    assert config.public["output_dir"] == f"{tmp_path}/me/data"


def test_a_literal_dollar_brace_survives_saving(tmp_path):
    config = compose([r"experiment_name='a\${b}'"])
    assert config["experiment_name"] == "a${b}"
    saved, _ = write_provenance(tmp_path, config)
    assert compose(config=saved)["experiment_name"] == "a${b}"


def test_composing_leaves_no_trace_in_another_hydra_application(tmp_path):
    from hydra import initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra

    write(tmp_path / "theirs/main.yaml", "a: 1\n")
    resolved = write(tmp_path / "r.yaml", "num_personas: 3\n")
    with initialize_config_dir(str(tmp_path / "theirs"), version_base="1.3"):
        theirs = GlobalHydra.instance().hydra
        before = sorted(ConfigStore.instance().repo)
        assert compose(config=resolved)["num_personas"] == 3
        assert GlobalHydra.instance().hydra is theirs
        assert sorted(ConfigStore.instance().repo) == before
    with pytest.raises(ConfigError):
        compose(["distractor=nope"])
    assert not GlobalHydra.instance().is_initialized()


def test_threads_compose_at_once():
    found: dict[int, int] = {}

    def work(number: int) -> None:
        found[number] = compose([f"num_personas={number}"])["num_personas"]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number for number in range(1, 5)}


def test_the_result_is_plain():
    def kinds(node):
        if isinstance(node, dict):
            return {dict, *(kind for value in node.values() for kind in kinds(value))}
        return {list, *(kind for value in node for kind in kinds(value))} if isinstance(node, list) else {type(node)}

    assert kinds(dict(compose())) <= {dict, list, str, int, float, bool, type(None)}
    yaml.safe_dump(dict(compose()))
