"""The real small model, in runs: ``llm=local`` itself, and the two options that talk to a server somebody else started.

Skipped with a word where the extra ``local`` or the weights are not there.
"""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest
from harness import dataset, lines, manifest, run

from personaloom.errors import UsageError
from personaloom.llm.local import find_weights

try:
    WEIGHTS = str(find_weights())
    WHY_NOT = "" if find_spec("xllamacpp") else "the extra 'local' is not installed: pip install 'personaloom[local]'"
except UsageError as error:
    WEIGHTS, WHY_NOT = "", f"the real model was not tried: {error}"

pytestmark = [
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "can run"),
    pytest.mark.timeout(300),  # a second or two alone, much more beside busy neighbours
]
QUICK = ("num_personas=1", "persona_bank=compact", "sampler.min_features=3", "sampler.max_features=4",
         "query.queries_per_persona=1", "query.style_transfer_probability=0", "query.infer_context=false",
         "interaction.min_turns=1", "interaction.max_turns=1", "distractor=none")  # fmt: skip


@pytest.fixture(scope="module")
def server():
    """llama.cpp's own OpenAI-compatible server, in a process of its own that no client of ours has started."""
    settings = {"model_path": WEIGHTS, "slots": 1, "threads": 2, "context": 4096}
    command = [sys.executable, "-m", "personaloom.llm.local.serve", json.dumps(settings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        yield process.stdout.readline().decode().strip()
        process.stdin.close()


def test_the_demo_makes_whole_samples_with_the_models_own_token_counts(tmp_path):
    one = ("num_personas=1", "query.queries_per_persona=1", "distractor=none", "llm.roles.assistant.max_tokens=40")
    assert run("experiment=local_demo", *one, out=tmp_path) == 0
    folder, facts = dataset(tmp_path), manifest(tmp_path)
    (persona,), (talk,) = lines(folder / "personas.jsonl"), lines(folder / "interactions.jsonl")
    assert "you" in persona["system_prompt"].lower()
    assert [message["role"] for message in talk["messages"]] == ["user", "assistant"] * 2
    assert all(message["content"].strip() for message in talk["messages"])
    assert talk["messages"][2]["content"].endswith("?"), "the grammar makes a person ask on"
    assert talk["metadata"]["simulated"] is False
    assert {use["version"] for use in talk["metadata"]["prompts"].values()} == {"small-1"}
    calls = json.loads((folder / "token_usage.json").read_text())["records"]
    assert {call["metadata"]["source"] for call in calls} == {"provider"}
    assert all(call["input_tokens"] > 20 and 0 < call["output_tokens"] < 1000 for call in calls)
    assert {"formulate_prompt", "style_transfer", "assistant_response", "user_feedback"} <= {call["operation"] for call in calls}  # fmt: skip
    assert facts["usage"]["paid"]["cost_usd"] == 0


@pytest.mark.parametrize(
    ("option", "model"), [("openai_compatible", "some-model"), ("ollama", "ollama/smollm2:135m-instruct-q4_1")]
)
def test_a_server_that_speaks_the_openai_protocol_does_as_well(option, model, server, tmp_path):
    words = (f"llm={option}", f"llm.base_url={server}", f"llm.model={model}", "llm.prompts=small", "llm.max_tokens=90")
    assert run(*words, *QUICK, "formulation.validate_output=false", out=tmp_path) == 0
    (talk,) = lines(dataset(tmp_path) / "interactions.jsonl")
    assert [message["role"] for message in talk["messages"]] == ["user", "assistant"]
    assert talk["metadata"]["assistant_model"].endswith(model)
    assert talk["metadata"]["prompts"]["assistant"]["version"] == "small-1"
    assert manifest(tmp_path)["usage"]["paid"]["output_tokens"] > 0
