"""From the ``llm`` section of a config to a client: the one entrance for every real model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from personaloom.errors import UsageError
from personaloom.llm.direct import DirectClient
from personaloom.llm.endpoints import resolve
from personaloom.llm.litellm_client import LiteLLMClient
from personaloom.llm.types import ChatClient

__all__ = ["connect"]

_SECRET_HEADERS = {"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"}


def connect(
    model: str,
    base_url: str | None = None,
    api_key_env: str | None = None,
    transport: str = "auto",
    headers: Mapping[str, str] | None = None,
    headers_env: Mapping[str, str] | None = None,
    json_schema: str = "auto",
    timeout: float = 60.0,
    extra_body: Mapping[str, Any] | None = None,
) -> ChatClient:
    """A client for one model. Nothing is connected and no key is read before the first call.

    Args:
        model: as LiteLLM names it (``openai/gpt-4o``, ``openrouter/…``, ``ollama/…``); without a provider it is
            OpenAI's, and at a ``base_url`` any name that the server knows.
        base_url: an OpenAI-compatible endpoint (``http://127.0.0.1:8000/v1``); None is the provider's own.
        api_key_env: the name of the environment variable with the key. None means the provider's usual one at the
            provider's own endpoint, and no key at a ``base_url``.
        transport: ``direct`` (HTTP), ``litellm``, or ``auto``: direct wherever the OpenAI protocol is spoken.
        headers: sent with every request.
        headers_env: header name to environment variable, for headers that are secrets.
        json_schema: ``native``, ``prompt``, or ``auto``: native until the endpoint rejects or ignores it.
        timeout: seconds that one attempt may take at most.
        extra_body: further fields of every request.

    Raises:
        UsageError: what cannot work, with the key to change.
    """
    if json_schema not in {"auto", "native", "prompt"}:
        raise UsageError(f"llm.json_schema: {json_schema!r} → choose from auto, native, prompt")
    if not 0 < timeout < float("inf"):
        raise UsageError(f"llm.timeout: {timeout!r} → seconds, more than 0")
    for name in headers or {}:
        if name.lower() in _SECRET_HEADERS:
            raise UsageError(
                f"llm.headers.{name}: a secret has no place in a config → llm.headers_env.{name}=NAME_OF_A_VARIABLE"
            )
    endpoint = resolve(model, base_url, api_key_env, transport)
    kind = DirectClient if endpoint.transport == "direct" else LiteLLMClient
    return kind(
        endpoint,
        headers=headers,
        headers_env=headers_env,
        json_schema=json_schema,
        timeout_s=timeout,
        extra_body=extra_body,
    )
