"""Formats: round trips are exact, and trainers' documented schemas are met."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training_builders import conversation, noise

from personaloom.errors import ConfigError
from personaloom.records import TrainingSample
from personaloom.training import FORMATS, TrainingDataExporter
from personaloom.training.files import dump
from personaloom.training.formats import FormatOptions
from personaloom.training.formats.pairs import judged_preference, preference_from_pair

TEXT = st.text(max_size=20)
WIDE = st.one_of(TEXT, st.text(st.characters(categories=["Cs", "Cc", "Lo", "So", "Zl"]), max_size=5))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), WIDE)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
MESSAGES = st.lists(st.tuples(WIDE, WIDE), max_size=3).map(
    lambda pairs: [m for q, a in pairs for m in ({"role": "user", "content": q}, {"role": "assistant", "content": a})]
)
VERSION = st.fixed_dictionaries(
    {"noisy_text": WIDE, "noise_type": TEXT, "applied_strategies": st.lists(TEXT, max_size=2)}
)
STEP = st.fixed_dictionaries(
    {"turn": st.integers(0, 9), "text": WIDE, "noisy_text": st.none() | WIDE, "noise_type": st.none() | TEXT,
     "applied_strategies": st.lists(TEXT, max_size=2)}
)  # fmt: skip
SAMPLES = st.builds(
    TrainingSample,
    sample_id=WIDE, persona_id=TEXT, original_query=WIDE, initial_query=WIDE,
    persona_features=st.none() | st.dictionaries(TEXT, WIDE, max_size=3),
    prompt_trajectory=st.none() | st.lists(STEP, max_size=3) | st.lists(JSON, max_size=2),
    full_conversation=st.none() | MESSAGES,
    num_turns=st.integers(0, 9),
    noisy_initial_queries=st.none() | st.lists(VERSION, max_size=2),
    metadata=st.none() | st.dictionaries(TEXT, JSON, max_size=3),
)  # fmt: skip
OPTIONS = st.builds(FormatOptions, system_prompt=st.booleans(), train_on=st.sampled_from([None, "all", "last"]))
SLOW = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
PLAIN = FormatOptions()
LOSSLESS = [name for name, form in FORMATS.items() if form.lossless]
LOSSY = [name for name, form in FORMATS.items() if not form.lossless]


def written(form, samples, path, options=PLAIN):
    writer = form.open(path, options)
    records = [record for sample in samples for record in form.encode(sample, options)]
    for record in records:
        writer.write(record)
    writer.finish()
    writer.commit()
    return records


@pytest.mark.parametrize("name", LOSSLESS)
@SLOW
@given(samples=st.lists(SAMPLES, max_size=4))
def test_a_lossless_format_gives_back_every_sample_exactly(name, samples, tmp_path):
    form = FORMATS[name]
    written(form, samples, tmp_path / "file")
    assert [dump(s.to_dict()) for s in form.samples(str(tmp_path / "file"))] == [dump(s.to_dict()) for s in samples]


@pytest.mark.parametrize("name", LOSSY)
@SLOW
@given(samples=st.lists(SAMPLES, max_size=3), options=OPTIONS)
def test_a_reader_gives_back_every_record_exactly(name, samples, options, tmp_path):
    form = FORMATS[name]
    records = written(form, [s.with_(prompt_trajectory=None) for s in samples], tmp_path / "file", options)
    assert list(form.read(tmp_path / "file")) == records


def rich_samples(exporter):
    for persona in range(6):
        noises = [noise(f"clean {persona}", f"cleen {persona}"), noise("more", "mroe", "incomplete_info")][
            : persona % 3
        ]
        talk = conversation(0, persona, 3, noises, end_reason=("satisfied", "target_reached")[persona % 2])
        twin = [
            {"role": m.role, "content": m.content.replace("cleen", "clean") + "!" * (m.role == "assistant")}
            for m in talk.messages
        ]
        pair = {"pair_id": f"pair-{persona}", "clean": twin}
        talk = talk.with_(metadata=talk.metadata | ({"pair": pair} if noises else {}))
        yield exporter.collector.collect(talk, f"You are number {persona}.")


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("system_prompt", [False, True])
@pytest.mark.parametrize("train_on", [None, "all", "last"])
def test_a_record_survives_the_way_through_a_sample(name, system_prompt, train_on):
    form, options = FORMATS[name], FormatOptions(system_prompt=system_prompt, train_on=train_on)
    records = [r for s in rich_samples(TrainingDataExporter()) for r in form.encode(s, options)]
    assert records
    for record in records:
        assert form.encode(form.decode(record), options)[-1] == record


@pytest.fixture
def sample():
    return TrainingDataExporter().collector.collect(conversation(), "You are Ann.")


def test_openai_records_are_messages_and_nothing_else(sample):
    (record,) = FORMATS["openai"].encode(sample, FormatOptions())
    assert list(record) == ["messages"]
    assert [m["role"] for m in record["messages"]] == ["user", "assistant"] * 2
    assert all(set(m) == {"role", "content"} for m in record["messages"])


def test_the_persona_prompt_comes_first_by_choice(sample):
    (record,) = FORMATS["openai"].encode(sample, FormatOptions(system_prompt=True))
    assert record["messages"][0] == {"role": "system", "content": "You are Ann."}


@pytest.mark.parametrize(("train_on", "weights"), [("all", [1, 1]), ("last", [0, 1])])
def test_marks_say_which_answers_are_learned_from(sample, train_on, weights):
    options = FormatOptions(train_on=train_on)
    (record,) = FORMATS["openai"].encode(sample, options)
    assert [m.get("weight") for m in record["messages"]] == [None, weights[0], None, weights[1]]
    (shared,) = FORMATS["sharegpt"].encode(sample, options)
    assert [e["train_on"] for e in shared["conversations"]] == [False, bool(weights[0]), False, bool(weights[1])]
    assert len(FORMATS["trl_sft"].encode(sample, options)) == sum(weights)


def is_chat(value):
    """TRL's own test of a conversational column: a list of messages with role and content."""
    return isinstance(value, list) and all(
        {"role", "content"} <= m.keys() and isinstance(m["content"], str) for m in value
    )


