"""A dataset folder as such: whose it is, who works in it, and how it is cleared."""

from __future__ import annotations

import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path

from personaloom.errors import FolderInUseError
from personaloom.manifest_file import sound_manifest

__all__ = ["clear_folder", "folder_is_ours", "lock", "unlock"]

LOCK = ".lock"


def folder_is_ours(folder: Path) -> bool:
    """Whether a folder is one of our dataset folders (or not there, or empty): only such a folder is ever cleared."""
    if not folder.exists() or (folder / "store.sqlite").exists():
        return True
    return (folder / LOCK).exists() or not any(folder.iterdir())


OURS = (
    "store.sqlite*", "manifest.json", "*.part", "personas.*", "queries.jsonl", "interactions.jsonl", "failures.jsonl",
    "rejected_samples.jsonl", "robustness_pairs.jsonl", "statistics.json", "token_usage.json", "report.html",
)  # fmt: skip
"""What runs write into their folder, beside what their manifest lists."""


def clear_folder(folder: Path) -> list[str]:
    """Remove what runs have written into a dataset folder; gives the names of what is left: it is somebody else's."""
    listed = (sound_manifest(folder) or {}).get("files", ())
    ours = {path for pattern in OURS for path in folder.glob(pattern)} | {folder / name for name in listed}
    for path in sorted(ours):
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            path.unlink()
    for name in ("training_data/hf/data", "training_data/hf", "training_data"):
        with suppress(OSError):  # not empty, or not there
            (folder / name).rmdir()
    left = sorted(path.name for path in folder.iterdir() if path.name != LOCK)
    if not left:
        (folder / LOCK).unlink(missing_ok=True)
        folder.rmdir()
    return left


def lock(folder: Path) -> int:
    """Take a folder for this process; gives the handle that ``unlock`` wants.

    Raises:
        FolderInUseError: somebody works in it.
        OSError: the folder cannot be written.
    """
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 200).decode(errors="replace").strip() or "an unknown process"
        os.close(handle)
        if holder == _this_process():
            holder = f"another run in this very process ({os.getpid()})"
        raise FolderInUseError(
            f"{folder} is in use by {holder}: wait for it, or give this run another name or dataset_dir"
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{_this_process()}\n".encode(), 0)
    return handle


def _this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def unlock(handle: int) -> None:
    """Let others have the folder."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)
