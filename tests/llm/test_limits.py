"""Limits, in virtual time: no second of these tests is real."""

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
from virtual_time import run_virtually

from personaloom.errors import BadRequestError, RateLimitedError, ServerFaultError, UnavailableError, UsageError
from personaloom.keyed import Key
from personaloom.llm.limits import DeploymentLimiter, Limits
from personaloom.llm.retry import RetryPolicy
from personaloom.llm.shared_rate import SharedFile


class Server:
    """Takes ``rate`` requests a second and answers 429 beyond: a fixed window, or a bucket of ``burst``."""

    def __init__(self, rate, *, burst=None, window=1.0, retry_after="exact", latency=0.05, way=0.01):
        self.rate, self.burst, self.window, self.retry_after, self.latency = (
            rate,
            burst,
            window,
            retry_after,
            latency,
        )
        self.way = way
        self.answered, self.rejected, self.in_flight, self.most = [], 0, 0, 0
        self.by_client = Counter()
        self._start, self._used, self._level, self._filled = 0.0, 0, float(burst or 0), 0.0

    def _room(self, now):
        if self.burst is None:
            if now - self._start >= self.window:
                self._start, self._used = now - now % self.window, 0
            self._used += 1
            return 0.0 if self._used <= self.rate * self.window else self._start + self.window - now
        self._level = min(self.burst, self._level + (now - self._filled) * self.rate)
        self._filled = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self.rate

    async def call(self, number):
        loop = asyncio.get_running_loop()
        dice = Key("latency", number)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await asyncio.sleep(self.way * dice.below(100, "way") / 100)
            wait = self._room(loop.time())
            if wait > 0:
                self.rejected += 1
                asked = wait if self.retry_after == "exact" else self.retry_after
                raise RateLimitedError("429", status=429, retry_after_s=asked)
            await asyncio.sleep(self.latency * (90 + dice.below(40, "work")) / 100)
            self.answered.append(loop.time())
        finally:
            self.in_flight -= 1

    def throughput(self, begin, end):
        """Answered in this span, as a share of what the server allows."""
        return sum(begin <= moment < end for moment in self.answered) / (end - begin) / self.rate


