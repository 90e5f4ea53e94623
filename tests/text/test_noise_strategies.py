"""The contract of every strategy's own generator, on requests made up at random."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from personaloom.keyed import Key
from personaloom.records import NoiseLayer
from personaloom.text.contracts import check
from personaloom.text.similarity import levenshtein
from personaloom.text.spans import Kind, protected_texts, scan
from personaloom.text.strategies import STRATEGIES, compose, strategies_of
from personaloom.text.strategies.controls import is_placebo, paraphrase, random_edits

PERSONAS = (
    {},
    {"formality_level": "very formal", "detail_orientation": "high", "tone_pref": "professional"},
    {
        "formality_level": "casual",
        "tone_pref": "playful",
        "tech_proficiency": "novice",
        "time_sensitivity": "urgent",
    },
)
OPENINGS = (
    "Write",
    "Can you write",
    "Could you please prepare",
    "I need to create",
    "I want to draft",
    "Please summarize",
    "Help me plan",
    "How do I organize",
)
THINGS = (
    "a report",
    "a short essay",
    "an email",
    "the presentation",
    "a detailed guide",
    "some notes",
    "a speech",
    "the project plan",
)
DETAILS = (
    "about remote work", "for my manager", "by Friday", "in a formal tone", "under $300", "in 500 words", "as a table", "in Python",
    "for beginners", "without technical terms", "in Berlin", "before 3pm", "with `x = 1` in it", "see https://a.example/b", 'titled "The Long Day"',
)  # fmt: skip
ENDS = (".", "?", "", "!", " please", ". Thanks in advance.")
requests = st.builds(
    lambda opening, thing, details, end: " ".join([opening, thing, *details]) + end,
    st.sampled_from(OPENINGS), st.sampled_from(THINGS), st.lists(st.sampled_from(DETAILS), max_size=4, unique=True), st.sampled_from(ENDS),
)  # fmt: skip
everything = st.one_of(requests, st.text(max_size=60))


def test_there_are_the_17_strategies_of_the_three_layers():
    assert [len(strategies_of(layer)) for layer in NoiseLayer] == [9, 4, 4]
    assert all(strategy.contract and strategy.instruction for strategy in STRATEGIES.values())


@pytest.mark.parametrize("name", STRATEGIES)
@settings(deadline=None, max_examples=40)
@given(text=requests, seed=st.integers(0, 2**32), persona=st.sampled_from(PERSONAS))
@example(text="Write a report about remote work for my manager with `x = 1` in it please", seed=0, persona={})
def test_what_a_generator_writes_differs_shows_its_effect_and_keeps_its_contract(name, text, seed, persona):
    strategy = STRATEGIES[name]
    noisy = strategy.generate(text, Key(seed), persona)
    if noisy is None:
        return
    assert noisy != text
    assert strategy.detect(text, noisy), noisy
    finding = check(text, noisy, strategy.layer)
    assert finding.holds, (finding.reason, noisy)


@pytest.mark.parametrize("name", [s.name for s in strategies_of(NoiseLayer.SURFACE)])
@settings(deadline=None, max_examples=40)
@given(text=requests, seed=st.integers(0, 2**32), persona=st.sampled_from(PERSONAS))
def test_surface_noise_leaves_every_protected_span_as_it_is(name, text, seed, persona):
    noisy = STRATEGIES[name].generate(text, Key(seed), persona)
    for piece in protected_texts(text):
        assert noisy is None or piece in noisy


@pytest.mark.parametrize("name", [n for n, s in STRATEGIES.items() if s.layer is not NoiseLayer.SURFACE])
@settings(deadline=None, max_examples=40)
@given(text=requests, seed=st.integers(0, 2**32), persona=st.sampled_from(PERSONAS))
def test_no_strategy_touches_code_links_or_quotes(name, text, seed, persona):
    noisy = STRATEGIES[name].generate(text, Key(seed), persona)
    for span in scan(text).protected:
        if span.kind in {Kind.CODE, Kind.URL, Kind.QUOTE} and noisy is not None:
            assert text[span.start : span.end] in noisy


@pytest.mark.parametrize("name", STRATEGIES)
@settings(deadline=None, max_examples=60)
@given(text=everything, seed=st.integers(0, 2**32), persona=st.sampled_from(PERSONAS))
def test_a_generator_is_a_function_of_text_key_and_persona_for_any_unicode(name, text, seed, persona):
    first = STRATEGIES[name].generate(text, Key(seed), persona)
    assert first == STRATEGIES[name].generate(text, Key(seed), persona)
    assert first != text


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize(
    "text",
    ["", " ", "\n", "你好，请帮我写信", "Помогите мне", "¿Puedes ayudarme con mi tarea?", "😀😀", "123"],
)
def test_what_is_empty_or_in_another_language_is_not_applicable(name, text):
    assert STRATEGIES[name].generate(text, Key(1), {}) is None


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_single_word_gives_none_or_a_noisy_text(name):
    for seed in range(20):
        assert STRATEGIES[name].generate("hello", Key(seed), {}) != "hello"


@pytest.mark.parametrize("name", STRATEGIES)
def test_20_000_characters_are_handled(name):
    text = ("Please write a short report about remote work for my manager by Friday. " * 300)[:20_000]
    noisy = STRATEGIES[name].generate(text, Key(1), {})
    assert noisy is None or noisy != text


def test_most_ordinary_requests_can_be_made_noisy_in_every_layer():
    texts = [f"{o} {t} {d}" for o in OPENINGS for t in THINGS[:3] for d in DETAILS[:5]]
    for strategy in STRATEGIES.values():
        made = sum(strategy.generate(text, Key(i), {}) is not None for i, text in enumerate(texts))
        assert made > 0.6 * len(texts), strategy.name


def test_a_formal_careful_persona_makes_fewer_and_subtler_typos_than_a_casual_one():
    text = (
        "please write a longer report about the meeting yesterday and explain which decisions the members made together"
    )
    typo = STRATEGIES["typo_misspelling"].generate
    distance = [
        sum(levenshtein(text, typo(text, Key("persona", i), persona) or text) for i in range(300))
        for persona in PERSONAS
    ]
    assert distance[1] < distance[0] < distance[2]


def test_composed_strategies_claim_only_what_is_found_in_the_text():
    names = [s.name for s in strategies_of(NoiseLayer.SURFACE)]
    text = "Can you write a short report about remote work for my manager by Friday?"
    for seed in range(50):
        noisy, applied = compose(text, names, Key(seed), {})
        assert applied
        assert all(STRATEGIES[name].detect(text, noisy) for name in applied)
    assert compose("你好", names, Key(1), {}) == ("你好", [])


@settings(deadline=None, max_examples=80)
@given(text=requests, distance=st.integers(1, 25), growth=st.integers(-10, 25), seed=st.integers(0, 2**32))
def test_random_edits_have_the_distance_asked_for_and_spare_protected_spans(text, distance, growth, seed):
    assume(abs(growth) <= distance)
    edited = random_edits(text, distance, Key(seed), growth)
    assert edited is not None
    assert abs(levenshtein(text, edited) - distance) <= max(1, distance // 8)
    for span in scan(text).protected:
        if span.kind is not Kind.NAME:
            assert text[span.start : span.end] in edited


def test_random_edits_of_code_alone_are_not_applicable():
    assert random_edits("`x = 1`", 3, Key(1)) is None


@settings(deadline=None, max_examples=60)
@given(text=requests, seed=st.integers(0, 2**32))
def test_a_placebo_keeps_the_meaning_and_shows_no_noise(text, seed):
    rewritten = paraphrase(text, Key(seed), {})
    if rewritten is not None:
        assert rewritten != text
        assert is_placebo(text, rewritten) == ""
