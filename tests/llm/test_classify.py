import json
import time
from email.utils import formatdate

import pytest

from personaloom.errors import (
    AuthenticationFailedError,
    BadRequestError,
    CallTimeoutError,
    ConnectionCutError,
    ContentFilterError,
    ContextLengthError,
    FinalError,
    MalformedReplyError,
    ModelNotFoundError,
    RateLimitedError,
    RetryableError,
    ServerFaultError,
)
from personaloom.llm.classify import classify, looks_like_refusal, retry_after_s
from personaloom.llm.raised import classify_exception
from personaloom.llm.scrub import excerpt, scrub, secret_values


def body(message, **fields):
    return json.dumps({"error": {"message": message, **fields}})


CASES = [
    (429, body("Rate limit reached", code="rate_limit_exceeded"), RateLimitedError),
    (429, body("Quota exceeded for requests per minute", status="RESOURCE_EXHAUSTED"), RateLimitedError),
    (429, body("You exceeded your current quota", status="RESOURCE_EXHAUSTED"), RateLimitedError),
    (529, body("Overloaded", type="overloaded_error"), RateLimitedError),
    (503, body("The model is overloaded"), RateLimitedError),
    (503, "upstream connect error", ServerFaultError),
    (500, body("internal"), ServerFaultError),
    (502, "<html><title>Bad Gateway</title></html>", ServerFaultError),
    (504, "", CallTimeoutError),
    (408, "", CallTimeoutError),
    (524, "", CallTimeoutError),
    (409, body("conflict"), ServerFaultError),
    (401, body("Incorrect API key provided", code="invalid_api_key"), AuthenticationFailedError),
    (400, body("API key not valid. Please pass a valid API key."), AuthenticationFailedError),
    (403, body("Country not supported"), AuthenticationFailedError),
    (403, body("Your input was flagged by moderation"), ContentFilterError),
    (429, body("You exceeded your current quota", code="insufficient_quota"), AuthenticationFailedError),
    (400, body("Your credit balance is too low to access the API"), AuthenticationFailedError),
    (402, body("Insufficient credits"), AuthenticationFailedError),
    (404, body("The model `gpt-9` does not exist"), ModelNotFoundError),
    (400, body("gpt-9 is not a valid model ID"), ModelNotFoundError),
    (404, json.dumps({"detail": "Not Found"}), ModelNotFoundError),
    (400, body("This model's maximum context length is 8192 tokens", code="context_length_exceeded"), ContextLengthError),
    (400, body("prompt is too long: 210000 tokens > 200000 maximum"), ContextLengthError),
    (413, body("Request too large"), ContextLengthError),
    (400, body("The response was filtered", code="content_filter"), ContentFilterError),
    (400, json.dumps({"error": {"message": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}), ContentFilterError),
    (400, body("temperature must be at most 2", param="temperature"), BadRequestError),
    (422, json.dumps({"detail": [{"msg": "field required"}]}), BadRequestError),
    (307, "", BadRequestError),
    (400, json.dumps([{"error": {"message": "bad", "code": 400}}]), BadRequestError),
    (418, "teapot", BadRequestError),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "answer", "kind"), CASES, ids=[f"{s}-{k.kind}-{n}" for n, (s, _, k) in enumerate(CASES)]
)
def test_an_http_answer_is_judged_by_status_and_words(status, answer, kind):
    error = classify(status, answer.encode(), {}, where="gpt-4o")
    assert type(error) is kind
    assert error.status == status
    assert str(status) in str(error)
    assert isinstance(error, RetryableError) is not isinstance(error, FinalError)


def named(name, base=Exception, **attributes):
    """An exception class of this name, as LiteLLM's are known by name."""
    return type(name, (base,), attributes)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (named("RateLimitError", status_code=429)("litellm.RateLimitError: slow down"), RateLimitedError),
        (named("RateLimitError", status_code=429)("insufficient_quota"), AuthenticationFailedError),
        (named("Timeout", status_code=408)("Request timed out"), CallTimeoutError),
        (
            named("InternalServerError", status_code=500)("OpenAIException - Connection error."),
            ConnectionCutError,
        ),
        (
            named("InternalServerError", status_code=500)("Expecting value: line 1 column 1"),
            MalformedReplyError,
        ),
        (named("InternalServerError", status_code=500)("boom"), ServerFaultError),
        (named("ServiceUnavailableError", status_code=503)("Overloaded"), RateLimitedError),
        (named("APIConnectionError", status_code=500)("Connection reset by peer"), ConnectionCutError),
        (named("ContextWindowExceededError", status_code=400)("too long"), ContextLengthError),
        (named("ContentPolicyViolationError", status_code=400)("no"), ContentFilterError),
        (named("AuthenticationError", status_code=401)("bad key"), AuthenticationFailedError),
        (named("PermissionDeniedError", status_code=403)("no"), AuthenticationFailedError),
        (named("NotFoundError", status_code=404)("no model"), ModelNotFoundError),
        (named("BadRequestError", status_code=400)("LLM Provider NOT provided"), BadRequestError),
        (named("JSONSchemaValidationError", status_code=500)("x"), MalformedReplyError),
        (TimeoutError(), CallTimeoutError),
        (ConnectionResetError("reset"), ConnectionCutError),
        (RuntimeError("a bug somewhere"), ServerFaultError),
    ],
)
def test_litellms_exceptions_end_in_the_same_classes(error, kind):
    assert type(classify_exception(error, where="m")) is kind


