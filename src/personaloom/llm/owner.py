"""Who holds something that is shared between processes, and whether it still runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["is_alive", "owner_name"]


def owner_name() -> str:
    """A name for this process: host, process id, start time and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}:{os.urandom(4).hex()}"


def is_alive(owner: str) -> bool:
    """Whether the process of an ``owner_name`` may still run; one on another host counts as alive."""
    host, pid, started, _ = owner.rsplit(":", 3)
    if host != socket.gethostname():
        return True
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
