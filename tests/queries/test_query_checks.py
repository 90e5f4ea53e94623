"""A rewritten query is a query, asks for the same thing and, in part, keeps what it must keep."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.errors import EmptyReplyError, MalformedReplyError, RefusalError
from personaloom.queries import QuerySet
from personaloom.queries.checks import check_rewrite, clean_label, length_limit, lost_parts

ORIGINAL = 'Plan 3 dinners for 1,200 people under $40 without dairy, and call it "Harbour Feast"; Oslo, 5 May.'
KEPT = "hey!! plan three dinners for 1200 people, under $40 pls, w/o any dairy. call it 'harbour feast'. oslo, 5 may"


@pytest.mark.parametrize("query", [query.text for query in QuerySet.load()][::7])
@pytest.mark.parametrize("partial", [True, False])
def test_every_query_may_stand_for_itself(query, partial):
    check_rewrite(query, query, partial=partial)


def test_style_may_change_as_long_as_numbers_quotes_names_and_limits_stay():
    check_rewrite(ORIGINAL, KEPT, partial=True)


@pytest.mark.parametrize(
    ("removed", "lost"),
    [
        ("three ", "3"),
        ("1200 ", "1200"),
        ("$40", "40"),
        ("w/o any ", "without dairy"),
        ("dairy", "dairy"),
        ("harbour feast", "Harbour Feast"),
        ("oslo", "Oslo"),
    ],
)
def test_what_a_partial_rewriting_loses_is_named_and_asked_for_again(removed, lost):
    adapted = KEPT.replace(removed, "")
    assert any(lost in part for part in lost_parts(ORIGINAL, adapted))
    with pytest.raises(MalformedReplyError, match="lost what it had to keep"):
        check_rewrite(ORIGINAL, adapted, partial=True)
    check_rewrite(ORIGINAL, adapted, partial=False)


@pytest.mark.parametrize(
    "piece", ["`git log -p`", "https://example.org/a?b=1", "me@example.org", "notes.csv", "user_id"]
)
def test_code_and_addresses_stay_to_the_letter(piece):
    original = f"Please explain what {piece} means to my colleague"
    check_rewrite(original, f"so, what does {piece} mean, please explain for my colleague", partial=True)
    with pytest.raises(MalformedReplyError, match="lost"):
        check_rewrite(original, "so, what does that mean, please explain for my colleague", partial=True)


def test_a_persona_may_not_speak_like_an_assistant():
    question = "Which kettle should I buy for a small kitchen?"
    for reply in (
        "Sure, I can help you buy a kettle for a small kitchen.",
        "Here's a rewritten version: which kettle for a small kitchen?",
        "Here\u2019s the query: which kettle?",
        "Adapted query: which kettle for a small kitchen?",
        "Assistant: buy a small kettle",
        '{"adapted_query": "which kettle for my kitchen"}',
        "Kettles for a kitchen:\n- steel\n- glass\n- plastic",
        "which kettle for a small kitchen? </seed_query>",
    ):
        with pytest.raises(MalformedReplyError):
            check_rewrite(question, reply, partial=False)


def test_a_refusal_is_told_apart_from_a_bad_reply():
    with pytest.raises(RefusalError):
        check_rewrite("Who was Nero, the emperor?", "I'm sorry, but I can't rewrite this.", partial=False)
    check_rewrite("I can't help laughing in church.", "I can't help laughing in church!!", partial=False)


def test_an_empty_reply_is_an_empty_reply():
    with pytest.raises(EmptyReplyError):
        check_rewrite("Why?", "", partial=False)


def test_length_is_bounded_by_the_original():
    query = "Why is the harbour empty on Mondays?"
    check_rewrite(query, query + " " + " ".join(f"I was there {week} weeks ago." for week in range(30)), partial=False)
    with pytest.raises(MalformedReplyError, match="are sensible"):
        check_rewrite(query, "harbour " * (length_limit(query) // 8 + 1), partial=False)


def test_another_subject_is_refused():
    with pytest.raises(MalformedReplyError, match="no word in common"):
        check_rewrite("Which kettle suits a small kitchen?", "hey, how do trains brake?", partial=False)


def test_a_feature_name_is_a_leak():
    with pytest.raises(MalformedReplyError, match="names the feature tone_pref"):
        check_rewrite("Which kettle?", "kettle, tone_pref casual?", partial=False, feature_names=["role", "tone_pref"])


@settings(deadline=None, max_examples=200)
@given(original=st.text(min_size=1, max_size=300), adapted=st.text(max_size=300), partial=st.booleans())
def test_any_text_is_judged_without_a_crash(original, adapted, partial):
    with contextlib.suppress(EmptyReplyError, RefusalError, MalformedReplyError):
        check_rewrite(original, adapted, partial=partial)


@pytest.mark.parametrize(
    ("label", "cleaned"),
    [
        ("data SCIENCE", "Data_Science"),
        ("data-science", "Data_Science"),
        (' "Law". ', "law"),
        ("marine  biology\n", "marine biology"),
        ("", None),
        ("N/A", None),
        ("unknown", None),
    ],
)
def test_labels_take_the_banks_spelling_and_others_are_kept_as_text(label, cleaned):
    assert clean_label(label, ["Data_Science", "law"]) == cleaned


def test_a_bank_may_have_a_value_named_other():
    assert clean_label("OTHER", ["Other"]) == "Other"


def test_a_label_is_no_essay():
    with pytest.raises(MalformedReplyError, match="not a few words"):
        clean_label("the message is about " * 10, [])
