"""What a dataset's stored calls cost, and what of it its own runs sent.

A call is priced when it is made. Where no price was known then (no ``llm.price`` yet), the price of a later run of the
same dataset is taken: tokens are stored with every call, so nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from personaloom.llm.budget import Spend
from personaloom.llm.calls import DeploymentSpec
from personaloom.llm.prices import Price
from personaloom.llm.types import Role, Usage

__all__ = ["Prices", "priced", "prices_of", "sent_by"]

Prices = Mapping[tuple[str, str], Price]
"""By role and model."""


def prices_of(roles: Mapping[Role, Sequence[DeploymentSpec]]) -> Prices:
    """The prices that are known; a model that one role's pool has at two prices has none."""
    found: dict[tuple[str, str], set[Price | None]] = {}
    for role, specs in roles.items():
        for spec in specs:
            found.setdefault((str(role), spec.client.deployment.model), set()).add(spec.price)
    return {name: price for name, (price, *others) in found.items() if price is not None and not others}


def priced(calls: Iterable[dict[str, Any]], prices: Prices) -> Iterator[dict[str, Any]]:
    """Stored call records, those without a cost with the one that they have by these prices."""
    for call in calls:
        notes = call["metadata"]
        if notes.get("cost_usd") is None:
            price = prices.get((notes.get("role", ""), call["model"]))
            if price is not None:
                used = Usage(call["input_tokens"], call["output_tokens"], cached_tokens=notes.get("cached_tokens", 0))
                notes["cost_usd"] = price.cost(used)
        yield call


def sent_by(calls: Iterable[Mapping[str, Any]]) -> Spend:
    """What a dataset's own runs sent, as a budget counts it; what has no price costs nothing here."""
    cost, tokens, attempts = 0.0, 0, 0
    for call in calls:
        notes = call["metadata"]
        if notes.get("paid", True) and notes.get("attempts", 1):  # else another dataset's, or told again by the ledger
            cost += notes.get("cost_usd") or 0.0
            tokens += call["input_tokens"] + call["output_tokens"]
            attempts += notes.get("attempts", 1)
    return Spend(cost, tokens, attempts)
