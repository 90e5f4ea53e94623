"""Each role in character: what a persona is shows in what is written."""

import asyncio
import json
import re

import pytest
from simulated_drive import TURN_SCHEMA, ask, converse, features, queries, request

from personaloom.keyed import Key
from personaloom.llm.simulated import SimulatedModel
from personaloom.llm.simulated.formulator import persona_prompt
from personaloom.llm.types import Purpose, Role, Sampling
from personaloom.text.semantics import content_words
from personaloom.text.strategies import STRATEGIES
from personaloom.text.style import Register, restyle
from personaloom.text.topics import guess_domain, read_topic
from personaloom.text.wording import Dice

CONTRACTION = re.compile(r"\b\w+['’](?:m|s|d|ve|ll|re|t)\b|\bwanna\b|\bkinda\b", re.IGNORECASE)
FRAME = {
    "want",
    "need",
    "help",
    "way",
    "best",
    "trying",
    "right",
}  # of "I want to …", "what's the best way to …"
FORMAL = {"formality_level": "very formal", "query_length_pref": "two or three sentences"}
CASUAL = {"formality_level": "very informal", "query_length_pref": "two or three sentences"}


@pytest.mark.parametrize("mode", ["whole", "partial"])
def test_a_rewrite_keeps_the_content_words_of_the_query(mode):
    for number, query in enumerate(queries()):
        kept = set(content_words(restyle(query, features(number), Key(1, number), mode)))
        lost = {word for word in content_words(query) if word not in kept | FRAME}
        assert not lost, query


def test_partial_style_keeps_the_query_word_for_word():
    for number, query in enumerate(queries()[:200]):
        assert query in restyle(query, features(number), Key(2, number), "partial")


def test_formal_and_casual_rewrites_differ_in_measurable_ways():
    formal = [restyle(q, FORMAL, Key(3, i)) for i, q in enumerate(queries())]
    casual = [restyle(q, CASUAL, Key(3, i)) for i, q in enumerate(queries())]
    count = [sum(len(CONTRACTION.findall(text)) for text in texts) for texts in (formal, casual)]
    assert count[1] > 3 * max(count[0], 1)
    assert sum(len(t) for t in formal) > sum(len(t) for t in casual)
    assert sum(t[:1].islower() for t in casual) > 0.4 * len(casual)
    assert not any(t[:1].islower() for t in formal)


def test_length_follows_the_preference_for_queries():
    def mean(value):
        own = {"query_length_pref": value, "role": "nurse", "industry": "healthcare"}
        return sum(len(restyle(q, own, Key(4, i)).split()) for i, q in enumerate(queries()))

    assert mean("a few words") < mean("two or three sentences") < mean("a long paragraph")


def test_registers_are_read_from_values_of_any_bank():
    assert Register.of({"formality_level": "very informal"}).formality == -1
    assert Register.of({"formality_level": "Formal"}).formality == 1
    assert Register.of({"formality_level": "semi-formal"}).formality == 0
    assert Register.of({"query_length_pref": "very_short"}).name == "terse"
    assert Register.of({}) == Register()


def test_system_prompts_speak_to_the_persona_and_mention_its_features(model):
    for index in range(60):
        own = features(index) | {"role": "pharmacist"}
        text = ask(
            model,
            Purpose.FORMULATE_PROMPT,
            {"features": own, "descriptions": {}},
            persona=f"p{index:06d}",
            slot="",
        ).text
        assert text.startswith("You are a pharmacist")
        assert 80 <= len(text.split()) <= 200
        told = sum(any(word in text.lower() for word in content_words(value)) for value in own.values())
        assert told >= 0.7 * len(own)
        assert not any(name in text for name in own if "_" in name)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("deliverable_type", "questions to think about", r": questions to think about"),
        ("feedback_style", "thanks and confirms", r"you thank and confirm\b"),
        ("feedback_style", "says nothing and goes on", r"you say nothing and go on\b"),
        ("decision_style", "rarely notices", r"you rarely notice\b"),
        ("example_pref", "examples from the own field", r"examples from your own field"),
        ("tech_proficiency", "power user", r": power user"),
    ],
)
def test_system_prompts_are_english(name, value, said):
    for turn in range(6):  # each value is said in several ways
        prompt = persona_prompt({name: value}, Dice(Key(1, name, turn)))
        assert re.search(said, prompt), prompt


@pytest.mark.parametrize(
    ("query", "thing"),
    [
        ("What do I say when my daughter asks why her friend has two mums?", "your daughter"),
        ("My son (11) wants to stop the trumpet after 18 months. Why?", "your son"),
        ("When should I reach for a generator instead of a list?", "the generator"),
    ],
)
def test_a_topic_ends_where_its_thing_ends(query, thing):
    assert read_topic(query).short == thing


def test_a_persona_without_features_still_gets_a_prompt(model):
    text = ask(model, Purpose.FORMULATE_PROMPT, {"features": {}, "descriptions": {}}).text
    assert text.startswith(("You are a person", "You are somebody"))
    assert 80 <= len(text.split()) <= 200


def test_answers_are_about_the_query(model):
    texts = queries()
    for number in range(0, len(texts), 4):
        query = texts[number]
        facts = {
            "history": [{"role": "user", "content": query}],
            "features": None,
            "persona_prompt": None,
            "topic": query,
        }
        answer = ask(model, Purpose.ASSISTANT_RESPONSE, facts, persona=f"p{number:06d}").text.lower()
        assert any(term in answer for term in read_topic(query).terms), query


