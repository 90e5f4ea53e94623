"""Who speaks the OpenAI protocol and where: model names, addresses and key variables, before anything is connected.

Nothing here opens a connection or reads a key's value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from personaloom.errors import UsageError

__all__ = [
    "OPENAI_PROTOCOL",
    "Endpoint",
    "Provider",
    "canonical_origin",
    "key_variable",
    "resolve",
    "tidy_base_url",
]


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider whose own endpoint speaks the OpenAI protocol.

    Attributes:
        base_url: of its chat endpoint, without ``/chat/completions``.
        key_env: the environment variable its key is usually in, or None where it wants none.
        local: runs on the user's machine, so the address is part of what the model is.
    """

    base_url: str
    key_env: str | None = None
    local: bool = False


OPENAI_PROTOCOL: Mapping[str, Provider] = MappingProxyType(
    {
        "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY"),
        "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        "deepseek": Provider("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
        "groq": Provider("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        "together_ai": Provider("https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
        "fireworks_ai": Provider("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
        "cerebras": Provider("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
        "xai": Provider("https://api.x.ai/v1", "XAI_API_KEY"),
        "ollama": Provider("http://127.0.0.1:11434/v1", local=True),
        "ollama_chat": Provider("http://127.0.0.1:11434/v1", local=True),
        "lm_studio": Provider("http://127.0.0.1:1234/v1", local=True),
        "hosted_vllm": Provider("http://127.0.0.1:8000/v1", local=True),
        "llamafile": Provider("http://127.0.0.1:8080/v1", local=True),
    }
)

# Key variables of the common providers that go through LiteLLM. Others (cloud accounts with a credential chain of
# their own) are left to LiteLLM.
_LITELLM_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "anthropic": "ANTHROPIC_API_KEY",
        "cohere": "COHERE_API_KEY",
        "cohere_chat": "COHERE_API_KEY",
        "deepinfra": "DEEPINFRA_API_KEY",
        "gemini": "GEMINI_API_KEY",
        "mistral": "MISTRAL_API_KEY",
        "moonshot": "MOONSHOT_API_KEY",
        "perplexity": "PERPLEXITYAI_API_KEY",
        "replicate": "REPLICATE_API_KEY",
    }
)
_BARE_NAMES = (("claude", "anthropic"), ("gemini", "gemini"))
_PORTS = {"http": 80, "https": 443}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model, where it is, and how it is spoken to.

    Attributes:
        provider: LiteLLM's name of it, or ``openai_compatible`` for a server that has none.
        model: as LiteLLM writes it (``openai/gpt-4o``); a server's own name stays as it is.
        wire_model: the ``model`` field of a direct request.
        base_url: of the direct endpoint, or None where there is none.
        origin: see ``Deployment.origin``.
        transport: ``direct`` or ``litellm``.
        key_env: the variable that holds the key, or None when no key is sent.
        key_required: the endpoint refuses every call without it.
    """

    provider: str
    model: str
    wire_model: str
    base_url: str | None
    origin: str
    transport: str
    key_env: str | None
    key_required: bool


def tidy_base_url(base_url: str) -> str:
    """The address without what users paste along with it: a last slash, ``/chat/completions``.

    Raises:
        UsageError: not http(s), no host, a name or password in it, or a query.
    """
    remedy = "write it like http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(base_url.strip())
    except ValueError:  # a bracket of an IPv6 address without the other
        raise UsageError(f"llm.base_url: {base_url!r} is no address of a server → {remedy}") from None
    try:
        port = parts.port
    except ValueError:
        raise UsageError(f"llm.base_url: {parts.netloc!r} has no valid port → {remedy}") from None
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "llm.base_url: it holds a name or a password → llm.api_key_env: the name of a variable with the key"
        )
    if parts.scheme not in _PORTS or not parts.hostname or re.search(r"\s", base_url.strip()):
        raise UsageError(f"llm.base_url: {base_url!r} is no address of a server → {remedy}")
    if parts.query or parts.fragment:
        raise UsageError("llm.base_url: it has a query (?…) → leave it out; Azure's goes through transport=litellm")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "") + path


def canonical_origin(base_url: str) -> str:
    """``scheme://host:port/prefix``: lower-case host, explicit port; services on one host differ in the prefix."""
    tidy = tidy_base_url(base_url)
    parts = urlsplit(tidy)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or _PORTS[parts.scheme]}{parts.path}"


