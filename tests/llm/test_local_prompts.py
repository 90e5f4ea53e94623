"""Small models: their prompts, their grammar, and what they do instead of their task, all without a model."""

import json
from collections import Counter

import pytest
from harness import dataset, lines, manifest, run
from loopback import LoopbackLLM

from personaloom.dialogue.interaction import USER_TURN_SCHEMA
from personaloom.distractor.semantic import EXTRACT_SCHEMA, GENERATE_SCHEMA
from personaloom.errors import MalformedReplyError
from personaloom.llm.local.shape import held, note_grammar
from personaloom.llm.prompts import PromptLibrary, shipped_sets
from personaloom.llm.structured import parse_structured
from personaloom.llm.types import CallKey, ChatMessage, LLMRequest, Purpose, Role
from personaloom.queries import QuerySet
from personaloom.queries.checks import check_rewrite, states_instead, wanders_off
from personaloom.queries.generator import CONTEXT_SCHEMA, STYLE_SCHEMA
from personaloom.text.loops import goes_round
from personaloom.text.offers import speaks_as_assistant

SMALL = PromptLibrary("small")
USUAL = PromptLibrary()
VPN = "What does a VPN hide, and from whom?"
FACTS = {"query": VPN, "features": {"role": "nurse"}, "mode": "whole", "domains": [], "scenarios": []}
BEES = {**FACTS, "query": "How many falcons fit into a lighthouse?"}
POLICY = "Write a one-page policy for a youth club: who may know which password, what happens when a volunteer leaves, how photos of children are stored."  # fmt: skip


def test_the_set_is_found_by_its_name_from_any_folder_and_is_part_of_what_a_dataset_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").mkdir()  # a folder of this name does not shadow it
    words = ("num_personas=1", "query.queries_per_persona=1", "distractor=heavy", "mode=enhanced")
    assert run(*words, "prompts.folder=small", out=tmp_path / "a") == 0
    assert run(*words, out=tmp_path / "b") == 0
    assert {use["version"] for use in lines(dataset(tmp_path / "a") / "interactions.jsonl")[0]["metadata"]["prompts"].values()} == {"small-1"}  # fmt: skip
    prints = [manifest(tmp_path / name)["fingerprint"] for name in "ab"]
    assert prints[0] != prints[1]
    assert shipped_sets() == ["small"]


@pytest.mark.parametrize(
    ("library", "reply", "facts", "taken"),
    [
        (SMALL, '{"adapted_query": "Hey, how do I feed a young falcon?", "domain": "x"}', FACTS, "falcon"),
        (SMALL, '{"adapted_query": "how do falcons fit?"}', BEES, ""),
        (SMALL, '{"adapted_query": "What does a VPN hide?", "domain": "home repair"}', FACTS, ""),
        (USUAL, '{"adapted_query": "Hey, kettle\'s full of limescale: how do I get rid of it?"}', FACTS, "kettle"),
        (USUAL, '{"adapted_query": "hey, what does a vpn hide?", "scenario": "fixing something at home"}', FACTS, ""),
    ],
)
def test_what_only_an_example_says_is_found_in_a_reply(library, reply, facts, taken):
    asked, _ = library.render("style_transfer", facts)
    assert taken in library.repeated("style_transfer", reply, asked)
    assert bool(taken) == bool(library.repeated("style_transfer", reply, asked))


def test_no_example_of_a_noise_layer_passes_for_noise():
    for layer in ("surface_noise", "incomplete_info", "semantic_ambiguity"):
        facts = {"text": VPN, "layer": layer, "control": "", "strategies": [], "semantics": {}, "features": {}}
        asked, _ = SMALL.render("generate_noise", facts)
        shown = [message.content for message in asked if message.role == "assistant"]
        assert len(shown) == 3
        # The first example in the second layer says nothing that only an example can say, and is too short to matter.
        assert sum(bool(SMALL.repeated("generate_noise", answer, asked)) for answer in shown) >= 2


@pytest.mark.parametrize(
    "adapted",
    [
        "A VPN hides your identity and your privacy, so it is a security service for the internet.",
        "You can hide your address from the provider with a VPN and encrypt all traffic.",
        "A VPN hides what? A VPN hides what?",
        "I would like to know what a VPN hides and whether the",
        "What does a VPN hide, and how can I help you with that?",
    ],
)
def test_an_answer_a_circle_and_half_a_sentence_are_no_rewritten_query(adapted):
    with pytest.raises(MalformedReplyError):
        check_rewrite(VPN, adapted, partial=False)


