"""``manifest.json`` as it is read, and whether the files it lists are still those that were written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from personaloom.errors import InputError, MissingStageInputError

__all__ = ["NAME", "changed_files", "manifests_in", "read_manifest", "sound_manifest", "stamps_of"]

NAME = "manifest.json"
_HELD = {"name": str, "fingerprint": str, "files": dict, "counts": dict, "config": dict, "tracking": dict}
"""What is asked of every manifest that is read; the files of older versions have these too."""
_ANEW = "run the command that made the dataset: it writes the manifest anew, and what is stored stays"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a dataset folder.

    Raises:
        MissingStageInputError: there is none: the folder is no dataset, or its run has not written its files yet.
        InputError: it is damaged.
    """
    path = Path(folder) / NAME
    try:
        manifest = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise MissingStageInputError(
            f"{path} does not exist → give the folder of a finished dataset (outputs/datasets/<name>-<fingerprint>)"
        ) from None
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error} → {_ANEW}") from error
    if not isinstance(manifest, dict) or not all(isinstance(manifest.get(key), kind) for key, kind in _HELD.items()):
        raise InputError(f"{path} is damaged: {', '.join(_HELD)} are not all in it → {_ANEW}")
    return manifest


def sound_manifest(folder: Path) -> dict[str, Any] | None:
    """The same where there is one; None where it is missing or damaged, and nobody has to be told."""
    try:
        return read_manifest(folder)
    except (InputError, MissingStageInputError):
        return None


def manifests_in(datasets: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Folder and manifest of each finished dataset in a folder, by name; what is none of ours is passed over."""
    for path in sorted(datasets.glob(f"*/{NAME}")):
        manifest = sound_manifest(path.parent)
        if manifest is not None:
            yield path.parent, manifest


def stamps_of(folder: Path, names: Iterable[str]) -> dict[str, list[int]]:
    """Size in bytes and times of the last change, in nanoseconds, of each of these files that is there."""
    return {name: _stamp((folder / name).stat()) for name in names if (folder / name).is_file()}


def _stamp(stat: os.stat_result) -> list[int]:
    """A program can set the first time back (``touch -r``, editors that keep it), and not the second."""
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def changed_files(
    folder: Path, files: Mapping[str, Mapping[str, Any]], stamps: Mapping[str, Sequence[int]]
) -> list[str]:
    """Names of files that are gone, or are not what the manifest says.

    Args:
        folder: of the dataset.
        files: the manifest's ``files``.
        stamps: of ``stamps_of``, from when the files were last seen to be right. A file that has its stamp still is
            not read; any other is hashed, so that a copied folder is as good as the first one.
    """
    return [name for name, facts in files.items() if not _is_as_written(folder / name, facts, stamps.get(name))]


def _is_as_written(path: Path, facts: Mapping[str, Any], stamp: Sequence[int] | None) -> bool:
    if not path.is_file():
        return False
    stat = path.stat()
    if stat.st_size != facts["bytes"]:
        return False
    if stamp is not None and list(stamp) == _stamp(stat):
        return True
    with path.open("rb") as data:
        return bool(hashlib.file_digest(data, "sha256").hexdigest() == facts["sha256"])
