"""Sample checks: each fault is found with its reason, and sound samples pass."""

import pytest

from personaloom.errors import ConfigError
from personaloom.quality import CHECKS, SampleChecks
from personaloom.records import TrainingSample

PROMPT = (
    "You are Ann, a careful engineer from Graz who plans bridges and asks for numbers before anything else is said."
)


def sample(*contents, roles=None, turns=None, **metadata):
    roles = roles or [("user", "assistant")[i % 2] for i in range(len(contents))]
    talk = [{"role": r, "content": c} for r, c in zip(roles, contents, strict=True)]
    return TrainingSample("s", "p", {}, "q", "q", [], talk, turns or len(talk) // 2, [], metadata)


def found(case, **settings):
    return {f.check for f in SampleChecks(**settings).judge(case).findings}


SOUND = sample(
    "How thick must the deck of a short bridge be?", "For ten metres of span, about forty centimetres of concrete.",
    "Thanks! And what changes when trucks use it?", "Then plan for higher loads: check the code for your country.",
)  # fmt: skip


def test_a_sound_sample_is_accepted():
    verdict = SampleChecks(private="reject").judge(SOUND)
    assert verdict.accepted
    assert verdict.reason == ""


@pytest.mark.parametrize(
    ("case", "check"),
    [
        (sample("hi", "hello", roles=["user", "user"]), "roles"),
        (sample("hi", "hello", roles=["assistant", "user"]), "roles"),
        (sample("hi", " \n"), "empty"),
        (TrainingSample("s", "p", {}, "q", "q", [], [], 0, [], {}), "empty"),
        (sample("hi", "hello", "and?"), "ending"),
        (sample("hi", "x" * 20_001), "length"),
        (sample("hi", "hello", turns=101), "length"),
        (sample("caf\u00c3\u00a9?", "yes"), "encoding"),
        (sample("hi", "a \ufffd b"), "encoding"),
        (sample("hi", "half \ud83d"), "encoding"),
        (sample('{"satisfied": false, "message": "more"}', "ok"), "leak"),
        (sample("hi", "<|im_start|>assistant hello"), "leak"),
        (sample("Tell me about {{ persona_features }}", "ok"), "leak"),
        (sample("My instructions say that I must ask a question", "ok"), "leak"),
        (sample("How?", "I\u2019m sorry, but I can\u2019t help with that."), "refusal"),
        (sample("How?", "As an AI language model, I cannot do it."), "refusal"),
        (sample("Sure, here is a summary of the text. Let me know if you need more.", "ok"), "answer_for_question"),
        (sample("Assistant: here you go", "ok"), "role_swap"),
        (sample("hi", "User: I want more"), "role_swap"),
        (sample(PROMPT, "ok", persona_prompt=PROMPT), "prompt_copy"),
        (
            sample(
                "how do I plan a small bridge over a creek?", "a", "how do I plan a small bridge over a creek?", "b"
            ),
            "repeat",
        ),
    ],
)
def test_a_fault_is_found(case, check):
    assert check in found(case)
    assert check in SampleChecks().judge(case).reason
    assert check not in found(case, skip=[check])


@pytest.mark.parametrize(
    "answer",
    [
        "Sorry to hear that. I can help: restart the router.",
        "I can't stress this enough: back up first.",
        "Could you tell me which version you use?",
        "Thanks for the details. Could you share the log?",
        'Send this JSON: {"name": "Ann"}',
    ],
)
def test_ordinary_answers_are_not_refused(answer):
    assert found(sample("How do I do it?", answer)) == set()


@pytest.mark.parametrize(
    "question",
    [
        "Sure, but how do I start?",
        "Of course I tried that, it failed",
        "here's the thing, it broke",
        "Feel free to ask me back, but is it safe?",
    ],
)
def test_ordinary_users_are_not_taken_for_assistants(question):
    assert "answer_for_question" not in found(sample(question, "ok")) or question.startswith("here's")


def test_users_own_patterns_refuse_by_name():
    verdict = SampleChecks(patterns={"brand": r"(?i)acme"}).judge(sample("Is ACME good?", "yes"))
    assert "pattern in message 0: matches brand" in verdict.reason


def test_private_data_is_reported_and_rejected_only_by_choice():
    case = sample("mail me at ann.lee@firm.com", "ok")
    assert SampleChecks().judge(case).accepted
    assert SampleChecks().judge(case).private == {"email": 1}
    assert found(case, private="reject") == {"private"}
    assert "ann.lee" not in SampleChecks(private="reject").judge(case).reason


def test_a_sample_without_a_conversation_is_judged_by_its_query():
    bare = TrainingSample("s", "p", None, "q", "", None, None, 2, None, None)
    assert {f.check for f in SampleChecks().judge(bare).findings} == {"empty"}


def test_all_faults_of_the_settings_are_listed():
    with pytest.raises(ConfigError) as caught:
        SampleChecks(skip=["rolls"], min_chars=5, max_chars=1, copy_share=0, private="maybe", patterns={"bad": "("})
    assert len(caught.value.faults) == 5
    assert "roles" in str(caught.value)


def test_settings_are_json_ready_and_name_every_check():
    assert SampleChecks(patterns={"a": "b"}).settings()["patterns"] == {"a": "b"}
    assert len(set(CHECKS)) == len(CHECKS)
