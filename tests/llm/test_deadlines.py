"""Many deadlines under one timer: each holds for its own task alone."""

import asyncio

import pytest

from personaloom.llm.deadlines import Deadlines
from personaloom.loop import run_in_loop


def in_loop(test):
    async def run():
        deadlines = Deadlines(asyncio.get_running_loop())
        try:
            return await test(deadlines)
        finally:
            deadlines.close()

    return run_in_loop(run)


async def never():
    await asyncio.get_running_loop().create_future()


def test_each_task_ends_at_its_own_deadline_in_whatever_order_they_began():
    ended = []

    async def one(deadlines, seconds):
        with pytest.raises(TimeoutError):
            await deadlines.within(seconds, never())
        ended.append(seconds)

    async def test(deadlines):
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(one(deadlines, seconds) for seconds in (0.09, 0.03, 0.06)))
        return asyncio.get_running_loop().time() - began

    assert in_loop(test) >= 0.09
    assert ended == [0.03, 0.06, 0.09]


def test_what_ends_in_time_gives_its_result_or_its_own_error():
    async def result():
        return 7

    async def error():
        raise KeyError("mine")

    async def test(deadlines):
        with pytest.raises(KeyError, match="mine"):
            await deadlines.within(60, error())
        return await deadlines.within(60, result())

    assert in_loop(test) == 7


def test_a_task_goes_on_after_its_deadline_and_can_have_another():
    async def test(deadlines):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await deadlines.within(0.01, never())
        await asyncio.sleep(0)  # a cancellation that was left over would strike here
        return asyncio.current_task().cancelling()

    assert in_loop(test) == 0


def test_whoever_cancels_the_task_is_not_told_of_a_deadline():
    async def test(deadlines):
        task = asyncio.ensure_future(deadlines.within(60, never()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    in_loop(test)


def test_cancelled_from_outside_in_the_moment_of_the_deadline_it_is_cancelled():
    async def test(deadlines):
        async def cancels_itself_late():
            try:
                await never()
            except asyncio.CancelledError:
                task.cancel()
                raise

        task = asyncio.ensure_future(deadlines.within(0.01, cancels_itself_late()))
        with pytest.raises(asyncio.CancelledError):
            await task

    in_loop(test)


def test_work_that_ends_otherwise_when_it_is_late_leaves_no_cancellation_behind():
    """A deadline round this one would take it for somebody else's, and end the task without a word."""

    async def test(deadlines):
        async def fails_when_cancelled():
            try:
                await never()
            except asyncio.CancelledError:
                raise OSError("the connection went down with it") from None

        with pytest.raises(OSError, match="went down"):
            await deadlines.within(0.01, fails_when_cancelled())
        return asyncio.current_task().cancelling()

    assert in_loop(test) == 0
