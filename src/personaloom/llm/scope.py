"""Calls that belong together: asked through the client, read, accepted or asked again, and booked in one list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from personaloom.errors import CallError, MalformedReplyError, RetryableError, TruncatedReplyError
from personaloom.llm.calls import DeploymentSpec, Fetched, Tally, call_name, merged
from personaloom.llm.ledger import call_hash
from personaloom.llm.structured import parse_structured
from personaloom.llm.types import LLMReply, LLMRequest, Sampling, Usage
from personaloom.llm.usage import CallRecord
from personaloom.records import utc_now

if TYPE_CHECKING:
    from personaloom.llm.client import LLMClient

__all__ = ["Accept", "LLMScope"]

Accept = Callable[[LLMReply], None]
ATTEMPT_STRIDE = 100
"""A caller that asks again on its own (attempt 1) never meets the numbers that asking again in here has used."""


class LLMScope:
    """An ``LLMClient`` that books its calls in a list of its own, so that they are stored with what they made."""

    def __init__(self, client: LLMClient) -> None:
        self.client = client
        self.prompts = client.prompts
        self.records: list[CallRecord] = []

    def take_records(self) -> list[CallRecord]:
        """The calls booked since last asked."""
        records, self.records = self.records, []
        return records

    async def complete(self, request: LLMRequest, accept: Accept | None = None) -> LLMReply:
        """See ``LLMClient.complete``."""
        client = self.client
        spec = client.deployment_for(request.key, request.role)
        sampling = merged(spec.sampling, request.sampling)
        last: CallError | None = None
        for attempt in range(client.retry.content_attempts):
            number = request.key.attempt * ATTEMPT_STRIDE + attempt
            asked = replace(request, key=request.key._replace(attempt=number)) if number else request
            key = call_hash(spec.client.deployment, asked, sampling)
            name = call_name(asked.key, key)
            tally = Tally()
            try:
                fetched = await client.fetch(spec, asked, sampling, key, tally)
            except BaseException as error:
                if tally.attempts:  # else nothing was sent: the run is ending, or somebody else asks the same
                    self._book_failure(spec, asked, name, getattr(error, "kind", "stopped"), tally)
                raise
            try:
                reply = self._read(spec, asked, sampling, fetched.reply)
                if accept is not None:
                    accept(reply)
            except CallError as error:
                self._book(spec, asked, name, fetched, error.kind)
                error.attempts = attempt + 1
                last = error
                if not isinstance(error, RetryableError) and not client.retry.asks_again_after(error):
                    raise
                continue
            self._book(spec, asked, name, fetched, "ok")
            return reply
        raise last or AssertionError("unreachable: content_attempts is at least 1")

    def _read(self, spec: DeploymentSpec, request: LLMRequest, sampling: Sampling, reply: LLMReply) -> LLMReply:
        """The reply with its object, where one was asked for; what can be said against any reply is said here."""
        if request.schema is not None:
            reply = reply._replace(parsed=parse_structured(reply.text, request.schema))
        elif reply.finish_reason == "length" and not spec.accept_truncated:
            raise TruncatedReplyError(f"the reply stopped at max_tokens={sampling.max_tokens}")
        if request.prompt and (taken := self.prompts.repeated(request.prompt.name, reply.text, request.messages)):
            raise MalformedReplyError(f"the reply repeats an example of the prompt: {taken[:60]!r}")
        return reply

    # -- books ---------------------------------------------------------------------------------------------------

    def _book(self, spec: DeploymentSpec, request: LLMRequest, name: str, fetched: Fetched, outcome: str) -> None:
        reply = fetched.reply
        usage = reply.usage
        metadata = {
            "call": name,
            "role": str(request.role),
            "outcome": outcome,
            "attempts": reply.attempts,
            "lost_attempts": fetched.lost,
            "cost_usd": reply.cost_usd,
            "source": usage.source,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "latency_s": round(reply.latency_s, 4),
            "snapshot": reply.snapshot,
            "from_ledger": reply.from_ledger,
            "paid": fetched.paid,
        }
        self._add(spec, request, usage.input_tokens, usage.output_tokens, metadata)

    def _book_failure(self, spec: DeploymentSpec, request: LLMRequest, name: str, kind: str, tally: Tally) -> None:
        known = spec.client.deployment.simulated or spec.price is not None
        used = Usage(tally.input_tokens, tally.output_tokens)
        metadata = {
            "call": name,
            "role": str(request.role),
            "outcome": kind,
            "attempts": tally.attempts,
            "lost_attempts": tally.lost,
            "cost_usd": (spec.price.cost(used) if spec.price else 0.0) if known else None,
            "source": "provider",
            "from_ledger": False,
            "paid": True,
        }
        self._add(spec, request, used.input_tokens, used.output_tokens, metadata)

    def _add(self, spec: DeploymentSpec, request: LLMRequest, n_in: int, n_out: int, metadata: dict[str, Any]) -> None:
        deployment = spec.client.deployment
        purpose = request.key.purpose
        record = CallRecord(
            purpose.module, str(purpose), deployment.model, deployment.provider, n_in, n_out, utc_now(), metadata
        )
        self.records.append(record)
        self.client.tracker.add(record)
