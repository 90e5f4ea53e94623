"""Deadlines of many calls with one timer of the event loop.

``asyncio.timeout`` makes and cancels a timer for every call, which costs 5 µs; hardly any of them ever fires.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["Deadlines"]

T = TypeVar("T")


class Deadlines:
    """Deadlines of what runs in one event loop; as exact as the loop's own timers.

    Args:
        loop: the running one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        """What ``work`` gives; the task that awaits this may be under one deadline at a time.

        Raises:
            TimeoutError: it took longer, and was cancelled.
        """
        task: asyncio.Task[object] | None = asyncio.current_task()
        assert task is not None  # noqa: S101 - coroutines run in tasks
        due = self._due[task] = self._loop.time() + seconds
        if self._timer is None or due < self._timer.when():
            self._set(due)
        cancelling = task.cancelling()
        try:
            return await work
        except asyncio.CancelledError:
            if self._end(task, cancelling):
                raise TimeoutError from None
            raise
        finally:
            self._end(task, cancelling)

    def _end(self, task: asyncio.Task[object], cancelling: int) -> bool:
        """Forget a task and take its cancellation back; whether the deadline alone had cancelled it.

        Somebody else may want it to end as well: then it ends, and there is no word of a deadline.
        """
        self._due.pop(task, None)
        if task not in self._expired:
            return False
        self._expired.discard(task)
        return task.uncancel() <= cancelling

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        """Cancel what is late, and look again when the next one would be."""
        self._timer = None
        now = self._loop.time()
        for task in [task for task, due in self._due.items() if due <= now]:
            del self._due[task]
            self._expired.add(task)
            task.cancel()
        if self._due:
            self._set(min(self._due.values()))

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
