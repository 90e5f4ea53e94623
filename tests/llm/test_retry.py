import pytest
from hypothesis import given
from hypothesis import strategies as st

from personaloom.errors import (
    AuthenticationFailedError,
    EmptyReplyError,
    RateLimitedError,
    RefusalError,
    ServerFaultError,
)
from personaloom.keyed import Key
from personaloom.llm.retry import RetryPolicy

POLICY = RetryPolicy()
FAULT = ServerFaultError("500", status=500)


@given(st.integers(1, 5), st.integers())
def test_a_pause_is_drawn_from_a_range_that_doubles_up_to_the_cap(attempt, seed):
    pause = POLICY.pause(attempt, FAULT, Key(seed))
    assert 0 <= pause <= min(POLICY.cap_s, POLICY.base_s * 2 ** (attempt - 1))


def test_pauses_are_the_same_each_time_and_differ_between_calls():
    pauses = [POLICY.pause(3, FAULT, Key("call", n)) for n in range(200)]
    assert pauses == [POLICY.pause(3, FAULT, Key("call", n)) for n in range(200)]
    assert len(set(pauses)) == 200
    assert 0.8 < sum(pauses) / 200 < 1.2, "full jitter: half of the range on average"


def test_a_final_error_is_not_asked_again():
    assert POLICY.pause(1, AuthenticationFailedError("401", status=401), Key(1)) is None


def test_faults_end_after_their_attempts_and_waiting_ones_turn_later():
    assert POLICY.pause(5, FAULT, Key(1)) is not None
    assert POLICY.pause(6, FAULT, Key(1)) is None
    limited = RateLimitedError("429", status=429)
    assert POLICY.pause(19, limited, Key(1)) is not None
    assert POLICY.pause(20, limited, Key(1)) is None
    assert RetryPolicy(max_attempts=1).pause(1, FAULT, Key(1)) is None


def test_the_wait_a_server_names_is_kept():
    asked = RateLimitedError("429", status=429, retry_after_s=7.0)
    assert 7.0 <= POLICY.pause(1, asked, Key(1)) <= 7.7
    assert POLICY.pause(1, RateLimitedError("429", retry_after_s=0.0), Key(1)) == 0.0


def test_a_wait_too_long_to_be_kept_ends_the_call():
    assert POLICY.pause(1, RateLimitedError("429", retry_after_s=86400.0), Key(1)) is None


def test_no_pause_runs_past_the_deadline():
    policy = RetryPolicy(deadline_s=10)
    slow = RateLimitedError("429", retry_after_s=3.0)
    assert policy.pause(1, slow, Key(1), elapsed_s=2.0) is not None
    assert policy.pause(1, slow, Key(1), elapsed_s=8.0) is None


@pytest.mark.parametrize(("retry", "again"), [(False, False), (True, True)])
def test_whether_a_refusal_is_asked_again_is_the_policys_business(retry, again):
    assert RetryPolicy(retry_refusals=retry).asks_again_after(RefusalError("no")) is again
    assert RetryPolicy(retry_refusals=retry).asks_again_after(EmptyReplyError("")) is True
