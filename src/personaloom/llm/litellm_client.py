"""A client for every provider that LiteLLM knows; LiteLLM is imported at the first call and not before."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from inspect import isawaitable
from typing import Any

from personaloom.errors import CallError, CallTimeoutError, MalformedReplyError
from personaloom.llm.direct import (
    CONNECT_S,
    PROSE_REPLIES,
    response_format,
    schema_moved,
    takes_no_schema,
    with_schema,
)
from personaloom.llm.endpoints import Endpoint
from personaloom.llm.raised import classify_exception
from personaloom.llm.reply import read_reply
from personaloom.llm.scrub import read_secret, secret_values
from personaloom.llm.types import Deployment, LLMReply, LLMRequest, Sampling

__all__ = ["LiteLLMClient"]

_IMPORT = threading.Lock()
_LISTENERS = (
    "callbacks", "success_callback", "failure_callback", "input_callback", "service_callback",
    "_async_success_callback", "_async_failure_callback", "_async_input_callback", "max_budget",
)  # fmt: skip
"""Where LiteLLM's settings say that somebody wants to hear of its calls."""


class LiteLLMClient:
    """One model through LiteLLM (a ``ChatClient``); the arguments are ``DirectClient``'s."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        headers: Mapping[str, str] | None = None,
        headers_env: Mapping[str, str] | None = None,
        json_schema: str = "auto",
        timeout_s: float = 60.0,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        self.deployment = Deployment(endpoint.provider, endpoint.model, endpoint.origin)
        self.json_mode = "native" if json_schema == "auto" else json_schema
        self._may_change = json_schema == "auto"
        self._prose = 0
        self._endpoint = endpoint
        self._headers = dict(headers or {})
        self._headers_env = dict(headers_env or {})
        self._timeout_s = timeout_s
        self._extra_body = dict(extra_body or {})
        self._litellm: _LiteLLM | None = None

    def __repr__(self) -> str:
        return f"LiteLLMClient({self.deployment.name})"

    async def complete(self, request: LLMRequest, sampling: Sampling, deadline_s: float) -> LLMReply:
        """Send it once and give the reply; see ``ChatClient``."""
        if self._litellm is None:
            # Seconds of work, so not on the loop, and not on this call's deadline.
            self._litellm = await asyncio.to_thread(_import_litellm)
        native = request.schema is not None and self.json_mode == "native"
        arguments = self._arguments(request, sampling, native=native)
        limit = min(deadline_s, self._timeout_s)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(limit):
                response = await self._litellm.acompletion(arguments, limit)
        except TimeoutError:
            raise CallTimeoutError(f"{self.deployment.name}: no complete reply within {limit:g} s") from None
        except Exception as error:  # noqa: BLE001 - LiteLLM raises whatever its providers' libraries raise
            # "from None": LiteLLM's messages may hold keys, and a chained traceback would print them.
            raise self._failed(error, native=native) from None
        reply = read_reply(_as_dict(response), request, self.deployment, time.perf_counter() - started)
        if native and self._may_change:
            self._prose = 0 if "{" in reply.text else self._prose + 1
            if self._prose >= PROSE_REPLIES:
                self.json_mode = "prompt"
        return reply

    async def aclose(self) -> None:
        """Close the connections of the running loop (LiteLLM shares them between all of a process's clients)."""
        if self._litellm is not None:
            await self._litellm.close_connections()

    def _arguments(self, request: LLMRequest, sampling: Sampling, *, native: bool) -> dict[str, Any]:
        messages = request.messages
        if request.schema is not None and not native:
            messages = with_schema(messages, request.schema)
        endpoint = self._endpoint
        known = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
            "stop": list(sampling.stop) or None,
            "api_base": endpoint.base_url if endpoint.origin else None,
            "api_key": self._key(),
            "response_format": response_format(request) if native else None,
            "extra_headers": {**self._headers, **self._secret_headers()} or None,
            "extra_body": {**self._extra_body, **sampling.extra_body} or None,
        }
        return {
            # A server of the user's own speaks the OpenAI protocol, which LiteLLM is told by the provider.
            "model": f"openai/{endpoint.model}" if endpoint.provider == "openai_compatible" else endpoint.model,
            "messages": [message.to_dict() for message in messages],
            "num_retries": 0,
            "max_retries": 0,
            **{name: value for name, value in known.items() if value is not None},
        }

    def _key(self) -> str | None:
        endpoint = self._endpoint
        name = endpoint.key_env
        key = read_secret(name, self.deployment.name, required=endpoint.key_required) if name else ""
        # LiteLLM would fall back to the provider's usual variable and send that key to a host it is not for.
        return key or ("none" if endpoint.origin else None)

    def _secret_headers(self) -> dict[str, str]:
        return {name: read_secret(env, self.deployment.name) for name, env in self._headers_env.items()}

    def _failed(self, error: Exception, *, native: bool) -> CallError:
        secrets = secret_values([self._endpoint.key_env, *self._headers_env.values()], all_like_keys=True)
        judged = classify_exception(error, secrets=secrets, where=self.deployment.name)
        if native and self._may_change and takes_no_schema(judged.status, str(error)):
            self.json_mode = "prompt"
            return schema_moved(self.deployment.name, judged.status)
        return judged


