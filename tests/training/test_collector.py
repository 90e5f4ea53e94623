"""The collector: samples say what happened and nothing else."""

import pytest
from training_builders import conversation, noise

from personaloom.training import Splitter, TrainingDataCollector, applied_noise

FIELDS = [
    "sample_id", "persona_id", "persona_features", "original_query", "initial_query", "prompt_trajectory",
    "full_conversation", "num_turns", "noisy_initial_queries", "metadata",
]  # fmt: skip


def test_a_sample_has_the_references_fields_in_order():
    assert list(TrainingDataCollector().collect(conversation()).to_dict()) == FIELDS


@pytest.mark.parametrize(
    ("switch", "field"),
    [
        ("include_persona", "persona_features"),
        ("include_trajectory", "prompt_trajectory"),
        ("include_distractor_versions", "noisy_initial_queries"),
        ("include_full_conversation", "full_conversation"),
        ("include_metadata", "metadata"),
    ],
)
def test_a_switch_leaves_out_its_field_and_no_other(switch, field):
    collector, talk = TrainingDataCollector(**{switch: False}), conversation(noises=[noise("clean", "cleen")])
    sample = collector.collect(talk)
    assert [name for name in FIELDS if name not in sample.to_dict()] == [field]
    assert collector.trimmed(TrainingDataCollector().collect(talk)) == collector.trimmed(sample) == sample


def test_a_noisy_first_query_has_its_version_and_the_clean_text_beside_it():
    talk = conversation(noises=[noise("please fix it", "pls fx it")])
    sample = TrainingDataCollector().collect(talk)
    assert sample.initial_query == "please fix it"
    assert sample.noisy_initial_queries == [
        {"noisy_text": "pls fx it", "noise_type": "surface_noise", "applied_strategies": ["typo_misspelling"]}
    ]
    assert sample.full_conversation[0] == {"role": "user", "content": "pls fx it"}
    assert sample.prompt_trajectory[0] == {
        "turn": 0, "text": "please fix it", "noisy_text": "pls fx it", "noise_type": "surface_noise",
        "applied_strategies": ["typo_misspelling"],
    }  # fmt: skip


def test_noise_in_a_follow_up_is_in_trajectory_and_metadata_but_not_in_the_first_querys_versions():
    talk = conversation(noises=[noise("a", layer=None, verdict="not_drawn"), noise("b", "bb", "incomplete_info")])
    sample = TrainingDataCollector().collect(talk)
    assert sample.noisy_initial_queries == []
    assert sample.prompt_trajectory[1]["noisy_text"] == "bb"
    assert sample.metadata["noise"]["applied"] == 1
    assert [r["layer"] for r in sample.metadata["noise"]["results"]] == [None, "incomplete_info"]


@pytest.mark.parametrize("verdict", ["rejected", "not_applicable"])
def test_a_unit_that_was_drawn_but_stayed_clean_claims_no_noise(verdict):
    sample = TrainingDataCollector().collect(conversation(noises=[noise("a", verdict=verdict)]))
    assert sample.noisy_initial_queries == []
    assert sample.prompt_trajectory[0]["noise_type"] is None
    assert sample.metadata["noise"]["drawn"] == 1
    assert sample.metadata["noise"][verdict] == 1
    assert applied_noise(sample) == []


def test_an_engine_that_claims_noise_on_an_unchanged_text_is_not_believed():
    sample = TrainingDataCollector().collect(conversation(noises=[noise("a", "a")]))
    assert sample.metadata["noise"]["applied"] == 0
    assert sample.metadata["noise"]["results"][0]["verdict"] == "rejected"
    assert applied_noise(sample) == []


def test_posthoc_noise_stands_beside_an_unchanged_conversation():
    sample = TrainingDataCollector().collect(conversation(noises=[noise("clean", "cleen")], mode="posthoc"))
    assert sample.full_conversation[0]["content"] == "clean"
    assert sample.prompt_trajectory[0]["noisy_text"] == "cleen"
    assert sample.noisy_initial_queries[0]["noisy_text"] == "cleen"
    assert sample.metadata["noise"]["mode"] == "posthoc"


def test_without_distractor_versions_no_noisy_text_is_left_beside_the_conversation():
    talk = conversation(noises=[noise("clean", "cleen")], mode="posthoc")
    assert "cleen" not in str(TrainingDataCollector(include_distractor_versions=False).collect(talk).to_dict())


def test_metadata_has_split_models_and_end_reason_and_never_a_timestamp():
    splitter = Splitter(seed=5)
    metadata = TrainingDataCollector(splitter=splitter).collect(conversation(persona=7)).metadata
    assert metadata["split"] == splitter.split_of("p000007")
    assert metadata["models"] == {"assistant": "simulated/a", "user": "simulated/u"}
    assert metadata["end_reason"] == "target_reached"
    assert metadata["simulated"] is True
    assert "2026" not in str(metadata)


def test_noise_is_found_in_the_messages_where_the_conversation_has_no_list_of_it():
    talk = conversation(noises=[noise("clean", "cleen")])
    bare = talk.with_(metadata={key: value for key, value in talk.metadata.items() if key != "noise"})
    assert TrainingDataCollector().collect(bare).noisy_initial_queries[0]["noisy_text"] == "cleen"


@pytest.mark.parametrize("keep", ["trajectory", "metadata", "versions"])
def test_applied_noise_is_found_whatever_was_switched_off(keep):
    switches = {"include_trajectory": keep == "trajectory", "include_metadata": keep == "metadata"}
    sample = TrainingDataCollector(**switches).collect(conversation(noises=[noise("clean", "cleen")]))
    assert [(e["turn"], e["noise_type"]) for e in applied_noise(sample)] == [(0, "surface_noise")]


def test_the_persona_prompt_is_kept_where_it_is_given():
    assert TrainingDataCollector().collect(conversation(), "You are Ann.").metadata["persona_prompt"] == "You are Ann."


def test_the_conversations_own_prompt_is_kept_once():
    metadata = TrainingDataCollector().collect(conversation(system_prompt="You are Bo.")).metadata
    assert metadata["persona_prompt"] == "You are Bo."
    assert "system_prompt" not in metadata
