"""Whatever goes wrong with a call, both transports give it the same name, the same status and the same wait."""

import asyncio
import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from loopback import FAULTS, LoopbackLLM

from personaloom.errors import (
    AuthenticationFailedError,
    BadRequestError,
    CallError,
    CallTimeoutError,
    ConnectionCutError,
    ContentFilterError,
    ContextLengthError,
    EmptyReplyError,
    MalformedReplyError,
    ModelNotFoundError,
    RateLimitedError,
    RefusalError,
    RetryableError,
    ServerFaultError,
    TruncatedReplyError,
    UnreachableError,
)
from personaloom.llm import direct, litellm_client
from personaloom.llm.connection import connect
from personaloom.llm.types import CallKey, ChatMessage, LLMRequest, Purpose, Role, Sampling

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:pydantic.*"),
]
both = pytest.mark.parametrize("transport", ["direct", "litellm"])

SCHEMA = {
    "type": "object",
    "properties": {"satisfied": {"type": "boolean"}},
    "required": ["satisfied"],
    "additionalProperties": False,
}
KEY = CallKey(1, "p000000", "p000000-q00", 0, Role.USER, 0, Purpose.USER_FEEDBACK)
MESSAGES = (ChatMessage("user", "What is the tallest mountain of Norway?"),)
REQUEST = LLMRequest(Role.USER, MESSAGES, KEY, schema=SCHEMA, schema_name="feedback")
PLAIN = LLMRequest(Role.USER, MESSAGES, KEY)
WAIT = 3.5

# Fault: class, status, seconds that the server asked to wait, whether its tokens are known.
OUTCOMES = {
    "401": (AuthenticationFailedError, 401, None, False),
    "403": (AuthenticationFailedError, 403, None, False),
    "quota": (AuthenticationFailedError, 429, None, False),
    "404": (ModelNotFoundError, 404, None, False),
    "context": (ContextLengthError, 400, None, False),
    "too-large": (ContextLengthError, 413, None, False),
    "filter": (ContentFilterError, 400, None, False),
    "bad-request": (BadRequestError, 400, None, False),
    "no-schema": (RetryableError, 400, 0.0, False),
    "429": (RateLimitedError, 429, WAIT, False),
    "429-date": (RateLimitedError, 429, 1.0, False),
    "429-plain": (RateLimitedError, 429, None, False),
    "529": (RateLimitedError, 529, WAIT, False),
    "500": (ServerFaultError, 500, None, False),
    "503": (ServerFaultError, 503, None, False),
    "error-200": (ServerFaultError, 502, None, False),
    "gateway": (CallTimeoutError, 504, None, False),
    "hang": (CallTimeoutError, None, None, False),
    "slow": (CallTimeoutError, None, None, False),
    "cut": (ConnectionCutError, None, None, False),
    "cut-body": (ConnectionCutError, None, None, False),
    "no-http": (MalformedReplyError, None, None, False),
    "html": (MalformedReplyError, None, None, False),
    "half-json": (MalformedReplyError, None, None, False),
    "no-choices": (MalformedReplyError, None, None, False),
    "null-choices": (MalformedReplyError, None, None, False),
    "empty": (EmptyReplyError, None, None, False),
    "no-text": (EmptyReplyError, None, None, True),
    "cut-off": (TruncatedReplyError, None, None, True),
    "truncated": (TruncatedReplyError, None, None, True),
    "refusal-field": (RefusalError, None, None, True),
}  # fmt: skip
READABLE = {"refusal", "content-type", "no-usage", "prose"}
OWN_WAYS = {"redirect"}
"""LiteLLM follows a redirect, the direct client does not: see there."""


def ask(transport, base_url, faults=(None,), request=REQUEST, deadline=20.0, **options):
    """Reply or error of a request for each fault, by one client."""

    async def main():
        client = connect("openai/gpt-4o", base_url=base_url, transport=transport, **options)
        found = []
        try:
            for fault in faults:
                seconds = 0.3 if fault in {"hang", "slow"} else deadline
                try:
                    found.append(await client.complete(request, Sampling(max_tokens=100), seconds))
                except CallError as error:
                    found.append(error)
                client.json_mode = "native"
        finally:
            await client.aclose()
        return found

    return asyncio.run(main())


def test_the_table_is_complete():
    assert set(OUTCOMES) | READABLE | OWN_WAYS == set(FAULTS)


@both
def test_every_fault_has_its_class_status_and_wait_in_one_request(transport):
    with LoopbackLLM(script=list(OUTCOMES), retry_after=WAIT) as server:
        found = ask(transport, server.base_url, OUTCOMES)
    assert {
        fault: (type(error), error.status, error.retry_after_s, error.output_tokens is not None)
        for fault, error in zip(OUTCOMES, found, strict=True)
    } == OUTCOMES
    assert server.totals.requests == len(OUTCOMES), "one attempt is one request"
    assert all("gpt-4o" in str(error) for error in found)
    assert not any("Traceback" in str(error) for error in found)


@both
def test_what_can_be_read_is_accepted(transport):
    faults = sorted(READABLE)
    with LoopbackLLM(script=faults) as server:
        found = ask(transport, server.base_url, faults, PLAIN)
    sources = {fault: reply.usage.source for fault, reply in zip(faults, found, strict=True)}
    assert sources == dict.fromkeys(faults, "provider") | {"no-usage": "estimated"}
    assert all(reply.text and reply.usage.input_tokens for reply in found)


@pytest.fixture
def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@both
def test_where_nobody_answers_nothing_was_sent(transport, closed_port):
    for host in (f"127.0.0.1:{closed_port}", "nobody.invalid"):
        (error,) = ask(transport, f"http://{host}/v1")
        assert type(error) is UnreachableError, error
        assert (error.input_tokens, error.output_tokens) == (0, 0)
        assert host.partition(":")[0] in str(error)
        assert "ssl" not in str(error)


@both
def test_a_port_that_takes_connections_and_says_nothing_is_unreachable_too(transport, monkeypatch):
    for module in (direct, litellm_client):
        monkeypatch.setattr(module, "CONNECT_S", 0.2)
    with LoopbackLLM() as server:  # no TLS: it waits for the end of a header that never comes
        (error,) = ask(transport, server.base_url.replace("http:", "https:"))
    assert type(error) is UnreachableError, error


@pytest.fixture
def self_signed(tmp_path):
    """The address of a TLS server that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, start.replace(2099))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    plain = serialization.NoEncryption()
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(pem, form, plain) + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):  # the listener is closed
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):  # the client hangs up on us, as it should
                        context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}/v1"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@both
def test_a_server_without_a_certificate_to_trust_is_not_asked_again(transport, self_signed):
    (error,) = ask(transport, self_signed)
    assert type(error) is AuthenticationFailedError, error
    assert "certificate" in str(error)


@both
def test_a_client_that_was_closed_opens_new_connections(transport):
    async def main(base_url):
        client = connect("openai/gpt-4o", base_url=base_url, transport=transport)
        texts = []
        for _ in range(2):
            texts.append((await client.complete(PLAIN, Sampling(), 20.0)).text)
            await client.aclose()
        return texts

    with LoopbackLLM() as server:
        first, second = asyncio.run(main(server.base_url))
    assert first == second != ""
