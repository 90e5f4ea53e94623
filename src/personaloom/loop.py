"""Running asynchronous work from synchronous code, wherever that code runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

__all__ = ["run_in_loop"]

T = TypeVar("T")


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
        return asyncio.run(main())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())
