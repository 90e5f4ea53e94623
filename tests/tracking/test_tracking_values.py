"""What a manifest becomes: parameters, metrics, tags, names, addresses, links."""

import math
import sys

import pytest
from folder_maker import make_folder
from hypothesis import given
from hypothesis import strategies as st

from personaloom.errors import InputError, MissingStageInputError, TrackingError, UsageError
from personaloom.llm.scrub import redacted, scrub, secret_values, without_userinfo
from personaloom.manifest_file import read_manifest
from personaloom.tracking import (
    MlflowTracker,
    NullTracker,
    RunRef,
    StoreSpec,
    TrackingWorker,
    links_for,
    make_tracker,
    serve_command,
)
from personaloom.tracking.folder import conversation_text, read_jsonl, run_name
from personaloom.tracking.metrics import flat_params, metrics_of, tags_of

SECRET = "sk-verysecret-0123456789"


@pytest.fixture
def manifest(tmp_path):
    return read_manifest(
        make_folder(tmp_path, sweep={"id": "s1", "job": 2, "overrides": ["distractor=heavy", "seed=2"]})
    )


def test_the_package_imports_nothing_heavy():
    """Tracking costs the pipeline's process neither mlflow nor pandas nor matplotlib."""
    import subprocess

    code = "import sys, personaloom.tracking; print([m for m in ('mlflow','pandas','matplotlib','numpy') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_metrics_have_groups_and_leave_out_what_is_not_known(manifest):
    metrics = metrics_of(manifest)
    assert {name.split("/")[0] for name in metrics} == {
        "dataset",
        "noise",
        "tokens",
        "cost",
        "failures",
        "personas",
    }
    assert metrics["cost/attributed_usd_per_1000_samples"] == pytest.approx(1000 * 0.0123 / 12)
    assert metrics["noise/drawn_rate"] == manifest["noise"]["drawn"] / manifest["noise"]["units"]
    assert metrics["tokens/total"] == 120_000
    assert metrics["failures/timeout"] == 1
    assert metrics["personas/distance_minimum"] == 2
    assert "personas/availability_mean_features" not in metrics  # not a number
    assert not any("histogram" in name for name in metrics)
    assert all(math.isfinite(value) for value in metrics.values())


def test_an_unknown_cost_is_not_zero(manifest):
    manifest["usage"]["attributed"]["cost_usd"] = None
    assert not any(name.startswith("cost/attributed") for name in metrics_of(manifest))


def test_an_empty_manifest_has_few_metrics_and_no_fault():
    assert metrics_of({}) == {"failures/total": 0.0}
    assert flat_params({}) == {}


def test_params_are_flat_short_and_without_secrets():
    params = flat_params(
        {
            "a": {"b c?": [1, {"x": None}], "api_key": SECRET, "api_key_env": "MY_KEY", "max_tokens": 3},
            "z": "x" * 9000,
            "n": None,
            "e": {},
        }
    )
    assert params["a.b c_"] == '[1, {"x": null}]'
    assert (params["a.api_key"], params["a.api_key_env"], params["a.max_tokens"]) == ("***", "MY_KEY", "3")
    assert len(params["z"]) == 6000
    assert (params["n"], params["e"]) == ("null", "{}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=9),
        lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=9), x, max_size=3),
        max_leaves=9,
    )
)
def test_any_config_can_be_flattened(value):
    assert all(isinstance(text, str) for text in flat_params({"key": value}).values())


def test_tags_find_a_run_by_sweep_fingerprint_and_name(manifest):
    tags = tags_of(manifest, "outputs/datasets/x")
    assert (tags["simulated"], tags["sweep_id"], tags["sweep_job"], tags["sweep.s1"]) == (
        "true",
        "s1",
        "2",
        "job 2",
    )
    assert tags["overrides"] == "distractor=heavy seed=2"
    assert (tags["fingerprint"], tags["status"]) == (manifest["fingerprint"], "done")


def test_run_names_say_what_differs_and_mark_simulation(manifest):
    assert run_name(manifest) == "SIM-distractor=heavy seed=2"
    assert run_name({"name": "SIM-personas", "simulated": True}) == "SIM-personas"
    assert run_name({"name": "personas", "simulated": False, "sweep": {"overrides": []}}) == "personas"


def test_a_conversation_as_text_says_which_messages_are_noisy(tmp_path):
    talks = list(read_jsonl(make_folder(tmp_path, 6, 4) / "interactions.jsonl"))
    applied = [
        [r["applied_strategies"] for r in talk["metadata"]["noise"] if r["applied_strategies"]] for talk in talks
    ]
    assert any(applied)
    for talk, kinds in zip(talks, applied, strict=True):
        text = conversation_text(talk)
        assert all(f"user [{', '.join(kind)}]: " in text for kind in kinds)
        assert text.count("user [") == len(kinds)
        assert text.count("assistant: ") == talk["num_turns"]
    assert conversation_text(talks[0], 10).endswith(" …")


