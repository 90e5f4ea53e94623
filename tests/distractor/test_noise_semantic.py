"""The semantic engine with a scripted model: whatever it answers, no unit claims noise that it does not have."""

from __future__ import annotations

import asyncio
import json

import pytest

from personaloom.distractor import DistractorModel
from personaloom.errors import (
    AuthenticationFailedError,
    CallTimeoutError,
    ContentFilterError,
    EmptyReplyError,
    MalformedReplyError,
    RateLimitedError,
    RefusalError,
)
from personaloom.keyed import Key
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import LLMReply, Purpose, Role, Usage
from personaloom.records import NoiseLayer, NoiseVerdict
from personaloom.text.contracts import check
from personaloom.text.semantics import extract
from personaloom.text.strategies import compose

CLEAN = "Can you write a 500-word blog post about remote work for my manager by Friday?"


class Scripted:
    """A client whose replies are made by a function of (request, how many of this purpose came before)."""

    def __init__(self, answer):
        self.prompts, self.answer, self.requests = PromptLibrary(), answer, []

    async def complete(self, request, accept=None):
        number = sum(r.key.purpose is request.key.purpose for r in self.requests)
        self.requests.append(request)
        content = self.answer(request, number)
        if isinstance(content, Exception):
            raise content
        text = content if isinstance(content, str) else json.dumps(content)
        try:
            parsed = json.loads(text)
        except ValueError:
            raise MalformedReplyError("not JSON") from None
        reply = LLMReply(text, Usage(1, 1), "scripted", parsed=parsed)
        if accept is not None:
            accept(reply)
        return reply

    def count(self, purpose):
        return sum(request.key.purpose is purpose for request in self.requests)


def read(text):
    found = extract(text)
    return {"intents": found.intents, "slots": [{"name": n, "value": v} for n, v in found.slots.items()]}


def honest(request, number):
    """A model that does its work, by the strategies' own generators."""
    facts = request.facts
    if request.key.purpose is Purpose.EXTRACT_SEMANTICS:
        return read(facts["text"])
    if request.key.purpose is Purpose.GENERATE_NOISE:
        names = [strategy["name"] for strategy in facts["strategies"]]
        return {"noisy_text": compose(facts["text"], names, Key(*request.key.parts()), facts["features"])[0]}
    return {"holds": True, "reason": "", **read(facts["noisy"]), "missing": [], "vague": [], "conflicts": []}


def noise(content, after=None):
    """A model that reads well and then writes ``content`` as noise, ``after`` from the second time on."""

    def answer(request, number):
        if request.key.purpose is Purpose.GENERATE_NOISE:
            return content if number == 0 or after is None else after
        return honest(request, number)

    return answer


def run(model, llm, text=CLEAN, unit="p000001-q00-t0", **more):
    names = {"turn": 0, "persona_id": "p000001", "slot_id": "p000001-q00", **more}
    return asyncio.run(model.apply(text, unit, {"tone_pref": "casual"}, [], llm, **names))


def only(layer, *strategies):
    chosen = {name: {"mandatory": True} for name in strategies}
    return DistractorModel(
        1.0, seed=11, layers={layer: {"weight": 1.0, "strategies": chosen} if chosen else {"weight": 1.0}}
    )


