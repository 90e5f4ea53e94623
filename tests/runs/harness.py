"""What the tests of whole runs share: the command line in this process, and the files it leaves."""

import json
from pathlib import Path

from personaloom.cli import entry

VOLATILE = {"timestamp", "created_at", "updated_at"}


def run(*words, out):
    """The command line, in this process; gives the exit code."""
    return entry([*words, f"output_dir={out}", "tracking=none"])


def dataset(out):
    """The only dataset folder."""
    (folder,) = (Path(out) / "datasets").iterdir()
    return folder


def manifest(out):
    return json.loads((dataset(out) / "manifest.json").read_text("utf-8"))


def lines(path):
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def without_times(value):
    """A record without the only things that may differ between equal runs."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [without_times(item) for item in value]
    return value


def content(folder):
    """Everything in a dataset that is data, by file."""
    names = ["personas.jsonl", "queries.jsonl", "interactions.jsonl", "failures.jsonl"]
    names += [f"training_data/{split}_samples.jsonl" for split in ("train", "val", "test")]
    return {
        name: [without_times(record) for record in lines(folder / name)] for name in names if (folder / name).exists()
    }
