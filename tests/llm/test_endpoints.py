import pytest

from personaloom.errors import UsageError
from personaloom.llm.connection import connect
from personaloom.llm.endpoints import canonical_origin, key_variable, resolve, tidy_base_url
from personaloom.llm.types import ChatClient

OWN = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("model", "base_url", "provider", "full", "wire", "transport"),
    [
        ("openai/gpt-4o", None, "openai", "openai/gpt-4o", "gpt-4o", "direct"),
        ("gpt-4o", None, "openai", "openai/gpt-4o", "gpt-4o", "direct"),
        ("openai/gpt-4o", OWN, "openai", "openai/gpt-4o", "gpt-4o", "direct"),
        ("openrouter/meta/llama-3", None, "openrouter", "openrouter/meta/llama-3", "meta/llama-3", "direct"),
        ("ollama/llama3.1", None, "ollama", "ollama/llama3.1", "llama3.1", "direct"),
        ("anthropic/claude-x", None, "anthropic", "anthropic/claude-x", "claude-x", "litellm"),
        ("claude-x", None, "anthropic", "anthropic/claude-x", "claude-x", "litellm"),
        ("gemini/gemini-x", None, "gemini", "gemini/gemini-x", "gemini-x", "litellm"),
        ("Qwen/Qwen2.5-7B", OWN, "openai_compatible", "Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B", "direct"),
        ("anthropic/claude-x", OWN, "openai_compatible", "anthropic/claude-x", "anthropic/claude-x", "direct"),
        ("my-model", OWN, "openai", "openai/my-model", "my-model", "direct"),
    ],
)  # fmt: skip
def test_names_are_litellms_and_the_transport_follows(model, base_url, provider, full, wire, transport):
    endpoint = resolve(model, base_url)
    assert (endpoint.provider, endpoint.model, endpoint.wire_model, endpoint.transport) == (
        provider,
        full,
        wire,
        transport,
    )


def test_origins_are_canonical_and_a_providers_own_is_empty():
    assert resolve("openai/gpt-4o").origin == ""
    assert canonical_origin("https://API.Example.com/v1/") == "https://api.example.com:443/v1"
    assert canonical_origin("http://[::1]:80") == "http://[::1]:80"
    assert resolve("ollama/x").origin == "http://127.0.0.1:11434/v1", "what is near is part of what it is"
    assert resolve("a", "http://h:1/one/v1").origin != resolve("a", "http://h:1/two/v1").origin


def test_what_is_pasted_along_with_an_address_is_taken_off():
    assert tidy_base_url(" http://h:8000/v1/chat/completions/ ") == "http://h:8000/v1"


@pytest.mark.parametrize(
    "address",
    ["h:8000/v1", "ftp://h/v1", "http://", "http://user:pw@h/v1", "http://h/v1?key=abc", "http://h:99999/v1"],
)
def test_a_bad_address_is_refused_with_the_key_to_change(address):
    with pytest.raises(UsageError, match=r"llm\.base_url") as caught:
        tidy_base_url(address)
    assert "pw" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_a_key_goes_only_where_it_is_meant_for():
    assert key_variable("openai/gpt-4o") == ("OPENAI_API_KEY", True)
    assert key_variable("anthropic/claude-x") == ("ANTHROPIC_API_KEY", True)
    assert key_variable("ollama/x") == (None, False)
    assert key_variable("openai/gpt-4o", OWN) == (None, False), "no key to a host that nobody named it for"
    assert key_variable("openai/gpt-4o", OWN, "MY_KEY") == ("MY_KEY", False)
    assert key_variable("openai/gpt-4o", None, "MY_KEY") == ("MY_KEY", True)


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"model": ""}, r"llm\.model"),
        ({"model": "nobody/x"}, r"llm\.model.*nobody"),
        ({"model": "gpt-4o", "transport": "pigeon"}, r"llm\.transport.*direct"),
        ({"model": "anthropic/claude-x", "transport": "direct"}, r"llm\.transport.*anthropic"),
        ({"model": "gpt-4o", "api_key_env": "sk-proj-abcdef"}, r"llm\.api_key_env"),
        ({"model": "gpt-4o", "json_schema": "maybe"}, r"llm\.json_schema.*native"),
        ({"model": "gpt-4o", "timeout": 0}, r"llm\.timeout"),
        (
            {"model": "gpt-4o", "headers": {"Authorization": "Bearer abcdef"}},
            r"llm\.headers\.Authorization.*headers_env",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_sent(keys, named):
    with pytest.raises(UsageError, match=named) as caught:
        connect(**keys)
    assert "abcdef" not in str(caught.value)


def test_every_client_is_a_chat_client():
    assert isinstance(connect("gpt-4o"), ChatClient)
    assert isinstance(connect("anthropic/claude-x"), ChatClient)
    assert isinstance(connect("gpt-4o", transport="litellm"), ChatClient)
