"""Statistics: right on small sets, and moved by a dataset that is made worse on purpose."""

import json

import pytest

from personaloom.keyed import Key
from personaloom.quality import SampleChecks, compute_statistics
from personaloom.quality.statistics import PLUMBING
from personaloom.records import Ids, TrainingSample

NOUNS = [
    "bridge",
    "garden",
    "router",
    "invoice",
    "recipe",
    "poem",
    "engine",
    "budget",
    "server",
    "camera",
    "letter",
    "tent",
    "piano",
    "sauce",
    "lens",
    "thesis",
]
VERBS = [
    "fix",
    "plan",
    "write",
    "paint",
    "check",
    "move",
    "sell",
    "tune",
    "cook",
    "grade",
    "trace",
    "pack",
    "sort",
    "wire",
    "test",
    "mend",
]
FORMAL = (
    "Could you please explain how one ought to {v} the {n}, given that the {m} is not available?",
    "I would appreciate it.",
)
CASUAL = ("hey, how do i {v} that {n}? don't wanna touch the {m}!", "thx, you're cool!")


def dataset(personas=60, each=4, turns=2):
    """Half of the personas write formally, half casually; topics are drawn for each conversation."""
    for index in range(personas):
        tone = ("formal", "casual")[index % 2]
        shapes = FORMAL if tone == "formal" else CASUAL
        habit = NOUNS[index % len(NOUNS)]
        for number in range(each):
            key = Key("conversation", index, number)
            talk = []
            for turn in range(turns):
                at = key.child(turn)
                fill = {"v": at.choice(VERBS, "v"), "n": at.choice(NOUNS, "n"), "m": habit}
                said = " ".join(s.format(**fill) for s in shapes)
                answer = " ".join(at.choice(NOUNS + VERBS, "word", i) for i in range(60))
                talk += [{"role": "user", "content": said}, {"role": "assistant", "content": answer}]
            persona = Ids.persona(index)
            noisy = number == 0
            result = {
                "turn": 0, "layer": "surface_noise" if noisy else None, "verdict": "applied" if noisy else "not_drawn",
                "applied_strategies": ["typo_misspelling"] if noisy else [], "edit_distance": 3 if noisy else None,
            }  # fmt: skip
            yield TrainingSample(
                Ids.slot(persona, number), persona, {"tone_pref": tone, "domain": NOUNS[index % 4]},
                talk[0]["content"], talk[0]["content"], [{"turn": t} for t in range(turns)], talk, turns, [],
                {"split": "train", "end_reason": "satisfied", "models": {"assistant": "m"},
                 "noise": {"results": [result, *({**result, "turn": t, "layer": None, "verdict": "not_drawn", "applied_strategies": []} for t in range(1, turns))]}},
            )  # fmt: skip


@pytest.fixture(scope="module")
def base():
    return compute_statistics(dataset(), checks=SampleChecks(), configured_rate=0.125, layer_weights=[0.5, 0.3, 0.2])


def retrieved(stats):
    return stats["quality"]["personas"]["retrieval"]["to_persona"]["mean_reciprocal_rank"]


def test_the_references_fields_are_there_and_right(base):
    assert base["total_samples"] == 240
    assert base["samples_by_split"] == {"train": 240, "val": 0, "test": 0}
    assert base["avg_turns"] == base["avg_trajectory_length"] == 2
    assert base["distractor_stats"] == {
        "samples_with_noise": 60, "noise_rate": 0.25,
        "layer_distribution": {"surface_noise": 60, "incomplete_info": 0, "semantic_ambiguity": 0},
    }  # fmt: skip
    assert base["persona_distribution"]["p000000"] == 4
    assert base["created_at"]


def test_statistics_are_json_and_the_same_every_time_in_any_order(base):
    assert json.loads(json.dumps(base)) == json.loads(json.dumps(base))
    again = compute_statistics(
        reversed(list(dataset())), checks=SampleChecks(), configured_rate=0.125, layer_weights=[0.5, 0.3, 0.2]
    )
    for stats in (base, again):
        stats.pop("created_at", None)
    assert again == base


def test_noise_is_tested_on_draws_with_intervals(base):
    noise = base["quality"]["noise"]
    assert noise["by_turn"]["drawn"]["value"] == 60 / 480
    assert noise["rate_in_interval"] is True
    assert noise["by_conversation"]["first_query_applied"]["value"] == 0.25
    assert noise["layer_mix_test"]["p"] < 1e-6  # all in one layer
    assert noise["layers"]["surface_noise"]["edit_distance"]["value"] == 3


def test_features_that_show_in_the_text_have_an_effect_and_others_have_none(base):
    rows = {(r["feature"], r["measure"]): r for r in base["quality"]["personas"]["style_effects"]["features"]}
    tone = rows["tone_pref", "contractions"]
    assert tone["omega_squared"] > 0.8
    assert tone["extremes"]["highest"] == "casual"
    assert rows["domain", "hedges"]["omega_squared"] < 0.2 if ("domain", "hedges") in rows else True


def test_a_conversation_points_to_its_persona_better_than_chance(base):
    found = base["quality"]["personas"]["retrieval"]
    assert found["candidates"] == 50
    assert found["to_persona"]["mean_reciprocal_rank"] > 2 * 0.09


def test_shuffled_personas_move_retrieval_and_effect_sizes(base):
    order = Key("shuffle").shuffled(range(240))
    samples = list(dataset())
    worse = [
        s.with_(persona_id=samples[o].persona_id, persona_features=samples[o].persona_features)
        for s, o in zip(samples, order, strict=True)
    ]
    stats = compute_statistics(worse)
    assert retrieved(stats) < 0.8 * retrieved(base)
    effect = "mean_omega_squared"
    assert (
        stats["quality"]["personas"]["style_effects"][effect]
        < 0.3 * base["quality"]["personas"]["style_effects"][effect]
    )