LAYERS = [str(layer) for layer in NoiseLayer]
BAD = {
    "nonsense": {"noisy_text": "Purple bicycles harmonise with seventeen umbrellas beyond the quartz horizon."},
    "letters": {"noisy_text": "asdf qwer zxcv uiop hjkl"},
    "repeated": {"noisy_text": CLEAN},
    "repeated with spaces": {"noisy_text": f"  {CLEAN} \n"},
    "quoted": {"noisy_text": f'"{CLEAN}"'},
    "answer": {"noisy_text": "Sure! Here is a blog post about remote work: Remote work has changed how teams operate. It offers freedom and focus."},
    "bare answer": {"noisy_text": "Remote work has become the norm in many companies. Managers must adapt to distributed teams by Friday, and 500-word posts help."},
    "refusal": {"noisy_text": "I'm sorry, but I can't help with that."},
    "meta": {"noisy_text": "Noisy version: can u write a 500-word blog post about remote work for my manager by Friday?"},
    "empty": {"noisy_text": ""},
    "blank": {"noisy_text": "   "},
    "broken JSON": '{"noisy_text": "can u wri',
    "a list": ["can u write it"],
    "another key": {"text": "can u write it"},
    "a number": {"noisy_text": 7},
    "another task": {"noisy_text": "Translate my grandmother's soup recipe into Italian, with exact amounts."},
}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("reply", BAD.values(), ids=BAD.keys())
def test_a_model_that_writes_no_noise_never_yields_a_unit_that_claims_any(layer, reply):
    result = run(only(layer), Scripted(noise(reply)))
    assert result.verdict is NoiseVerdict.REJECTED
    assert not result.applied
    assert result.noisy_text == result.original_text == CLEAN
    assert result.applied_strategies == []
    assert result.metadata["reason"]
    assert result.drawn


@pytest.mark.parametrize("question", ["What is the capital of France?", "Why is the sky blue?", "Is a tomato a fruit?"])
@pytest.mark.parametrize("layer", LAYERS)
def test_an_answer_to_a_question_is_never_taken_for_noise(layer, question):
    answers = {
        "What is the capital of France?": "The capital of France is Paris.",
        "Why is the sky blue?": "The sky is blue because air scatters short wavelengths more than long ones.",
        "Is a tomato a fruit?": "A tomato is a fruit, botanically speaking.",
    }
    result = run(only(layer), Scripted(noise({"noisy_text": answers[question]})), question)
    assert not result.applied
    assert result.noisy_text == question


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        ("surface_noise", "Can you write a blog post for my manager?"),
        ("surface_noise", "can u write a 600-word blog post abt remote work for my manager by friday"),
        ("incomplete_info", "can u write a 500-word blog post abt remote work for my manager by friday"),
        ("semantic_ambiguity", "can u write a 500-word blog post abt remote work for my manager by friday"),
    ],
)
def test_noise_that_breaks_its_layers_contract_is_rejected(layer, text):
    result = run(only(layer), Scripted(noise({"noisy_text": text})))
    assert result.verdict is NoiseVerdict.REJECTED
    assert result.metadata["attempts"] == 2


@pytest.mark.parametrize(
    ("layer", "strategies", "text", "applied"),
    [
        ("surface_noise", ["colloquial_speech", "typo_misspelling"], "hey can u write a 500-word blog post about remtoe work for my manager by friday", {"colloquial_speech", "typo_misspelling"}),
        ("surface_noise", ["colloquial_speech", "typo_misspelling"], "yo can u write a 500-word blog post about remote work for my manager by friday", {"colloquial_speech"}),
        ("incomplete_info", ["missing_slots"], "Can you write a blog post about remote work for my manager?", {"missing_slots"}),
        ("incomplete_info", ["vague_slot_values"], "Can you write a not too long blog post about remote work for my manager sometime soon?", {"vague_slot_values"}),
        ("semantic_ambiguity", ["multi_intent"], "Can you write a 500-word blog post about remote work for my manager by Friday, oh and also can you book me a table for two?", {"multi_intent"}),
        ("semantic_ambiguity", ["self_contradiction"], "Can you write a short 500-word blog post about remote work for my manager by Friday, but explain everything in detail?", {"self_contradiction"}),
        ("semantic_ambiguity", ["mind_changing"], "Can you write a 500-word blog post about remote work for my manager by Friday? Actually wait, make that an outline.", {"mind_changing"}),
    ],
)  # fmt: skip
def test_good_noise_is_applied_and_only_what_shows_is_claimed(layer, strategies, text, applied):
    result = run(only(layer, *strategies), Scripted(noise({"noisy_text": text})))
    assert result.applied, result.metadata["reason"]
    assert set(result.applied_strategies) == applied
    assert result.layer == layer
    assert result.metadata["engine"] == "semantic"
    assert set(result.metadata["prompts"]) == {"extract_semantics", "generate_noise"}


