"""What the tests of whole runs share: the command line in this process, and the files it leaves."""

import json
import multiprocessing
import os
import sys
import time
from pathlib import Path

from personaloom.cli import entry

VOLATILE = {"timestamp", "created_at", "updated_at"}


def run(*words, out):
    """The command line, in this process; gives the exit code."""
    return entry([*words, f"output_dir={out}", "tracking=none"])


class Command:
    """The command line in a process of its own, started from one that has everything imported already."""

    def __init__(self, *words, out, log=None):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(
            ["harness", "personaloom.api", "personaloom.cli.commands", "personaloom.cli.job"]
        )
        self.log = log or Path(out).with_suffix(".log")
        self.process = context.Process(target=_child, args=(words, str(out), str(self.log)))
        self.process.start()

    def signal(self, number):
        os.kill(self.process.pid, number)

    def wait(self):
        """Its exit code (negative: killed by that signal)."""
        self.process.join(120)
        return self.process.exitcode

    def wait_for(self, condition):
        """Poll until it holds; the process must not end before."""
        while not condition():
            assert self.process.is_alive(), self.log.read_text()
            time.sleep(0.002)


def _child(words, out, log):
    os.setsid()
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    sys.exit(run(*words, out=out))


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
