"""The client: one call at a time for a key, halts, and prompts whose beginning stays the same from turn to turn."""

import asyncio
from dataclasses import dataclass, field

import pytest

from personaloom.errors import CallError, RateLimitedError, RunInterruptedError, ServerFaultError, TruncatedReplyError
from personaloom.llm.calls import DeploymentSpec
from personaloom.llm.client import LLMClient
from personaloom.llm.ledger import Ledger
from personaloom.llm.limits import Limits
from personaloom.llm.prompts import PromptLibrary, shipped_prompts
from personaloom.llm.retry import RetryPolicy
from personaloom.llm.types import CallKey, ChatMessage, Deployment, LLMReply, LLMRequest, Purpose, Role, Usage

REAL = Deployment("openai", "openai/gpt-4o")


@dataclass
class Scripted:
    """A model that answers from a script: a text, or an error."""

    script: list = field(default_factory=list)
    deployment: Deployment = REAL
    asked: int = 0

    async def complete(self, request, sampling, deadline_s):
        self.asked += 1
        await asyncio.sleep(0)
        next_ = self.script.pop(0) if self.script else "fine"
        if isinstance(next_, Exception):
            raise next_
        return LLMReply(next_, Usage(10, 5), "openai/gpt-4o", finish_reason="length" if next_ == "cut" else "stop")

    async def aclose(self):
        pass


def request(turn=0):
    key = CallKey(1, "p000000", "p000000-q00", 0, Role.ASSISTANT, turn, Purpose.ASSISTANT_RESPONSE)
    return LLMRequest(Role.ASSISTANT, (ChatMessage("user", "hello"),), key)


def client(model, **more):
    spec = DeploymentSpec(model, accept_truncated=more.pop("accept_truncated", True))
    retry = RetryPolicy(base_s=0.0, cap_s=0.0)
    return LLMClient({Role.ASSISTANT: [spec]}, PromptLibrary(), retry=retry, **more)


def test_two_who_want_the_same_call_at_once_pay_for_it_once(tmp_path):
    async def work():
        model = Scripted()
        ledger = Ledger(tmp_path / "l.sqlite")
        llm = client(model, ledger=ledger)
        replies = await asyncio.gather(llm.complete(request()), llm.complete(request()), llm.complete(request(1)))
        ledger.close()
        return model.asked, [reply.from_ledger for reply in replies]

    assert asyncio.run(work()) == (2, [False, True, False])


def test_who_waits_for_a_call_that_fails_is_told_so(tmp_path):
    async def work():
        model = Scripted([ServerFaultError("500", status=500)] * 6)
        llm = client(model, ledger=Ledger(tmp_path / "l.sqlite"))
        both = await asyncio.gather(llm.complete(request()), llm.complete(request()), return_exceptions=True)
        assert (await llm.complete(request())).text == "fine"
        llm.ledger.close()
        return both

    assert all(isinstance(outcome, CallError) for outcome in asyncio.run(work()))


def test_attempts_that_failed_are_in_the_tokens_of_the_reply():
    async def work():
        spent = ServerFaultError("500", status=500, input_tokens=7, output_tokens=3)
        llm = client(Scripted([spent, "fine"]))
        reply = await llm.complete(request())
        return reply.attempts, reply.usage.input_tokens, reply.usage.output_tokens, llm.tracker.attributed.attempts

    assert asyncio.run(work()) == (2, 17, 8, 2)


def test_after_a_halt_nothing_is_sent():
    async def work():
        model = Scripted()
        llm = client(model)
        llm.halt(RunInterruptedError("stop"))
        with pytest.raises(RunInterruptedError):
            await llm.complete(request())
        return model.asked

    assert asyncio.run(work()) == 0


def test_a_halt_ends_every_wait():
    """One call rests for as long as the server asked; the other waits for its turn, at one request a minute."""

    async def work():
        told = RateLimitedError("429", status=429, retry_after_s=600.0)
        model = Scripted([told])
        llm = LLMClient({Role.ASSISTANT: [DeploymentSpec(model, limits=Limits(rpm=1))]})
        first = asyncio.ensure_future(llm.complete(request()))
        while not llm._resting._sleepers:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
        second = asyncio.ensure_future(llm.complete(request(1)))
        while not llm.waiting_for():  # noqa: ASYNC110 - nor for this
            await asyncio.sleep(0)
        llm.halt(RunInterruptedError("stop"))
        return model.asked, await asyncio.gather(first, second, return_exceptions=True)

    asked, ends = asyncio.run(asyncio.wait_for(work(), 20))
    assert asked == 1
    assert [type(end) for end in ends] == [RunInterruptedError, RunInterruptedError]


def test_a_reply_cut_at_max_tokens_is_kept_or_refused_by_policy():
    assert asyncio.run(client(Scripted(["cut"])).complete(request())).finish_reason == "length"
    with pytest.raises(TruncatedReplyError):
        asyncio.run(client(Scripted(["cut"]), accept_truncated=False).complete(request()))


# -- prompts and providers' caches -------------------------------------------------------------------------------


def history(turns):
    return [{"role": role, "content": f"{role} says {n}"} for n in range(turns) for role in ("user", "assistant")]


def test_the_user_models_prompt_grows_at_its_end_only():
    """Providers cache by prefix: up to the newest messages every turn sends what the turn before sent, byte for byte."""
    prompts = PromptLibrary()

    def flat(turn, feedback):
        facts = {
            "persona_prompt": "You are a baker.", "features": {}, "history": history(turn), "topic": "bread",
            "turn": turn, "target_turns": 5, "feedback": feedback, "may_end": turn > 1,
        }  # fmt: skip
        messages, _ = prompts.render("user_feedback", facts)
        return "\x1e".join(f"{message.role}\x1f{message.content}" for message in messages)

    for turn in range(1, 5):
        now, then = flat(turn, feedback=True), flat(turn + 1, feedback=False)
        newest = then.index(f"user says {turn}")
        shared = next(i for i, (a, b) in enumerate(zip(now, then, strict=False)) if a != b)
        assert shared >= newest - len("[user]\n")


@pytest.mark.parametrize("name", shipped_prompts())
def test_every_prompt_begins_with_what_does_not_change(name):
    """The system message comes first in each; only the user model's and the assistant's know a persona in it."""
    template = PromptLibrary()._templates[name]
    assert template.parts[0].role == "system"
    if name not in {"user_feedback", "assistant"}:
        assert set(template.parts[0]._names) <= {"domains", "scenarios", "criteria", "mode"}  # the same all run long


def test_a_remembered_text_is_the_text_that_would_be_rendered_anew():
    prompts = PromptLibrary()
    facts = {"query": "q", "features": {"a": "b"}, "mode": "whole", "domains": ["x", "y"], "scenarios": []}
    first, _ = prompts.render("style_transfer", facts)
    again, _ = prompts.render("style_transfer", facts)
    other, _ = prompts.render("style_transfer", {**facts, "domains": ["z"]})
    fresh, _ = PromptLibrary().render("style_transfer", {**facts, "domains": ["z"]})
    assert first == again
    assert other == fresh != first
