"""The reference system's config files run as they stand."""

import copy
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.config import build_parts, compose, validate
from personaloom.config.models import plan_models
from personaloom.config.primary import find_primary, read_yaml
from personaloom.config.reference import translate
from personaloom.errors import ConfigError, UsageError
from personaloom.llm.endpoints import key_variable
from personaloom.llm.types import Role

DATA = Path(__file__).parent / "data"
COMPLETE, VARIANTS = DATA / "complete" / "config.yaml", DATA / "variants" / "config.yaml"
KEYS = ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "MY_ROUTER_KEY", "ANTHROPIC_API_KEY")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Nothing depends on the working directory but what says so; keys are set, with values that are none."""
    monkeypatch.chdir(tmp_path)
    for name in KEYS:
        monkeypatch.setenv(name, "set")


@pytest.fixture(scope="module")
def example():
    """The documented example, composed and judged once."""
    with pytest.MonkeyPatch.context() as patch:
        for name in KEYS:
            patch.setenv(name, "set")
        return composed(COMPLETE)


def composed(path, *overrides):
    return validate(compose(overrides, config=path))


def changed(tmp_path, change, source=COMPLETE):
    """A copy of an example with something changed in it, its input files beside it."""
    content = yaml.safe_load(source.read_text("utf-8"))
    change(content)
    folder = tmp_path / "changed"
    folder.mkdir(exist_ok=True)
    for file in (source.parent / "input").iterdir():
        (folder / "input").mkdir(exist_ok=True)
        (folder / "input" / file.name).write_bytes(file.read_bytes())
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path


def pick(config, key):
    for part in key.split("."):
        config = config[part]
    return config


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_personas", 4),
        ("seed", 42),
        ("output_dir", "output"),
        ("reset", False),
        ("formulation.min_prompt_length", 50),
        ("sampler._target_", "personaloom.personas.RandomSampler"),
        ("sampler.feature_availability_rate", 0.7),
        ("sampler.min_features", 4),
        ("sampler.max_features", 6),
        ("sampler.required_dimensions", ["query_length_pref"]),
        ("sampler.diversity", {"enabled": True, "min_hamming_distance": 3, "max_attempts": 100}),
        ("llm.model", "openai/gpt-4o-mini"),
        ("llm.api_key_env", "OPENAI_API_KEY"),
        ("llm.max_tokens", 2048),
        ("llm.top_p", 0.9),
        ("llm.roles.assistant", {"model": "openai/gpt-4o", "temperature": 0.6, "max_tokens": 1024}),
        ("llm.roles.user", {"model": "openai/gpt-4o-mini", "temperature": 0.8, "max_tokens": 256}),
        ("llm.roles.noise", {"model": "openai/gpt-4o-mini", "temperature": 0.9, "max_tokens": 512}),
        ("query.queries_per_persona", 2),
        ("query.style_transfer_probability", 0.5),
        ("interaction.min_turns", 2),
        ("interaction.max_turns", 3),
        ("interaction.feedback_probability", 0.6),
        ("interaction.supplement_rounds", 3),
        ("distractor.activation_probability", 0.25),
        ("distractor.use_semantic", True),
        ("distractor.rules.typo", {"probability": 0.3, "intensity": 0.1}),
        ("distractor.rules.paraphrase.probability", 0),
        ("engine.concurrency", 20),
        ("training_data.split", {"train": 0.8, "val": 0.1, "test": 0.1}),
        ("training_data.formats", ["jsonl", "json"]),
        ("stages.run", ["persona", "query", "interaction", "distractor", "training"]),
    ],
)
def test_the_documented_example_sets_what_it_says(example, key, value):
    assert pick(example, key) == value


def test_the_documented_example_builds_with_its_own_files():
    parts = build_parts(composed(COMPLETE))
    assert parts.bank.names[:3] == ("age_band", "role", "domain")  # the list form
    assert len(parts.query_generator.queries) == 8
    assert len(list(parts.sampler.sample(4))) == 4
    assert {str(layer.layer): len(layer.strategies) for layer in parts.distractor.layers} == {
        "surface_noise": 2,
        "incomplete_info": 2,
        "semantic_ambiguity": 2,
    }


def test_the_other_spellings_mean_the_same_things():
    config = composed(VARIANTS)
    assert config["llm"]["model"] == "openrouter/anthropic/claude-3.5-haiku"
    assert config["llm"]["api_key_env"] == "MY_ROUTER_KEY"
    assert config["llm"]["base_url"] is None  # the endpoint that is written out is OpenRouter's own
    assert config["llm"]["roles"]["assistant"]["pool"] == [
        {"model": "openai/gpt-4o-mini", "temperature": 0.7, "max_tokens": 1024, "weight": 0.2},
        {"model": "openrouter/google/gemini-2.0-flash-exp", "weight": 0.5},
        {
            "model": "anthropic/claude-3-5-haiku-latest",
            "api_key_env": "ANTHROPIC_API_KEY",
            "temperature": 0.2,
            "weight": 0.3,
        },
    ]
    assert config["sampler"]["_target_"] == "personaloom.personas.WeightedSampler"
    assert config["seed"] == 7
    assert config["reset"] is True
    assert config["output_dir"] == "results"
    assert config["stages"]["run"] == ["persona", "query", "interaction", "distractor"]
    assert config["query"]["style_transfer_probability"] == 0
    assert config["training_data"]["split"] == {"train": 0.9, "val": 0.1, "test": 0.0}
    assert config["training_data"]["include_metadata"] is False
    assert not config["distractor"]["use_semantic"]


def test_several_query_sets_become_one_without_repeats_and_no_longer_than_asked():
    parts = build_parts(composed(VARIANTS))
    texts = [query.text for query in parts.query_generator.queries]
    assert len(texts) == len(set(texts)) == 5  # 3 and 5 with one in both; max_queries is 5
    again = composed(VARIANTS)["query"]["path"]
    assert [path.as_posix() for path in Path("results/queries").iterdir()] == [again]


def test_a_small_bank_is_not_asked_for_more_than_it_has():
    parts = build_parts(composed(VARIANTS))
    assert [len(persona.features) <= 3 for persona in parts.sampler.sample(3)] == [True] * 3


def test_more_constraints_than_max_features_raise_it_and_say_so(tmp_path):
    """The published settings ask for at most 15 features of a bank that always sets 16."""
    path = changed(tmp_path, lambda content: None)
    sampling = path.parent / "input" / "sampling_config.yaml"
    sampling.write_text("random_sampling: {min_features: 2, max_features: 2}\nrequired_dimensions: [query_length_pref]")
    assert composed(path)["sampler"]["max_features"] == 3
    assert "max_features is 2, but 3 dimensions are always set" in find_primary(path).announcement


@pytest.mark.parametrize(
    "overrides",
    [
        ["llm=simulated"],
        ["distractor=none"],
        ["sampler=stratified", "sampler.min_features=3", "sampler.max_features=5"],
        ["query.queries_per_persona=1", "num_personas=2", "seed=1"],
        ["persona_bank=compact", "query.path=null"],
        ["stages=persona", "tracking=none"],
    ],
)
def test_groups_and_values_are_overridden_on_top(overrides):
    config = composed(COMPLETE, *overrides)
    if overrides == ["llm=simulated"]:
        assert config["llm"] == validate(compose(["llm=simulated"]))["llm"]
    if overrides == ["distractor=none"]:
        assert config["distractor"] == validate(compose(["distractor=none"]))["distractor"]
    if "seed=1" in overrides:
        assert set(config["seeds"].values()) == {1}


def test_what_has_no_counterpart_is_listed_once():
    said = find_primary(COMPLETE).announcement
    wanted = (
        "paths.logs.dir", "paths.persona_specs.format", "formulation.system_prompt_template", "experiment.batch_size",
        "interaction_generation.user_model.system_prompt_template", "sampling_config.yaml: constraints.require_constraint",
    )  # fmt: skip
    assert all(said.count(key) == 1 for key in wanted)
    assert "api." not in said
    assert "migrate=" in said


def test_a_setting_that_nobody_knows_is_listed_too(tmp_path):
    def change(content):
        content["interaction_generation"]["mood_lighting"] = "dim"
        content["telemetry"] = {"level": {"deep": 3}}

    said = find_primary(changed(tmp_path, change)).announcement
    assert "interaction_generation.mood_lighting" in said
    assert "telemetry.level.deep" in said


def test_incremental_false_clears_and_says_so():
    assert (
        "experiment.incremental=false: runs that make personas clear this dataset first"
        in find_primary(VARIANTS).announcement
    )


@pytest.mark.parametrize(
    ("place", "where", "variable"),
    [
        (("api",), "api.api_key", "OPENAI_API_KEY"),
        (("openrouter",), "openrouter.api_key", "OPENROUTER_API_KEY"),
        (
            ("interaction_generation", "assistant_model"),
            "interaction_generation.assistant_model.api_key",
            "OPENAI_API_KEY",
        ),
    ],
)
@pytest.mark.parametrize("key", ["sk-or-abcdefghij0123456789", "my secret", "9f86d081884c7d65"])
def test_a_literal_key_is_refused_with_the_variable_to_set_and_not_repeated(tmp_path, place, where, variable, key):
    def change(content):
        node = content
        for name in place:
            node = node[name]
        node["api_key"] = key

    with pytest.raises(ConfigError) as caught:
        find_primary(changed(tmp_path, change))
    message = str(caught.value)
    assert f"{where}: a literal key stands in the file → export {variable}=…" in message
    assert f"${{{variable}}}" in message
    assert key not in message
    assert caught.value.exit_code == 2


def test_a_key_in_a_pool_is_found_with_its_own_provider(tmp_path):
    def change(content):
        pool = [{"provider": "anthropic", "model": "claude", "weight": 1, "api_key": "sk-ant-abcdefgh12345678"}]
        content["interaction_generation"]["assistant_model"] = {"model_pool": pool}

    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        find_primary(changed(tmp_path, change))


@pytest.mark.parametrize(
    ("provider", "model", "full"),
    [
        ("openai", "gpt-4o", "openai/gpt-4o"),
        ("OpenRouter", "x-ai/grok-4", "openrouter/x-ai/grok-4"),
        ("anthropic", "claude-3-5-haiku-latest", "anthropic/claude-3-5-haiku-latest"),
        ("azure", "my-deployment", "azure/my-deployment"),
        ("azure-openai", "my-deployment", "azure/my-deployment"),
        ("google", "gemini-2.0-flash", "gemini/gemini-2.0-flash"),
        ("together", "meta-llama/Llama-3-8b", "together_ai/meta-llama/Llama-3-8b"),
        ("openai", "openai/gpt-4o", "openai/gpt-4o"),
    ],
)
def test_providers_have_their_names_as_in_litellm(tmp_path, provider, model, full):
    def change(content):
        content["api"] |= {"provider": provider, "model": model, "api_key": "${MY_ROUTER_KEY}"}

    config = composed(changed(tmp_path, change))
    assert config["llm"]["model"] == full
    assert config["llm"]["api_key_env"] == "MY_ROUTER_KEY"


def test_the_key_of_one_provider_is_never_read_for_another():
    plans = [plan.keys for plan in plan_models(composed(VARIANTS)["llm"]) if plan.role is Role.ASSISTANT]
    names = {k["model"]: key_variable(k["model"], k.get("base_url"), k.get("api_key_env"))[0] for k in plans}
    assert names == {
        "openai/gpt-4o-mini": "OPENAI_API_KEY",
        "openrouter/google/gemini-2.0-flash-exp": "MY_ROUTER_KEY",
        "anthropic/claude-3-5-haiku-latest": "ANTHROPIC_API_KEY",
    }


def test_paths_are_looked_for_beside_the_config_first_and_then_in_the_working_directory(tmp_path):
    path = changed(tmp_path, lambda content: content["query_generation"]["dataset"].update(path="mine.jsonl"))
    Path("mine.jsonl").write_text('{"text": "From the working directory?"}\n')
    assert composed(path)["query"]["path"] == "mine.jsonl"
    (path.parent / "mine.jsonl").write_text('{"text": "From beside the config?"}\n')
    assert composed(path)["query"]["path"] == str(path.parent / "mine.jsonl")


def test_a_variable_in_a_path_is_read_from_the_environment(tmp_path, monkeypatch):
    path = changed(tmp_path, lambda content: content["paths"]["persona_bank"].update(persona="${BANKS}/persona.yaml"))
    with pytest.raises(ConfigError, match=r"paths.persona_bank.persona: the environment variable BANKS is not set"):
        find_primary(path)
    monkeypatch.setenv("BANKS", str(path.parent / "input"))
    assert build_parts(composed(path)).bank.names[0] == "age_band"


def test_a_file_that_is_missing_is_named_with_all_other_faults(tmp_path):
    def change(content):
        content["paths"]["persona_bank"]["persona"] = "input/nothing.yaml"
        content["interaction_generation"]["min_turns"] = "two"

    with pytest.raises(ConfigError) as caught:
        composed(changed(tmp_path, change))
    assert "persona_bank.path: there is no file" in str(caught.value)
    assert "interaction.min_turns" in str(caught.value)


def test_all_faults_of_the_file_come_at_once(tmp_path):
    def change(content):
        content["persona_generation"]["sampling_strategy"] = "stratfied"
        content["distractor"]["enabled"] = "yes please"
        content["paths"] = ["a", "list"]
        content["experiment"]["stages"] = dict.fromkeys(content["experiment"]["stages"], False)

    with pytest.raises(ConfigError) as caught:
        find_primary(changed(tmp_path, change))
    message = str(caught.value)
    assert "did you mean stratified?" in message
    for where in ("persona_generation.sampling_strategy", "distractor.enabled", "paths:", "experiment.stages"):
        assert where in message


def test_without_an_api_the_simulated_model_is_used_and_that_is_said(tmp_path):
    def change(content):
        del content["api"], content["interaction_generation"]["assistant_model"]

    path = changed(tmp_path, change)
    assert composed(path)["llm"]["model"].startswith("simulated/")
    assert "the simulated model is used" in find_primary(path).announcement


def test_the_classes_of_the_seed_take_the_file():
    from personaloom import EnhancedPersonaGenerationPipeline

    pipeline = EnhancedPersonaGenerationPipeline(COMPLETE, ["llm=simulated", "tracking=none"])
    assert pipeline.config["num_personas"] == 4
    assert pipeline.stages["interaction"]


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.text(max_size=4), st.builds(list), st.builds(dict, a=st.just(1))
)


def _paths(node, at=()):
    for key, value in node.items():
        yield (*at, key)
        if isinstance(value, dict):
            yield from _paths(value, (*at, key))


@pytest.mark.parametrize("source", [COMPLETE, VARIANTS])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_in_the_file_it_is_translated_or_refused_in_words(source, data, tmp_path_factory):
    content = copy.deepcopy(read_yaml(source))
    for path in data.draw(st.lists(st.sampled_from(list(_paths(content))), max_size=3)):
        *above, last = path
        node = content
        for name in above:
            node = node.get(name) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node[last] = data.draw(LEAVES)
    with suppress(UsageError):  # in words; anything else that is raised fails the test
        assert translate(source, content).content()