def test_duplicates_move_near_duplicates_and_diversity(base):
    samples = list(dataset())
    worse = [*samples, *(s.with_(sample_id=s.sample_id + "-copy") for s in samples[:120])]
    stats = compute_statistics(worse)
    assert stats["quality"]["near_duplicates"]["share"]["value"] == pytest.approx(240 / 360, abs=0.05)
    assert base["quality"]["near_duplicates"]["share"]["value"] < 0.05
    repetition = [s["quality"]["diversity"]["assistant"]["shared_4gram_share"] for s in (base, stats)]
    assert repetition[1] > repetition[0] + 0.3
    assert (
        stats["quality"]["diversity"]["assistant"]["compression_ratio"]["value"]
        > base["quality"]["diversity"]["assistant"]["compression_ratio"]["value"]
    )


def test_truncated_conversations_move_lengths_and_checks(base):
    worse = [
        s.with_(full_conversation=[{**m, "content": m["content"][:20]} for m in s.full_conversation[:-1]])
        for s in dataset()
    ]
    stats = compute_statistics(worse, checks=SampleChecks())
    lengths = [s["quality"]["lengths"]["assistant_words"] for s in (base, stats)]
    assert lengths[1]["high"] < lengths[0]["low"]
    assert stats["quality"]["checks"]["samples_by_check"]["ending"] == 240
    assert base["quality"]["checks"]["samples_by_check"].get("ending", 0) == 0


def test_one_voice_for_all_is_seen_as_collapse(base):
    samples = list(dataset())
    worse = [s.with_(full_conversation=samples[s.persona_id > "p000029"].full_conversation) for s in samples]
    stats = compute_statistics(worse)
    before, after = (s["quality"]["personas"]["collapse"] for s in (base, stats))
    assert after["complexity"]["value"] < before["complexity"]["value"]
    assert after["uniformity"]["value"] < before["uniformity"]["value"]


def test_diversity_does_not_change_with_the_number_of_samples(base):
    half = compute_statistics(dataset(30))
    for name in ("distinct_1", "distinct_2", "mattr_50"):
        one, two = (s["quality"]["diversity"]["assistant"][name]["value"] for s in (base, half))
        assert one == pytest.approx(two, rel=0.03)


def test_distance_to_a_corpus_is_small_for_the_same_kind_and_large_for_another():
    near = compute_statistics(dataset(), reference=dataset(40))["quality"]["reference"]
    far = compute_statistics(dataset(), reference=dataset(40, turns=5))["quality"]["reference"]
    assert near["turns"]["jensen_shannon_bits"] == 0
    assert far["turns"]["jensen_shannon_bits"] == 1
    assert near["user_words"]["jensen_shannon_bits"] < 0.02
    assert near["reference_samples"] == 160


def test_benchmarks_in_the_text_are_reported():
    text = next(dataset()).full_conversation[1]["content"]
    found = compute_statistics(dataset(5), benchmarks={"known": [text]})["quality"]["decontamination"]
    assert found["benchmarks"]["known"]["value"] == 1 / 20


def test_coverage_is_told_against_the_bank():
    bank = {"tone_pref": ["formal", "casual", "blunt", "warm"], "age_band": ["20s"]}
    found = compute_statistics(dataset(), dimensions=bank)["quality"]["coverage"]
    assert found["features"]["tone_pref"]["of_bank"] == 0.5
    assert found["features"]["tone_pref"]["evenness"] == pytest.approx(1)
    assert found["dimensions_never_seen"] == ["age_band"]


def test_figures_of_simulated_text_are_marked():
    assert compute_statistics(dataset(3), simulated=True)["quality"]["note"] == PLUMBING
    assert compute_statistics(dataset(3))["quality"]["note"] is None
    told = [s.with_(metadata=s.metadata | {"simulated": True}) for s in dataset(3)]
    assert compute_statistics(told)["simulated"] is True


def test_an_empty_dataset_and_one_with_fields_switched_off_have_statistics_too():
    empty = compute_statistics([])
    assert empty["total_samples"] == 0
    assert empty["quality"]["lengths"]["turns"]["value"] is None
    bare = [
        s.with_(
            persona_features=None,
            prompt_trajectory=None,
            full_conversation=None,
            noisy_initial_queries=None,
            metadata=None,
        )
        for s in dataset(12)
    ]
    stats = compute_statistics(bare)
    assert stats["avg_turns"] == 2
    json.dumps([empty, stats])


def test_noise_that_a_foreign_file_claims_on_an_unchanged_text_is_not_counted():
    step = {"turn": 0, "text": "a", "noisy_text": "a", "noise_type": "surface_noise", "applied_strategies": ["x"]}
    sample = TrainingSample("s", "p", {}, "a", "a", [step], None, 1, [], None)
    version = {"noisy_text": "a", "noise_type": "surface_noise", "applied_strategies": ["x"]}
    other = sample.with_(prompt_trajectory=["a"], noisy_initial_queries=[version])
    assert compute_statistics([other])["distractor_stats"]["samples_with_noise"] == 0
    real = other.with_(noisy_initial_queries=[{**version, "noisy_text": "aa"}])
    assert compute_statistics([real])["distractor_stats"]["samples_with_noise"] == 1
    assert compute_statistics([sample])["distractor_stats"]["samples_with_noise"] == 0
