"""Configs, banks, queries and templates that would hang, exhaust or crash a run are refused with one message, at once."""

import io
import os
from pathlib import Path

import pytest

from personaloom.cli import entry
from personaloom.errors import ConfigError, InputError
from personaloom.llm.endpoints import tidy_base_url
from personaloom.llm.prompts import PromptLibrary
from personaloom.queries import QuerySet

BASE = "defaults: [personaloom, _self_]\n"
BOMB = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x, x'}]" for n in range(7))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(argv, capsys) -> str:
    """The one message of a command that ends with exit code 2."""
    code = entry(["tracking=none", *argv])
    out, err = capsys.readouterr()
    assert code == 2, err
    assert err.count("error:") == 1
    assert "Traceback" not in out + err
    assert not Path("outputs/errors").exists()
    return err


CONFIGS = {
    "references that multiply": (BASE + BOMB, "100,000 are the most"),
    "a reference to itself": (BASE + "name: &a [*a]\n", "config.yaml:2: holds a reference to itself"),
    "a key that is null": (BASE + "~: 2\n", "config.yaml: cannot be used"),
    "a list where keys belong": (BASE + "sampler: [1, 2]\n", "sampler: is a list"),
    "a list where keys belong, without defaults": ("seeds: [1]\n", "seeds: is a list"),
    "a list of rules that are none": (BASE + "distractor:\n  rules: hello\n", "distractor.rules: is 'hello'"),
    "a rule that is no mapping": (BASE + "distractor:\n  rules: {typo: 1}\n", "distractor.rules.typo: is 1"),
    "a character that no path has": (BASE + 'experiment_name: "a\\0b"\n', "experiment_name: holds a NUL"),
    "a number that JSON has not": (BASE + "llm: {extra_body: {a: [1, .nan]}}\n", "llm.extra_body.a[1]: is nan"),
    "a number that fits nowhere": (
        BASE + f"sampler: {{max_features: {10**30}}}\n",
        "max_features: is a number of more",
    ),
    "a header of two lines": (BASE + 'llm: {headers: {X: "a\\nb"}}\n', "llm.headers.X: has line breaks"),
    "a header that is none": (BASE + 'llm: {headers: {"X Y": b}}\n', "'X Y' is no header's name"),
    "a header of the request's own": (BASE + 'llm: {headers: {content-length: "3"}}\n', "llm.headers.content-length: "),
}


@pytest.mark.parametrize(("text", "says"), CONFIGS.values(), ids=CONFIGS)
def test_a_config_that_cannot_be_meant_is_refused_by_its_place(text, says, capsys):
    Path("config.yaml").write_text(text)
    assert says in refused([], capsys)


OVERRIDES = {
    "more personas than anyone has": (["num_personas=1000000000000"], "num_personas: is 1000000000000"),
    "personas beyond all integers": (["num_personas=99999999999999999999999"], "at most 100000000"),
    "queries without end": (["query.queries_per_persona=1000000000000"], "at most 100000"),
    "turns without end": (["interaction.max_turns=1000000000"], "interaction.max_turns"),
    "an output folder's name that is too long": (
        [f"output_dir={'a' * 300}"],
        "output_dir: has a part that is too long",
    ),
    "a file's name that is too long": ([f"query.path={'a' * 500}.jsonl"], "query.path: there is no file"),
    "an output folder that cannot be": (["output_dir=/proc/x"], "output_dir: /proc/x"),
    "a ledger that is a folder": (["ledger.path=."], "ledger.path: . is a folder"),
    "an export in no format": (["mode=basic", "export_path=p.xyz"], ".json, .jsonl, .csv, .parquet"),
    "an export onto a folder": (["mode=basic", "export_path=full.json"], "export_path: full.json is a folder"),
    "a group that is null": (["distractor=null"], "did you mean none?"),
    "all options of a group without -m": (["llm=glob(*)"], "add -m"),
}


@pytest.mark.parametrize(("argv", "says"), OVERRIDES.values(), ids=OVERRIDES)
def test_an_override_that_cannot_be_meant_is_refused_before_anything_is_made(argv, says, capsys):
    Path("full.json").mkdir()
    err = refused(argv, capsys)
    assert says in err
    assert "to make:" not in err
    assert not Path("outputs/datasets").exists()


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["--config", "pipe.yaml"], "pipe.yaml"),
        (["persona_bank.path=pipe.yaml"], "pipe.yaml"),
        (["query.path=pipe.jsonl"], "pipe.jsonl"),
        (["prompts.folder=p"], "p/assistant.j2"),
    ],
)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(argv, name, capsys):
    Path(name).parent.mkdir(exist_ok=True)
    os.mkfifo(name)
    assert "is no file" in refused(argv, capsys)


