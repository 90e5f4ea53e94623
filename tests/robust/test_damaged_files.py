"""A dataset folder that was cut, edited or filled with something else: the same command mends it, or says what to do."""

import os
import shutil
from pathlib import Path

import orjson
import pytest

from personaloom.cli import entry

COMMAND = ["tracking=none", "num_personas=2", "query.queries_per_persona=1", "dataset_dir=d"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished dataset."""
    home, before = tmp_path_factory.mktemp("finished"), Path.cwd()
    os.chdir(home)
    try:
        assert entry(COMMAND) == 0
    finally:
        os.chdir(before)
    return home


@pytest.fixture
def folder(finished, tmp_path, monkeypatch):
    """A copy of it, in the current folder."""
    shutil.copytree(finished, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return Path("d")


def run(capsys, *more: str) -> tuple[int, str]:
    capsys.readouterr()
    code = entry([*COMMAND, *more])
    assert not Path("outputs/errors").exists(), capsys.readouterr().err
    return code, capsys.readouterr().err


MANIFESTS = {
    "cut in half": lambda text: text[: len(text) // 2],
    "no text": lambda _: b"\xff\x00",
    "empty": lambda _: b"",
    "a list": lambda _: b"[]",
    "hollow": lambda _: b"{}",
    "of other types": lambda _: b'{"files": 3, "counts": null, "tracking": 5}',
}


@pytest.mark.parametrize("damage", MANIFESTS.values(), ids=MANIFESTS)
def test_a_damaged_manifest_is_written_anew_by_the_same_command(damage, folder, capsys):
    path, data = folder / "manifest.json", (folder / "interactions.jsonl").read_bytes()
    before = orjson.loads(path.read_bytes())
    path.write_bytes(damage(path.read_bytes()))
    assert run(capsys)[0] == 0
    after = orjson.loads(path.read_bytes())
    assert after["counts"] == before["counts"]
    assert after["fingerprint"] == before["fingerprint"]
    assert (folder / "interactions.jsonl").read_bytes() == data


@pytest.mark.parametrize("stage", ["export", "report", "score", "track"])
def test_a_stage_that_reads_a_damaged_manifest_says_how_it_is_mended(stage, folder, capsys):
    (folder / "manifest.json").write_bytes(b'{"name": ')
    code, err = run(capsys, f"stages={stage}", f"tracking={'mlflow' if stage == 'track' else 'none'}")
    assert code == 2
    assert "manifest.json cannot be read" in err
    assert "run the command that made the dataset" in err


@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_store_cut_short_is_named_with_its_remedy_and_reset_makes_it_anew(kept, folder, capsys):
    store = folder / "store.sqlite"
    os.truncate(store, int(store.stat().st_size * kept))
    code, err = run(capsys)
    assert code == 1
    assert "store.sqlite" in err
    assert "reset=true" in err
    assert run(capsys, "reset=true")[0] == 0


def test_a_store_with_damaged_pages_is_named_with_its_remedy(folder, capsys):
    store = folder / "store.sqlite"
    bad = bytearray(store.read_bytes())
    for place in range(8192, len(bad), 3001):
        bad[place] ^= 0xFF
    store.write_bytes(bad)
    (folder / "manifest.json").unlink()
    code, err = run(capsys)
    assert code == 1
    assert "reset=true" in err


def test_a_record_that_is_no_record_is_named_with_its_remedy(folder, capsys):
    import sqlite3

    connection = sqlite3.connect(folder / "store.sqlite")
    with connection:
        connection.execute("UPDATE interactions SET record = X'7B00'")
    connection.close()
    (folder / "manifest.json").unlink()
    code, err = run(capsys)
    assert code == 1
    assert "a record is damaged" in err


@pytest.mark.parametrize("name", ["interactions.jsonl", "training_data/train_samples.jsonl", "report.html"])
def test_a_file_that_was_deleted_is_written_again_as_it_was(name, folder, capsys):
    before = (folder / name).read_bytes()
    (folder / name).unlink()
    assert run(capsys)[0] == 0
    if name.endswith(".jsonl"):
        assert (folder / name).read_bytes() == before
    else:
        assert (folder / name).exists()


@pytest.mark.parametrize("name", ["interactions.jsonl", "token_usage.json", "manifest.json", "report.html"])
def test_a_folder_in_the_place_of_a_file_is_one_message(name, folder, capsys):
    (folder / name).unlink()
    (folder / name).mkdir()
    code, err = run(capsys)
    assert code == 1
    assert f"{name} cannot be written" in err