def test_answers_follow_the_format_and_length_a_reader_likes(model):
    def answers(own):
        for number, query in enumerate(queries()[:120]):
            facts = {
                "history": [{"role": "user", "content": query}],
                "features": own,
                "persona_prompt": None,
                "topic": query,
            }
            yield ask(model, Purpose.ASSISTANT_RESPONSE, facts, persona=f"p{number:06d}").text

    short = list(answers({"length_pref": "one line", "format_pref_primary": "plain paragraphs"}))
    long = list(answers({"length_pref": "a page or more", "format_pref_primary": "numbered steps"}))
    assert 2 * sum(map(len, short)) < sum(map(len, long))
    numbered = re.compile(r"^\d+[.)] ", re.MULTILINE)
    assert sum(bool(numbered.search(t)) for t in long) > 2 * sum(bool(numbered.search(t)) for t in short)


def test_code_questions_get_code(model):
    hits = 0
    for number in range(40):
        query = "Write a Python function that merges overlapping intervals and explain how it works."
        facts = {
            "history": [{"role": "user", "content": query}],
            "features": None,
            "persona_prompt": None,
            "topic": query,
        }
        hits += "```python" in ask(model, Purpose.ASSISTANT_RESPONSE, facts, persona=f"p{number:06d}").text
    assert hits > 20


def test_follow_ups_point_at_the_answer():
    """Most name a word-for-word piece of it, or a step by its number; the rest name the topic."""

    async def drive():
        model = SimulatedModel()
        return [await converse(model, i, queries()[i], 4) for i in range(150)]

    pointing = total = 0
    for talk in asyncio.run(drive()):
        for before, message in zip(talk[1::2], talk[2::2], strict=False):
            total += 1
            pieces = [p.rstrip(" …") for p in re.findall(r"“([^”]+)”", message["content"])]
            plain = re.sub(r"[*_`#>|“”\"]+", "", before["content"]).lower()
            pointing += any(piece.lower() in plain for piece in pieces) or bool(
                re.search(r"(?:step|point) \d", message["content"])
            )
    assert pointing > 0.85 * total


def test_the_user_is_satisfied_now_and_then_and_only_when_it_may_be(model):
    async def drive(may_end):
        ended = 0
        for i in range(400):
            facts = {
                "history": [{"role": "assistant", "content": "1. Start small.\n2. Go on."}],
                "features": {},
                "topic": "tea",
                "may_end": may_end,
                "feedback": False,
            }
            asked = request(Purpose.USER_FEEDBACK, facts, persona=f"p{i:06d}", role=Role.USER, schema=TURN_SCHEMA)
            parsed = (await model.complete(asked, Sampling(), 60)).parsed
            assert parsed["satisfied"] == (parsed["message"] == "")
            ended += parsed["satisfied"]
        return ended

    assert 30 <= asyncio.run(drive(may_end=True)) <= 95
    assert asyncio.run(drive(may_end=False)) == 0


def test_feedback_comes_first_when_it_is_asked_for(model):
    lengths = []
    for feedback in (False, True):
        total = 0
        for i in range(80):
            facts = {
                "history": [{"role": "assistant", "content": "1. Start small.\n2. Go on."}],
                "features": {},
                "topic": "tea",
                "may_end": False,
                "feedback": feedback,
            }
            total += len(
                ask(
                    model,
                    Purpose.USER_FEEDBACK,
                    facts,
                    persona=f"p{i:06d}",
                    role=Role.USER,
                    schema=TURN_SCHEMA,
                ).parsed["message"]
            )
        lengths.append(total)
    assert lengths[1] > 1.2 * lengths[0]


@pytest.mark.parametrize(
    ("query", "domain"),
    [
        ("Fix my SQL query: the join returns duplicate rows", "software development"),
        ("Which spices go into a vegetarian lasagne sauce?", "cooking and food"),
        ("Can my landlord end the lease early?", "law"),
        ("Plan a three-day trip to Lisbon with a toddler and a small hotel budget", "travel"),
        ("How should I water my tomato plants in dry soil?", "home and garden"),
    ],
)
def test_the_domain_is_found_among_the_choices(query, domain):
    choices = ["software development", "cooking and food", "law", "travel", "home and garden", "mathematics"]
    assert guess_domain(query, choices, Key(1)) == domain


def test_noise_comes_from_the_shared_strategies_and_a_placebo_adds_none(model):
    text = "Can you write a Python script that renames 200 files in my photos folder by Friday?"
    base = {"text": text, "layer": "surface_noise", "semantics": {"intents": [], "slots": []}, "features": {}}
    changed = 0
    for name in STRATEGIES:
        facts = base | {"strategies": [{"name": name, "instruction": ""}], "control": ""}
        changed += (
            ask(
                model,
                Purpose.GENERATE_NOISE,
                facts,
                role=Role.NOISE,
                schema={
                    "type": "object",
                    "properties": {"noisy_text": {"type": "string"}},
                    "required": ["noisy_text"],
                },
            ).parsed["noisy_text"]
            != text
        )
    assert changed >= 12
    facts = base | {"strategies": [], "control": "placebo"}
    placebo = json.loads(ask(model, Purpose.GENERATE_NOISE, facts, role=Role.NOISE).text)["noisy_text"]
    assert placebo != text
    assert set(content_words(text)) <= set(content_words(placebo))
    verdict = json.loads(
        ask(
            model,
            Purpose.VERIFY_NOISE,
            {"clean": text, "noisy": placebo, "layer": "surface_noise", "contract": "", "semantics": {}},
        ).text
    )
    assert verdict["holds"]
    assert verdict.keys() == {"holds", "reason", "intents", "slots", "missing", "vague", "conflicts"}


def test_semantics_are_found_in_the_text(model):
    found = json.loads(ask(model, Purpose.EXTRACT_SEMANTICS, {"text": "Write a poem about rain by Friday"}).text)
    assert any("write" in intent for intent in found["intents"])
    assert all(slot.keys() == {"name", "value"} for slot in found["slots"])
