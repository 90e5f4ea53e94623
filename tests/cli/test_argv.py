"""The command line as written becomes overrides, or is refused before anything is composed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.cli.argv import parse
from personaloom.errors import ConfigError


def refused(*argv: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(argv)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("argv", "overrides"),
    [
        ("--num-personas 100", ["num_personas=100"]),
        ("--num-personas=100", ["num_personas=100"]),
        ("--mode basic --num-personas 1000", ["num_personas=1000", "mode=basic", "stages=basic"]),
        ("--skip-distractor --num-personas 50", ["num_personas=50", "distractor=none"]),
        ("--stage interaction", ["stages=interaction"]),
        ("--stage all", ["stages=enhanced"]),
        ("--mode basic --stage persona", ["mode=basic", "stages=persona"]),
        ("--skip-query-transfer", ["query.style_transfer_probability=0"]),
        ("--reset", ["reset=true"]),
        ("num_personas=5 --num-personas 5", ["num_personas=5"]),
        ("llm=gpt4o --reset seed=3", ["llm=gpt4o", "seed=3", "reset=true"]),
        ("stages=score,export", ["stages=custom", "stages.run=[score,export]"]),
        ("stages=[score]", ["stages=custom", "stages.run=[score]"]),
        ("-m stages=persona,query", ["stages=persona,query"]),
        ("--skip-distractor distractor=none", ["distractor=none"]),
    ],
)
def test_each_flag_of_the_seed_is_an_override(argv, overrides):
    assert parse(argv.split()).overrides == overrides


@given(st.permutations(["--reset", "seed=3", "--num-personas=7", "llm=gpt4o", "--config=x.yaml", "-m"]))
@settings(max_examples=40, deadline=None)
def test_flags_stand_before_after_and_between_overrides(argv):
    call = parse(argv)
    assert set(call.overrides) == {"reset=true", "seed=3", "num_personas=7", "llm=gpt4o"}
    assert str(call.config) == "x.yaml"
    assert call.action == "multirun"


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        ("--num-personas 5 num_personas=6", ("--num-personas 5", "num_personas=6")),
        ("--skip-distractor distractor=heavy", ("--skip-distractor", "distractor=heavy")),
        (
            "--skip-distractor distractor.activation_probability=0.3",
            ("distractor.activation_probability=0.3",),
        ),
        ("--stage query stages=persona", ("--stage query", "stages=persona")),
        ("--stage query stages.run=[persona]", ("--stage query", "stages.run=[persona]")),
        ("--reset reset=false", ("--reset", "reset=false")),
        ("--mode basic mode=enhanced", ("--mode basic", "mode=enhanced")),
        ("--mode basic --stage interaction", ("--mode basic", "interaction")),
        ("mode=basic stages=training", ("--mode basic", "has no stage training")),
        ("--num-personas 5 --num-personas 6", ("--num-personas 6", "--num-personas 5")),
        (
            "--skip-query-transfer query.style_transfer_probability=0.5",
            ("query.style_transfer_probability=0.5",),
        ),
        ("-m --skip-distractor distractor=none,heavy", ("--skip-distractor", "distractor=none,heavy")),
        ("--config a.yaml --config b.yaml", ("a.yaml and b.yaml",)),
        ("--cfg job -m", ("--cfg", "-m")),
        ("--resolve", ("--resolve", "--cfg job")),
    ],
)
def test_contradictions_are_refused_by_name(argv, names):
    message = refused(*argv.split())
    assert all(name in message for name in names)


@pytest.mark.parametrize(
    ("argv", "remedy"),
    [
        ("--num-persona 5", "did you mean --num-personas?"),
        ("--skip-distractors", "did you mean --skip-distractor?"),
        ("--config-name x", "use --config PATH"),
        ("--stage persna", "did you mean persona?"),
        ("--mode quick", "enhanced"),
        ("--num-personas many", "give 1 or more"),
        ("--num-personas 0", "give 1 or more"),
        ("--reset=1", "write --reset alone"),
        ("--config", "write --config PATH"),
        ("--cfg hydra", "job"),
    ],
)
def test_an_unknown_flag_or_value_is_answered_with_the_nearest(argv, remedy):
    assert remedy in refused(*argv.split())


def test_abbreviations_are_off():
    assert "there is no such flag" in refused("--num", "5")


@pytest.mark.parametrize(
    "word",
    [
        "llm.api_key=abcdef",
        "+llm.api_key=sk-abcdefghijklmnop",
        "llm.api_key_env=sk-abcdefghijklmnop",
        "llm.headers.Authorization='Bearer abcdefghijkl'",
        "llm.headers.X-Api-Key=hello",
        "name=sk-proj-abcdefghijkl",
        "++tracking.password=hunter2",
    ],
)
def test_a_literal_key_is_refused_and_not_repeated(word):
    message = refused(word)
    assert "command line" in message
    assert word.partition("=")[2] not in message
    assert "sk-" not in message


def test_names_of_variables_are_no_keys():
    assert parse(["llm.api_key_env=OPENAI_API_KEY", "llm.headers.Authorization=${oc.env:TOKEN}", "llm.max_tokens=5"])


def test_all_faults_come_at_once():
    message = refused("--nope", "--num-personas", "x", "llm.api_key=abc", "--reset", "reset=false")
    assert message.count("\n") == 4
    assert "4 faults" in message


def test_verbs_never_become_part_of_the_config():
    call = parse(["preview=3", "llm=gpt4o", "--estimate"])
    assert call.verbs == {"preview": "3", "estimate": "true"}
    assert not parse(["estimate=false"]).verbs
    assert call.overrides == ["llm=gpt4o"]


def test_config_dirs_keep_their_order():
    assert [str(folder) for folder in parse(["--config-dir", "a", "-cd", "b"]).config_dirs] == ["a", "b"]
