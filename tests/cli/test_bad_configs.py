"""Whatever is wrong with a command, a config or an input file: one clear message, exit code 2, no traceback."""

from pathlib import Path

import pytest

from personaloom.cli import entry


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def write(name: str, text: str | bytes) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return name


BANK = "dimensions:\n  - {name: role, description: d, type: categorical, category: basic_info, values: %s}\n"
COMMANDS = {
    "missing config file": (["--config", "nope.yaml"], "nope.yaml"),
    "missing config folder": (["--config-dir", "nope"], "nope"),
    "unknown group option": (["distractor=hevy"], "did you mean heavy?"),
    "unknown group": (["distracter=heavy"], "did you mean distractor?"),
    "unknown key": (["num_persona=3"], "did you mean num_personas?"),
    "unknown key, added": (["+engine.concurency=3"], "did you mean engine.concurrency?"),
    "unknown flag": (["--num-persona", "3"], "did you mean --num-personas?"),
    "no key and no value": (["heavy"], "KEY=VALUE"),
    "override that cannot be parsed": (["name=[a"], "name=[a"),
    "wrong type": (["num_personas=many"], "whole number"),
    "letters that no folder has everywhere": (
        ["name=größe/1"],
        "in which '/', 'ß', 'ö' cannot stand → it names folders",
    ),
    "negative number": (["query.queries_per_persona=-2"], "at least 1"),
    "probability above 1": (["interaction.feedback_probability=1.5"], "at most 1"),
    "minimum above maximum": (["interaction.min_turns=7"], "interaction.max_turns=5"),
    "ratios that do not sum": (["training_data.split.train=0.9"], "must sum to 1"),
    "unknown stage": (["stages.run=[persona,talk]"], "there is no stage 'talk'"),
    "unknown stage in a list": (["stages=persona,talk"], "there is no stage 'talk'"),
    "unknown stage of a flag": (["--stage", "talk"], "interaction"),
    "several values without -m": (["num_personas=1,2"], "add -m"),
    "pool member without a model": (["llm.pool=[{model: simulated/a}, {weight: 2}]"], "llm.pool[1].model: is missing"),
    "class that is not trusted": (["sampler._target_=os.system"], "PERSONALOOM_TRUSTED"),
    "missing key variable": (["llm=gpt4o"], "OPENAI_API_KEY"),
    "literal key": (["llm=gpt4o", "llm.api_key=sk-abcdefghijklmnop"], "llm.api_key_env"),
    "flag against override": (["--num-personas", "5", "num_personas=6"], "contradicts num_personas=6"),
    "missing query file": (["query.path=nope.jsonl"], "nope.jsonl"),
    "ledger to replay that is not there": (
        ["ledger.mode=readonly", "ledger.path=slice.sqlite"],
        "ledger.path: there is no ledger slice.sqlite",
    ),
    "ledger where none can be": (["ledger.path=/dev/null/ledger.sqlite"], "ledger.path: /dev/null cannot be a folder"),
    "missing bank": (["persona_bank=file", "persona_bank.path=nope.yaml"], "nope.yaml"),
    "option that needs a path": (["persona_bank=file"], "persona_bank.path=VALUE"),
    "missing prompt folder": (["prompts.folder=nope"], "nope"),
    "dataset folder that is not there": (["stages=report", "dataset_dir=nope"], "nope"),
    "upload to nowhere": (["stages=report,track", "tracking=none"], "track has nowhere to log to"),
    "output folder that is a file": (["output_dir=/dev/null/x"], "output_dir"),
    "two verbs": (["preview=2", "compare=a"], "at once"),
    "interpolation that leads nowhere": (["name=${nothing}"], "nothing"),
}


@pytest.mark.parametrize(("argv", "says"), COMMANDS.values(), ids=COMMANDS)
def test_bad_command(argv, says, capsys):
    expect(entry(argv), says, capsys)


