"""Records survive the way to a file and back."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from personaloom.records import DealtQuery, Ids, Interaction, Message, NoiseResult, PersonaSpec, TrainingSample

text = st.text(max_size=40)
messages = st.builds(
    Message, st.sampled_from(["user", "assistant"]), text, text, st.dictionaries(text, text, max_size=2)
)


@given(
    st.builds(Interaction, text, text, st.dictionaries(text, text), text, text, st.lists(messages), st.integers(0, 9))
)
def test_an_interaction_reads_back_as_it_was(talk):
    raw = orjson.loads(orjson.dumps(talk.to_dict()))
    assert Interaction.from_dict(raw) == talk


@given(st.builds(PersonaSpec, text, st.dictionaries(text, text), st.none() | text))
def test_a_persona_reads_back_as_it_was(persona):
    assert PersonaSpec.from_dict(persona.to_dict() | {"from_a_newer_version": 1}) == persona


def test_ids_name_the_thing_and_nothing_else():
    slot = Ids.slot(Ids.persona(12), 3)
    assert slot == "p000012-q03"
    assert Ids.supplement(slot, 1) == "p000012-q03-s1"
    assert [Ids.supplement_of(name) for name in (slot, Ids.supplement(slot, 2))] == [0, 2]
    assert Ids.unit(slot, 0) == "p000012-q03-t0"


def test_noise_counts_as_applied_only_where_the_text_differs_and_the_verdict_holds():
    claimed = NoiseResult("same", "same", "surface_noise", 0, ["typo"], {"verdict": "applied"})
    rejected = NoiseResult("a", "b", "surface_noise", 0, [], {"verdict": "rejected"})
    real = NoiseResult("a", "b", "surface_noise", 0, ["typo"], {"verdict": "applied"})
    assert [claimed.applied, rejected.applied, real.applied] == [False, False, True]


def test_fields_that_are_switched_off_are_left_out():
    sample = TrainingSample("s", "p", None, "q", "q", None, [], 1, None, {})
    assert set(sample.to_dict()) == {
        "sample_id", "persona_id", "original_query", "initial_query", "full_conversation", "num_turns", "metadata",
    }  # fmt: skip


def test_a_dealt_query_has_the_published_fields_first():
    names = list(DealtQuery("q", "a", "b").to_dict())
    assert names[:7] == [
        "query_id", "original_query", "adapted_query", "inferred_domain", "inferred_scenario", "target_turns",
        "style_transferred",
    ]  # fmt: skip
