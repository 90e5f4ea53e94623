"""Roles and pools: what they take over from ``llm``, and what never goes to another host."""

from personaloom.config.models import plan_models
from personaloom.config.secrets import holds_secret, masked, redact, secret_faults
from personaloom.llm.types import Role

BASE = {
    "_target_": "personaloom.llm.connect",
    "model": "openai/gpt-4o",
    "base_url": None,
    "api_key_env": "MY_KEY",
    "headers_env": {"X-Team": "TEAM"},
    "temperature": 0.7,
    "price": {"input_per_million": 1},
    "roles": {},
    "pool": [],
}


def plan(role, **changes):
    return [each for each in plan_models({**BASE, **changes}) if each.role is role]


def test_every_role_has_a_model_and_takes_over_what_it_does_not_change():
    assert [each.role for each in plan_models(BASE)] == list(Role)
    (user,) = plan(Role.USER, roles={"user": {"temperature": 1.0}})
    assert (user.keys["temperature"], user.keys["model"], user.keys["api_key_env"]) == (
        1.0,
        "openai/gpt-4o",
        "MY_KEY",
    )
    assert user.where == "llm.roles.user"


def test_another_model_of_the_same_provider_keeps_the_key_and_not_the_price():
    (user,) = plan(Role.USER, roles={"user": {"model": "openai/gpt-4o-mini"}})
    assert user.keys["api_key_env"] == "MY_KEY"
    assert user.keys["price"] is None


def test_no_key_and_no_header_reaches_another_provider():
    (user,) = plan(Role.USER, roles={"user": {"model": "anthropic/claude-x"}})
    assert not {"api_key_env", "headers", "headers_env"} & set(user.keys)


def test_no_key_reaches_another_origin():
    (user,) = plan(Role.USER, roles={"user": {"base_url": "http://10.0.0.1:8000/v1"}})
    assert "api_key_env" not in user.keys
    (user,) = plan(Role.USER, roles={"user": {"base_url": "http://10.0.0.1:8000/v1", "api_key_env": "OTHER"}})
    assert user.keys["api_key_env"] == "OTHER"


def test_another_provider_leaves_the_address_of_the_first_behind():
    (user,) = plan(Role.USER, base_url="http://10.0.0.1:8000/v1", roles={"user": {"model": "anthropic/claude-x"}})
    assert user.keys["base_url"] is None


def test_the_pool_is_the_assistants():
    pool = [{"model": "openai/a", "weight": 3}, {"model": "openai/b"}]
    assert [(each.keys["model"], each.weight) for each in plan(Role.ASSISTANT, pool=pool)] == [
        ("openai/a", 3.0),
        ("openai/b", 1.0),
    ]
    assert [each.keys["model"] for each in plan(Role.USER, pool=pool)] == ["openai/gpt-4o"]


def test_a_real_model_for_one_role_of_a_simulated_run_and_back():
    base = {"_target_": "personaloom.llm.SimulatedModel", "model": "simulated/persona-1"}
    (user,) = plan(Role.USER, **base, roles={"user": {"model": "openai/gpt-4o"}})
    assert user.keys["_target_"] == "personaloom.llm.connect"
    (judge,) = plan(Role.JUDGE, roles={"judge": {"model": "simulated/persona-1"}})
    assert judge.keys["_target_"] == "personaloom.llm.SimulatedModel"


def test_literal_keys_are_found_by_name_and_by_look_and_never_repeated():
    config = {"llm": {"api_key": "abc", "x": ["sk-abcdefghijk"], "headers_env": {"Authorization": "TOKEN_VARIABLE"}},
              "a": {"password": "${oc.env:PW}", "max_tokens": 3, "hf": "hf-internal-testing/tiny"}}  # fmt: skip
    found = list(secret_faults(config))
    assert [fault.where for fault in found] == ["llm.api_key", "llm.x[0]"]
    assert "abc" not in "".join(map(str, found))
    shown = masked(config)
    assert shown["llm"]["api_key"] == "***"
    assert shown["llm"]["x"] == ["***"]
    assert shown["llm"]["headers_env"] == {"Authorization": "TOKEN_VARIABLE"}
    assert shown["a"] == config["a"]


def test_redacting_keeps_what_is_no_key():
    assert redact("task-force at gpt-4o, sk-abcdefghijkl") == "task-force at gpt-4o, ***"
    assert not holds_secret("llm.headers_env.Authorization", "TOKEN")
    assert holds_secret("llm.headers.Authorization", "anything")
