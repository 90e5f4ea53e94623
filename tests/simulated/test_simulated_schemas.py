"""A valid object for whatever schema is asked for."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from simulated_drive import ask

from personaloom.keyed import Key
from personaloom.llm.simulated import SimulatedModel
from personaloom.llm.simulated.schema import fitted, made_up
from personaloom.llm.types import Purpose, Role
from personaloom.text.wording import Dice

names = st.text("abcdefgh", min_size=1, max_size=5)


def integers():
    return st.tuples(st.integers(-50, 50), st.integers(0, 20), st.booleans()).map(
        lambda t: {"type": "integer", "minimum": t[0], "maximum": t[0] + t[1]} if t[2] else {"type": "integer"}
    )


def numbers():
    return st.tuples(st.integers(-5, 5), st.integers(1, 9)).map(
        lambda t: {"type": "number", "minimum": t[0], "exclusiveMaximum": t[0] + t[1]}
    )


def strings():
    return st.tuples(st.integers(0, 12), st.integers(0, 60)).map(
        lambda t: {"type": "string", "minLength": t[0], "maxLength": t[0] + t[1]}
    )


leaves = st.one_of(
    integers(), numbers(), strings(),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"const": 7}, {"type": ["string", "null"]}, {}, {"type": "integer", "multipleOf": 5, "minimum": 3}]),
    st.lists(names, min_size=1, max_size=4, unique=True).map(lambda values: {"enum": values}),
)  # fmt: skip


def objects(inner):
    return st.tuples(st.dictionaries(names, inner, max_size=4), st.booleans(), st.data()).map(
        lambda t: {
            "type": "object",
            "properties": t[0],
            "required": sorted(t[0])[: len(t[0]) // 2 + 1],
            "additionalProperties": not t[1],
        }
    )


def arrays(inner):
    return st.tuples(inner, st.integers(0, 3), st.integers(0, 3)).map(
        lambda t: {"type": "array", "items": t[0], "minItems": t[1], "maxItems": t[1] + t[2]}
    )


schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        objects(inner), arrays(inner), st.lists(inner, min_size=1, max_size=3).map(lambda s: {"anyOf": s})
    ),
    max_leaves=10,
)


@given(schemas, st.integers(0, 1000))
@settings(deadline=None, max_examples=200)
def test_made_up_values_meet_their_schema(schema, seed):
    value = made_up(schema, Dice(Key(seed)))
    Draft202012Validator(schema).validate(value)
    assert made_up(schema, Dice(Key(seed))) == value


def test_references_and_recursion_end():
    schema = {
        "$defs": {"node": {"type": "object", "properties": {"name": {"type": "string"}, "child": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["name", "child"], "additionalProperties": False}},
        "$ref": "#/$defs/node",
    }  # fmt: skip
    for seed in range(50):
        Draft202012Validator(schema).validate(made_up(schema, Dice(Key(seed))))


def test_a_judge_gives_plausible_scores_that_differ():
    score = {"type": "integer", "minimum": 1, "maximum": 5}
    schema = {
        "type": "object",
        "properties": {"fidelity": score, "quality": score, "comment": {"type": "string"}},
        "required": ["fidelity", "quality", "comment"],
        "additionalProperties": False,
    }
    model = SimulatedModel()
    given_scores = [
        ask(model, Purpose.JUDGE, {}, persona=f"p{i:06d}", role=Role.JUDGE, schema=schema).parsed["fidelity"]
        for i in range(200)
    ]
    assert set(given_scores) <= {1, 2, 3, 4, 5}
    assert len(set(given_scores)) >= 4
    assert 3.0 < sum(given_scores) / len(given_scores) < 4.5


def test_a_known_purpose_is_brought_into_an_unknown_shape():
    schema = {
        "type": "object",
        "properties": {"domain": {"type": "string"}, "why": {"type": "string"}},
        "required": ["domain", "why"],
        "additionalProperties": False,
    }
    out = fitted({"domain": "law", "scenario": "work"}, schema, Dice(Key(1)))
    assert out["domain"] == "law"
    assert out.keys() == {"domain", "why"}
    facts = {"query": "Can my landlord end the lease?", "domains": ["law"], "scenarios": ["work"]}
    parsed = json.loads(ask(SimulatedModel(), Purpose.INFER_CONTEXT, facts, schema=schema).text)
    Draft202012Validator(schema).validate(parsed)
