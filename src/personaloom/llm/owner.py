"""Who holds something that is shared between processes, and whether it still runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["is_alive", "owner_name", "retire"]

_running: set[str] = set()
"""Names that this process took and has not given up. A process knows of others only whether they live; of itself it
knows more: a run that failed in a notebook or in a sweep is over though its process goes on."""


def owner_name() -> str:
    """A name for something that runs in this process until it is retired: host, process id, start time, random part."""
    name = f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}:{os.urandom(4).hex()}"
    _running.add(name)
    return name


def retire(owner: str) -> None:
    """Say that what took this name runs no more: what it still holds, because it could not let go, is anybody's."""
    _running.discard(owner)


def is_alive(owner: str) -> bool:
    """Whether the holder of an ``owner_name`` may still run; one on another host counts as alive."""
    host, pid, started, _ = owner.rsplit(":", 3)
    if host != socket.gethostname():
        return True
    if int(pid) == os.getpid():
        return owner in _running
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot: tells a reused process id from the old one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"
