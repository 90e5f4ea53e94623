"""The test server itself: what it says is a function of the request, and its counts can be trusted."""

import json
import urllib.error
import urllib.request

import pytest
from loopback import FAULTS, LoopbackLLM, LoopbackProcess, answer_to

from personaloom.llm.structured import parse_structured

SCHEMA = {
    "type": "object",
    "properties": {
        "adapted_query": {"type": "string"},
        "domain": {"type": "string", "enum": ["travel", "cooking"]},
        "slots": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        "satisfied": {"type": "boolean"},
    },
    "required": ["adapted_query", "domain", "slots", "satisfied"],
    "additionalProperties": False,
}
ASK = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Rewrite it."},
        {"role": "user", "content": "Keep the meaning.\n\n<query>\nHow do I roast a chicken?\n</query>"},
    ],
}


def post(server, body, path="/chat/completions"):
    request = urllib.request.Request(
        server.base_url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_the_same_request_gets_the_same_reply_and_another_another():
    with LoopbackLLM() as server:
        first, second = post(server, ASK), post(server, ASK)
        other = post(server, {**ASK, "temperature": 0.5})
    assert first == second
    assert first["choices"] != other["choices"]


def test_a_reply_to_a_schema_meets_it_and_keeps_the_text_it_is_about():
    native = {**ASK, "response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}
    system = {"role": "system", "content": f"It must meet this JSON schema:\n{json.dumps(SCHEMA)}"}
    prompted = {**ASK, "messages": [system, ASK["messages"][1]]}
    for body in (native, prompted):
        reply = parse_structured(answer_to(body), SCHEMA)
        assert "How do I roast a chicken?" in reply["adapted_query"]


def test_tokens_and_attempts_are_counted_as_they_went_out():
    with LoopbackLLM(script=["500", None, "half-json", None]) as server:
        with pytest.raises(urllib.error.HTTPError):
            post(server, ASK)
        usage = post(server, ASK)["usage"]
        with pytest.raises(json.JSONDecodeError):
            post(server, ASK)
        post(server, ASK)
    totals = server.totals
    assert (totals.requests, totals.whole) == (4, 2)
    assert totals.input_tokens == 2 * usage["prompt_tokens"]
    assert totals.output_tokens == 2 * usage["completion_tokens"]
    assert [request.status for request in server.requests] == [500, 200, 200, 200]
    assert server.requests[0].body["model"] == "m"


def test_faults_are_drawn_by_the_request_and_not_by_the_order():
    def outcomes(numbers):
        found = {}
        with LoopbackLLM(faults={"500": 0.3}) as server:
            for number in numbers:
                try:
                    post(server, {**ASK, "seed": number})
                    found[number] = 200
                except urllib.error.HTTPError as error:
                    found[number] = error.code
        return found

    forward, backward = outcomes(range(40)), outcomes(reversed(range(40)))
    assert forward == backward
    assert 4 <= sum(status == 500 for status in forward.values()) <= 20


def test_a_window_of_a_second_lets_through_its_rate_and_no_more():
    with LoopbackLLM(rate=5, retry_after=1.0) as server:
        statuses, waits = [], set()
        for _ in range(12):
            try:
                post(server, ASK)
                statuses.append(200)
            except urllib.error.HTTPError as error:
                statuses.append(error.code)
                waits.add(error.headers["Retry-After"])
    assert 5 <= statuses.count(200) <= 10
    assert 429 in statuses
    assert waits == {"1.000"}


def test_a_process_of_its_own_answers_and_counts():
    with LoopbackProcess() as server:
        post(server, ASK)
        assert server.stats()["requests"] == 1
        server.reset()
        assert server.stats()["requests"] == 0


def test_a_fault_that_does_not_exist_is_refused():
    assert "529" in FAULTS
    with pytest.raises(AssertionError, match="no such fault"):
        LoopbackLLM(faults={"earthquake": 1.0})