def test_a_story_in_the_first_person_is_no_rewritten_order():
    story = "Ava, a young woman, has left our team and is now the new leader of another group. I will make sure that the secret is changed soon, and that everything works."  # fmt: skip
    assert states_instead(POLICY, story)
    chat = "Ava, a wonderful friend, I am really impressed by how you take care of the little ones, and sure that your youth club does amazing things. Can you tell me more about your day?"  # fmt: skip
    assert wanders_off(POLICY, chat)
    assert not wanders_off(POLICY, "youth club policy, passwords, one page?")


@pytest.mark.parametrize(
    "adapted",
    [
        "I have been wondering what exactly a VPN hides, and who it hides that from.",
        "My company uses a VPN and I never understood what it hides, or from whom",
        "vpn: hides what, from whom",
        "need to know what a VPN hides and from whom, for a talk on Monday",
        "Please explain in two sentences what a VPN hides, and from whom.",
        "I am a nurse and no technician. A VPN is said to hide things. Tell me which, and from whom.",
    ],
)
def test_people_may_ask_without_a_question_mark(adapted):
    check_rewrite(VPN, adapted, partial=False)


def test_every_shipped_query_passes_as_it_is_and_in_other_dress():
    for query in QuerySet.load(None).queries:
        text = query.text
        for dressed in (text, text.lower().rstrip("?."), f"Good afternoon. {text} Thank you.", f"hey, {text.lower()}"):
            check_rewrite(text, dressed, partial=False)
            assert not speaks_as_assistant(dressed)


@pytest.mark.parametrize(
    ("message", "assistant"),
    [
        ("Sure, here is a list of what a VPN hides.", True),
        ("I'm here to help you with whatever you need.", True),
        ("I am just a language model, so I cannot know that.", True),
        ("As an AI assistant, I don't have feelings.", True),
        ("How may I assist you today?", True),
        ("What can I do to help you with your youth club?", True),
        ("How can I help my mother with the form?", False),
        ("That depends. Let me know if you have any further questions.", True),
        ("Sure, that works. Which one is cheaper?", False),
        ("Feel free to ask me anything that is unclear. Here's a draft of my letter.", False),
        ("As an AI, do you remember what I said before?", False),
        ("Of course I tried that. What else can it be?", False),
        ("I'd be happy to provide more details, hope that helps.", False),
        ("Can you help me assist my mother with the form?", False),
    ],
)
def test_an_assistants_set_phrases_are_known_and_a_persons_are_not(message, assistant):
    assert speaks_as_assistant(message) is assistant


def test_a_refrain_is_no_circle():
    song = "\n".join(f"The {day} tram goes down the hill to town\nRing the bell and ring it twice" for day in "abcd")
    assert goes_round(song) == ""
    assert goes_round("It is a nice day today. " * 3 + "Yes.") == "it is a nice day today"


BAD = {
    "style_transfer": {"adapted_query": "The hose is a device that delivers water to plants.", "domain": "", "scenario": ""},
    "user_turn": {"satisfied": False, "message": "Sure, here is what you asked for. How may I help you?"},
    "generate_noise": {"noisy_text": "Sure! The answer is that it depends on the weather."},
}  # fmt: skip
NOTE = "You are a person with a job: {}. You write short messages to an assistant, and you like to have short answers."


