"""Every config file that ships composes, is judged sound, and builds its parts."""

import json
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path

import pytest

from personaloom.config import build_parts, compose, validate
from personaloom.config.groups import describe, group_options, search_folders
from personaloom.config.schema import GROUPS
from personaloom.errors import UsageError
from personaloom.llm.local.fetch import GGUF, cache_folder
from personaloom.llm.types import Role

NEEDS = {
    "persona_bank=file": {"persona_bank.path": "bank.yaml"},
    "persona_bank=population": {"persona_bank.path": "people.csv"},
    "persona_bank=text": {"persona_bank.path": "people.jsonl"},
    "query=file": {"query.path": "queries.csv"},
}
"""What an option asks its user for."""
WITH = {"persona_bank=population": ["sampler=weighted", "sampler.required_dimensions=[]", "sampler.min_features=1"],
        "persona_bank=file": ["sampler.required_dimensions=[]", "sampler.min_features=1"],
        "persona_bank=compact": ["sampler.min_features=4", "sampler.max_features=12"]}  # fmt: skip
BANK = "dimensions:\n" + "".join(
    f"  - {{name: d{i}, description: d, type: categorical, category: basic_info, values: [a, b, c, d, e, f]}}\n"
    for i in range(8)
)
GROUPS_ON_DISK = group_options(search_folders())
OPTIONS = sorted(f"{group}={option}" for group, options in GROUPS_ON_DISK.items() for option in options)
ALONE = [choice for choice in OPTIONS if choice in NEEDS or choice in WITH]
ROWS = zip_longest(*([o for o in OPTIONS if o.startswith(f"{group}=") and o not in ALONE] for group in GROUPS_ON_DISK))
TOGETHER = [[choice] for choice in ALONE] + [[choice for choice in row if choice] for row in ROWS]
"""Every option once, as many of different groups together as there are: composing takes time."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(name, "not-a-real-one")
    Path("bank.yaml").write_text(BANK)
    Path("people.csv").write_text("role,domain\n" + "nurse,health\nclerk,law\n" * 20)
    Path("people.jsonl").write_text(json.dumps({"persona": "A retired sailor who mends clocks."}) + "\n")
    Path("queries.csv").write_text("text\nHow do I mend a clock?\n")


def local_model_is_here():
    """The extra and its weights are not part of a plain install: without them the option says how to get them."""
    return find_spec("xllamacpp") is not None and (cache_folder() / GGUF).is_file()


@pytest.mark.parametrize("choices", TOGETHER, ids=" ".join)
def test_every_option_composes_is_sound_and_builds(choices):
    needed = [f"{key}={value}" for choice in choices for key, value in NEEDS.get(choice, {}).items()]
    config = validate(compose([*choices, *needed, *(more for choice in choices for more in WITH.get(choice, []))]))
    if config["llm"]["_target_"].endswith("connect_local") and not local_model_is_here():
        with pytest.raises(UsageError, match=r"fetch=local|extra 'local'"):
            build_parts(config)
        return
    parts = build_parts(config)
    assert set(parts.roles) == set(Role)
    assert parts.name == config["name"]


def test_every_option_says_in_one_line_what_it_is():
    for group, options in GROUPS_ON_DISK.items():
        for option, path in options.items():
            assert 10 < len(describe(path)) < 130, (group, option)


def test_every_group_has_a_schema():
    assert set(GROUPS_ON_DISK) - {"experiment", "hydra"} <= set(GROUPS)


def test_the_parts_are_those_of_the_config():
    config = validate(compose(["seed=5", "seeds.noise=6", "sampler.min_features=7", "engine.budget.max_calls=9"]))
    parts = build_parts(config, {"id": "s", "job": 1})
    assert parts.seeds.to_dict() == {"personas": 5, "queries": 5, "noise": 6, "generation": 5}
    assert parts.sampler.settings.min_features == 7
    assert parts.engine.budget.max_calls == 9
    assert parts.engine.retry.max_attempts == config["engine"]["retry"]["max_attempts"]
    assert parts.distractor.seed == 6
    assert parts.sweep == {"id": "s", "job": 1}
    assert parts.config == config.public


def test_a_basic_run_has_no_conversations_in_its_plan():
    parts = build_parts(validate(compose(["mode=basic"])))
    assert {name for name, runs in parts.plan.to_dict().items() if runs} == {"persona"}


def test_roles_that_are_called_alike_share_a_client_and_a_pool_is_the_assistants():
    parts = build_parts(validate(compose(["llm=pool", "llm.roles={user: {model: openai/gpt-4o, temperature: 1}}"])))
    clients = {role: [spec.client for spec in specs] for role, specs in parts.roles.items()}
    assert len(clients[Role.ASSISTANT]) == 3
    assert clients[Role.STYLIST][0] is clients[Role.NOISE][0]
    (user,) = parts.roles[Role.USER]
    assert (user.client.deployment.model, user.sampling.temperature) == ("openai/gpt-4o", 1.0)
    assert parts.roles[Role.STYLIST][0].price is not None


def test_a_budget_in_dollars_wants_the_price_of_every_model():
    overrides = ["llm=openai_compatible", "engine.budget.max_cost_usd=1"]
    with pytest.raises(ValueError, match=r"price .* is not known"):
        build_parts(validate(compose(overrides)))
    build_parts(validate(compose([*overrides, "llm.price={input_per_million: 1, output_per_million: 2}"])))
