"""The direct client against a server on the loopback."""

import asyncio
import json
import threading

import pytest
from loopback import LoopbackLLM

from personaloom.errors import (
    AuthenticationFailedError,
    CallError,
    ConnectionCutError,
    MalformedReplyError,
)
from personaloom.llm import direct, wire
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


def ask(server, request=PLAIN, sampling=Sampling(), deadline=10.0, times=1, **options):  # noqa: B008 - frozen
    """The reply, or the error, of the last of so many calls of one client."""

    async def main():
        client = connect(options.pop("model", "openai/gpt-4o"), base_url=server.base_url, **options)
        last = None
        try:
            for _ in range(times):
                try:
                    last = await client.complete(request, sampling, deadline)
                except CallError as error:
                    last = error
        finally:
            await client.aclose()
        return last

    return asyncio.run(main())


def test_what_is_sent_is_what_the_protocol_says():
    sampling = Sampling(0.5, 0.9, 100, 7, ("END",), {"top_k": 5})
    with LoopbackLLM() as server:
        ask(server, STRUCTURED, sampling, headers={"X-Team": "blue"}, extra_body={"top_k": 1, "user": "me"})
    sent = server.requests[0]
    assert sent.path == "/v1/chat/completions"
    assert sent.headers["x-team"] == "blue"
    assert "authorization" not in sent.headers
    assert sent.body == {
        "model": "gpt-4o",
        "messages": [message.to_dict() for message in MESSAGES],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 100,
        "seed": 7,
        "stop": ["END"],
        "top_k": 5,
        "user": "me",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "feedback", "schema": SCHEMA, "strict": True},
        },
    }


def test_what_is_not_set_is_not_sent():
    with LoopbackLLM() as server:
        ask(server)
    assert set(server.requests[0].body) == {"model", "messages"}


def test_the_reply_carries_what_the_server_said():
    with LoopbackLLM(served_model="gpt-4o-2024-08-06") as server:
        reply = ask(server)
    assert reply.text
    assert reply.model == "openai/gpt-4o"
    assert reply.snapshot == "gpt-4o-2024-08-06"
    assert reply.usage.source == "provider"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (
        server.totals.input_tokens,
        server.totals.output_tokens,
    )
    assert reply.usage.cached_tokens > 0
    assert reply.latency_s > 0


def test_compressed_replies_are_read():
    with LoopbackLLM(compress=True) as server:
        assert ask(server).text == ask(server).text != ""


def test_a_wait_that_the_server_names_is_passed_on():
    with LoopbackLLM(script=["429"], retry_after=3.5) as server:
        assert ask(server).retry_after_s == 3.5


def test_nobody_there_is_a_cut_connection():
    with LoopbackLLM() as server:
        pass
    assert isinstance(ask(server), ConnectionCutError)


def test_a_reply_that_is_too_large_is_dropped(monkeypatch):
    monkeypatch.setattr(wire, "MAX_REPLY_BYTES", 1 << 20)
    with LoopbackLLM(reply=lambda body: "x" * (2 << 20)) as server:
        error = ask(server)
    assert isinstance(error, MalformedReplyError)
    assert "1 MiB" in str(error)


def test_tokens_of_a_rejected_reply_are_known():
    with LoopbackLLM(script=["no-text"]) as server:
        error = ask(server)
    assert error.input_tokens == server.totals.input_tokens > 0


# -- schemas -------------------------------------------------------------------------------------------------------


def test_an_endpoint_that_takes_no_schema_gets_it_in_the_prompt_from_then_on():
    with LoopbackLLM(faults={"no-schema": 1.0}) as server:
        reply = ask(server, STRUCTURED, times=3)
    assert set(parse_structured(reply.text, SCHEMA)) == {"satisfied", "message"}
    first, *later = [request.body for request in server.requests]
    assert "response_format" in first
    assert len(later) == 2
    for body in later:
        assert "response_format" not in body
        assert body["messages"][0]["content"].startswith("You are a person.\n\nReply with one JSON object")
        assert body["messages"][1] == MESSAGES[1].to_dict()


def test_an_endpoint_that_ignores_schemas_is_noticed():
    with LoopbackLLM(script=["prose"] * direct.PROSE_REPLIES) as server:
        reply = ask(server, STRUCTURED, times=direct.PROSE_REPLIES + 1)
    assert "response_format" not in server.requests[-1].body
    assert parse_structured(reply.text, SCHEMA)


