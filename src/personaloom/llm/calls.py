"""What a call is made with and what comes of it: a model as a role uses it, a fetched reply, names and sums."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from personaloom.errors import CallError
from personaloom.llm.limits import Limits
from personaloom.llm.prices import Price
from personaloom.llm.types import CallKey, ChatClient, LLMReply, Role, Sampling

__all__ = ["DeploymentSpec", "Fetched", "Tally", "call_name", "merged", "models_listed", "totalled"]


@dataclass(frozen=True)
class DeploymentSpec:
    """A model that a role uses: its client and how it is called.

    Attributes:
        client: makes one attempt.
        sampling: parameters of every call, unless a request says otherwise.
        timeout_s: deadline of one attempt.
        limits: fixed limits, where the user set some.
        price: per token, or None where it is not known.
        weight: relative, in a pool.
        accept_truncated: keep a reply that stopped at ``max_tokens`` (free text only).
    """

    client: ChatClient
    sampling: Sampling = field(default_factory=Sampling)
    timeout_s: float = 60.0
    limits: Limits = field(default_factory=Limits)
    price: Price | None = None
    weight: float = 1.0
    accept_truncated: bool = True


class Fetched(NamedTuple):
    """A reply, whether this dataset pays for it, and how many attempts were lost with unknown usage."""

    reply: LLMReply
    paid: bool
    lost: int


@dataclass(slots=True)
class Tally:
    """What was sent for a call so far, whatever becomes of it: a call that is given up was paid for too.

    Attributes:
        attempts: requests sent.
        lost: those of which nobody knows what they used (cut, timed out, cancelled).
        input_tokens, output_tokens: what the failed ones are known to have used.
    """

    attempts: int = 0
    lost: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def failed(self, error: CallError) -> None:
        """Count what the attempt that ended in this error used."""
        self.input_tokens += error.input_tokens or 0
        self.output_tokens += error.output_tokens or 0
        self.lost += error.input_tokens is None and error.status is None


def call_name(key: CallKey, digest: bytes) -> str:
    """A call's name in records: ``p000012-q03/assistant_response/t1#9f86d081``; the end tells equal names apart."""
    supplement = f"-s{key.supplement}" if key.supplement else ""
    attempt = f"/a{key.attempt}" if key.attempt else ""
    return f"{key.slot or key.persona}{supplement}/{key.purpose}/t{key.turn}{attempt}#{digest[:4].hex()}"


def merged(base: Sampling, over: Sampling | None) -> Sampling:
    """The role's parameters, with those that a request sets over them."""
    if over is None:
        return base
    return Sampling(
        base.temperature if over.temperature is None else over.temperature,
        base.top_p if over.top_p is None else over.top_p,
        base.max_tokens if over.max_tokens is None else over.max_tokens,
        base.seed if over.seed is None else over.seed,
        over.stop or base.stop,
        {**base.extra_body, **over.extra_body},
    )


def totalled(reply: LLMReply, spec: DeploymentSpec, tally: Tally) -> LLMReply:
    """The reply with what all its attempts took, and their price."""
    usage = reply.usage
    used_in, used_out = tally.input_tokens, tally.output_tokens
    if used_in or used_out:
        usage = usage._replace(input_tokens=usage.input_tokens + used_in, output_tokens=usage.output_tokens + used_out)
    cost = 0.0 if spec.client.deployment.simulated else spec.price.cost(usage) if spec.price else reply.cost_usd
    if usage is reply.usage and cost == reply.cost_usd and tally.attempts == reply.attempts:
        return reply
    return reply._replace(usage=usage, cost_usd=cost, attempts=tally.attempts)


def models_listed(
    roles: Mapping[Role, Sequence[DeploymentSpec]], snapshots: Mapping[str, Collection[str]]
) -> list[dict[str, Any]]:
    """Role, model, provider, origin, weight and snapshots (by model) of every deployment: as in manifests."""
    return [
        {
            "role": str(role),
            "model": spec.client.deployment.model,
            "provider": spec.client.deployment.provider,
            "origin": spec.client.deployment.origin,
            "weight": spec.weight,
            "snapshots": sorted(snapshots.get(spec.client.deployment.model, ())),
        }
        for role, specs in roles.items()
        for spec in specs
    ]
