"""Faults: the shares that were asked for, drawn by key, mended by asking again."""

import asyncio

import pytest
from simulated_drive import TURN_SCHEMA, request

from personaloom.errors import CallError, CallTimeoutError, EmptyReplyError, RateLimitedError, RefusalError
from personaloom.llm.simulated import SimulatedModel
from personaloom.llm.types import Purpose, Role, Sampling

FACTS = {
    "history": [{"role": "user", "content": "How do I brew tea?"}],
    "features": None,
    "persona_prompt": None,
    "topic": "How do I brew tea?",
}


def outcomes(model, count, *, schema=None):
    async def drive():
        found = []
        for i in range(count):
            asked = request(Purpose.ASSISTANT_RESPONSE, FACTS, persona=f"p{i:06d}", schema=schema)
            try:
                reply = await model.complete(asked, Sampling(), 60)
                found.append(reply.finish_reason if reply.text[:9] != "I'm sorry" else "refused")
            except CallError as error:
                found.append(error.kind)
        return found

    return asyncio.run(drive())


def test_faults_come_at_their_shares():
    shares = {
        "rate_limited": 0.1,
        "server_fault": 0.1,
        "timeout": 0.05,
        "connection_cut": 0.05,
        "empty": 0.1,
        "refusal": 0.1,
        "truncated": 0.1,
    }
    found = outcomes(SimulatedModel(faults=shares), 1500)
    names = {"empty": "empty_reply", "truncated": "length", "refusal": "refused"}
    for name, share in shares.items():
        assert abs(found.count(names.get(name, name)) / len(found) - share) < 0.035, name
    assert abs(found.count("stop") / len(found) - 0.4) < 0.05


def test_faults_are_the_same_in_every_run():
    first, second = (outcomes(SimulatedModel(faults={"timeout": 0.3, "empty": 0.2}), 100) for _ in range(2))
    assert first == second


def test_asking_again_is_a_new_draw_and_ends_in_the_reply_without_faults():
    asked = request(Purpose.ASSISTANT_RESPONSE, FACTS)
    flaky, steady = SimulatedModel(faults={"rate_limited": 0.9}), SimulatedModel()

    statuses = set()

    async def insist():
        for attempt in range(300):
            try:
                return attempt, await flaky.complete(asked, Sampling(), 60)
            except RateLimitedError as error:
                statuses.add(error.status)
        raise AssertionError("never mended")

    attempts, reply = asyncio.run(insist())
    assert attempts > 0
    assert statuses == {429}
    assert reply == asyncio.run(steady.complete(asked, Sampling(), 60))


@pytest.mark.parametrize(
    ("fault", "error"), [("timeout", CallTimeoutError), ("empty", EmptyReplyError), ("refusal", RefusalError)]
)
def test_a_fault_is_raised_as_the_right_branch(fault, error):
    model = SimulatedModel(faults={fault: 1.0})
    asked = request(Purpose.USER_FEEDBACK, FACTS, role=Role.USER, schema=TURN_SCHEMA)
    with pytest.raises(error):
        asyncio.run(model.complete(asked, Sampling(), 60))


def test_a_malformed_reply_is_no_json():
    model = SimulatedModel(faults={"malformed": 1.0})
    asked = request(Purpose.USER_FEEDBACK, FACTS, role=Role.USER, schema=TURN_SCHEMA)
    reply = asyncio.run(model.complete(asked, Sampling(), 60))
    assert reply.parsed is None
    assert "{" not in reply.text