async def hammer(server, seconds, clients=1, workers=128, limits=None, folder=None):
    """Calls without end from ``clients`` processes, which share what lies in ``folder``; gives start, most attempts."""
    loop = asyncio.get_running_loop()
    start, policy, most = loop.time(), RetryPolicy(), 0
    files = [folder and SharedFile.open("m", folder) for _ in range(clients)]
    limiters = [DeploymentLimiter(f"process-{n}", limits, clock=loop.time, shared=one) for n, one in enumerate(files)]

    async def worker(limiter, name):
        nonlocal most
        call = 0
        while loop.time() < start + seconds:
            call += 1
            for attempt in range(1, 100):
                try:
                    async with limiter.slot(100):
                        await server.call(f"{name}-{call}-{attempt}")
                    server.by_client[limiter.name] += 1
                    break
                except RateLimitedError as error:
                    most = max(most, attempt + 1)
                    await asyncio.sleep(policy.pause(attempt, error, Key(name, call)))

    tasks = [
        asyncio.ensure_future(worker(one, f"{n}-{w}"))
        for n, one in enumerate(limiters)
        for w in range(workers // clients)
    ]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for limiter in limiters:
        limiter.close()
    return start, most, limiters


KINDS = {
    "window, exact Retry-After": {},
    "window, Retry-After 1 s": {"retry_after": 1.0},
    "window, no Retry-After": {"retry_after": None},
    "bucket of 20": {"burst": 20},
    "bucket of 50, Retry-After 1 s": {"burst": 50, "retry_after": 1.0},
    "slow answers": {"latency": 1.0, "retry_after": 1.0},
    "bucket of one": {"burst": 1, "way": 0.002, "retry_after": None},
    "bucket of one, Retry-After 1 s": {"burst": 1, "way": 0.002, "retry_after": 1.0},
}


@pytest.mark.parametrize("clients", [1, 4], ids=["alone", "four on one key"])
@pytest.mark.parametrize("kind", KINDS)
def test_throughput_settles_within_a_tenth_of_what_the_server_allows(kind, clients, tmp_path):
    server = Server(50, **KINDS[kind])
    start, most, limiters = run_virtually(hammer(server, 60, clients, folder=tmp_path))
    assert server.throughput(start + 15, start + 60) > 0.9
    assert most <= RetryPolicy().max_attempts * 0.75, "waiting one's turn must not eat a call's attempts"
    shares = [server.by_client[limiter.name] for limiter in limiters]
    assert min(shares) > 0.4 * max(shares), "processes on one key share it"
    assert not list(tmp_path.iterdir()), "the last one out leaves nothing behind"


@pytest.mark.parametrize("kind", ["window, no Retry-After", "bucket of 50, Retry-After 1 s"])
def test_processes_that_do_not_know_of_each_other_use_up_the_limit_too(kind):
    server = Server(50, **KINDS[kind])
    start, most, _ = run_virtually(hammer(server, 60, clients=4))
    assert server.throughput(start + 15, start + 60) > 0.9
    assert most < RetryPolicy().max_attempts


def test_few_requests_are_wasted_once_the_rate_is_known():
    server = Server(50)

    async def both():
        await hammer(server, 20)
        return server.rejected, len(server.answered)

    rejected, answered = run_virtually(both())
    assert rejected < 0.2 * answered


def test_a_limit_per_minute_is_found_without_a_header():
    """600 a minute, all of them gone in the first seconds, and nothing says how long to wait."""
    server = Server(10, window=60.0, retry_after=None)
    start, most, _ = run_virtually(hammer(server, 300))
    assert server.throughput(start + 60, start + 300) > 0.9
    assert most <= RetryPolicy().max_attempts / 2


def test_without_complaints_nothing_is_held_back():
    server = Server(10_000)
    run_virtually(hammer(server, 2))
    assert server.most == 128
    assert server.rejected == 0


def test_a_fixed_rate_is_never_passed_in_any_minute():
    server = Server(1000)
    start, _, _ = run_virtually(hammer(server, 200, limits=Limits(rpm=120)))
    for begin in range(int(start), int(start) + 140):
        assert sum(begin <= moment < begin + 60 for moment in server.answered) <= 122
    assert len(server.answered) >= 0.97 * 2 * 200


def test_tokens_a_minute_are_kept_and_corrected_by_what_was_used():
    async def main():
        loop = asyncio.get_running_loop()
        limiter = DeploymentLimiter("m", Limits(tpm=6000), clock=loop.time)
        sent = []
        for _ in range(60):
            async with limiter.slot(100) as slot:
                sent.append(loop.time())
                slot.used_tokens = 200
        return sent[-1] - sent[0]

    assert run_virtually(main()) == pytest.approx(59 * 200 / 100, rel=0.05)


def test_concurrency_is_never_passed_and_first_come_is_first_served():
    async def main():
        loop = asyncio.get_running_loop()
        limiter = DeploymentLimiter("m", Limits(max_concurrency=3), clock=loop.time)
        order, running, most = [], 0, 0

        async def one(number):
            nonlocal running, most
            async with limiter.slot():
                order.append(number)
                running += 1
                most = max(most, running)
                await asyncio.sleep(1)
                running -= 1

        await asyncio.gather(*(one(number) for number in range(20)))
        return order, most

    order, most = run_virtually(main())
    assert order == sorted(order)
    assert most == 3


def test_the_rate_drops_once_a_window_and_not_once_a_rejection():
    async def main():
        loop = asyncio.get_running_loop()
        limiter = DeploymentLimiter("m", clock=loop.time, concurrency=64)

        async def rejected():
            async with limiter.slot():
                await asyncio.sleep(0.1)
                raise RateLimitedError("429", status=429)

        await asyncio.gather(*(rejected() for _ in range(64)), return_exceptions=True)
        return limiter

    limiter = run_virtually(main())
    assert limiter.rate_limited == 64
    assert 0.6 * 64 < limiter.concurrency <= 0.7 * 64


def test_retry_after_pauses_the_whole_deployment_once_it_is_no_stray():
    async def main():
        loop = asyncio.get_running_loop()
        limiter = DeploymentLimiter("openai/gpt-4o", clock=loop.time)

        async def enter(error=None):
            async with limiter.slot():
                if error:
                    raise error

        for _ in range(50):
            await enter()
        waits = []
        for _ in range(5):
            before = loop.time()
            with pytest.raises(RateLimitedError):
                await enter(RateLimitedError("429", status=429, retry_after_s=7.0))
            waits.append(loop.time() - before)
        begun = loop.time()
        waiting = asyncio.ensure_future(enter())
        await asyncio.sleep(3)
        said = limiter.waiting_for
        await waiting
        return waits, loop.time() - begun, said, limiter.waiting_for

    waits, waited, said, after = run_virtually(main())
    assert sum(waits) < 1.0, "a rejection among requests that are served is a stray; the next four are a test"
    assert waited >= 7.0
    assert said == "gpt-4o: rate limit, 4.0 s"
    assert after == ""


@pytest.mark.parametrize(("share", "enough"), [(0.02, 300), (0.2, 250)])
def test_rejections_that_are_not_about_the_rate_do_not_starve_a_run(share, enough):
    """A server that rejects so many of all requests, however few they are, and asks for a second each time."""

    class Moody(Server):
        def _room(self, now):
            self._used += 1
            return 1.0 if Key("mood", self._used).chance(share) else 0.0

    server = Moody(1.0, latency=0.02)
    _, most, _ = run_virtually(hammer(server, 30))
    assert len(server.answered) / 30 > enough
    assert most <= RetryPolicy().max_attempts


def test_the_breaker_opens_after_faults_in_a_row_tries_with_one_and_closes():
    async def main():
        loop = asyncio.get_running_loop()
        limiter = DeploymentLimiter("m", clock=loop.time)
        down_until, calls = loop.time() + 100, []

        async def one():
            while True:
                try:
                    async with limiter.slot():
                        calls.append((loop.time(), limiter.in_flight))
                        await asyncio.sleep(0.1)
                        if loop.time() < down_until:
                            raise ServerFaultError("500", status=500)
                    return
                except ServerFaultError:
                    pass

        tasks = [asyncio.ensure_future(one()) for _ in range(50)]
        await asyncio.sleep(60)
        failing, said = limiter.failing_for_s, limiter.waiting_for
        await asyncio.gather(*tasks)
        return calls, down_until, failing, said, limiter.failing_for_s

    calls, down_until, failing, said, after = run_virtually(main())
    during = [moment for moment, _ in calls if moment < down_until]
    assert len(during) < 50 + 20, "a server that is down is tried now and then, not hammered"
    tries = [moment for moment in during if moment > during[0] + 0.5]
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(tries))
    assert all(flight == 1 for moment, flight in calls if tries[0] <= moment < down_until)
    assert failing > 55
    assert said.startswith("m: not answering")
    assert after == 0.0