def test_the_wait_in_a_litellm_exception_is_read_from_its_response():
    class Response:
        headers = {"Retry-After": "3"}  # noqa: RUF012 - a stand-in of one line

    error = named("RateLimitError", status_code=429, response=Response())("slow")
    assert classify_exception(error).retry_after_s == 3.0


NOW = 1_750_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": formatdate(NOW + 20, usegmt=True)}, 20.0),
        ({"Retry-After": formatdate(NOW - 20, usegmt=True)}, 0.0),
        ({"Retry-After": formatdate(NOW + 80, usegmt=True), "Date": formatdate(NOW + 60, usegmt=True)}, 20.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90.0),
        ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "1m30s"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "250ms"}, 0.25),
        ({"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2025-06-15T15:06:50Z"}, 10.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int((NOW + 12) * 1000))}, 12.0),
        ({"x-ratelimit-reset": str(NOW + 5)}, 5.0),
    ],
)  # fmt: skip
def test_the_wait_is_read_from_every_form_of_header(headers, seconds):
    assert retry_after_s(headers, NOW) == (None if seconds is None else pytest.approx(seconds, abs=1e-3))


def test_a_wait_that_is_a_date_is_measured_from_now_where_no_clock_is_given():
    assert 3 <= retry_after_s({"Retry-After": formatdate(time.time() + 5, usegmt=True)}) <= 5.1


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, I can’t assist with that request.",
        "Sorry, I cannot provide that information.",
        "I cannot fulfill this request.",
        "I am unable to help with this.",
        "Unfortunately, I can't discuss that.",
        "As an AI language model, I cannot create such content.",
        "I won't write that.",
        "I must decline to answer.",
        "I don't feel comfortable continuing this conversation.",
        "This request goes against our guidelines.",
    ],
)
def test_a_refusal_is_recognised_by_its_opening(text):
    assert looks_like_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "You can't do that with a hash map, but you can with a tree.",
        "I'm sorry to hear that. Let's look at your budget first.",
        "Sorry for the confusion! The answer is 42.",
        "I can't recommend this book enough: it helps with everything.",
        "Here is the plan. I cannot promise results, but it should help.",
        "Unfortunately, the museum is closed on Mondays.",
        "I cannot open the file that you sent, could you help me with that?",
        "",
    ],
)
def test_an_answer_is_no_refusal(text):
    assert not looks_like_refusal(text)


SECRET = "abc-very-Secret-Value-0123456789"


def test_keys_are_scrubbed_by_value_and_by_shape(monkeypatch):
    monkeypatch.setenv("MY_SERVICE_KEY", SECRET)
    secrets = secret_values(["MY_SERVICE_KEY", None, "NOT_SET"])
    text = f"Incorrect key {SECRET}; also sk-proj-abcdefgh12345678, Bearer abcdefghijk, https://x/y?key=AIzaSyD123456789012345"
    clean = scrub(text, secrets)
    for part in (SECRET, "abcdefgh12345678", "abcdefghijk", "AIzaSy"):
        assert part not in clean
    assert "Incorrect key ***" in clean


def test_a_login_in_an_address_is_hidden_whole_also_where_the_name_looks_like_a_key():
    assert scrub("at http://sk-abcdefgh12345678:hunter2@host/v1") == "at http://***@host/v1"


def test_every_variable_that_is_named_like_a_key_can_be_scrubbed(monkeypatch):
    monkeypatch.setenv("WATSONX_APIKEY_TOKEN", SECRET)
    assert SECRET in secret_values(all_like_keys=True)


def test_an_excerpt_is_one_short_line():
    assert excerpt("a\n b\t c" + "x" * 1000, limit=50) == "a b c" + "x" * 44 + "…"


def test_no_key_survives_in_an_error(monkeypatch):
    error = classify(401, body(f"Incorrect API key provided: {SECRET}"), {}, secrets=[SECRET])
    assert SECRET not in str(error)
    assert SECRET not in repr(error)
