"""The schema of ``llm``: a model, how it is called, and what its roles and pools change."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from personaloom.config.schema_base import Amount, Node, Positive, Probability, Seconds, Seed, Text, Variable

__all__ = ["LLM", "Local", "Model", "PoolMember", "Price", "RoleModel", "Simulated"]

RoleName = Literal["formulator", "stylist", "assistant", "user", "extractor", "noise", "judge"]


class Price(Node):
    """Dollars for a million tokens."""

    input_per_million: Amount
    output_per_million: Amount
    cached_input_per_million: Amount | None


class Model(Node):
    """A model and how it is called: the keys of ``llm``, of a role and of a pool member."""

    model: Text
    base_url: Text | None
    api_key_env: Variable | None
    transport: Literal["auto", "direct", "litellm"]
    headers: dict[str, str] | None
    headers_env: dict[str, Variable] | None
    temperature: Amount | None
    top_p: Probability | None
    max_tokens: Positive | None
    seed: Seed | None
    timeout: Seconds
    rpm: Positive | None
    tpm: Positive | None
    max_concurrency: Positive | None
    stop: list[Text]
    extra_body: dict[str, Any] | None
    accept_truncated: bool
    json_schema: Literal["auto", "native", "prompt"]
    price: Price | None


class PoolMember(Model):
    """One model of a pool; weights are relative."""

    required = frozenset({"model"})
    target: str = Field(alias="_target_", min_length=1)
    weight: Amount


class RoleModel(Model):
    """``llm.roles.<role>``: what differs from ``llm``, or a pool."""

    target: str = Field(alias="_target_", min_length=1)
    pool: list[PoolMember] | None


class LLM(Model):
    """``llm``."""

    required = frozenset({"target", "model"})
    target: str = Field(alias="_target_", min_length=1)
    roles: dict[RoleName, RoleModel] | None
    pool: list[PoolMember] | None
    prompts: Text | None


class Simulated(LLM):
    """``llm: simulated``."""

    latency_s: Amount
    latency_jitter: Probability
    faults: dict[str, Probability] | None
    version: Text


class Local(LLM):
    """``llm: local``: a model in a child process of ours, so there is no address and no key."""

    base_url: None  # narrowed: an address would be ignored
    api_key_env: None  # likewise
    model_path: Text | None
    slots: Positive
    threads: Positive | None
    context: Positive
    tight: bool
