"""System prompts: one call a persona, checked, and equal features give the equal request."""

from __future__ import annotations

import asyncio

import pytest

from personaloom.errors import ConfigError, EmptyReplyError, MalformedReplyError, RefusalError
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import LLMReply, Purpose, Role, Usage
from personaloom.personas import PersonaBank, PromptFormulator
from personaloom.personas.checking import PromptCheck
from personaloom.records import PersonaSpec

FEATURES = {
    "role": "school teacher",
    "domain": "law",
    "tone_pref": "warm and encouraging",
    "age_band": "35-44",
}
PERSONA = PersonaSpec("p000003", FEATURES)
GOOD = (
    "You are a school teacher in your late thirties, and lately your questions are about the law. You write warmly and "
    "encourage whoever helps you, and you say so when an answer leaves something open."
)


class Client:
    """Answers with given texts in turn, as the real client does: a rejected reply is asked again."""

    def __init__(self, *texts: str) -> None:
        self.prompts = PromptLibrary()
        self.texts = list(texts)
        self.requests = []

    async def complete(self, request, accept=None):
        while True:
            self.requests.append(request)
            reply = LLMReply(self.texts.pop(0), Usage(1, 1), "test/model", attempts=len(self.requests))
            try:
                accept(reply)
            except MalformedReplyError:
                if not self.texts:
                    raise
            else:
                return reply


def formulate(client, overrides=None, persona=PERSONA, **how):
    formulator = PromptFormulator(**how).with_bank(PersonaBank.load("default"))
    return asyncio.run(formulator.formulate(persona, client, 7, overrides))


def test_a_prompt_is_asked_for_once_with_features_and_what_they_mean():
    client = Client(GOOD)
    made = formulate(client)
    (request,) = client.requests
    assert made.text == GOOD
    assert made.features == FEATURES
    assert (request.role, request.key.purpose, request.key.persona) == (
        Role.FORMULATOR,
        Purpose.FORMULATE_PROMPT,
        "p000003",
    )
    assert request.key.seed == 7
    assert request.facts["features"] == FEATURES
    assert set(request.facts["descriptions"]) == set(FEATURES)
    sent = request.messages[-1].content
    assert all(f"{name} = {value}" in sent for name, value in FEATURES.items())
    assert made.use == request.prompt == client.prompts.use("formulate_prompt")
    assert made.metadata()["model"] == "test/model"


def test_overrides_that_change_nothing_give_the_same_request_and_others_a_new_one():
    client = Client(GOOD, GOOD, GOOD, GOOD)
    plain = formulate(client)
    same = formulate(client, {"domain": "law", "scenario": ""})
    other = formulate(client, {"domain": "cooking and food", "scenario": "planning a dinner"})
    assert client.requests[0] == client.requests[1]
    assert client.requests[2].messages != client.requests[0].messages
    assert client.requests[2].key == client.requests[0].key
    assert plain.overrides == same.overrides == {}
    assert other.overrides == {"domain": "cooking and food", "scenario": "planning a dinner"}
    assert "- domain = cooking and food" in client.requests[2].messages[-1].content


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        ("", EmptyReplyError, "empty"),
        ("I'm sorry, but I can't help with that request because it would be wrong.", RefusalError, "declined"),
        ("As an AI language model, I do not write such notes for anybody at all.", RefusalError, "declined"),
        ("You are a school teacher.", MalformedReplyError, "min_prompt_length=50"),
        (GOOD * 50, MalformedReplyError, "max_prompt_length"),
        ("Sure, here is the note: " + GOOD, MalformedReplyError, "lead-in"),
        ('{"prompt": "' + GOOD + '"}', MalformedReplyError, "JSON"),
        ("```\n" + GOOD + "\n```", MalformedReplyError, "code"),
        (GOOD.replace("You are", "Ana is").replace("your", "her").replace("you", "her").replace("You", "She"), MalformedReplyError, "second person"),
        ("Vous êtes enseignante et vous écrivez avec chaleur, toujours prête à encourager les autres, à propos du droit.", MalformedReplyError, "English"),
        (GOOD.replace("school teacher", "person"), MalformedReplyError, r"mention role \(school teacher\)"),
        ("You are a teacher who likes to ask about cooking, gardens and long walks by the sea with friends.", MalformedReplyError, "echoes 1 of 4"),
    ],
)  # fmt: skip
def test_what_is_no_system_prompt_is_refused_with_the_reason(text, error, word):
    problem = PromptCheck().problem(text, FEATURES)
    assert type(problem) is error
    with pytest.raises(error, match=word):
        raise problem


def test_a_rejected_text_is_asked_for_again_and_the_attempts_are_recorded():
    made = formulate(Client("You are too short.", GOOD))
    assert made.text == GOOD
    assert made.attempts == 2


def test_validation_can_be_switched_off_but_an_empty_prompt_is_never_taken():
    assert formulate(Client("Ana."), validate_output=False).text == "Ana."
    with pytest.raises(EmptyReplyError):
        formulate(Client(" "), validate_output=False)


def test_other_languages_are_accepted_where_the_user_says_so():
    french = (
        "Vous êtes une enseignante (school teacher) chaleureuse ; vos questions portent sur le droit, law, à 35-44 ans."
    )
    assert PromptCheck(language=None).problem(french, FEATURES) is None


def test_text_personas_and_personas_without_features_have_prompts_too():
    text = PersonaSpec("p000000", {"persona": "A baker in a small town who restores old radios at night."})
    assert (
        "restores old radios"
        in formulate(Client("You are a baker who restores old radios, and you write briefly."), persona=text).text
    )
    bare = PersonaSpec("p000001", {})
    client = Client("You are an ordinary person, and you write to the assistant in plain words.")
    formulate(client, persona=bare)
    assert "none given" in client.requests[0].messages[-1].content


def test_the_fingerprint_follows_settings_and_template(tmp_path):
    shipped = PromptLibrary()
    base = PromptFormulator().fingerprint(shipped)
    assert PromptFormulator().fingerprint(shipped) == base
    assert PromptFormulator(min_prompt_length=60).fingerprint(shipped) != base
    assert PromptFormulator(validate_output=False).fingerprint(shipped) != base
    own = tmp_path / "mine.j2"
    own.write_text("{# version: 9 #}\n=== user\n{{ features }}\n", "utf-8")
    assert PromptFormulator().fingerprint(PromptLibrary(overrides={"formulate_prompt": own})) != base


@pytest.mark.parametrize(
    ("how", "key"),
    [
        ({"min_prompt_length": 0}, "formulation.min_prompt_length"),
        ({"min_prompt_length": 90, "max_prompt_length": 80}, "formulation.max_prompt_length"),
        ({"min_mentioned": 2}, "formulation.min_mentioned"),
        ({"language": "de"}, "formulation.language"),
    ],
)
def test_a_setting_out_of_range_is_named_by_its_key(how, key):
    with pytest.raises(ConfigError, match=key):
        PromptFormulator(**how)
