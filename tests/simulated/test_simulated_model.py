"""The protocol: determinism, honesty, token counts, limits."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from simulated_drive import TURN_SCHEMA, ask, features, queries, request

from personaloom.errors import CallTimeoutError, ConfigError, TruncatedReplyError
from personaloom.llm.simulated import SIMULATOR_VERSION, SimulatedModel
from personaloom.llm.types import ChatClient, ChatMessage, Purpose, Role, Sampling

QUERY = "How do I repot an orchid without hurting its roots?"
ANSWER_FACTS = {
    "history": [{"role": "user", "content": QUERY}],
    "features": None,
    "persona_prompt": None,
    "topic": QUERY,
}


def test_it_is_a_chat_client_and_says_that_it_is_simulated(model):
    assert isinstance(model, ChatClient)
    assert model.deployment.simulated
    assert model.deployment.provider == "simulated"
    reply = ask(model, Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS)
    assert reply.simulated
    assert reply.usage.source == "simulated"
    assert reply.cost_usd == 0.0
    assert reply.model == "simulated/persona-1"
    assert reply.finish_reason == "stop"


def test_the_same_request_gives_the_same_reply(model):
    first = ask(model, Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS)
    assert ask(SimulatedModel(), Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS) == first
    assert ask(model, Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS, turn=1).text != first.text
    assert ask(model, Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS, seed=43).text != first.text


def test_two_names_give_two_texts(model):
    other = SimulatedModel(model="simulated/persona-2")
    assert (
        ask(other, Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS).text
        != ask(model, Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS).text
    )


def test_replies_do_not_depend_on_the_process_or_its_hash_seed():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from simulated_drive import *\n"
        "from personaloom.llm.simulated import SimulatedModel\n"
        "talk = asyncio.run(converse(SimulatedModel(), 3, queries()[5], 3))\n"
        "print(json.dumps(talk))\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", script, str(Path(__file__).parent)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        for seed in ("1", "77")
    }  # fmt: skip
    assert len(runs) == 1
    assert len(json.loads(runs.pop())) == 6


def test_tokens_follow_the_rendered_messages(model):
    short = ask(model, Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS, messages=(ChatMessage("user", "one two three"),))
    long = ask(
        model,
        Purpose.ASSISTANT_RESPONSE,
        ANSWER_FACTS,
        messages=(ChatMessage("user", "one two three " * 100),),
    )
    assert 8 <= short.usage.input_tokens <= 16
    assert 250 <= long.usage.input_tokens <= 450
    words = len(short.text.split())
    assert words <= short.usage.output_tokens <= 2.2 * words


def test_max_tokens_cuts_the_text_and_says_so(model):
    reply = ask(model, Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS, max_tokens=12)
    assert reply.finish_reason == "length"
    assert reply.usage.output_tokens <= 12
    assert ask(model, Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS).text.startswith(reply.text)


def test_json_cut_by_max_tokens_is_no_reply(model):
    facts = {
        "history": [{"role": "assistant", "content": "Do this."}],
        "features": {},
        "topic": QUERY,
        "may_end": False,
    }
    with pytest.raises(TruncatedReplyError, match="max_tokens=3"):
        ask(model, Purpose.USER_FEEDBACK, facts, role=Role.USER, schema=TURN_SCHEMA, max_tokens=3)


def test_a_structured_reply_is_the_same_object_in_text_and_parsed(model):
    facts = {"query": QUERY, "domains": ["law", "gardening"], "scenarios": ["work", "home"]}
    reply = ask(model, Purpose.INFER_CONTEXT, facts, role=Role.STYLIST, schema={"type": "object", "properties": {}})
    assert json.loads(reply.text) == reply.parsed
    assert reply.parsed["domain"] == "gardening"


def test_latency_is_kept_and_a_deadline_ends_it():
    slow = SimulatedModel(latency_s=0.02, latency_jitter=0.5)
    reply = ask(slow, Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS)
    assert 0.01 <= reply.latency_s <= 0.03
    with pytest.raises(CallTimeoutError):
        asyncio.run(slow.complete(request(Purpose.ASSISTANT_RESPONSE, ANSWER_FACTS), Sampling(), 0.001))


def test_the_fingerprint_covers_what_shapes_the_text_and_not_the_latency():
    plain = SimulatedModel().fingerprint()
    assert plain == SimulatedModel(latency_s=3).fingerprint()
    assert plain != SimulatedModel(model="simulated/other").fingerprint()
    assert plain != SimulatedModel(faults={"empty": 0.1}).fingerprint()
    assert SIMULATOR_VERSION == "2"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"latency_s": -1}, "latency_s"),
        ({"latency_jitter": 2}, "latency_jitter"),
        ({"version": "0"}, "version"),
        ({"faults": {"time_out": 0.1}}, "did you mean timeout"),
        ({"faults": {"timeout": 1.5}}, "faults.timeout"),
        ({"faults": {"timeout": 0.7, "empty": 0.7}}, "sum to 1.4"),
    ],
)
def test_settings_that_cannot_be_are_named(settings, named):
    with pytest.raises(ConfigError, match=named):
        SimulatedModel(**settings)


def test_requests_without_facts_are_answered_from_their_messages(model):
    reply = ask(model, Purpose.ASSISTANT_RESPONSE, {}, messages=(ChatMessage("user", QUERY),))
    assert "orchid" in reply.text.lower()


def test_any_text_is_taken(model):
    for query in (
        "",
        "?",
        "   ",
        "12",
        "日本語で書いてください",
        "```\ncode\n```",
        "a" * 5000,
        "|[{x}]| \\n",
        *queries()[:40],
    ):
        facts = {
            "history": [{"role": "user", "content": query}],
            "features": features(1),
            "persona_prompt": None,
            "topic": query,
        }
        assert ask(model, Purpose.ASSISTANT_RESPONSE, facts).text.strip()
        style = {"query": query, "features": features(2), "mode": "whole", "domains": [], "scenarios": []}
        ask(model, Purpose.STYLE_TRANSFER, style, role=Role.STYLIST)
        follow = {
            "history": [*facts["history"], {"role": "assistant", "content": query}],
            "features": features(3),
            "topic": query,
            "may_end": True,
        }
        ask(model, Purpose.USER_FEEDBACK, follow, role=Role.USER)
