"""Datasets that are named on a command line: by their folder, its name, or the beginning of their fingerprint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from personaloom.errors import UsageError

__all__ = ["begins", "dataset_folder", "is_named", "only_dataset", "there_are"]

_SHORTEST = 4
"""Letters of a beginning: fewer are sooner a slip than a name."""
_SHOWN = 4


def dataset_folder(verb: str, word: str, output_dir: Path) -> Path:
    """The folder of a dataset that is named by its path, the folder's name or its fingerprint's beginning.

    Args:
        verb: what it is named for, for the message.
        word: the name.
        output_dir: where datasets are looked for.

    Raises:
        UsageError: nothing, or more than one, has that name.
    """
    folder = Path(word).expanduser()
    if folder.is_dir():
        return folder
    found = only_dataset(verb, word, output_dir, lambda each: is_named(word, each))
    if found is None:
        raise UsageError(
            f"{verb}={word}: nothing has that name, and no dataset's fingerprint begins so → {there_are(output_dir)}"
        )
    return found


def only_dataset(verb: str, word: str, output_dir: Path, fits: Callable[[Path], bool]) -> Path | None:
    """The one dataset folder of an output folder that fits, or None.

    Raises:
        UsageError: several do.
    """
    hits = [path.parent for path in sorted(output_dir.glob("datasets/*/manifest.json")) if fits(path.parent)]
    if len(hits) > 1:
        raise UsageError(f"{verb}={word}: several datasets are meant → one of {', '.join(hit.name for hit in hits)}")
    return hits[0] if hits else None


def is_named(word: str, folder: Path) -> bool:
    """Whether a word is a dataset folder's name or the beginning of its fingerprint."""
    return folder.name == word or begins(word, folder.name.rpartition("-")[2])


def begins(word: str, name: str) -> bool:
    """Whether a word is a beginning of a name, and long enough for one."""
    return len(word) >= _SHORTEST and name.startswith(word)


def there_are(output_dir: Path) -> str:
    """Some of the datasets that could be named."""
    names = sorted(path.parent.name for path in output_dir.glob("datasets/*/manifest.json"))[:_SHOWN]
    if not names:
        return f"{output_dir} holds no datasets; output_dir=FOLDER looks elsewhere"
    return f"in {output_dir} there are: {', '.join(names)}"