def test_a_run_is_found_again_from_the_manifest(tmp_path):
    links = links_for("http://host", "3", "abc")
    run = RunRef("mlflow", "abc", "3", "exp", "http://host", links)
    assert RunRef.from_manifest(run.to_manifest()) == run
    assert RunRef.from_manifest(RunRef().to_manifest()) == RunRef()


def test_links_open_the_runs_and_the_samples_in_the_right_mode(tmp_path):
    links = links_for("sqlite:////x/mlflow.db", "7", "abc", port=5001)
    assert links["Runs"] == "http://127.0.0.1:5001/#/experiments/7/runs?workflowType=machine_learning"
    assert links["Samples"] == links["Runs"] + "&compareRunsMode=ARTIFACT"
    assert links_for("https://user:pw@host/base/", "1")["Runs"].startswith("https://host/base/#/experiments/1/runs")
    spec = StoreSpec.resolve(tmp_path / "a b", "exp")
    assert f"'{spec.uri}'" in serve_command(spec)
    assert serve_command(StoreSpec("http://host", "exp")) is None


def test_addresses_become_absolute_and_carry_no_password(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = StoreSpec.resolve("outputs", "exp")
    assert spec.uri == f"sqlite:///{tmp_path}/outputs/mlflow.db"
    assert spec.artifact_location == (tmp_path / "outputs" / "mlartifacts").as_uri()
    assert StoreSpec.resolve("outputs", "exp", "sqlite:///own.db").uri == f"sqlite:///{tmp_path}/own.db"
    assert StoreSpec.resolve("outputs", "exp", "http://host:1/").artifact_location is None
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_USERNAME") as caught:
        StoreSpec.resolve("outputs", "exp", f"http://user:{SECRET}@host")
    assert SECRET not in str(caught.value)
    with pytest.raises(UsageError, match="sqlite:///"):
        StoreSpec.resolve("outputs", "exp", "mlruns")


def test_the_tracking_group_chooses_the_tracker(tmp_path):
    assert isinstance(make_tracker({"kind": "none"}, tmp_path, "exp"), NullTracker)
    tracker = make_tracker({"kind": "mlflow", "uri": None, "samples_rows": 5}, tmp_path, "exp")
    assert isinstance(tracker, MlflowTracker)
    with pytest.raises(TrackingError, match="no run was started"):
        tracker.log(tmp_path)
    tracker.close()
    with pytest.raises(UsageError, match="mlflow, none"):
        make_tracker({"kind": "wandb"}, tmp_path, "exp")


def test_a_start_that_fails_is_told_when_the_run_is_wanted(tmp_path):
    """The pipeline that begins tracking goes on; ``start_run`` says why there is none."""
    tracker = MlflowTracker(tmp_path, "exp", worker=TrackingWorker(interpreter=str(tmp_path / "no-python")))
    tracker.begin()
    with pytest.raises(TrackingError, match="could not be started"):
        tracker.start_run({}, {})
    tracker.close()


def test_untracked_runs_are_not_broken(tmp_path):
    tracker = NullTracker()
    tracker.begin()
    assert tracker.start_run({}, {}) == tracker.log(tmp_path) == RunRef()
    assert RunRef().to_manifest("why")["error"] == "why"
    tracker.close()
    with pytest.raises(UsageError, match="tracking=mlflow"):
        tracker.upload(tmp_path)


def test_secrets_are_taken_out_of_texts_and_configs(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    monkeypatch.setenv("PGPASSWORD", "tr0ub4dor")
    said = f"401 for {SECRET}; Authorization: Bearer abcdefgh12; Basic dXNlcjpwdw==; http://u:pw@host/x; tr0ub4dor"
    text = scrub(said, secret_values(all_like_keys=True))
    assert "dXNlc" not in text
    assert "tr0ub" not in text
    assert SECRET not in text
    assert "abcdefgh12" not in text
    assert "pw@" not in text
    assert redacted({"headers": [{"Authorization": "x"}], "uri": "http://u:pw@h"}) == {
        "headers": [{"Authorization": "***"}],
        "uri": "http://***@h",
    }
    assert without_userinfo("http://u:pw@h:1/x") == "http://h:1/x"


def test_a_folder_that_is_no_dataset_is_named(tmp_path):
    with pytest.raises(MissingStageInputError, match=r"manifest\.json does not exist"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{oops")
    with pytest.raises(InputError, match=r"manifest\.json"):
        read_manifest(tmp_path)
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n\n[2]\n')
    with pytest.raises(InputError, match=r"x\.jsonl:3"):
        list(read_jsonl(tmp_path / "x.jsonl"))
    assert list(read_jsonl(tmp_path / "missing.jsonl")) == []
