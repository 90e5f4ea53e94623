"""Noise in whole runs: beside stored conversations, and from models that do not do as they are told."""

import json

import pytest
from harness import content, lines, run
from loopback import LoopbackLLM, answer_to


def folders(out):
    return {
        path.name.split("-")[1 if path.name.startswith("SIM-") else 0]: path for path in (out / "datasets").iterdir()
    }


def test_noise_is_written_beside_a_clean_dataset_that_is_there_already(tmp_path):
    assert run("num_personas=3", "distractor=none", "name=clean", out=tmp_path) == 0
    words = ("num_personas=3", "distractor=heavy", "distractor.mode=posthoc", "name=noisy")
    assert run("--stage", "distractor", *words, out=tmp_path) == 0
    assert run("--stage", "training", *words, out=tmp_path) == 0
    there = folders(tmp_path)
    clean, noisy = (lines(there[name] / "interactions.jsonl") for name in ("clean", "noisy"))
    assert [[m["content"] for m in t["messages"]] for t in clean] == [
        [m["content"] for m in t["messages"]] for t in noisy
    ]
    results = [n for talk in noisy for n in talk["metadata"]["noise"]]
    assert any(n["metadata"]["verdict"] == "applied" for n in results)
    assert all((n["metadata"]["verdict"] == "applied") == (n["noisy_text"] != n["original_text"]) for n in results)
    usage = json.loads((there["noisy"] / "manifest.json").read_text())["usage"]
    assert usage["paid"]["calls"] < usage["attributed"]["calls"]
    at_once = tmp_path / "at-once"
    assert run(*words, out=at_once) == 0
    assert content(folders(at_once)["noisy"]) == content(there["noisy"])


def test_another_split_needs_no_conversation_again(tmp_path):
    run("num_personas=2", "name=one", out=tmp_path)
    words = ("num_personas=2", "name=two", "training_data.split={train: 0.5, val: 0.5, test: 0.0}")
    assert run("--stage", "training", *words, out=tmp_path) == 0
    there = folders(tmp_path)
    assert (there["one"] / "personas.jsonl").read_bytes() == (there["two"] / "personas.jsonl").read_bytes()
    assert len(lines(there["two"] / "training_data" / "val_samples.jsonl")) == 5


def is_noise(body):
    return "noisy_text" in json.dumps(body)


def nonsense(body):
    return json.dumps({"noisy_text": "purple monkey dishwasher seventeen"}) if is_noise(body) else answer_to(body)


def repeats(body):
    if not is_noise(body):
        return answer_to(body)
    last = body["messages"][-1]["content"]
    return json.dumps({"noisy_text": last.split("<message>")[-1].split("</message>")[0].strip()})


def answers(body):
    text = "Sure! Here is how you do it: first, open the settings, then choose the option and confirm. Let me know!"
    return json.dumps({"noisy_text": text}) if is_noise(body) else answer_to(body)


def broken(body):
    return '{"noisy_text": "half a' if is_noise(body) else answer_to(body)


def empty(body):
    return json.dumps({"noisy_text": "  "}) if is_noise(body) else answer_to(body)


@pytest.mark.parametrize("model", [nonsense, repeats, answers, broken, empty])
def test_no_unit_claims_noise_that_it_does_not_have(tmp_path, model):
    with LoopbackLLM(reply=model) as server:
        words = ("llm=gpt4o", f"llm.base_url={server.base_url}", "num_personas=2", "distractor=heavy")
        assert run(*words, out=tmp_path) == 0
        assert any(is_noise(request.body) for request in server.requests)
    (folder,) = folders(tmp_path).values()
    results = [n for talk in lines(folder / "interactions.jsonl") for n in talk["metadata"]["noise"]]
    drawn = [n for n in results if n["layer"]]
    assert drawn
    assert {n["metadata"]["verdict"] for n in drawn} <= {"rejected", "not_applicable"}
    assert all(n["noisy_text"] == n["original_text"] for n in results)
    assert all(n["metadata"]["reason"] for n in drawn)
    noise = json.loads((folder / "manifest.json").read_text())["noise"]
    assert noise["applied"] == 0
    assert noise["drawn"] == len(drawn)
    for name in ("train", "val", "test"):
        assert all(not s["noisy_initial_queries"] for s in lines(folder / "training_data" / f"{name}_samples.jsonl"))
