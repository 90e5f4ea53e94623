"""Classes of the user's own, named by ``_target_``, in a whole run; prompts of the user's own; a run reproduced."""

import json

import pytest
from harness import content, dataset, lines, manifest, run

MODULE = '''
from personaloom.dialogue import InteractionGenerator
from personaloom.distractor import DistractorModel
from personaloom.llm.types import Deployment, LLMReply, Usage
from personaloom.llm.simulated import SimulatedModel
from personaloom.personas import RandomSampler
from personaloom.training import TrainingDataExporter


class Shouting:
    """A stage: marks every finished conversation."""

    def __init__(self, mark):
        self.mark = mark

    async def __call__(self, slot):
        slot.interaction.metadata["mark"] = self.mark


class EveryEngineer(RandomSampler):
    """A sampler: personas who are all engineers."""

    def sample(self, count, start=0):
        for persona in super().sample(count, start):
            yield persona.with_(features={**persona.features, "role": "engineer"})


class Echo:
    """A model client of its own protocol."""

    def __init__(self, model, prefix="echo"):
        self.deployment = Deployment("echo", model)
        self._inner = SimulatedModel()
        self.prefix = prefix

    async def complete(self, request, sampling, deadline_s):
        reply = await self._inner.complete(request, sampling, deadline_s)
        text = reply.text if request.schema else f"{self.prefix}: {reply.text}"
        return LLMReply(text, Usage(7, 3), self.deployment.model)

    async def aclose(self):
        pass


class Quiet(DistractorModel):
    """A distractor that draws nothing."""

    def draw(self, unit_id):
        import dataclasses

        return dataclasses.replace(super().draw(unit_id), active=False)


class Counting(TrainingDataExporter):
    """An exporter that adds a number to its statistics."""

    def export(self, samples, folder, **more):
        return {**super().export(samples, folder, **more), "counted": 1}
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of the user's own, trusted, and a folder of options for it."""
    (tmp_path / "loomtest_own.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PERSONALOOM_TRUSTED", "loomtest_own")
    folder = tmp_path / "conf"
    for group, text in {
        "llm": "_target_: loomtest_own.Echo\nmodel: echo/one\nprefix: heard\n",
        "sampler": "_target_: loomtest_own.EveryEngineer\nmin_features: 8\n",
        "distractor": "_target_: loomtest_own.Quiet\nactivation_probability: 0.6\n",
        "training_data": "_target_: loomtest_own.Counting\nformats: [jsonl]\n",
        "stages": "_target_: personaloom.stages.StagePlan\nrun: [persona, query, interaction, distractor, training]\n"
        "extra: [{_target_: loomtest_own.Shouting, mark: seen}]\n",
    }.items():
        (folder / group).mkdir(parents=True)
        (folder / group / "own.yaml").write_text(text)
    return folder


@pytest.mark.parametrize("group", ["llm", "sampler", "distractor", "training_data", "stages"])
def test_a_class_of_the_users_own_makes_a_whole_dataset(own, tmp_path, group):
    out = tmp_path / "out"
    assert run("--config-dir", str(own), f"{group}=own", "num_personas=2", out=out) == 0
    talks = lines(dataset(out) / "interactions.jsonl")
    assert len(talks) == 10
    if group == "llm":
        assert manifest(out)["simulated"] is False
        assert all(m["content"].startswith("heard: ") for t in talks for m in t["messages"] if m["role"] == "assistant")
        assert manifest(out)["usage"]["paid"]["input_tokens"] == 7 * manifest(out)["usage"]["paid"]["calls"]
    if group == "sampler":
        assert {t["persona_features"]["role"] for t in talks} == {"engineer"}
    if group == "distractor":
        assert manifest(out)["noise"]["drawn"] == 0
    if group == "training_data":
        assert json.loads((dataset(out) / "statistics.json").read_text())["counted"] == 1
    if group == "stages":
        assert {t["metadata"]["mark"] for t in talks} == {"seen"}


def test_a_class_that_is_not_trusted_is_refused_before_it_is_imported(own, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("PERSONALOOM_TRUSTED")
    assert run("--config-dir", str(own), "llm=own", out=tmp_path / "out") == 2
    assert "PERSONALOOM_TRUSTED" in capsys.readouterr().err


def test_one_prompt_of_the_users_own_is_used_and_named_by_its_hash(tmp_path):
    import hashlib

    from personaloom.llm.prompts import shipped_prompts

    assert "assistant" in shipped_prompts()
    mine = tmp_path / "my_assistant.j2"
    mine.write_text("{# version: mine-1 #}\n=== system\nAnswer in one line.\n")
    out = tmp_path / "out"
    assert run(f"prompts.overrides.assistant={mine}", "num_personas=1", out=out) == 0
    use = lines(dataset(out) / "interactions.jsonl")[0]["metadata"]["prompts"]["assistant"]
    assert use == {"name": "assistant", "version": "mine-1", "sha256": hashlib.sha256(mine.read_bytes()).hexdigest()}
    assert manifest(out)["prompts"]["assistant"]["version"] == "mine-1"


def test_a_prompt_that_asks_for_what_is_not_there_says_what_is(tmp_path, capsys):
    mine = tmp_path / "mine.j2"
    mine.write_text("=== system\n{{ wether }}\n")
    assert run(f"prompts.overrides.assistant={mine}", "num_personas=1", out=tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "wether" in said
    assert "history" in said


def test_a_runs_own_config_reproduces_it_and_groups_still_work_on_top(tmp_path):
    out = tmp_path / "out"
    assert run("num_personas=1", "distractor=heavy", "interaction.max_turns=3", out=out) == 0
    (saved,) = (out / "runs").glob("*/*/.hydra/config.yaml")
    again = tmp_path / "again"
    assert run("--config", str(saved), out=again) == 0
    assert content(dataset(again)) == content(dataset(out))
    clean = tmp_path / "clean"
    assert run("--config", str(saved), "distractor=none", out=clean) == 0
    assert manifest(clean)["noise"]["drawn"] == 0
    assert manifest(clean)["config"]["interaction"]["max_turns"] == 3


def test_a_smaller_number_of_personas_is_said_and_loses_nothing(tmp_path, capsys):
    words = ("query.queries_per_persona=1", "distractor=none")
    for number in (3, 2, 3):
        assert run(f"num_personas={number}", *words, out=tmp_path) == 0
        assert len(lines(dataset(tmp_path) / "personas.jsonl")) == number
        said = capsys.readouterr().err
        assert ("the files hold the first 2 of 3 personas, the store keeps all" in said) is (number == 2)
    assert "to make" not in said


def test_seeds_are_separate(tmp_path):
    """Another seed for one thing leaves the others as they were."""
    run("num_personas=1", out=tmp_path / "a")
    run("num_personas=1", "seeds.noise=7", out=tmp_path / "b")
    run("num_personas=1", "seeds.personas=7", out=tmp_path / "c")
    a, b, c = (content(dataset(tmp_path / name)) for name in "abc")
    assert a["personas.jsonl"] == b["personas.jsonl"]
    assert a["queries.jsonl"] == b["queries.jsonl"]
    assert a["personas.jsonl"] != c["personas.jsonl"]
    assert [q["original_query"] for q in a["queries.jsonl"]] == [q["original_query"] for q in c["queries.jsonl"]]
