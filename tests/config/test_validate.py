"""One pass finds every fault of a config, and says for each what to write instead."""

import copy

import pytest
import yaml

from personaloom.config import compose, validate
from personaloom.errors import ConfigError

SHIPPED = compose()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "PERSONALOOM_TRUSTED"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def faults_with(override):
    """Faults of the shipped config with one value changed as an override would: composing each time takes long."""
    config = copy.deepcopy(SHIPPED)
    key, _, value = override.partition("=")
    *path, last = key.lstrip("+~").split(".")
    for config_ in (config, config.public):
        node = config_
        for part in path:
            node = node.setdefault(part, {})
        if key.startswith("~"):
            del node[last]
        else:
            node[last] = yaml.safe_load(value)
    with pytest.raises(ConfigError) as caught:
        validate(config)
    return {fault.where: f"{fault.problem} → {fault.remedy}" for fault in caught.value.faults}


def faults(*overrides, **more):
    with pytest.raises(ConfigError) as caught:
        validate(compose(overrides, **more))
    return {fault.where: f"{fault.problem} → {fault.remedy}" for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("override", "where", "says"),
    [
        ("num_persona=3", "num_persona", "did you mean num_personas?"),
        ("+unknown=1", "unknown", "no such key"),
        ("samplr.min_features=3", "samplr", "did you mean sampler?"),
        (
            "sampler.diversity.min_haming_distance=3",
            "sampler.diversity.min_haming_distance",
            "min_hamming_distance?",
        ),
        ("num_personas=many", "num_personas", "'many', and must be a whole number"),
        ("num_personas=2.5", "num_personas", "whole number"),
        ("num_personas=-3", "num_personas", "at least 1"),
        ("num_personas=null", "num_personas", "whole number"),
        ("num_personas=true", "num_personas", "whole number"),
        ("reset=3", "reset", "true or false"),
        ("seed=a", "seed", "whole number"),
        ("name='a b/c'", "name", "the letters a to z and A to Z, digits"),
        ("mode=quick", "mode", "basic, enhanced"),
        ("sampler.feature_availability_rate=1.2", "sampler.feature_availability_rate", "at most 1"),
        ("sampler.required_dimensions=role", "sampler.required_dimensions", "a list"),
        ("sampler.diversity=3", "sampler.diversity", "a mapping"),
        ("sampler.min_features=30", "sampler.min_features", "sampler.max_features=20"),
        ("interaction.min_turns=6", "interaction.min_turns", "interaction.max_turns=5"),
        ("interaction.feedback_probability=-0.1", "interaction.feedback_probability", "at least 0"),
        ("interaction.assistant_persona=feature", "interaction.assistant_persona", "did you mean features?"),
        ("training_data.split.test=0.3", "training_data.split", "1.2, and must sum to 1"),
        ("engine.budget.max_cost_usd=-1", "engine.budget.max_cost_usd", "at least 0"),
        ("engine.concurrency=0", "engine.concurrency", "at least 1"),
        ("engine.max_failed_share=.inf", "engine.max_failed_share", "at most 1"),
        ("ledger.mode=false", "ledger.mode", 'quote it: "off"'),
        ("ledger.mode=write", "ledger.mode", "did you mean readwrite?"),
        ("stages.run=[persona,qery]", "stages.run", "did you mean query?"),
        ("stages.run=[]", "stages.run", "nothing to run"),
        ("distractor={pairs: true, mode: posthoc}", "distractor.pairs", "distractor.mode=realtime"),
        ("quality.judge={pairs: true}", "quality.judge.pairs", "distractor.pairs=true"),
        ("stages.run=[persona,persona]", "stages.run", "named twice"),
        ("query.path=nope.jsonl", "query.path", "no file nope.jsonl"),
        ("persona_bank.path=nope/bank.yaml", "persona_bank.path", "no file nope/bank.yaml"),
        ("prompts.folder=nope", "prompts.folder", "no folder nope"),
        (
            "prompts.overrides={style_transfer: nope.j2}",
            "prompts.overrides.style_transfer",
            "no file nope.j2",
        ),
        ("query.path=.", "query.path", "is a folder"),
        ("tracking.kind=mlfow", "tracking.kind", "did you mean mlflow?"),
        ("distractor.activation_probability=2", "distractor.activation_probability", "at most 1"),
        ("distractor.mode=later", "distractor.mode", "posthoc, realtime"),
        ("sampler._target_=os.system", "sampler._target_", "PERSONALOOM_TRUSTED"),
        ("sampler._target_=personaloom.personas.Nope", "sampler._target_", "has no Nope"),
        ("sampler._target_=personaloom.cli.entry", "sampler._target_", "nothing for this group"),
        ("experiment_name=sk-abcdefghijklmnop", "experiment_name", "look of a key"),
        ("+llm.headers={Authorization: Bearer-of-news}", "llm.headers.Authorization", "literal key"),
        ("~persona_bank", "persona_bank", "is missing"),
        ("~num_personas", "num_personas", "is missing"),
        ("output_dir=/dev/null/x", "output_dir", "is a file"),
    ],
)
def test_fault_is_named(override, where, says):
    found = faults_with(override)
    assert where in found, found
    assert says in found[where]


