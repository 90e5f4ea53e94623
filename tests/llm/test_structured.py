import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personaloom.errors import MalformedReplyError
from personaloom.llm.structured import find_object, is_strict, parse_structured, repair, without_thinking

SCHEMA = {
    "type": "object",
    "properties": {
        "satisfied": {"type": "boolean"},
        "message": {"type": "string"},
        "score": {"type": "integer", "minimum": 0, "maximum": 10},
        "mood": {"type": "string", "enum": ["calm", "cross"]},
        "slots": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                "required": ["name", "value"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["satisfied", "message", "score", "mood", "slots"],
    "additionalProperties": False,
}
GOOD = {
    "satisfied": False,
    "message": "Why?",
    "score": 3,
    "mood": "calm",
    "slots": [{"name": "city", "value": "Oslo"}],
}
TEXT = json.dumps(GOOD)

instances = st.fixed_dictionaries(
    {
        "satisfied": st.booleans(),
        "message": st.text(),
        "score": st.integers(0, 10),
        "mood": st.sampled_from(["calm", "cross"]),
        "slots": st.lists(st.fixed_dictionaries({"name": st.text(), "value": st.text()}), max_size=3),
    }
)


@given(instances, st.booleans())
@settings(deadline=None)
def test_every_valid_instance_is_read_as_it_is(instance, ascii_only):
    assert parse_structured(json.dumps(instance, ensure_ascii=ascii_only), SCHEMA) == instance


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{TEXT}\n```",
        f"Sure! Here it is:\n{TEXT}\nAnything else?",
        f"```\n{TEXT}\n```\nThat is my answer {{really}}.",
        TEXT.replace("}]}", "},],}"),
        TEXT.replace('"', "'"),
        TEXT.replace("false", "False"),
        TEXT.replace('"score"', "score"),
        TEXT[:-1],
        TEXT[:-2],
        TEXT.replace("false", '"false"'),
        TEXT.replace("3,", '"3",'),
        TEXT[:-1] + ', "extra": 1}',
        json.dumps({"reply": GOOD}),
        TEXT.replace('"Oslo"', "“Oslo”"),
        f"// my answer\n{TEXT}",
    ],
    ids=["fence", "prose", "fence+prose", "trailing commas", "single quotes", "python literal", "bare name", "open brace",
         "open bracket", "text for boolean", "text for number", "extra property", "wrapped", "curly quotes", "comment"],
)  # fmt: skip
def test_almost_json_is_repaired_to_the_same_object(text):
    assert parse_structured(text, SCHEMA) == GOOD


def test_line_breaks_and_quotes_inside_texts_are_repaired():
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    assert parse_structured('{"text": "one\ntwo"}', schema) == {"text": "one\ntwo"}
    assert parse_structured("{'text': 'it's fine'}", schema) == {"text": "it's fine"}
    assert parse_structured('{"text": "he said "no" twice"}', schema) == {"text": 'he said "no" twice'}
    assert parse_structured('{"text": "a } in a text', schema) == {"text": "a } in a text"}


@pytest.mark.parametrize(
    "text",
    [
        "", "I would rather not.", "{}", "[1, 2]", "null", TEXT.replace("calm", "bored"), TEXT.replace("3,", "11,"),
        TEXT.replace('"mood": "calm", ', ""), "{" * 5000, '{"satisfied"',
    ],
)  # fmt: skip
def test_what_cannot_meet_the_schema_is_malformed(text):
    with pytest.raises(MalformedReplyError):
        parse_structured(text, SCHEMA)


@given(st.text(alphabet="{}[]\",:'\\ abtrue01\n"))
@settings(deadline=None, max_examples=300)
def test_no_text_makes_the_repair_fail_in_any_other_way(text):
    with suppress(MalformedReplyError):
        parse_structured(text, SCHEMA)


@given(instances, st.integers(1, 200))
@settings(deadline=None)
def test_a_repaired_prefix_is_json_or_refused(instance, cut):
    text = json.dumps(instance)
    with suppress(ValueError):
        repair(text[:cut], SCHEMA)


def test_the_first_balanced_object_is_found():
    assert find_object('see {"a": "}"} and {"b": 1}') == '{"a": "}"}'
    assert find_object("none here") is None
    assert find_object('{"a": 1') is None


def test_thinking_is_left_out():
    assert without_thinking("<think>hm, {}</think>\n\nYes.") == "Yes."
    assert without_thinking("<think>still thinking") == ""
    assert without_thinking(" Yes. ") == "Yes."


def test_strict_mode_wants_closed_objects_with_everything_required():
    assert is_strict(SCHEMA)
    assert not is_strict({"type": "object", "properties": {"a": {"type": "string"}}, "required": []})
    assert not is_strict({**SCHEMA, "required": ["satisfied"]})


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "array", "items": {"type": "integer"}, "minItems": 1}, [1, 2], []),
        ({"type": ["string", "null"]}, None, 3.5),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 4, "x"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, {"a": 1.5}, {"a": []}),
        ({"type": "object", "properties": {"k": {"const": "v"}}, "required": ["k"]}, {"k": "v"}, {"k": "w"}),
        ({"type": "object", "properties": {"k": {"type": "string", "minLength": 2}}, "required": ["k"]}, {"k": "ab"}, {"k": "a"}),
    ],
)  # fmt: skip
def test_the_understood_part_of_json_schema(schema, good, bad):
    assert parse_structured(json.dumps(good), schema) == good
    with pytest.raises(MalformedReplyError):
        parse_structured(json.dumps(bad), schema)