@pytest.mark.parametrize(("mode", "sent"), [("native", True), ("prompt", False)])
def test_a_mode_that_was_chosen_is_kept(mode, sent):
    with LoopbackLLM(faults={"no-schema": 1.0}) as server:
        ask(server, STRUCTURED, times=2, json_schema=mode)
    assert [("response_format" in request.body) for request in server.requests] == [sent, sent]


# -- keys ----------------------------------------------------------------------------------------------------------

SECRET = "my-very-own-secret-0123456789"


def test_a_named_key_is_read_at_call_time_and_sent(monkeypatch):
    monkeypatch.setenv("PL_TEST_KEY", SECRET)
    monkeypatch.setenv("PL_TEST_ORG", "organisation-77")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-this-host-000000")
    with LoopbackLLM() as server:
        ask(server, api_key_env="PL_TEST_KEY", headers_env={"X-Org": "PL_TEST_ORG"})
        ask(server)
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert server.requests[0].headers["x-org"] == "organisation-77"
    assert "authorization" not in server.requests[1].headers, "no key goes to a host that it is not for"


def test_a_key_that_a_server_echoes_is_in_no_error(monkeypatch):
    monkeypatch.setenv("PL_TEST_KEY", SECRET)
    with LoopbackLLM(script=["401"]) as server:
        error = ask(server, api_key_env="PL_TEST_KEY")
    assert isinstance(error, AuthenticationFailedError)
    assert server.requests[0].headers["authorization"].endswith(SECRET)
    shown = [str(error), repr(error), repr(vars(error)), repr(error.__cause__), repr(error.__context__)]
    assert not any(SECRET in text for text in shown)


def test_a_client_holds_no_key(monkeypatch):
    monkeypatch.setenv("PL_TEST_KEY", SECRET)
    with LoopbackLLM() as server:

        async def main():
            client = connect("gpt-4o", base_url=server.base_url, api_key_env="PL_TEST_KEY")
            await client.complete(PLAIN, Sampling(), 10.0)
            seen = repr(client) + repr(vars(client))
            await client.aclose()
            return seen

        assert SECRET not in asyncio.run(main())


def test_a_providers_own_endpoint_wants_its_key_before_anything_is_sent(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    async def main():
        await connect("gpt-4o").complete(PLAIN, Sampling(), 10.0)

    with pytest.raises(AuthenticationFailedError, match="OPENAI_API_KEY"):
        asyncio.run(main())


def test_a_key_with_a_line_break_is_refused_without_being_shown(monkeypatch):
    monkeypatch.setenv("PL_TEST_KEY", f"{SECRET}\nX-Evil: 1")
    with LoopbackLLM() as server:
        error = ask(server, api_key_env="PL_TEST_KEY")
    assert isinstance(error, AuthenticationFailedError)
    assert SECRET not in str(error)
    assert server.totals.requests == 0


def test_openais_own_models_get_the_new_name_of_max_tokens(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    client = connect("gpt-4o")
    assert b'"max_completion_tokens":5' in client._body(PLAIN, Sampling(max_tokens=5), native=False)


# -- loops and threads ---------------------------------------------------------------------------------------------


def test_one_client_serves_one_loop_after_another_and_several_threads():
    with LoopbackLLM() as server:
        client = connect("gpt-4o", base_url=server.base_url)

        async def once():
            try:
                return (await client.complete(PLAIN, Sampling(), 10.0)).text
            finally:
                await client.aclose()

        texts = [asyncio.run(once()) for _ in range(3)]
        threads = [threading.Thread(target=lambda: texts.append(asyncio.run(once()))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(texts) == 7
    assert len(set(texts)) == 1


def test_many_calls_at_once_share_connections_and_mix_nothing_up():
    async def main(server):
        client = connect("gpt-4o", base_url=server.base_url)

        async def one(number):
            request = LLMRequest(Role.USER, (ChatMessage("user", f"say {number}"),), KEY)
            return json.loads((await client.complete(request, Sampling(), 10.0)).text)["said"]

        try:
            return await asyncio.gather(*(one(number) for number in range(200)))
        finally:
            await client.aclose()

    with LoopbackLLM(reply=lambda body: json.dumps({"said": body["messages"][0]["content"]})) as server:
        assert asyncio.run(main(server)) == [f"say {number}" for number in range(200)]