def test_what_small_models_do_instead_is_asked_again_and_never_becomes_data(tmp_path):
    """Each call is answered wrongly first: an example, an answer, an assistant's phrase, a circle."""
    seen = Counter()

    def reply(body):
        name = body.get("response_format", {}).get("json_schema", {}).get("name", "")
        last = body["messages"][-1]["content"]
        seen[name, last] += 1
        first = seen[name, last] == 1
        if name in BAD and first:
            return json.dumps(BAD[name])
        if name == "style_transfer":
            text = f"hey, {last.rpartition('message: ')[2]}"
            return json.dumps({"adapted_query": text, "domain": "home", "scenario": "none"})
        if name == "user_turn":
            number = sum(message["role"] == "user" for message in body["messages"]) + len(last)
            return json.dumps({"satisfied": False, "message": f"And what about point {number}?"})
        if name == "extract_semantics":
            return json.dumps({"intents": ["answer"], "slots": []})
        if name == "generate_noise":
            return json.dumps({"noisy_text": last.rpartition("message: ")[2].lower().replace("the ", "teh ") + "!!"})
        if "role = " in last:
            return NOTE.format(last.replace("\n", ", ")) + " You are a beekeeper, too." * first
        return "It goes round and round. " * 6 if first else f"Take the {len(last)}th one."

    bank = ("persona_bank=compact", "sampler.min_features=4", "sampler.max_features=6", "sampler.required_dimensions=[role]")  # fmt: skip
    words = ("num_personas=2", "query.queries_per_persona=2", "query.style_transfer_probability=1", "distractor=heavy",
             "query.partial_probability=0", "query.infer_context=false", "prompts.folder=small")  # fmt: skip
    with LoopbackLLM(reply=reply) as server:
        model = ("llm=openai_compatible", f"llm.base_url={server.base_url}", "llm.model=tiny")
        assert run(*model, *words, *bank, out=tmp_path) == 0
    folder = dataset(tmp_path)
    calls = json.loads((folder / "token_usage.json").read_text())["records"]
    refused = {call["operation"] for call in calls if call["metadata"]["outcome"] == "malformed_reply"}
    assert refused == {"style_transfer", "user_feedback", "formulate_prompt", "assistant_response"}
    text = "".join((folder / name).read_text() for name in ("personas.jsonl", "queries.jsonl", "interactions.jsonl"))
    assert not [word for word in ("beekeeper", "delivers water", "Sure", "round and round") if word in text]
    assert manifest(tmp_path)["counts"]["interactions"] == 4


def request(purpose, schema, **facts):
    key = CallKey(1, "p", "q", 0, Role.USER, 0, purpose)
    return LLMRequest(Role.USER, (ChatMessage("user", "x"),), key, schema, facts=facts)


def test_the_grammar_knows_labels_lengths_and_who_may_be_satisfied_and_stays_inside_the_schema():
    styled = held(
        request(Purpose.STYLE_TRANSFER, STYLE_SCHEMA, query=VPN, domains=["law", "law", "home"], scenarios=[])
    )
    parts = styled.schema["properties"]
    assert parts["domain"]["enum"] == ["law", "home"]
    assert len(VPN) < parts["adapted_query"]["maxLength"] < 300
    assert parts["scenario"]["maxLength"]
    turn = held(request(Purpose.USER_FEEDBACK, USER_TURN_SCHEMA, may_end=False)).schema["properties"]
    assert turn["satisfied"] == {"type": "boolean", "const": False}
    assert held(request(Purpose.USER_FEEDBACK, USER_TURN_SCHEMA, may_end=True)).schema["properties"]["satisfied"] == {"type": "boolean"}  # fmt: skip
    for purpose, schema, answer in (
        (Purpose.INFER_CONTEXT, CONTEXT_SCHEMA, {"domain": "law", "scenario": "work"}),
        (Purpose.GENERATE_NOISE, GENERATE_SCHEMA, {"noisy_text": "wat"}),
        (Purpose.EXTRACT_SEMANTICS, EXTRACT_SCHEMA, {"intents": ["ask"], "slots": [{"name": "a", "value": "b"}]}),
        (Purpose.USER_FEEDBACK, USER_TURN_SCHEMA, {"satisfied": False, "message": "How long does that take?"}),
    ):
        tight = held(request(purpose, schema, domains=["law"], text="what", may_end=False)).schema
        assert parse_structured(json.dumps(answer), tight) == parse_structured(json.dumps(answer), schema) == answer
    note = note_grammar(request(Purpose.FORMULATE_PROMPT, None, features={"role": 'a "nurse"', "own_trait": "calm"}))
    assert note == r'''root ::= ("You are a " | "You are an ") "a \"nurse\"" ". " ("Your own trait: ") "calm" "."'''
    assert note_grammar(styled) is None
    plain = request(Purpose.ASSISTANT_RESPONSE, None)
    assert held(plain) is plain