def test_values_that_are_missing_or_cannot_be_resolved_are_named():
    found = faults("query.path=${oc.env:NO_SUCH_VARIABLE}", "name=${nothing.there}", "export_path=???")
    assert "NO_SUCH_VARIABLE is not set" in found["query.path"]
    assert "not found" in found["name"]
    assert "has no value" in found["export_path"]


def test_all_faults_are_listed_at_once():
    found = faults("num_persona=3", "seed=a", "interaction.min_turns=6", "query.path=nope.jsonl", "+llm.nope=1")
    assert {"num_persona", "seed", "interaction.min_turns", "query.path"} <= set(found)
    assert "seeds.noise" not in found, "what is wrong with seed is said once"


def test_a_whole_number_stands_for_a_float():
    config = validate(compose(["distractor.activation_probability=1", "engine.budget.max_cost_usd=3"]))
    assert type(config["distractor"]["activation_probability"]) is float
    assert type(config["engine"]["budget"]["max_cost_usd"]) is float
    assert type(config["num_personas"]) is int


def test_keys_are_needed_for_the_models_that_will_be_called_and_only_for_those(monkeypatch):
    assert "OPENAI_API_KEY is not set" in faults("llm=gpt4o")["llm"]
    validate(compose(["llm=gpt4o", "llm.base_url=http://127.0.0.1:9/v1"]))
    validate(compose(["llm=gpt4o", "stages=report"]))
    monkeypatch.setenv("OPENAI_API_KEY", "hidden-value")
    validate(compose(["llm=gpt4o"]))
    role = "+llm.roles.user.model=anthropic/claude-sonnet-4-5"
    found = faults("llm=gpt4o", role)["llm"]
    assert "ANTHROPIC_API_KEY is not set" in found
    assert "llm.roles.user" in found
    assert "hidden-value" not in found
    validate(compose(["llm=gpt4o", role, "stages=persona"]))


def test_a_pool_without_any_weight_cannot_be_drawn_from(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    assert "all weights are 0" in faults("llm=gpt4o", "llm.pool=[{model: openai/gpt-4o, weight: 0}]")["llm.pool"]
    found = faults("llm=gpt4o", "llm.pool=[{model: openai/gpt-4o, weigth: 1}]")
    assert "did you mean llm.pool[0].weight?" in found["llm.pool[0].weigth"]


def test_a_role_that_does_not_exist_is_answered_with_the_nearest(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    assert "did you mean assistant?" in faults("llm=gpt4o", "+llm.roles={asistant: {model: x}}")["llm.roles.asistant"]


def test_a_bad_address_names_the_role_it_belongs_to(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    found = faults("llm=gpt4o", "+llm.roles.judge.base_url=127.0.0.1")
    assert any(where.startswith("llm.roles.judge") for where in found), found
