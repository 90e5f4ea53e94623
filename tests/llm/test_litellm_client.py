"""LiteLLM's client against the same server: the same requests, replies and failures as the direct one."""

import asyncio
import subprocess
import sys

import pytest
from loopback import LoopbackLLM

from personaloom.errors import (
    AuthenticationFailedError,
    CallError,
)
from personaloom.llm.connection import connect
from personaloom.llm.structured import parse_structured
from personaloom.llm.types import CallKey, ChatMessage, LLMRequest, Purpose, Role, Sampling

SCHEMA = {
    "type": "object",
    "properties": {"satisfied": {"type": "boolean"}, "message": {"type": "string"}},
    "required": ["satisfied", "message"],
    "additionalProperties": False,
}
KEY = CallKey(1, "p000000", "p000000-q00", 0, Role.USER, 0, Purpose.USER_FEEDBACK)
MESSAGES = (
    ChatMessage("system", "You are a person."),
    ChatMessage("user", "What is the tallest mountain of Norway?"),
)
PLAIN = LLMRequest(Role.USER, MESSAGES, KEY)
STRUCTURED = LLMRequest(Role.USER, MESSAGES, KEY, schema=SCHEMA, schema_name="feedback")

# LiteLLM reports deprecated things of its own.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:pydantic.*"),
]


def ask_all(server, requests, deadline=20.0, **options):
    """Reply or error of each request, one after another, by one client."""

    async def main():
        client = connect("openai/gpt-4o", base_url=server.base_url, transport="litellm", **options)
        out = []
        try:
            for request in requests:
                try:
                    out.append(await client.complete(request, Sampling(0.5, 0.9, 100, 7, ("END",)), deadline))
                except CallError as error:
                    out.append(error)
        finally:
            await client.aclose()
        return out

    return asyncio.run(main())


def test_parameters_schema_and_counts_pass_through(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-this-host-000000")
    with LoopbackLLM(served_model="gpt-4o-2024-08-06") as server:
        (reply,) = ask_all(server, [STRUCTURED], extra_body={"top_k": 5}, headers={"X-Team": "blue"})
    sent = server.requests[0]
    assert sent.body["temperature"] == 0.5
    assert sent.body["max_tokens"] == 100
    assert sent.body["seed"] == 7
    assert sent.body["stop"] == ["END"]
    assert sent.body["top_k"] == 5
    assert sent.body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert sent.headers["x-team"] == "blue"
    assert "sk-not" not in sent.headers["authorization"], "no key goes to a host that it is not for"
    assert parse_structured(reply.text, SCHEMA)
    assert reply.snapshot == "gpt-4o-2024-08-06"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (
        server.totals.input_tokens,
        server.totals.output_tokens,
    )
    assert reply.usage.cached_tokens > 0


def test_usage_that_the_server_left_out_is_estimated_and_said_to_be():
    with LoopbackLLM(script=["no-usage"]) as server:
        (reply,) = ask_all(server, [PLAIN])
    assert reply.usage.source == "estimated"
    assert reply.usage.input_tokens > 0


def test_a_key_that_a_server_echoes_is_in_no_error(monkeypatch):
    secret = "my-very-own-secret-0123456789"
    monkeypatch.setenv("PL_TEST_KEY", secret)
    with LoopbackLLM(script=["401"]) as server:
        (error,) = ask_all(server, [PLAIN], api_key_env="PL_TEST_KEY")
    assert server.requests[0].headers["authorization"] == f"Bearer {secret}"
    assert isinstance(error, AuthenticationFailedError)
    assert not any(secret in text for text in (str(error), repr(error), repr(vars(error)), repr(error.__cause__)))


def test_litellm_is_imported_by_the_first_call_and_not_before():
    code = (
        "import sys; from personaloom.llm.connection import connect; connect('anthropic/claude-x'); connect('gpt-4o'); "
        "assert 'litellm' not in sys.modules and 'aiohttp' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
