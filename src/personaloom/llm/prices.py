"""What tokens cost: LiteLLM's price table, read from its package folder without importing it.

A price that is not known is None, never zero. Nothing is free because its address is near: a server at a custom
``base_url`` may well be a paid one, so its price is unknown until the config gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from personaloom.errors import UsageError
from personaloom.llm.types import Deployment, Usage

__all__ = ["FREE", "Price", "price_for", "price_of"]

_TABLE = "model_prices_and_context_window_backup.json"
_FREE_PROVIDERS = frozenset({"simulated", "local", "ollama", "ollama_chat", "llamafile", "lm_studio"})
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per token.

    Attributes:
        cached_input_per_token: of input that the provider reads from its cache; None where it costs like other input.
    """

    input_per_token: float
    output_per_token: float
    cached_input_per_token: float | None = None

    @classmethod
    def per_million(
        cls,
        input_per_million: float,
        output_per_million: float,
        cached_input_per_million: float | None = None,
    ) -> Price:
        """From dollars per million tokens, as price lists and the config write it.

        Raises:
            UsageError: a negative or non-finite number.
        """
        numbers = (input_per_million, output_per_million, cached_input_per_million or 0.0)
        if not all(0 <= number < float("inf") for number in numbers):
            raise UsageError(f"llm.price: {numbers} → dollars per million tokens, 0 or more")
        cached = None if cached_input_per_million is None else cached_input_per_million / _MILLION
        return cls(input_per_million / _MILLION, output_per_million / _MILLION, cached)

    def cost(self, usage: Usage) -> float:
        """Dollars for these tokens. Reasoning tokens are part of the output, cached ones part of the input."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        per_cached = self.input_per_token if self.cached_input_per_token is None else self.cached_input_per_token
        return (
            (usage.input_tokens - cached) * self.input_per_token
            + cached * per_cached
            + usage.output_tokens * self.output_per_token
        )


FREE = Price(0.0, 0.0)
"""Models on the user's own machine, and the simulated one."""


def price_for(deployment: Deployment, override: Mapping[str, float | None] | Price | None = None) -> Price | None:
    """The price of a deployment: as the config gives it, else free for local providers, else the table's, else None.

    Args:
        deployment: of the client.
        override: ``llm.price``: input_per_million, output_per_million and perhaps cached_input_per_million.

    Raises:
        UsageError: an override that lacks a number or has an unknown one.
    """
    if isinstance(override, Price):
        return override
    if override and any(value is not None for value in override.values()):
        return _from_config(override)
    if deployment.simulated or deployment.provider in _FREE_PROVIDERS:
        return FREE
    return None if deployment.origin else price_of(deployment.model)


def _from_config(override: Mapping[str, float | None]) -> Price:
    known = ("input_per_million", "output_per_million", "cached_input_per_million")
    unknown = sorted(set(override) - set(known))
    into, out = override.get(known[0]), override.get(known[1])
    if unknown or into is None or out is None:
        raise UsageError(
            f"llm.price: has {sorted(override)} → give input_per_million and output_per_million in dollars"
        )
    return Price.per_million(into, out, override.get(known[2]))


def price_of(model: str) -> Price | None:
    """The list price of a model at its provider's own endpoint, in LiteLLM's names; None where the table has none.

    The base tier is given: surcharges for very long prompts (above 128,000 tokens) are not in it.
    """
    provider, slash, bare = model.partition("/")
    if slash and provider in _FREE_PROVIDERS:
        return FREE
    table = _table()
    entry = table.get(model)
    if entry is None and slash:  # the table lists several providers' models without their prefix
        entry = table.get(bare)
        owner = str((entry or {}).get("litellm_provider", "")).split("-")[0]
        entry = entry if owner == provider else None
    if not entry:
        return None
    into, out = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
    if not isinstance(into, int | float) or not isinstance(out, int | float):
        return None
    cached = entry.get("cache_read_input_token_cost")
    return Price(float(into), float(out), float(cached) if isinstance(cached, int | float) else None)


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[str, Any]]:
    """The table of the installed LiteLLM (about 3 MB, 30 ms); empty where there is none."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        return {}
    path = Path(spec.submodule_search_locations[0]) / _TABLE
    try:
        table: dict[str, dict[str, Any]] = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}  # unknown prices are said to be unknown
    return table