def _as_dict(response: Any) -> Mapping[str, Any]:
    """LiteLLM's response object as the JSON it stands for, as far as a reply is read from it."""
    try:
        choices = [
            {"finish_reason": choice.finish_reason, "message": _message(choice.message)}
            for choice in response.choices[:1]
        ]
        usage = getattr(response, "usage", None)
        return {"choices": choices, "model": response.model, "usage": None if usage is None else usage.model_dump()}
    except (AttributeError, TypeError):
        raise MalformedReplyError("LiteLLM gave something that is no chat completion") from None


def _message(message: Any) -> dict[str, Any]:
    """Its text, and its refusal: a field from LiteLLM 1.110 on, before that among those it has no name for."""
    further = getattr(message, "provider_specific_fields", None) or {}
    return {"content": message.content, "refusal": getattr(message, "refusal", None) or further.get("refusal")}


class _LiteLLM:
    """The module, imported without its look at the network and told to keep its advertisements to itself."""

    def __init__(self) -> None:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        import httpx  # noqa: PLC0415 - LiteLLM's own dependency
        import litellm  # noqa: PLC0415 - 4 to 8 s and 165 MiB: only runs that use it pay for it

        litellm.suppress_debug_info = True
        litellm.telemetry = False
        logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)  # it logs errors that are judged here, with their text
        self._module: Any = litellm
        self._timeout = httpx.Timeout
        self._unreported = _internal_calls()

    async def acompletion(self, arguments: Mapping[str, Any], limit_s: float) -> Any:
        """``litellm.acompletion``, and no bookkeeping for integrations that nobody has switched on."""
        timeout = self._timeout(limit_s, connect=min(CONNECT_S, limit_s))
        if self._unreported is None or any(getattr(self._module, name, None) for name in _LISTENERS):
            return await self._module.acompletion(**arguments, timeout=timeout)
        token = self._unreported.set(True)
        try:
            return await self._module.acompletion(**arguments, timeout=timeout)
        finally:
            self._unreported.reset(token)

    async def close_connections(self) -> None:
        """Close what LiteLLM keeps open for the running loop, and let it open new ones afterwards."""
        cache = self._module.in_memory_llm_clients_cache
        # The end of the keys of this loop's clients, as LiteLLM writes it; those of other threads are in use.
        mine = cache.update_cache_key_with_event_loop("")
        for key in [key for key in list(cache.cache_dict) if key.endswith(mine)]:
            client = cache.cache_dict.get(key)
            cache.delete_cache(key)
            close = getattr(client, "close", None) or getattr(client, "aclose", None)
            if close is not None and isawaitable(closing := close()):
                await closing


def _internal_calls() -> ContextVar[bool] | None:
    """LiteLLM's mark of calls that it makes for itself and reports to nobody; None in versions without one."""
    try:
        from litellm._internal_context import is_internal_call  # noqa: PLC0415 - see _LiteLLM
    except ImportError:
        return None
    mark: ContextVar[bool] = is_internal_call
    return mark


def _import_litellm() -> _LiteLLM:
    with _IMPORT:
        return _LiteLLM()