def test_trl_types_have_the_columns_that_trl_documents():
    samples = list(rich_samples(TrainingDataExporter()))
    for record in (r for s in samples for r in FORMATS["trl_sft"].encode(s, FormatOptions())):
        assert is_chat(record["messages"])
    for record in (r for s in samples for r in FORMATS["trl_sft"].encode(s, FormatOptions(train_on="all"))):
        assert is_chat(record["prompt"])
        assert is_chat(record["completion"])
        assert record["completion"][0]["role"] == "assistant"
        assert record["prompt"][-1]["role"] == "user"
    preferences = [r for s in samples for r in FORMATS["trl_preference"].encode(s, FormatOptions())]
    for record in preferences:
        assert all(is_chat(record[name]) for name in ("prompt", "chosen", "rejected"))
        assert record["prompt"][-1]["role"] == "user"
        assert record["chosen"] != record["rejected"]


def test_a_robustness_pair_prefers_the_answer_to_what_was_meant():
    (record, *_) = [
        r for s in rich_samples(TrainingDataExporter()) for r in FORMATS["trl_preference"].encode(s, FormatOptions())
    ]
    assert record["prompt"][-1]["content"] == "cleen 1"
    assert record["rejected"][0]["content"] == "answer 0 of p000001-q00"
    assert record["chosen"][0]["content"] == "answer 0 of p000001-q00!"
    assert record["source"] == "robustness"


def test_a_line_of_the_pairs_file_gives_the_same_preference():
    noisy = [{"role": "user", "content": "cleen"}, {"role": "assistant", "content": "what?"}]
    clean = [{"role": "user", "content": "clean"}, {"role": "assistant", "content": "done"}]
    line = {"pair_id": "x", "persona_id": "p", "clean": {"messages": clean}, "noisy": {"messages": noisy}}
    record = preference_from_pair(line)
    assert (record["prompt"], record["chosen"], record["rejected"]) == (noisy[:1], clean[1:], noisy[1:])
    assert preference_from_pair({**line, "clean": {"messages": noisy}}) is None


def test_the_better_judged_answer_to_one_prompt_is_chosen(sample):
    talk = sample.full_conversation
    other = sample.with_(full_conversation=[talk[0], {"role": "assistant", "content": "no"}, *talk[2:]])
    record = judged_preference(sample, other, (2.0, 4.5))
    assert (record["chosen"][0]["content"], record["rejected"]) == ("no", [talk[1]])
    assert (record["score_chosen"], record["score_rejected"]) == (4.5, 2.0)
    assert judged_preference(sample, other, (4, 4.5), margin=1) is None
    assert judged_preference(sample, sample, (1, 5)) is None


def test_prompt_rewriting_goes_from_the_noisy_to_the_clean_text_with_history():
    samples = list(rich_samples(TrainingDataExporter()))
    records = [r for s in samples for r in FORMATS["prompt_rewriting"].encode(s, FormatOptions())]
    assert [(r["noisy"], r["clean"]) for r in records[:3]] == [
        ("cleen 1", "clean 1"),
        ("cleen 2", "clean 2"),
        ("mroe", "more"),
    ]
    follow_up = records[2]
    assert [m["role"] for m in follow_up["history"]] == ["user", "assistant"]
    assert follow_up["completion"] == [{"role": "assistant", "content": "more"}]
    assert "mroe" in follow_up["prompt"][-1]["content"]
    assert "tone_pref: formal" in follow_up["prompt"][0]["content"]


