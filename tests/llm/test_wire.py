"""Posting over aiohttp's connections is the same as posting through its session, to the letter."""

import asyncio

import aiohttp
import pytest
import test_failures
from loopback import LoopbackLLM

from personaloom.errors import CallError
from personaloom.llm.connection import connect
from personaloom.llm.types import Sampling
from personaloom.llm.wire import Wire

GIVEN = {"X-Team": "blau · grün", "user-agent": "mine", "x-token": "of nobody"}
SECRETS = {"OPENAI_API_KEY": "sk-of-nobody-1234567890", "TEAM_TOKEN": "team-blue"}


@pytest.fixture
def through_session(monkeypatch):
    """As where aiohttp is built otherwise than those that are known."""
    return lambda: monkeypatch.setattr(Wire, "over", classmethod(lambda cls, *_: None))


def test_the_installed_aiohttp_has_the_parts_that_it_takes():
    async def opened():
        async with aiohttp.ClientSession() as session:
            return Wire.over(session, "http://127.0.0.1:9/v1/chat/completions", {}, "here")

    assert isinstance(asyncio.run(opened()), Wire)


def test_another_aiohttp_is_gone_through_by_its_session(monkeypatch):
    def connect_otherwise(self, target):
        pytest.fail("it is not called as it would be elsewhere")

    monkeypatch.setattr(aiohttp.connector.BaseConnector, "connect", connect_otherwise)

    async def opened():
        async with aiohttp.ClientSession() as session:
            return Wire.over(session, "http://127.0.0.1:9/v1/chat/completions", {}, "here")

    assert asyncio.run(opened()) is None


def test_both_send_the_same_request(monkeypatch, through_session):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    def sent():
        with LoopbackLLM(compress=True) as server:
            (reply,) = test_failures.ask(
                "direct", server.base_url, headers=GIVEN, headers_env={"X-Token": "TEAM_TOKEN"}
            )
        (request,) = server.requests
        own = {name: value for name, value in request.headers.items() if name != "host"}
        return reply.text, request.path, own, request.body

    over_wire = sent()
    through_session()
    assert over_wire == sent()
    assert over_wire[2]["x-token"] == "team-blue"


def test_both_find_the_same_in_every_fault(through_session):
    def found():
        with LoopbackLLM(script=list(test_failures.OUTCOMES), retry_after=test_failures.WAIT) as server:
            errors = test_failures.ask("direct", server.base_url, test_failures.OUTCOMES)
        port = server.base_url.rpartition(":")[2].partition("/")[0]
        return [(type(error), error.status, str(error).replace(port, "PORT")) for error in errors]

    over_wire = found()
    through_session()
    assert over_wire == found()


def test_a_call_that_is_cancelled_leaves_no_half_reply_for_the_next_one():
    async def main(server):
        client = connect("openai/gpt-4o", base_url=server.base_url)
        with pytest.raises(CallError):
            await client.complete(test_failures.REQUEST, Sampling(), 0.1)
        try:
            return [(await client.complete(test_failures.REQUEST, Sampling(), 10)).text for _ in range(2)]
        finally:
            await client.aclose()

    with LoopbackLLM(script=["slow"]) as server:
        first, second = asyncio.run(main(server))
    assert first == second != ""