FILES = {
    "bad YAML in the config": ("config.yaml", "defaults: [personaloom\nname: x", [], "config.yaml:2"),
    "config that is a list": ("config.yaml", "- a\n- b\n", [], "not a mapping"),
    "config that is no text": ("config.yaml", b"\xff\xfe\x00", [], "config.yaml"),
    "default that is not there": ("config.yaml", "defaults: [personaloom, nope]\n", [], "nope"),
    "option that is not there": (
        "config.yaml",
        "defaults: [personaloom, {override llm: gpt5x}]\n",
        [],
        "gpt4o",
    ),
    "config without its base": ("config.yaml", "defaults: [{llm: simulated}]\nname: x\n", [], "personaloom"),
    "bad JSONL line": ("q.jsonl", '{"text": "Hello there"}\n{"text": \n', ["query.path=q.jsonl"], "2"),
    "empty query set": ("q.jsonl", "", ["query.path=q.jsonl"], "q.jsonl"),
    "empty bank": ("b.yaml", "dimensions: []\n", ["persona_bank.path=b.yaml"], "b.yaml"),
    "dimension without values": ("b.yaml", BANK % "[]", ["persona_bank.path=b.yaml"], "role"),
    "bank that is no YAML": ("b.yaml", "dimensions: [", ["persona_bank.path=b.yaml"], "b.yaml"),
    "prompt that does not compile": (
        "p/assistant.j2",
        "=== user\n{% if %}",
        ["prompts.folder=p"],
        "assistant",
    ),
    "prompt with a variable that is not there": (
        "mine.j2",
        "{# version: 2 #}\n=== user\n{% for m in history %}{{ m.content }}{% endfor %}\n{{ perona }}",
        ["-m", "seed=1,2", "prompts.overrides.assistant=mine.j2"],
        "mine.j2:4: there is no variable 'perona' → variables there are: features, history, persona_prompt, topic",
    ),
    "prompt with a field that no message has": (
        "mine.j2",
        "{# version: 2 #}\n=== user\n{% for m in history %}\n{{ m.rol }}{{ m.by | default('') }}{% endfor %}{{ topic }}",
        ["prompts.overrides.assistant=mine.j2"],
        "mine.j2:4: m has no 'rol' → it has content, role",
    ),
    "prompt with a feature that the bank does not have": (
        "mine.j2",
        "{# version: 2 #}\n=== user\n{% if 'mood' in features %}{{ features.mood }}{% endif %}\n{{ features['rol'] }}",
        ["prompts.overrides.user_feedback=mine.j2"],
        "mine.j2:4: the bank has no dimension 'rol' → did you mean role?",
    ),
    "prompt with features where none are given": (
        "mine.j2",
        "{# version: 2 #}\n=== user\n{% for name in features.keys() %}{{ name }}{% endfor %}",
        ["prompts.overrides.assistant=mine.j2"],
        "mine.j2:3: the assistant is told no features, for interaction.assistant_persona=none",
    ),
    "prompt with a feature that not every persona has": (
        "mine.j2",
        "{# version: 2 #}\n=== user\n{{ features.role }}{{ features.domain }}",
        ["prompts.overrides.user_feedback=mine.j2", "num_personas=9", "sampler.required_dimensions=[domain]"],
        "of 9 personas have no feature 'role' → write features.get('role', '…')",
    ),
    "prompt that is not known": ("p/poem.j2", "=== user\nx", ["prompts.folder=p"], "poem"),
    "bad YAML in a folder of the user's": (
        "mine/llm/x.yaml",
        "a: [",
        ["--config-dir", "mine", "llm=x"],
        "x.yaml",
    ),
    "key in a config file": (
        "config.yaml",
        "defaults: [personaloom]\nname: sk-abcdefghijkl\n",
        [],
        "look of a key",
    ),
}


@pytest.mark.parametrize(("name", "text", "argv", "says"), FILES.values(), ids=FILES)
def test_bad_file(name, text, argv, says, capsys):
    write(name, text)
    expect(entry(["tracking=none", *argv]), says, capsys)


def test_a_sweep_with_a_bad_job_starts_none_of_them(capsys):
    expect(entry(["-m", "distractor=none,light", "num_personas=1,0"]), "#1, #3", capsys)
    assert not list(Path().glob("outputs/datasets/*"))


def test_jobs_that_would_share_a_dataset_are_refused_with_the_remedy(capsys):
    expect(entry(["-m", "num_personas=1,2"]), "name=n${num_personas}", capsys)
    expect(entry(["-m", "seed=1,2", "dataset_dir=one"]), "leave dataset_dir out", capsys)
    expect(entry(["-m", "seed=1,2", "export_path=p.json"]), "'export_path=p-${hydra:job.num}.json'", capsys)


def test_jobs_that_differ_in_size_and_name_do_not_share_a_dataset():
    from personaloom.config import compose, validate
    from personaloom.config.identity import datasets_of

    configs = [validate(compose([f"num_personas={size}", "name=n${num_personas}"])) for size in (1, 2)]
    prints, faults = datasets_of(configs)
    assert faults == []
    assert len(prints) == 1  # of one fingerprint, in two folders
    assert len(datasets_of([configs[0], configs[0], configs[1]])[1]) == 1


def test_input_that_only_one_job_cannot_use_stops_the_sweep_before_it_starts(capsys):
    write("good.jsonl", '{"text": "How do I mend a clock?"}\n')
    write("bad.jsonl", "{\n")
    expect(entry(["-m", "query.path=good.jsonl,bad.jsonl", "tracking=none"]), "job #1: bad.jsonl", capsys)
    expect(entry(["-m", "seed=1,2", "query.path=bad.jsonl", "tracking=none"]), "(1 fault):\n  all jobs: bad", capsys)


def expect(code: int, says: str, capsys) -> None:
    out, err = capsys.readouterr()
    assert code == 2, err
    assert says in err
    assert err.count("error:") == 1
    assert "Traceback" not in out + err
    assert "sk-" not in out + err


def test_an_unforeseen_error_is_short_and_its_traceback_is_in_a_file(capsys, monkeypatch):
    def broken(call):
        raise RuntimeError("sk-abcdefghijklmnop is broken")

    write("config.yaml", "defaults: [personaloom, _self_]\noutput_dir: elsewhere\n")
    monkeypatch.setattr("personaloom.cli.dispatch._act", broken)
    assert entry(["num_personas=1"]) == 1
    err = capsys.readouterr().err
    (file,) = Path("elsewhere/errors").iterdir()
    assert not Path("outputs").exists()
    assert str(file) in err
    assert "Traceback" not in err
    assert "in broken" in file.read_text()
    assert "sk-" not in err + file.read_text()


def test_an_interrupt_is_exit_code_130(capsys, monkeypatch):
    def interrupted(argv):
        raise KeyboardInterrupt

    monkeypatch.setattr("personaloom.cli.dispatch.parse", interrupted)
    assert entry(["x=1"]) == 130
    assert "Traceback" not in capsys.readouterr().err