def key_variable(model: str, base_url: str | None = None, api_key_env: str | None = None) -> tuple[str | None, bool]:
    """The environment variable that a model's key is read from, and whether calls need it.

    A variable that the config names is used wherever the model is. Without one, a provider's usual variable is used at
    the provider's own endpoint only: at a custom ``base_url`` no key is sent that nobody meant for it.
    """
    endpoint = resolve(model, base_url, api_key_env)
    return endpoint.key_env, endpoint.key_required


def resolve(
    model: str, base_url: str | None = None, api_key_env: str | None = None, transport: str = "auto"
) -> Endpoint:
    """Work out what a model name and an address mean.

    Raises:
        UsageError: an empty name, an unknown provider, a bad address, a variable name that is none, or a transport
            that cannot reach it.
    """
    if transport not in {"auto", "direct", "litellm"}:
        raise UsageError(f"llm.transport: {transport!r} → choose from auto, direct, litellm")
    if api_key_env is not None and not _VARIABLE.match(api_key_env):
        # Not repeated: what was pasted here may be the key itself.
        raise UsageError(
            "llm.api_key_env: this is no name of an environment variable → write its name, such as OPENAI_API_KEY"
        )
    if not model or model != model.strip():
        raise UsageError(f"llm.model: {model!r} is no model name → write provider/name, such as openai/gpt-4o")
    provider, full, wire = _split(model, custom=base_url is not None)
    known = OPENAI_PROTOCOL.get(provider)
    if transport == "auto":
        transport = "direct" if known or base_url is not None else "litellm"
    if transport == "direct" and known is None and base_url is None:
        names = ", ".join(OPENAI_PROTOCOL)
        raise UsageError(
            f"llm.transport: {provider} has no OpenAI-compatible endpoint that is known here → "
            f"transport=litellm, or give llm.base_url (known: {names})"
        )
    where = tidy_base_url(base_url) if base_url is not None else known.base_url if known else None
    own = base_url is None and not (known and known.local)
    usual = (known.key_env if known else _LITELLM_KEYS.get(provider)) if base_url is None else None
    return Endpoint(
        provider=provider,
        model=full,
        wire_model=wire,
        base_url=where if transport == "direct" or base_url is not None or not own else None,
        origin="" if own or where is None else canonical_origin(where),
        transport=transport,
        key_env=api_key_env or usual,
        key_required=own and (api_key_env or usual) is not None,
    )


def _split(model: str, *, custom: bool) -> tuple[str, str, str]:
    """Provider, LiteLLM's name, and the name on the wire."""
    provider, slash, rest = model.partition("/")
    if slash and provider in OPENAI_PROTOCOL:
        return provider, model, rest
    if custom:  # a server's own name may well have a slash in it
        bare = not slash and not any(model.startswith(start) for start, _ in _BARE_NAMES)
        return ("openai", f"openai/{model}", model) if bare else ("openai_compatible", model, model)
    if not slash:
        owner = next((owner for start, owner in _BARE_NAMES if model.startswith(start)), "openai")
        return owner, f"{owner}/{model}", model
    known = _litellm_providers()
    if known and provider not in known:
        raise UsageError(
            f"llm.model: {provider!r} is no provider → {', '.join(OPENAI_PROTOCOL)}, anthropic, gemini or another one "
            "of LiteLLM's; for a server of your own give llm.base_url"
        )
    return provider, model, rest


@cache
def _litellm_providers() -> frozenset[str]:
    """Providers that the installed LiteLLM has code for, read off its folder (importing it takes seconds)."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        return frozenset()
    folder = Path(spec.submodule_search_locations[0]) / "llms"
    names = {entry.name for entry in folder.iterdir() if entry.is_dir()} if folder.is_dir() else set()
    return frozenset(
        names | {"azure_text", "cohere_chat", "bedrock_converse", "vertex_ai_beta", "text-completion-openai"}
    )
