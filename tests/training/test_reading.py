"""Reading what others made, and arms of equal size."""

import json

import pytest
from training_builders import conversation

from personaloom.errors import ConfigError, InputError
from personaloom.training import FORMATS, TrainingDataCollector, TrainingDataExporter
from personaloom.training.arms import count_tokens, equal_arms
from personaloom.training.reading import read_samples

TALK = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [{"role": "system", "content": "You are Ann."}, *TALK]},
        {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url"}]}, TALK[1]]},
        {"conversations": [{"from": "user", "value": "hi"}, {"from": "assistant", "value": "hello"}], "extra": 1},
        {"prompt": TALK[:1], "completion": TALK[1:]},
        {"sample_id": "x", "persona_id": "p", "original_query": "hi", "full_conversation": TALK, "unknown_field": {}},
        {"id": "x", "persona_id": "p", "persona": {}, "original_query": "hi", "initial_query": "hi",
         "full_conversation": TALK, "role_utterances": {"user": ["hi"], "assistant": ["hello"]}, "num_turns": 1,
         "distractor_type": "none", "conversation_ended": True},
    ],
)  # fmt: skip
@pytest.mark.parametrize("layout", ["jsonl", "json", "pretty"])
def test_foreign_records_become_whole_samples(record, layout, tmp_path):
    path = tmp_path / ("data.jsonl" if layout == "jsonl" else "data.json")
    text = (
        json.dumps(record) + "\n"
        if layout == "jsonl"
        else json.dumps([record], indent=2 if layout == "pretty" else None)
    )
    path.write_text(text, "utf-8")
    (sample,) = read_samples(path)
    assert sample.full_conversation == TALK
    assert (sample.original_query, sample.initial_query, sample.num_turns) == ("hi", "hi", 1)
    assert sample.sample_id


def test_our_own_files_read_back_as_the_same_samples(tmp_path):
    exporter = TrainingDataExporter(formats=[name for name, form in FORMATS.items() if form.lossless])
    samples = [exporter.collector.collect(conversation(0, persona)) for persona in range(10)]
    exporter.export(samples, tmp_path, simulated=True)
    assert sorted(read_samples(tmp_path), key=lambda s: s.sample_id) == samples
    assert sorted(read_samples(tmp_path / "training_data/hf"), key=lambda s: s.sample_id) == samples


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"messages": []}\n{oops\n', r"a\.jsonl:2: not a line of JSON"),
        ("a.jsonl", '{"messages": ' + "[" * 9000 + "]" * 9000 + "}", r"a\.jsonl:1: not a line of JSON"),
        ("a.jsonl", '{"text": "x"}\n', "is in no format known here"),
        ("a.jsonl", '{"messages": []}\n{"conversation": 1}\n', "record 2 does not fit"),
        ("a.jsonl", '{"messages": [{"role": 1, "content": "x"}]}\n', "record 1 does not fit"),
        ("a.jsonl", "[1, 2]\n", "is in no format known here"),
        ("a.json", '{"messages": []}', "not an array"),
        ("a.json", "[\n{oops}\n]", "not JSON"),
        ("a.csv", "a,b\n", r"ends in \.csv"),
        ("a.parquet", "text", "not a Parquet file"),
    ],
)
def test_what_cannot_be_read_is_named(name, text, said, tmp_path):
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(InputError, match=said):
        list(read_samples(tmp_path / name))


def test_a_message_that_only_calls_a_tool_says_nothing(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({"messages": [TALK[0], {"role": "assistant", "content": None}]}), "utf-8")
    assert [m["content"] for m in next(read_samples(path)).full_conversation] == ["hi", ""]


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_samples(tmp_path / "nothing"))
    with pytest.raises(InputError, match="in this folder"):
        list(read_samples(tmp_path))


def arm(count, turns=2):
    collector = TrainingDataCollector()
    return [collector.collect(conversation(0, persona, turns)) for persona in range(count)]


def test_arms_of_equal_samples_keep_the_same_samples():
    arms = equal_arms({"a": arm(30), "b": arm(20)}, "samples")
    assert len(arms["a"].sample_ids) == len(arms["b"].sample_ids) == 20
    smaller = equal_arms({"a": arm(20), "b": arm(10)}, "samples")
    assert len(smaller["a"].sample_ids & smaller["b"].sample_ids) >= 3
    same = equal_arms({"a": arm(20), "b": arm(20, 3), "c": arm(20)}, "samples", seed=3)
    assert same["a"].sample_ids == same["b"].sample_ids == same["c"].sample_ids


def test_arms_of_equal_tokens_differ_by_less_than_one_sample():
    short, long = arm(30, 2), arm(30, 5)
    arms = equal_arms({"short": short, "long": long}, "tokens")
    largest = max(sum(count_tokens(m["content"]) for m in s.full_conversation) for s in long)
    assert arms["short"].tokens - largest < arms["long"].tokens <= arms["short"].tokens
    chosen = list(arms["long"].select(long))
    assert {s.sample_id for s in chosen} == arms["long"].sample_ids
    assert arms["long"].tokens == sum(count_tokens(m["content"]) for s in chosen for m in s.full_conversation)


def test_an_unknown_way_to_equal_arms_is_refused():
    with pytest.raises(ConfigError, match="choose samples or tokens"):
        equal_arms({}, "turns")
