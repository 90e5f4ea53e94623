"""Where a run's work is done: in this process, or (later) spread over several machines."""

from __future__ import annotations

from collections.abc import Iterable

from personaloom.engine import Engine, Work

__all__ = ["LocalExecutor"]


class LocalExecutor:
    """Runs everything in this process: model calls are waiting, not computing, so one event loop carries thousands."""

    async def run(self, engine: Engine, work: Iterable[Work]) -> None:
        """Work until everything is done; see ``Engine.run``."""
        await engine.run(work)
