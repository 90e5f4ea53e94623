"""What a trainer loads without a script: our files, through the library that trainers load them with."""

from pathlib import Path

import pytest
from training_builders import conversation, noise

from personaloom.training import FORMATS, TrainingDataCollector, TrainingDataExporter

CHAT = ("openai", "trl_sft", "trl_preference", "prompt_rewriting")
TURN = {"role", "content"}


def conversational(example):
    """The rule that TRL documents: a supported key holds a list of messages with role and content."""
    keys = [key for key in ("prompt", "chosen", "rejected", "completion", "messages") if key in example]
    return bool(keys) and all(example[key] and set(example[key][0]) >= TURN for key in keys)


def load(path, cache):
    datasets = pytest.importorskip("datasets", reason="the extra 'export' is not installed")
    return datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(cache))


def written(tmp_path, **options):
    collector = TrainingDataCollector()
    samples = []
    for number in range(6):
        result = [noise("How do I fix the bike?", "hw do i fix teh bike")] if number % 2 else ()
        sample = collector.collect(conversation(number, noises=result), "You are Ann.")
        said = sample.full_conversation
        clean = [
            {"role": "user", "content": "How do I fix the bike?"},
            {"role": "assistant", "content": "Gladly."},
            *said[2:],
        ]
        pair = {"pair_id": sample.sample_id, "clean": clean}
        samples.append(sample.with_(metadata=sample.metadata | {"pair": pair}) if result else sample)
    exporter = TrainingDataExporter(formats=list(FORMATS), split={"train": 1.0}, **options)
    return exporter.export(samples, tmp_path, simulated=True)["paths"]


@pytest.mark.filterwarnings("ignore")  # what that library warns of is not ours
@pytest.mark.parametrize(
    "options", [{}, {"system_prompt": True}, {"train_on": "all"}], ids=["plain", "system", "marks"]
)
def test_chat_formats_are_conversational_by_the_trainers_own_rule(tmp_path, options):
    """Where TRL is installed its own check is asked, else the rule as it documents it."""
    paths = written(tmp_path, **options)
    for name in CHAT:
        table = load(paths[name]["train"], tmp_path / "cache" / name)
        assert len(table) > 0
        assert all(conversational(example) for example in table), name
    try:
        from trl.data_utils import is_conversational
    except ImportError:
        return
    for name in CHAT:
        assert all(is_conversational(example) for example in load(paths[name]["train"], tmp_path / "again" / name)), (
            name
        )


@pytest.mark.filterwarnings("ignore")
def test_columns_have_the_types_that_trainers_document(tmp_path):
    datasets = pytest.importorskip("datasets", reason="the extra 'export' is not installed")
    paths = written(tmp_path)
    text = datasets.Value("string")
    turns = (
        datasets.List({"role": text, "content": text})
        if hasattr(datasets, "List")
        else [{"role": text, "content": text}]
    )
    sft = load(paths["trl_sft"]["train"], tmp_path / "a").features
    assert sft["messages"] == turns
    preference = load(paths["trl_preference"]["train"], tmp_path / "b").features
    assert preference["prompt"] == preference["chosen"] == preference["rejected"] == turns
    share = load(paths["sharegpt"]["train"], tmp_path / "c")[0]["conversations"]
    assert [turn["from"] for turn in share[:2]] == ["human", "gpt"]


def test_files_of_a_split_lie_where_the_manifest_says(tmp_path):
    for by_split in written(tmp_path).values():
        assert all(Path(path).is_file() for path in by_split.values())
