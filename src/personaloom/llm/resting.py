"""Pauses that end when nobody needs them any more."""

from __future__ import annotations

import asyncio

__all__ = ["Resting"]


class Resting:
    """Calls that wait before they ask again: a server may have told them to wait for a quarter of an hour."""

    def __init__(self) -> None:
        self._sleepers: set[asyncio.Future[None]] = set()

    async def rest(self, seconds: float) -> None:
        """Sleep, or be woken."""
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, sleeper)
        self._sleepers.add(sleeper)
        try:
            await sleeper
        finally:
            timer.cancel()
            self._sleepers.discard(sleeper)

    def wake_all(self) -> None:
        """End every pause."""
        for sleeper in self._sleepers:
            _wake(sleeper)


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
