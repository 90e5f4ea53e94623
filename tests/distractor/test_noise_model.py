"""The distractor without a model: draws, rates, verdicts, controls, settings, tally."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.distractor import DistractorModel, NoiseTally
from personaloom.distractor.settings import RULES
from personaloom.distractor.tally import chi_square, wilson
from personaloom.errors import ConfigError
from personaloom.records import NoiseLayer, NoiseResult, NoiseVerdict
from personaloom.text.contracts import check
from personaloom.text.similarity import levenshtein
from personaloom.text.spans import protected_texts

LEVELS = {"none": 0.0, "light": 0.1, "moderate": 0.25, "heavy": 0.6}
TEXTS = (
    "Can you write a 500-word blog post about remote work for my manager by Friday?",
    "How do I fix a memory leak in Python without restarting the server?",
    "Book a flight to Lisbon for next week under $300, please.",
    "Explain recursion",
    "What is the difference between a lease and a rental agreement?",
    "Thanks, that helps. Can you also show the second step in `main.py`?",
)
EXACT = 2.5758293035489004


def units(count):
    return [f"p{i // 15:06d}-q{i // 3 % 5:02d}-t{i % 3}" for i in range(count)]


def noisy(model, count=300):
    return [model.perturb(TEXTS[i % len(TEXTS)], unit) for i, unit in enumerate(units(count))]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**40),
    low=st.floats(0, 1),
    high=st.floats(0, 1),
    unit=st.text(min_size=1, max_size=30),
)
def test_what_is_drawn_at_a_level_is_drawn_alike_at_every_higher_one(seed, low, high, unit):
    low, high = sorted((low, high))
    for semantic in (True, False):
        first = DistractorModel(low, seed=seed, use_semantic=semantic).draw(unit)
        second = DistractorModel(high, seed=seed, use_semantic=semantic).draw(unit)
        if first.active:
            assert (second.active, second.layer, second.strategies) == (True, first.layer, first.strategies)


def test_nested_units_have_the_same_noisy_text_at_every_level():
    by_level = [
        {r.metadata["unit_id"]: r.noisy_text for r in noisy(DistractorModel(p, seed=3)) if r.drawn}
        for p in LEVELS.values()
    ]
    for lower, higher in pairwise(by_level):
        assert lower.items() <= higher.items()
        assert len(lower) < len(higher)


@pytest.mark.parametrize(("level", "probability"), LEVELS.items())
def test_the_drawn_rate_and_the_layer_mix_of_5000_units_lie_within_their_99_percent_interval(level, probability):
    model = DistractorModel(probability, seed=42)
    draws = [model.draw(unit) for unit in units(5000)]
    active = [draw for draw in draws if draw.active]
    low, high = wilson(len(active), len(draws), EXACT)
    assert low <= probability <= high, level
    for layer, weight in model.layer_weights.items():
        low, high = wilson(sum(draw.layer == layer for draw in active), len(active), EXACT)
        assert low <= weight <= high, (level, layer)


@settings(deadline=None, max_examples=50)
@given(text=st.text(max_size=80), unit=st.text(min_size=1, max_size=10), semantic=st.booleans())
def test_any_unicode_text_gives_a_json_ready_result_that_is_a_function_of_its_inputs(text, unit, semantic):
    model = DistractorModel(1.0, seed=1, use_semantic=semantic)
    first = model.perturb(text, unit)
    assert first == model.perturb(text, unit)
    assert NoiseResult.from_dict(json.loads(json.dumps(first.to_dict()))) == first
    assert first.drawn
    assert first.applied == (first.verdict is NoiseVerdict.APPLIED)
    assert first.applied == (first.noisy_text != text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "你好，请帮我写一封信",
        "Помогите мне с письмом",
        "¿Puedes ayudarme con mi tarea?",
        "اكتب لي رسالة",
        "😀",
    ],
)
@pytest.mark.parametrize("semantic", [True, False])
def test_what_no_strategy_can_handle_stays_clean_and_says_so(text, semantic):
    result = DistractorModel(1.0, use_semantic=semantic).perturb(text, "u")
    assert result.verdict is NoiseVerdict.NOT_APPLICABLE
    assert result.noisy_text == text
    assert result.applied_strategies == []
    assert result.metadata["reason"]


def test_20_000_characters_and_one_word_are_handled_by_both_models():
    for text in (
        "hello",
        ("Write a short report about remote work for my manager by Friday. " * 400)[:20_000],
    ):
        for semantic in (True, False):
            result = DistractorModel(1.0, seed=5, use_semantic=semantic).perturb(text, "u")
            assert result.verdict in set(NoiseVerdict)


def test_an_applied_unit_keeps_its_contract_and_names_only_strategies_that_were_asked_for():
    for result in noisy(DistractorModel(1.0, seed=9)):
        meta = result.metadata
        assert set(result.applied_strategies) <= set(meta["asked_strategies"])
        assert meta["edit_distance"] == levenshtein(result.original_text, result.noisy_text)
        if result.applied:
            assert result.applied_strategies
            assert check(result.original_text, result.noisy_text, NoiseLayer(result.layer)).holds
            assert {"before", "after"} <= result.semantics.keys()
            if result.layer == NoiseLayer.INCOMPLETE:
                assert result.semantics["after"]["missing"] or result.semantics["after"]["vague"]
            if result.layer == NoiseLayer.AMBIGUOUS:
                after = result.semantics["after"]
                assert after["conflicts"] or len(after["intents"]) > 1
        else:
            assert meta["reason"]


def test_most_drawn_units_of_ordinary_requests_are_applied():
    results = noisy(DistractorModel(1.0, seed=4))
    assert sum(result.applied for result in results) > 0.8 * len(results)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_leaves_protected_spans_and_slots_as_they_are(rule):
    model = DistractorModel(1.0, seed=2, use_semantic=False, rules={rule: {}})
    applied = 0
    for result in noisy(model, 120):
        applied += result.applied
        assert result.layer == NoiseLayer.SURFACE
        assert all(piece in result.noisy_text for piece in protected_texts(result.original_text))
        if result.applied:
            assert result.applied_strategies == [rule]
            assert result.semantics["after"]["missing"] == []
    assert applied > 40


def test_a_batch_gives_what_single_calls_give():
    for rules in ({"typo": {"intensity": 0.2}}, None):
        model = DistractorModel(0.5, seed=7, use_semantic=False, rules=rules)
        names = units(200)
        texts = [TEXTS[i % len(TEXTS)] for i in range(200)]
        for one, many in zip(
            [model.perturb(t, n) for t, n in zip(texts, names, strict=True)],
            model.perturb_batch(texts, names),
            strict=True,
        ):
            if one.applied:
                assert (one.noisy_text, one.applied_strategies) == (
                    many.noisy_text,
                    many.applied_strategies,
                ) or one.metadata["attempts"] == 2
                assert many.metadata["edit_distance"] == levenshtein(many.original_text, many.noisy_text)


@settings(deadline=None, max_examples=150)
@given(text=st.sampled_from(TEXTS), unit=st.integers(0, 10**9))
def test_batch_typos_keep_the_surface_contract_that_they_are_trusted_with(text, unit):
    model = DistractorModel(1.0, use_semantic=False, rules={"typo": {"intensity": 0.1}})
    (result,) = model.perturb_batch([text], [f"u{unit}"])
    assert result.applied
    assert check(text, result.noisy_text, NoiseLayer.SURFACE).holds, result.noisy_text
    assert all(piece in result.noisy_text for piece in protected_texts(text))


def test_placebo_draws_the_same_units_and_shows_no_noise():
    plain, placebo = DistractorModel(0.6, seed=8), DistractorModel(0.6, seed=8, control="placebo")
    for first, second in zip(noisy(plain), noisy(placebo), strict=True):
        assert (first.drawn, first.layer) == (second.drawn, second.layer)
        if second.applied:
            assert second.applied_strategies == ["placebo"]
            assert second.metadata["control"] == "placebo"
            assert check(second.original_text, second.noisy_text, NoiseLayer.SURFACE).holds


def test_random_edits_match_the_noise_of_the_same_draw_in_distance():
    plain, edits = DistractorModel(0.6, seed=8), DistractorModel(0.6, seed=8, control="random_edits")
    distances = []
    for first, second in zip(noisy(plain), noisy(edits), strict=True):
        assert (first.drawn, first.applied) == (second.drawn, second.applied)
        if first.applied:
            assert second.applied_strategies == ["random_edits"]
            assert second.metadata["target_distance"] == first.metadata["edit_distance"]
            distances.append((first.metadata["edit_distance"], second.metadata["edit_distance"]))
    assert sum(abs(a - b) <= max(1, a // 8) for a, b in distances) == len(distances)


def test_layer_weights_that_do_not_sum_to_one_are_refused_with_the_numbers_and_a_remedy():
    with pytest.raises(ConfigError) as caught:
        DistractorModel(
            layers={
                "surface_noise": {"weight": 0.5},
                "incomplete_info": {"weight": 0.3},
                "semantic_ambiguity": {"weight": 0.4},
            }
        )
    text = str(caught.value)
    assert "0.5" in text
    assert "1.2" in text
    assert "0.4167" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"activation_probability": 1.5}, "activation_probability"),
        ({"activation_probability": True}, "activation_probability"),
        ({"mode": "later"}, "realtime, posthoc"),
        ({"control": "sugar"}, "null, placebo, random_edits"),
        ({"check": "never"}, "auto, rules"),
        ({"layers": {"surface": {"weight": 1.0}}}, "did you mean surface_noise"),
        ({"layers": {"surface_noise": {"weight": 1.0, "strategies": {"typo": {"probability": 0.5}}}}}, "typo_misspelling"),
        ({"layers": {"surface_noise": {"weight": 1.0, "strategies": {"multi_intent": {"probability": 0.5}}}}}, "belongs to semantic_ambiguity"),
        ({"layers": {"surface_noise": {"weight": 1.0, "strategies": {"typo_misspelling": {"probability": 2}}}}}, "from 0 to 1"),
        ({"layers": {"surface_noise": {"weight": 1.0, "strategies": {"typo_misspelling": {"probability": 0}}}}}, "no strategy that can be drawn"),
        ({"rules": {"typoo": {}}}, "did you mean typo"),
        ({"rules": {"typo": {"intensity": 3}}}, "from 0 to 1"),
        ({"rules": {"typo": {"num_swaps": 3}}}, "typo has intensity"),
        ({"rules": {"word_swap": {"num_swaps": 0}}}, "whole number"),
        ({"strategy_config": "nowhere/strategy.yaml"}, "nowhere/strategy.yaml"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_refused_with_the_choices(arguments, told):
    with pytest.raises(ConfigError, match=told.replace("/", "/")):
        DistractorModel(**arguments)


def test_a_strategy_file_in_the_references_form_loads_unchanged(tmp_path):
    path = tmp_path / "distractor_strategy.yaml"
    path.write_text(
        "layer_weights: {surface_noise: 0.6, incomplete_info: 0.3, semantic_ambiguity: 0.1}\n"
        "strategies:\n"
        "  surface_noise:\n"
        "    typo_misspelling: {mandatory: true, description: 'Slip on two keys', guidelines: ['never in names'], examples: ['a -> b']}\n"
        "    colloquial_speech: {probability: 0.4}\n"
        "  incomplete_info:\n    missing_slots: {probability: 0.5, slot_types: ['time: by Friday']}\n"
        "  semantic_ambiguity:\n    multi_intent: {probability: 0.6, connectors: ['btw']}\n"
        "llm: {provider: x, temperature: 0.9}\npipeline: {extract_semantics: true}\n",
        encoding="utf-8",
    )
    model = DistractorModel(1.0, strategy_config=path)
    assert model.layer_weights == {"surface_noise": 0.6, "incomplete_info": 0.3, "semantic_ambiguity": 0.1}
    assert model._instructions["typo_misspelling"] == "Slip on two keys never in names"
    surface = [d for d in map(model.draw, units(200)) if d.layer is NoiseLayer.SURFACE]
    assert surface
    assert all("typo_misspelling" in draw.strategies for draw in surface)
    before = model.fingerprint()
    path.write_text(path.read_text("utf-8").replace("0.4", "0.5"), encoding="utf-8")
    assert DistractorModel(1.0, strategy_config=path).fingerprint() != before


def test_the_references_list_of_rules_is_read_too():
    model = DistractorModel(
        1.0,
        use_semantic=False,
        rules=[{"name": "typo", "probability": 0.3, "intensity": 0.2}, {"name": "word_swap", "num_swaps": 2}],
    )
    assert list(model.rules) == ["typo", "word_swap"]
    assert model.rules["typo"].parameters == {"intensity": 0.2}


def test_the_fingerprint_covers_what_shapes_the_noise_and_nothing_else():
    base = DistractorModel(0.25, seed=1)
    assert base.fingerprint() == DistractorModel(0.25, seed=1, pairs=True).fingerprint()
    others = [
        DistractorModel(0.3, seed=1), DistractorModel(0.25, seed=2), DistractorModel(0.25, seed=1, use_semantic=False),
        DistractorModel(0.25, seed=1, mode="posthoc"), DistractorModel(0.25, seed=1, control="placebo"),
        DistractorModel(0.25, seed=1, layers={"surface_noise": {"weight": 1.0}}),
    ]  # fmt: skip
    assert len({base.fingerprint(), *(other.fingerprint() for other in others)}) == len(others) + 1


def test_probability_one_and_zero_draw_every_unit_and_none():
    assert all(DistractorModel(1.0).draw(unit).active for unit in units(100))
    assert not any(DistractorModel(0.0).draw(unit).active for unit in units(100))


def test_the_tally_counts_drawn_applied_rejected_and_not_applicable_apart():
    model = DistractorModel(0.5, seed=6)
    tally = model.tally()
    texts = (*TEXTS, "你好")
    total = {"applied": 0, "rejected": 0, "not_applicable": 0, "not_drawn": 0}
    for number in range(200):
        results = [model.perturb(texts[(number + turn) % 7], f"p{number:06d}-q00-t{turn}") for turn in range(3)]
        for result in results:
            total[result.metadata["verdict"]] += 1
        tally.add(results)
    out = tally.to_dict()
    assert json.loads(json.dumps(out)) == out
    assert out["units"] == 600
    assert out["conversations"] == 200
    assert {name: out[name] for name in ("applied", "rejected", "not_applicable")} == {
        n: total[n] for n in ("applied", "rejected", "not_applicable")
    }
    assert out["drawn"] == 600 - total["not_drawn"] == out["applied"] + out["rejected"] + out["not_applicable"]
    assert sum(layer["drawn"] for layer in out["layers"].values()) == out["drawn"]
    assert out["rate"]["per_turn"]["inside"]
    assert out["rate"]["per_conversation"]["expected"] == pytest.approx(0.875)
    assert out["rate"]["per_conversation"]["inside"]
    assert out["layer_mix"]["p_value"] > 0.001


def test_a_claim_without_a_difference_is_counted_as_rejected():
    tally = NoiseTally(1.0)
    tally.add([NoiseResult("a", "a", "surface_noise", 0, ["typo_misspelling"], {"verdict": "applied", "unit_id": "u"})])
    assert (tally.to_dict()["applied"], tally.to_dict()["rejected"]) == (0, 1)


def test_wilson_intervals_and_chi_square_equal_known_values():
    low, high = wilson(8, 10)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)  # Brown, Cai and DasGupta's formula by hand
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0
    test = chi_square({"a": 60, "b": 40}, {"a": 0.5, "b": 0.5})
    assert test == {"statistic": 4.0, "degrees": 1, "p_value": round(math.erfc(math.sqrt(2)), 6)}
    assert chi_square({}, {"a": 1.0})["p_value"] is None
    assert chi_square({"a": 3, "b": 1}, {"a": 1.0, "b": 0.0})["p_value"] == 0.0
