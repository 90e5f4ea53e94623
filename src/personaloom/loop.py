"""Running asynchronous work from synchronous code, wherever that code runs."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["run_in_loop"]

T = TypeVar("T")

SELDOM = (50_000, 20, 100)
"""Thresholds of the garbage collector while calls are in flight. What they make is freed by reference counts; looking
for cycles among everything that is loaded took a seventh of a run's time."""


def run_in_loop(work: Callable[[], Awaitable[T]]) -> T:
    """Run ``work`` to its end in an event loop of its own and give its result.

    Where this thread's loop is running already (a notebook cell), the work runs in a thread while this one waits.
    uvloop is used where it is installed.
    """
    if not _is_running():
        return _run(work)
    outcome: list[T] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            outcome.append(_run(work))
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
            failure.append(error)

    thread = threading.Thread(target=target, name="personaloom-loop")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def _is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run(work: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        return await work()

    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        with _seldom_collecting():
            return asyncio.run(main())
    with _seldom_collecting(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Collect garbage less often, and not among what was there before; as it was, afterwards."""
    before = gc.get_threshold()
    if before[0] == 0 or before[0] >= SELDOM[0]:  # switched off, or raised by a run beside this one
        yield
        return
    gc.freeze()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
