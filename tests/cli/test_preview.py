"""``preview=N`` shows prompts and conversations, and leaves no dataset."""

from pathlib import Path

import pytest

from personaloom.cli import entry


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_preview_shows_every_prompt_and_as_many_conversations_as_asked_for(capsys):
    assert entry(["preview=2", "interaction=short", "tracking=none", "num_personas=500", "seed=3"]) == 0
    out = capsys.readouterr().out
    assert out.count("conversation p0") == 2
    for name in ("formulate_prompt", "assistant", "user_feedback"):
        assert f"prompt {name}, version" in out
    assert "2 of 2,500 conversations" in out
    assert not list(Path("outputs").glob("datasets/*"))


@pytest.mark.parametrize("argv", [["preview=many"], ["preview=0"], ["preview=2", "-m", "seed=1,2"]])
def test_a_preview_that_cannot_be_had_is_refused(argv, capsys):
    assert entry(argv) == 2
    assert "preview" in capsys.readouterr().err


def test_the_preview_is_the_beginning_of_the_run(capsys):
    import json

    options = ["interaction=short", "tracking=none", "num_personas=1", "query.queries_per_persona=2"]
    assert entry(["preview=1", *options]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert entry(options) == 0
    (folder,) = Path("outputs/datasets").iterdir()
    first = json.loads((folder / "interactions.jsonl").read_text().splitlines()[0])
    for message in first["messages"]:
        assert " ".join(message["content"].split())[:60] in shown
