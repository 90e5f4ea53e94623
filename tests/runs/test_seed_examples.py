"""The reference page's examples, as they are written there (with ``conf/config.yaml`` where it says ``config.yaml``)."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from harness import lines

import personaloom
from personaloom import EnhancedPersonaGenerationPipeline, PersonaGenerationPipeline
from personaloom.records import PersonaSpec

ROOT = Path(__file__).parents[2]

ENHANCED = """
from src.enhanced_pipeline import EnhancedPersonaGenerationPipeline

# Initialize pipeline
pipeline = EnhancedPersonaGenerationPipeline("config.yaml")

# Run full pipeline
result = pipeline.run(num_personas=100)

# Access results
print(f"Personas: {len(result['personas'])}")
print(f"Queries: {sum(len(q) for q in result['queries'].values())}")
print(f"Interactions: {len(result['interactions'])}")
print(f"Training samples: {result['training_data']['total_samples']}")
"""

BASIC = """
from src.pipeline import PersonaGenerationPipeline

# Initialize
pipeline = PersonaGenerationPipeline("config.yaml")

# Generate personas only
result = pipeline.run(
    num_personas=1000,
    generate_prompts=True,
    export_dataset=True,
    dataset_path="personas.json"
)

print(f"Generated {result['num_personas']} personas")
print(f"Exported to {result['dataset_path']}")
"""


@pytest.fixture
def root(tmp_path):
    """A working folder like the repository's root: ``src`` and ``run.py`` in it, and a ``config.yaml`` of the user's."""
    for name in ("src", "run.py", "conf"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "config.yaml").write_text("defaults:\n  - personaloom\n  - _self_\n  - override tracking: none\n")
    return tmp_path


def python(root, *words):
    done = subprocess.run([sys.executable, *words], cwd=root, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_enhanced_example_runs_as_written(root):
    assert python(root, "-c", ENHANCED).splitlines() == [
        "Personas: 100", "Queries: 500", "Interactions: 500", "Training samples: 500",
    ]  # fmt: skip


def test_the_basic_example_runs_as_written(root):
    said = python(root, "-c", BASIC)
    assert said.splitlines() == ["Generated 1000 personas", "Exported to personas.json"]
    personas = json.loads((root / "personas.json").read_text())
    assert len(personas) == 1000
    assert all(p["persona_id"] and p["features"] and p["system_prompt"] for p in personas)


@pytest.mark.parametrize(
    "flags",
    [
        ("--num-personas", "2"),
        ("--mode", "basic", "--num-personas", "30"),
        ("--skip-distractor", "--num-personas", "2"),
    ],
)
def test_the_command_line_examples_run_as_written(root, flags):
    python(root, "run.py", *flags)
    assert len(list((root / "outputs" / "datasets").iterdir())) == 1


def test_the_stage_example_goes_on_from_what_earlier_stages_left(root):
    for stage in ("persona", "query", "interaction"):
        python(root, "run.py", "--stage", stage, "--num-personas", "2")
    (folder,) = (root / "outputs" / "datasets").iterdir()
    assert len(lines(folder / "interactions.jsonl")) == 10


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    out = tmp_path_factory.mktemp("attributes")
    return EnhancedPersonaGenerationPipeline(ROOT / "conf" / "config.yaml", [f"output_dir={out}", "tracking=none"])


def test_the_attribute_table_has_the_types_of_the_page(pipeline):
    assert isinstance(pipeline.config, dict)
    assert isinstance(pipeline.stages, dict)
    assert all(isinstance(name, str) and isinstance(on, bool) for name, on in pipeline.stages.items())
    assert isinstance(pipeline.incremental, bool)
    for attribute, name in {
        "token_tracker": "TokenTracker",
        "llm_client": "LLMClient",
        "persona_bank": "PersonaBank",
        "sampler": "PersonaSampler",
        "query_generator": "UserQueryGenerator",
        "interaction_generator": "InteractionGenerator",
        "distractor": "DistractorModel",
        "training_collector": "TrainingDataCollector",
        "training_exporter": "TrainingDataExporter",
    }.items():
        cls = getattr(personaloom, name)
        assert isinstance(getattr(pipeline, attribute), cls), attribute
        assert cls.__doc__, name


def test_run_gives_what_the_page_says_key_by_key(pipeline):
    result = pipeline.run(num_personas=2)
    assert {"personas", "queries", "interactions", "enhanced_interactions", "training_data"} <= set(result)
    assert all(isinstance(persona, dict) for persona in result["personas"])
    assert set(result["queries"]) == {persona["persona_id"] for persona in result["personas"]}
    assert all(isinstance(talk, dict) for talk in result["interactions"])
    noisy = [
        t for t in result["interactions"] if any(n["metadata"]["verdict"] == "applied" for n in t["metadata"]["noise"])
    ]
    assert result["enhanced_interactions"] == noisy
    assert result["training_data"]["total_samples"] == 10
    assert pipeline.token_tracker.total_tokens > 0


def test_the_client_answers_on_its_own(pipeline):
    answer = pipeline.llm_client.chat("How do I descale a kettle?")
    assert len(answer) > 20


def test_the_basic_pipeline_gives_persona_specs_and_resets(tmp_path):
    basic = PersonaGenerationPipeline(ROOT / "conf" / "config.yaml", [f"output_dir={tmp_path}", "tracking=none"])
    result = basic.run(num_personas=3, generate_prompts=False)
    assert result["num_personas"] == 3
    assert result["dataset_path"] is None
    assert all(isinstance(persona, PersonaSpec) for persona in result["personas"])
    assert all(persona.system_prompt is None for persona in result["personas"])
    assert basic.token_tracker.total_tokens == 0
    again = basic.run(num_personas=3)
    assert [p.features for p in again["personas"]] == [p.features for p in result["personas"]]
    assert all(persona.system_prompt for persona in again["personas"])
    sent = [json.loads(path.read_text("utf-8"))["usage"] for path in tmp_path.glob("datasets/*/manifest.json")]
    assert sum(usage["this_run"]["calls"] for usage in sent) == 3
    basic.run(num_personas=2)  # written anew, and nothing is asked
    sent = [json.loads(path.read_text("utf-8"))["usage"] for path in tmp_path.glob("datasets/*/manifest.json")]
    assert sum(usage["this_run"]["calls"] for usage in sent) == 0
    folders = list((tmp_path / "datasets").iterdir())
    basic.reset()
    assert not any(folder.exists() for folder in folders)
    assert basic.run(num_personas=2)["num_personas"] == 2


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "parquet"])
def test_basic_exports_by_suffix(tmp_path, suffix):
    basic = PersonaGenerationPipeline(ROOT / "conf" / "config.yaml", [f"output_dir={tmp_path}", "tracking=none"])
    path = tmp_path / f"people.{suffix}"
    result = basic.run(num_personas=5, generate_prompts=False, export_dataset=True, dataset_path=str(path))
    wanted = [(p.persona_id, p.features) for p in result["personas"]]
    assert read_personas(path) == wanted


def read_personas(path):
    if path.suffix == ".json":
        return [(r["persona_id"], r["features"]) for r in json.loads(path.read_text())]
    if path.suffix == ".jsonl":
        return [(r["persona_id"], r["features"]) for r in lines(path)]
    if path.suffix == ".csv":
        import csv

        with path.open(newline="") as rows:
            return [(r["persona_id"], json.loads(r["features"])) for r in csv.DictReader(rows)]
    import pyarrow.parquet as pq

    rows = pq.read_table(path).to_pylist()
    return [(r["persona_id"], {k: v for k, v in r["features"].items() if v is not None}) for r in rows]


def test_an_unknown_suffix_is_refused(tmp_path):
    basic = PersonaGenerationPipeline(ROOT / "conf" / "config.yaml", [f"output_dir={tmp_path}", "tracking=none"])
    with pytest.raises(ValueError, match=r"\.parquet"):
        basic.run(num_personas=1, generate_prompts=False, export_dataset=True, dataset_path=str(tmp_path / "x.xlsx"))
    assert not list(tmp_path.iterdir())  # before anything was made


def test_the_configs_own_export_is_given_back_too(tmp_path):
    words = [f"output_dir={tmp_path / 'out'}", "tracking=none", f"export_path={tmp_path / 'people.jsonl'}"]
    basic = PersonaGenerationPipeline(ROOT / "conf" / "config.yaml", words)
    for export in (False, True):
        result = basic.run(num_personas=np.int64(2), generate_prompts=False, export_dataset=export)
        assert result["dataset_path"] == str(tmp_path / "people.jsonl")
    assert len(lines(tmp_path / "people.jsonl")) == 2


@pytest.mark.parametrize("number", [2.0, "2", True, 0])
def test_a_number_of_personas_that_is_none_is_a_value_error(pipeline, number):
    with pytest.raises(ValueError, match=r"num_personas=.*at least 1"):
        pipeline.run(number)


def test_training_data_has_its_keys_also_where_there_is_none(pipeline):
    words = [f"output_dir={pipeline.dataset_dir.parents[1]}", "tracking=none"]
    made = pipeline.run(1)["training_data"]
    none = EnhancedPersonaGenerationPipeline(ROOT / "conf" / "config.yaml", [*words, "stages=persona", "seed=7"]).run(1)
    assert none["training_data"]["samples_by_split"] == {"train": 0, "val": 0, "test": 0}
    assert none["queries"] == {"p000000": []}
    assert set(none["training_data"]) == set(made) - {"noise", "quality"}


@pytest.mark.parametrize("cls", [EnhancedPersonaGenerationPipeline, PersonaGenerationPipeline])
def test_the_constructors_raise_what_the_page_says(cls, tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        cls(str(tmp_path / "none.yaml"))
    bad = tmp_path / "bad.yaml"
    bad.write_text("defaults:\n  - personaloom\n  - _self_\nnum_personas: -3\n")
    with pytest.raises(ValueError, match="num_personas"):
        cls(str(bad))
    assert next(iter(inspect.signature(cls).parameters)) == "config_path"


def test_run_has_the_parameters_of_the_page():
    basic = inspect.signature(PersonaGenerationPipeline.run).parameters
    assert {name: p.default for name, p in basic.items() if name != "self"} == {
        "num_personas": None, "generate_prompts": True, "export_dataset": False, "dataset_path": None,
    }  # fmt: skip
    enhanced = inspect.signature(EnhancedPersonaGenerationPipeline.run).parameters
    assert {name: p.default for name, p in enhanced.items() if name != "self"} == {"num_personas": None}


def test_the_seed_paths_are_importable_from_the_root_only_as_re_exports():
    for name in ("enhanced_pipeline", "pipeline"):
        source = (ROOT / "src" / f"{name}.py").read_text()
        assert "def " not in source
        assert "class " not in source
    assert (ROOT / "run.py").exists()