def test_personaatlas_has_the_published_keys_and_says_what_ended_it():
    first, second, *_ = (
        r for s in rich_samples(TrainingDataExporter()) for r in FORMATS["personaatlas"].encode(s, FormatOptions())
    )
    assert list(first) == [
        "id", "persona_id", "persona", "original_query", "initial_query", "full_conversation", "role_utterances",
        "num_turns", "distractor_type", "conversation_ended",
    ]  # fmt: skip
    assert (first["distractor_type"], first["conversation_ended"]) == ("none", True)
    assert (second["distractor_type"], second["conversation_ended"]) == ("surface_noise", False)
    assert len(first["role_utterances"]["user"]) == len(first["role_utterances"]["assistant"]) == 3


def test_formats_whose_fields_are_switched_off_are_refused_with_the_switch():
    with pytest.raises(ConfigError, match=r"openai needs include_full_conversation.*include_full_conversation=true"):
        TrainingDataExporter(formats=["openai"], include_full_conversation=False)


def test_every_format_exports_in_one_pass_and_reads_back(tmp_path):
    exporter = TrainingDataExporter(formats=list(FORMATS), system_prompt=True)
    stats = exporter.export(rich_samples(exporter), tmp_path, simulated=True)
    for name, paths in stats["paths"].items():
        found = [s for path in paths.values() for s in FORMATS[name].samples(tmp_path / path)]
        assert found, name
    assert not list(tmp_path.rglob("*.part"))


def test_the_card_says_what_the_data_is_and_how_it_came_to_be(tmp_path):
    import yaml

    exporter = TrainingDataExporter(formats=["hf"], license="cc-by-4.0")
    manifest = {
        "name": "SIM-demo", "fingerprint": "f" * 64,
        "models": [{"role": "assistant", "model": "simulated/persona-1", "snapshots": []}],
        "prompts": {"assistant": {"version": "3", "sha256": "abc"}},
        "noise": {"mode": "realtime", "configured_rate": 0.25, "units": 18},
    }  # fmt: skip
    stats = exporter.export(rich_samples(exporter), tmp_path, simulated=True, manifest_extra=manifest)
    text = (tmp_path / "training_data/hf/README.md").read_text("utf-8")
    _, head, body = text.split("---\n", 2)
    header = yaml.safe_load(head)
    assert header["license"] == "cc-by-4.0"
    assert "simulated" in header["tags"]
    for entry in header["configs"][0]["data_files"]:
        assert (tmp_path / "training_data/hf" / entry["path"]).is_file()
    for said in ("SIM-demo", "f" * 64, "simulated/persona-1", "abc", "**Simulated.**", "Intended use", "Limits"):
        assert said in body
    assert "training_data/hf/README.md" in stats["files"]


def test_a_card_without_facts_says_so_and_claims_no_licence(tmp_path):
    exporter = TrainingDataExporter(formats=["hf"])
    exporter.export([], tmp_path, simulated=False)
    text = (tmp_path / "training_data/hf/README.md").read_text("utf-8")
    assert "license: unknown" in text
    assert "Not recorded." in text
    assert "Simulated" not in text


def test_a_parquet_file_is_typed(tmp_path):
    import pyarrow.parquet as pq

    exporter = TrainingDataExporter(formats=["parquet"])
    exporter.export(rich_samples(exporter), tmp_path, simulated=True)
    table = pq.read_table(tmp_path / "training_data/train_samples.parquet")
    assert str(table.schema.field("num_turns").type) == "int64"
    assert table.column("exact_json").null_count == table.num_rows


@pytest.mark.filterwarnings("ignore")  # what that library warns of is not ours
def test_hugging_face_datasets_loads_every_format(tmp_path):
    """The library is an extra; where it is missing this is told."""
    datasets = pytest.importorskip("datasets", reason="the extra 'export' is not installed")
    exporter = TrainingDataExporter(formats=list(FORMATS), split={"train": 1.0}, system_prompt=True)
    stats = exporter.export(rich_samples(exporter), tmp_path, simulated=True)
    for name, paths in stats["paths"].items():
        kind = "parquet" if name in {"parquet", "hf"} else "json"
        table = datasets.load_dataset(kind, data_files=paths["train"], split="train", cache_dir=str(tmp_path / name))
        assert len(table) == stats["files"][f"training_data/{FORMATS[name].file.format(split='train')}"]["records"]
    folder = datasets.load_dataset(str(tmp_path / "training_data/hf"), cache_dir=str(tmp_path / "cache"))
    assert folder["train"][0]["full_conversation"][0]["role"] == "user"


def test_a_json_array_is_valid_json_for_any_reader(tmp_path):
    exporter = TrainingDataExporter(formats=["json"], split={"train": 1.0})
    exporter.export(rich_samples(exporter), tmp_path, simulated=True)
    assert len(json.loads((tmp_path / "training_data/train_samples.json").read_text("utf-8"))) == 6