def test_bad_noise_is_asked_for_once_more_under_the_next_attempt():
    good = {"noisy_text": "can u write a 500-word blog post abt remote work for my manager by friday"}
    llm = Scripted(noise(BAD["nonsense"], after=good))
    result = run(only("surface_noise", "colloquial_speech"), llm)
    assert result.applied
    assert result.metadata["attempts"] == 2
    assert [r.key.attempt for r in llm.requests if r.key.purpose is Purpose.GENERATE_NOISE] == [0, 1]


def test_the_calls_are_named_by_seed_persona_slot_turn_and_purpose():
    llm = Scripted(honest)
    run(DistractorModel(1.0, seed=77), llm, turn=2, supplement=1)
    keys = [request.key for request in llm.requests]
    assert [(k.seed, k.persona, k.slot, k.supplement, k.turn) for k in keys] == [
        (77, "p000001", "p000001-q00", 1, 2)
    ] * 2
    assert [(k.role, k.purpose) for k in keys] == [
        (Role.EXTRACTOR, Purpose.EXTRACT_SEMANTICS),
        (Role.NOISE, Purpose.GENERATE_NOISE),
    ]
    facts = llm.requests[1].facts
    assert set(facts) == {"text", "layer", "strategies", "semantics", "features", "control"}
    assert CLEAN in llm.requests[1].messages[-1].content


def test_a_unit_that_is_not_drawn_costs_no_call():
    llm = Scripted(honest)
    result = run(DistractorModel(0.0), llm)
    assert (result.verdict, llm.requests) == (NoiseVerdict.NOT_DRAWN, [])
    assert not result.drawn


@pytest.mark.parametrize("text", ["", "请帮我写一封信", "Помогите мне"])
def test_a_text_that_cannot_be_checked_costs_no_call(text):
    llm = Scripted(honest)
    assert run(DistractorModel(1.0), llm, text).verdict is NoiseVerdict.NOT_APPLICABLE
    assert llm.requests == []


def test_the_model_checks_only_where_the_caller_says_that_another_one_wrote():
    for check_with, told, calls in (("auto", True, 1), ("auto", False, 0), ("rules", True, 0)):
        llm = Scripted(honest)
        model = DistractorModel(1.0, seed=11, check=check_with, layers={"surface_noise": {"weight": 1.0}})
        result = run(model, llm, verify_with_model=told)
        assert result.applied
        assert llm.count(Purpose.VERIFY_NOISE) == calls
        assert result.metadata["checker"] == ("rules+model" if calls else "rules")


def test_the_checking_model_can_reject_what_the_rules_let_pass():
    def strict(request, number):
        found = honest(request, number)
        return {**found, "holds": False, "reason": "it reads like an advertisement"} if "holds" in found else found

    llm = Scripted(strict)
    result = run(only("surface_noise"), llm, verify_with_model=True)
    assert result.verdict is NoiseVerdict.REJECTED
    assert "advertisement" in result.metadata["reason"]
    assert llm.count(Purpose.GENERATE_NOISE) == 2


@pytest.mark.parametrize("purpose", [Purpose.EXTRACT_SEMANTICS, Purpose.GENERATE_NOISE, Purpose.VERIFY_NOISE])
@pytest.mark.parametrize(
    "error",
    [
        MalformedReplyError("not JSON"),
        EmptyReplyError("nothing"),
        RefusalError("no"),
        ContentFilterError("filtered"),
    ],
)
def test_a_reply_of_unusable_content_rejects_the_unit_with_its_reason(purpose, error):
    llm = Scripted(lambda request, number: error if request.key.purpose is purpose else honest(request, number))
    result = run(only("surface_noise"), llm, verify_with_model=True)
    assert result.verdict is NoiseVerdict.REJECTED
    assert result.metadata["reason"].startswith(error.kind)