def test_a_deployment_that_only_rejects_is_given_up_and_asked_now_and_then():
    """Whoever waits is sent away with the reason, whoever comes later too, and one at a time finds it well again."""

    async def main():
        loop = asyncio.get_running_loop()
        limiter = DeploymentLimiter("m", clock=loop.time, max_outage_s=100)
        start, said, asked, sent_away = loop.time(), [], [], []

        async def one():
            while True:
                try:
                    async with limiter.slot():
                        asked.append(loop.time() - start)
                        if loop.time() < start + 300:
                            raise RateLimitedError("429", status=429)
                        return
                except RateLimitedError:
                    await asyncio.sleep(5)
                except UnavailableError as error:
                    sent_away.append((loop.time() - start, str(error)))
                    return

        first = [asyncio.ensure_future(one()) for _ in range(50)]
        await asyncio.sleep(60)
        said.append(limiter.waiting_for)
        await asyncio.gather(*first)
        gone = len(sent_away)
        while loop.time() < start + 400:
            await asyncio.sleep(1)
            await one()
        return said, asked, sent_away, gone, limiter.is_out, limiter.failing_for_s

    said, asked, sent_away, gone, is_out, failing = run_virtually(main())
    assert "no reply for 60 s" in said[0]
    assert gone == 50
    assert all(100 < moment < 140 for moment, _ in sent_away[:50])
    assert "m has answered nothing but rejections and faults" in sent_away[0][1]
    later = [moment for moment in asked if 140 < moment < 300]
    assert 3 <= len(later) <= 8, "a deployment that is given up is asked now and then"
    assert max(moment for moment, _ in sent_away) < 340
    assert not is_out
    assert failing == 0.0


def test_an_error_of_the_request_is_an_answer_and_opens_no_breaker():
    async def main():
        loop = asyncio.get_running_loop()
        limiter = DeploymentLimiter("m", clock=loop.time)
        for _ in range(100):
            with pytest.raises(BadRequestError):
                async with limiter.slot():
                    raise BadRequestError("400", status=400)
        return loop.time()

    assert run_virtually(main()) == 1000.0


def test_a_cancelled_wait_gives_its_place_to_the_next():
    async def main():
        loop = asyncio.get_running_loop()
        limiter = DeploymentLimiter("m", Limits(max_concurrency=1), clock=loop.time)
        entered = []

        async def one(number):
            async with limiter.slot():
                entered.append(number)
                await asyncio.sleep(1)

        tasks = [asyncio.ensure_future(one(number)) for number in range(4)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return entered, limiter.in_flight

    assert run_virtually(main()) == ([0, 2, 3], 0)


@pytest.mark.parametrize("bad", [{"rpm": 0}, {"tpm": -1}, {"max_concurrency": 0}, {"rpm": float("inf")}])
def test_a_limit_that_is_none_is_refused_by_name(bad):
    with pytest.raises(UsageError, match=f"llm.{next(iter(bad))}"):
        Limits(**bad)
