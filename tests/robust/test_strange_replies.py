"""Whatever JSON a server sends, an attempt ends in a reply with usable numbers or in an error that has a kind."""

import json
import math

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.errors import CallError, MalformedReplyError
from personaloom.llm.direct import DirectClient
from personaloom.llm.endpoints import resolve
from personaloom.llm.reply import read_reply
from personaloom.llm.scrub import excerpt
from personaloom.llm.types import CallKey, ChatMessage, Deployment, LLMRequest, Purpose, Role

REQUEST = LLMRequest(
    Role.USER,
    (ChatMessage("user", "How do I bake?"),),
    CallKey(1, "p000000", "p000000-q00", 0, Role.USER, 0, Purpose.USER_FEEDBACK),
)
DEPLOYMENT = Deployment("openai", "openai/m")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = st.sampled_from([-5, 0, 3, True, 1.5, "12", None, 2**63 - 1, 10**30, math.inf, math.nan, []])
USAGE = JSON | st.fixed_dictionaries(
    {"prompt_tokens": NUMBERS, "completion_tokens": NUMBERS, "cost": NUMBERS},
    optional={"prompt_tokens_details": JSON | st.fixed_dictionaries({"cached_tokens": NUMBERS})},
)
MESSAGE = JSON | st.fixed_dictionaries({"content": JSON | st.lists(st.fixed_dictionaries({"text": JSON}))})
CHOICE = JSON | st.fixed_dictionaries({"message": MESSAGE, "finish_reason": JSON})
BODY = st.fixed_dictionaries({"choices": JSON | st.lists(CHOICE, max_size=2), "usage": USAGE, "model": JSON})


def read(body):
    return read_reply(body, REQUEST, DEPLOYMENT, 0.1)


def said(**usage):
    return {"choices": [{"message": {"content": "Mix it."}}], "usage": usage}


@settings(deadline=None, max_examples=300)
@given(BODY)
def test_any_body_is_a_reply_with_numbers_that_can_be_stored_or_an_error_of_the_call(body):
    try:
        reply = read(body)
    except CallError:
        return
    usage = reply.usage
    counts = [usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens]
    assert all(type(count) is int and 0 <= count <= 10**9 for count in counts)
    assert reply.cost_usd is None or 0 <= reply.cost_usd < 10**9
    assert reply.text
    orjson.dumps([reply.text, reply.snapshot, reply.finish_reason, counts])


@pytest.mark.parametrize("number", [-5, True, 1.5, "12", 2**63 - 1, 10**30])
def test_numbers_that_count_no_tokens_are_estimated_and_the_source_says_so(number):
    usage = read(said(prompt_tokens=number, completion_tokens=number)).usage
    assert usage.source == "estimated"
    assert 0 < usage.input_tokens < 100
    assert 0 < usage.output_tokens < 100


def test_a_usage_that_is_a_list_is_estimated():
    assert read({**said(), "usage": [1]}).usage.source == "estimated"


HALF = "Mix it \ud83d"
"""What a server sends that cuts its texts between the two halves of an emoji."""


def test_half_an_emoji_is_a_reply_that_can_be_stored_and_sent_on():
    choice = {"message": {"content": HALF}, "finish_reason": HALF}
    reply = read({"choices": [choice], "model": HALF * 999})
    orjson.dumps([reply.text, reply.snapshot, reply.finish_reason])
    assert reply.text == "Mix it \ufffd"
    assert len(reply.snapshot) <= 200
    with pytest.raises(CallError) as refused:
        read({"choices": [{"message": {"content": None, "refusal": HALF}}]})
    orjson.dumps(str(refused.value))
    orjson.dumps(excerpt(HALF))


@pytest.mark.parametrize("slip", ['"Mix it \\ud83d"', '"Mix it", "logprob": NaN', '"Mix\nit"'])
def test_what_servers_let_slip_into_their_json_costs_no_second_call(slip):
    """The direct client's reading of a body, behind the wire."""
    client = DirectClient(resolve("openai/m", "http://127.0.0.1:9/v1"))
    body = '{"choices": [{"message": {"content": ' + slip + "}}]}"
    assert read(client._read(200, body.encode(), {})).text.startswith("Mix")
    with pytest.raises(MalformedReplyError):
        client._read(200, body.encode()[:-2], {})


@pytest.mark.parametrize("code", ["²", True, -1, 10**30, {}])
def test_a_code_that_is_none_is_an_error_of_the_call_all_the_same(code):
    client = DirectClient(resolve("openai/m", "http://127.0.0.1:9/v1"))
    with pytest.raises(CallError):
        client._read(200, json.dumps({"error": {"code": code, "message": "no"}}).encode(), {})
