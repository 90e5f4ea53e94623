"""Faults on demand: a keyed share of the attempts fails the way real services fail."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from personaloom.errors import (
    CallError,
    CallTimeoutError,
    ConfigError,
    ConnectionCutError,
    EmptyReplyError,
    Fault,
    RateLimitedError,
    ServerFaultError,
)
from personaloom.keyed import Key
from personaloom.llm.types import CallKey

__all__ = ["KINDS", "FaultPlan", "transport_error"]

KINDS = (
    "rate_limited",
    "server_fault",
    "timeout",
    "connection_cut",
    "empty",
    "malformed",
    "refusal",
    "truncated",
)


class FaultPlan:
    """Which attempts fail, and how.

    The fault of an attempt is drawn from the call's key and from how often this very call was tried since it last
    succeeded: a retry under the same key is a new draw, and running again gives the same faults in the same order.

    Args:
        shares: kind of fault to the share of attempts that it hits; the rest succeed.

    Raises:
        ConfigError: an unknown kind, a share outside [0, 1], or shares that sum to more than 1.
    """

    def __init__(self, shares: Mapping[str, float]) -> None:
        faults = [
            Fault(f"llm.faults.{name}", "there is no such fault", _hint(name)) for name in shares if name not in KINDS
        ]
        faults += [
            Fault(f"llm.faults.{name}", f"{share!r} is no share of attempts", "a number from 0 to 1")
            for name, share in shares.items()
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1
        ]
        if not faults and sum(shares.values()) > 1 + 1e-9:
            faults.append(Fault("llm.faults", f"the shares sum to {sum(shares.values()):g}", "at most 1 in all"))
        if faults:
            raise ConfigError(faults, "the simulated model's faults cannot be used")
        self.shares = {name: float(shares[name]) for name in KINDS if shares.get(name)}
        self._tries: dict[CallKey, int] = {}

    def draw(self, key: CallKey) -> str | None:
        """The fault of this attempt, or None; counts the attempt."""
        if not self.shares:
            return None
        tries = self._tries.get(key, 0)
        kinds = [*self.shares, None]
        rest = max(0.0, 1.0 - sum(self.shares.values()))
        fault = Key(*key.parts(), "fault", tries).weighted(kinds, [*self.shares.values(), rest])
        if fault is None:
            self._tries.pop(key, None)
        else:
            self._tries[key] = tries + 1
        return fault


def transport_error(kind: str, model: str, deadline_s: float, input_tokens: int) -> CallError | None:
    """The error of a fault in which no usable text came, or None for a fault of the text itself."""
    match kind:
        case "rate_limited":
            return RateLimitedError(f"{model}: simulated 429", status=429, retry_after_s=0.05)
        case "server_fault":
            return ServerFaultError(f"{model}: simulated 503", status=503)
        case "timeout":
            return CallTimeoutError(f"{model}: simulated timeout, no answer within {deadline_s:g} s")
        case "connection_cut":
            return ConnectionCutError(f"{model}: simulated cut, the connection closed in mid-reply")
        case "empty":
            return EmptyReplyError(f"{model}: simulated reply without text", input_tokens=input_tokens, output_tokens=0)
        case _:
            return None


def _hint(name: str) -> str:
    near = get_close_matches(name, KINDS, 1)
    return f"did you mean {near[0]}?" if near else f"choose from {', '.join(KINDS)}"