def test_metadata_nested_too_deep_for_records_is_named_by_its_line():
    deep = '{"a":' * 900 + "1" + "}" * 900
    Path("q.jsonl").write_text('{"text": "How do I bake?"}\n{"text": "How do I mend?", "metadata": ' + deep + "}\n")
    with pytest.raises(InputError, match=r"q\.jsonl:2: 'metadata' is nested more than 50 levels deep"):
        QuerySet.load("q.jsonl")


@pytest.mark.parametrize("url", ["http://[::1/v1", "http://a b/v1"])
def test_an_address_that_is_none_is_refused(url):
    from personaloom.errors import UsageError

    with pytest.raises(UsageError, match=r"llm\.base_url: .* is no address of a server"):
        tidy_base_url(url)


TEMPLATES = {
    "a loop beyond the sandbox": "{% for i in range(10**9) %}x{% endfor %}",
    "loops in loops": "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
    "a text of ten billion letters": "{{ 'x' * 10**10 }}",
    "a number without end": "{{ 9 ** 9999999 ** 2 }}",
    "a macro that calls itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "a key that is not there": "{{ features['nope'] }}",
    "the insides of Python": "{{ ''.__class__.__mro__ }}",
    "a file of the machine": "{% include '/etc/passwd' %}",
}


@pytest.mark.parametrize("body", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_that_runs_away_or_breaks_is_a_fault_of_that_template(body, tmp_path):
    (tmp_path / "assistant.j2").write_text("=== user\n" + body + "\n")
    library = PromptLibrary(tmp_path)
    variables = {"history": [], "features": {}, "persona_prompt": "", "topic": ""}
    with pytest.raises(ConfigError, match="prompt assistant"):
        library.render("assistant", variables)


def test_templates_may_still_multiply(tmp_path):
    (tmp_path / "assistant.j2").write_text("=== user\n{{ '-' * 3 }} {{ 2 * 3 }} {{ 2 ** 10 }}\n")
    messages, _ = PromptLibrary(tmp_path).render("assistant", {})
    assert messages[0].content == "--- 6 1024"


def test_too_little_memory_is_said_with_a_remedy(capsys, monkeypatch):
    def hungry(argv):
        raise MemoryError

    monkeypatch.setattr("personaloom.cli.dispatch.parse", hungry)
    assert entry(["x=1"]) == 1
    assert "lower num_personas" in capsys.readouterr().err


def test_a_manifest_cut_in_half_is_no_riddle_to_compare(capsys):
    for name, text in (("x", "{"), ("y", "[]")):
        Path(name).mkdir()
        Path(name, "manifest.json").write_text(text)
    assert entry(["compare=x,y"]) == 2
    assert "x/manifest.json cannot be read" in capsys.readouterr().err


def test_a_process_whose_outputs_are_closed_says_nothing_and_works(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    try:
        assert entry(["--version"]) == 0
        assert entry(["distractor=hevy"]) == 2
    finally:
        import sys

        for stream in (sys.stdout, sys.stderr):
            stream.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_device_behind_an_output_costs_the_printing_and_not_the_dataset(monkeypatch, capsys):
    words = ["num_personas=1", "query.queries_per_persona=1", "tracking=none"]
    for number, name in enumerate(("stdout", "stderr")):
        with Path("/dev/full").open("w", 1, encoding="utf-8") as full, monkeypatch.context() as patched:
            patched.setattr(f"sys.{name}", full)
            assert entry([*words, f"output_dir={name}"]) == 1 - number
        assert list(Path(name).glob("datasets/*/report.html"))
    said = capsys.readouterr()
    assert "standard output cannot be written: No space left on device" in said.err
    assert "Traceback" not in said.out + said.err
    assert "SIMULATED" in said.out


def test_an_output_that_knows_few_signs_gets_the_others_by_their_number(monkeypatch):
    """A C locale, or a file on Windows: a preview is full of signs that they have not."""
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    assert entry(["preview=1", "tracking=none"]) == 0
    assert b"\\u2026" in raw.getvalue()


def test_a_folder_that_is_gone_is_said_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert entry(["num_personas=1"]) == 1
    assert "started in is gone" in capsys.readouterr().err


def test_a_sheet_that_cannot_be_written_is_one_message(capsys):
    Path("samples.jsonl").write_text('{"messages": [{"role": "user", "content": "Why?"}]}\n')
    Path("annotation").write_text("in the way")
    assert entry(["annotate=samples.jsonl", "tracking=none"]) == 1
    assert "error: annotate=: annotation: " in capsys.readouterr().err
