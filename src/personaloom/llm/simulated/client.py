"""``SimulatedModel``: a model that is none. It makes up plausible text, for tests, demonstrations and dry runs."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from personaloom.errors import (
    CallTimeoutError,
    ConfigError,
    Fault,
    MalformedReplyError,
    RefusalError,
    TruncatedReplyError,
)
from personaloom.keyed import Key
from personaloom.llm.simulated import assistant, counting, formulator, judge, noise, schema, stylist, user
from personaloom.llm.simulated.faults import FaultPlan, transport_error
from personaloom.llm.types import Deployment, LLMReply, LLMRequest, Purpose, Sampling, Usage
from personaloom.text.wording import Dice, digest

__all__ = ["SIMULATOR_VERSION", "SimulatedModel"]

SIMULATOR_VERSION = "2"
"""Raised by hand when the same request would get another text."""


class SimulatedModel:
    """A seeded generator behind the same protocol as a real model.

    A reply is a function of the request and of the model's name. Nothing leaves the machine and nothing is known:
    read ``docs/simulated.md`` before you draw a conclusion from its text.

    Args:
        model: its name; two names give two texts.
        latency_s: seconds that a reply takes.
        latency_jitter: the latency is drawn between ``1 - jitter`` and ``1 + jitter`` times that, by the call's key.
        faults: kind of fault to the share of attempts it hits: rate_limited, server_fault, timeout, connection_cut,
            empty, malformed, refusal, truncated.
        version: the version of the texts that a config was made for; only the present one can be had.

    Raises:
        ConfigError: a latency, a jitter, a fault or a version that cannot be.
    """

    def __init__(
        self,
        model: str = "simulated/persona-1",
        latency_s: float = 0.0,
        latency_jitter: float = 0.0,
        faults: Mapping[str, float] | None = None,
        version: str = SIMULATOR_VERSION,
    ) -> None:
        _judge(latency_s, latency_jitter, version)
        self.deployment = Deployment("simulated", model, simulated=True)
        self.latency_s = latency_s
        self.latency_jitter = latency_jitter
        self.version = version
        self._faults = FaultPlan(faults or {})

    def fingerprint(self) -> str:
        """SHA-256 of what shapes the text: version, phrase banks, model name and faults; not the latency."""
        parts = [
            self.version,
            digest(),
            self.deployment.model,
            *(f"{k}={v!r}" for k, v in self._faults.shares.items()),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    async def complete(self, request: LLMRequest, sampling: Sampling, deadline_s: float) -> LLMReply:
        """One made-up reply; see ``ChatClient``.

        Raises:
            CallError: a fault that was asked for, a latency beyond the deadline, or JSON that ``max_tokens`` cuts.
        """
        latency = await self._wait(request, deadline_s)
        fault = self._faults.draw(request.key)
        read = counting.count_messages(request.messages)
        if fault and (error := transport_error(fault, self.deployment.model, deadline_s, read)):
            raise error
        parsed, text = self._spoiled(fault, request, read) or self.write(request)
        return self._reply(request, parsed, text, fault, sampling, read, latency)

    async def aclose(self) -> None:
        """Nothing to close."""

    def write(self, request: LLMRequest) -> tuple[Any, str]:
        """The object, where a schema was asked for, and the text, without faults or limits."""
        key = Key(*request.key.parts(), self.deployment.model)
        value = _answer_of(request, key)
        if request.schema is None:
            return None, value if isinstance(value, str) else orjson.dumps(value).decode()
        dice = Dice(key.child("schema"))
        shaped = (
            schema.fitted(value, request.schema, dice)
            if isinstance(value, Mapping)
            else schema.made_up(request.schema, dice)
        )
        return shaped, orjson.dumps(shaped).decode()

    # -- outside conditions --------------------------------------------------------------------------------------

    async def _wait(self, request: LLMRequest, deadline_s: float) -> float:
        if self.latency_s <= 0:
            await asyncio.sleep(0)  # others get their turn, as with a real call
            return 0.0
        place = Key(*request.key.parts(), "latency").below(2001, "place") / 1000 - 1
        latency = self.latency_s * (1 + self.latency_jitter * place)
        await asyncio.sleep(min(latency, deadline_s))
        if latency > deadline_s:
            raise CallTimeoutError(f"{self.deployment.model}: no answer within {deadline_s:g} s")
        return latency

    def _spoiled(self, fault: str | None, request: LLMRequest, read: int) -> tuple[Any, str] | None:
        """The text of a reply that is of no use, or None where it is fine."""
        if fault == "refusal":
            if request.schema is not None:
                raise RefusalError(f"{self.deployment.model}: simulated refusal", input_tokens=read, output_tokens=8)
            return None, "I'm sorry, but I can't help with that."
        if fault == "malformed":
            if request.schema is None:
                raise MalformedReplyError(f"{self.deployment.model}: simulated answer that is no chat completion")
            return (
                None,
                "Let me think about that for a moment, then I will get back to the form you asked for.",
            )
        return None

    def _reply(
        self,
        request: LLMRequest,
        parsed: Any,
        text: str,
        fault: str | None,
        sampling: Sampling,
        read: int,
        latency: float,
    ) -> LLMReply:
        written = counting.count(text)
        most = max(1, written // 3) if fault == "truncated" else sampling.max_tokens
        finish = "stop"
        if most is not None and written > most:
            text, parsed, finish = counting.cut(text, most), None, "length"
            written = counting.count(text)
            if request.schema is not None:
                raise TruncatedReplyError(
                    f"{self.deployment.model}: the JSON was cut at max_tokens={most} → raise llm.max_tokens",
                    input_tokens=read,
                    output_tokens=written,
                )
        return LLMReply(
            text=text,
            usage=Usage(read, written, "simulated"),
            model=self.deployment.model,
            snapshot=f"{self.deployment.model}-v{self.version}",
            finish_reason=finish,
            cost_usd=0.0,
            latency_s=latency,
            parsed=parsed,
            simulated=True,
        )


def _answer_of(request: LLMRequest, key: Key) -> Any:
    """What the asked role says: a text, an object, or None where only the schema knows."""
    facts = request.facts
    match request.key.purpose:
        case Purpose.FORMULATE_PROMPT:
            return formulator.persona_prompt(facts.get("features") or {}, Dice(key))
        case Purpose.STYLE_TRANSFER:
            return stylist.rewrite(facts, key)
        case Purpose.INFER_CONTEXT:
            return stylist.context(facts, key)
        case Purpose.USER_FEEDBACK:
            return user.user_turn(_with_history(request), Dice(key))
        case Purpose.EXTRACT_SEMANTICS:
            return noise.semantics(facts)
        case Purpose.GENERATE_NOISE:
            return noise.noisy(facts, key)
        case Purpose.VERIFY_NOISE:
            return noise.verdict(facts)
        case Purpose.JUDGE if facts.get("criteria"):
            return judge.judgement(facts, key)
        case _ if request.schema is not None:
            return None
        case _:
            return assistant.answer(_with_history(request), key, _conversation(request))


def _conversation(request: LLMRequest) -> Key:
    k = request.key
    return Key(k.seed, k.persona, k.slot, k.supplement, "conversation")


def _with_history(request: LLMRequest) -> Mapping[str, Any]:
    """The facts; where a caller of its own kind gives none, the messages stand for the history."""
    if request.facts.get("history"):
        return request.facts
    return {**request.facts, "history": [m.to_dict() for m in request.messages if m.role != "system"]}


def _judge(latency_s: float, jitter: float, version: str) -> None:
    found = []
    if latency_s < 0:
        found.append(Fault("llm.latency_s", f"{latency_s!r} is below 0", "seconds, 0 or more"))
    if not 0 <= jitter <= 1:
        found.append(Fault("llm.latency_jitter", f"{jitter!r} is no share", "a number from 0 to 1"))
    if str(version) != SIMULATOR_VERSION:
        found.append(
            Fault(
                "llm.version",
                f"{version!r} is not here",
                f"this release speaks version {SIMULATOR_VERSION!r}",
            )
        )
    if found:
        raise ConfigError(found, "the simulated model cannot be used")