@pytest.mark.parametrize("error", [AuthenticationFailedError("401"), RateLimitedError("429"), CallTimeoutError("slow")])
def test_a_failed_connection_is_not_taken_for_a_rejected_unit(error):
    with pytest.raises(type(error)):
        run(DistractorModel(1.0), Scripted(lambda request, number: error))


def test_slots_that_only_the_extractor_saw_are_part_of_the_contract():
    def sharp(request, number):
        if request.key.purpose is Purpose.EXTRACT_SEMANTICS:
            return {"intents": ["write a note"], "slots": [{"name": "mood", "value": "gentle irony"}]}
        return {"noisy_text": "can u write a birthday note to Anna pls"}

    result = run(
        only("surface_noise", "colloquial_speech"),
        Scripted(sharp),
        "Can you write a birthday note to Anna in gentle irony",
    )
    assert result.verdict is NoiseVerdict.REJECTED
    assert "mood" in result.metadata["reason"]


def test_a_slot_that_the_extractor_made_up_does_not_count():
    def dreaming(request, number):
        if request.key.purpose is Purpose.EXTRACT_SEMANTICS:
            return {"intents": ["write a note"], "slots": [{"name": "deadline", "value": "Christmas"}]}
        return {"noisy_text": "can u write a note to Anna pls"}

    assert run(
        only("surface_noise", "colloquial_speech"), Scripted(dreaming), "Can you write a note to Anna please"
    ).applied


def test_a_placebo_rewrite_is_asked_for_as_such_and_checked_for_noise():
    model = DistractorModel(1.0, seed=3, control="placebo")
    llm = Scripted(
        noise({"noisy_text": "Could you compose a 500-word blog post about remote work for my manager by Friday?"})
    )
    result = run(model, llm)
    assert result.applied_strategies == ["placebo"]
    facts = next(r.facts for r in llm.requests if r.key.purpose is Purpose.GENERATE_NOISE)
    assert (facts["control"], facts["layer"]) == ("placebo", "surface_noise")
    noisy = Scripted(
        noise({"noisy_text": "Could you compose a 500-word blgo post about remote work for my manager by Friday?"})
    )
    assert run(model, noisy).verdict is NoiseVerdict.REJECTED


def test_random_edits_reuse_the_calls_of_the_noise_they_are_matched_with():
    first, second = Scripted(honest), Scripted(honest)
    noisy = run(DistractorModel(1.0, seed=5), first)
    edits = run(DistractorModel(1.0, seed=5, control="random_edits"), second)
    assert [r.key for r in first.requests] == [r.key for r in second.requests]
    assert [r.messages for r in first.requests] == [r.messages for r in second.requests]
    assert edits.metadata["target_distance"] == noisy.metadata["edit_distance"]
    assert edits.noisy_text != noisy.noisy_text


def test_an_honest_model_is_applied_nearly_always_and_keeps_every_contract():
    model, llm, applied = DistractorModel(1.0, seed=21), Scripted(honest), 0
    for number in range(60):
        result = run(model, llm, unit=f"p{number:06d}-q00-t0")
        applied += result.applied
        if result.applied:
            assert check(CLEAN, result.noisy_text, NoiseLayer(result.layer)).holds
    assert applied > 50


def test_a_rule_based_paraphrase_by_a_model_is_checked_like_all_else():
    model = DistractorModel(1.0, use_semantic=False, rules={"paraphrase": {"use_llm": True}})
    good = run(
        model,
        Scripted(
            noise({"noisy_text": "Please prepare a 500-word blog post about remote work for my manager by Friday."})
        ),
    )
    assert (good.applied, good.applied_strategies) == (True, ["paraphrase"])
    assert not run(model, Scripted(noise(BAD["answer"]))).applied
    assert run(model, None).metadata["engine"] == "rule_based"
