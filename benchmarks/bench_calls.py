"""Calls a second through the whole pipeline, ledger and store on, against a bare aiohttp loop with the same bodies.

Client on one core, a loopback server in a process of its own on the other, zero latency, 128 in flight. The bare loops
post the very bodies that the pipeline sends and parse the replies, nothing else: one as aiohttp's own pages show it
(asyncio's loop, ``json=``, ``await answer.json()``), the peer, and one as fast as aiohttp gets (uvloop, orjson),
a bound. Rounds alternate, so that a busy neighbour slows all. With ``distractor=moderate`` the pipeline also
reads every noisy text by rules, work that no bare loop does. ``--litellm`` does the same through LiteLLM against bare
``litellm.acompletion`` loops.

    python benchmarks/bench_calls.py [--rounds 9] [--personas 120] [--litellm]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from common import LoopbackLLM, LoopbackProcess, parts_of, table
from personaloom import pipeline as pipeline_module
from personaloom.loop import run_in_loop
from personaloom.pipeline import Pipeline

CONCURRENCY = 128
GOALS = {"direct": 0.6, "litellm": 0.9}


@dataclass
class Round:
    """What one round of something took."""

    calls: int
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        return self.calls / self.wall_s

    @property
    def cpu_ms(self) -> float:
        return self.cpu_s / self.calls * 1000


def bodies_of(personas: int, *words: str) -> list[dict[str, Any]]:
    """The bodies that the pipeline sends, in its order."""
    with LoopbackLLM() as server, tempfile.TemporaryDirectory() as folder:
        Pipeline(parts_of(folder, *llm(server), *words, f"num_personas={personas}")).run()
        return [request.body for request in server.requests]


def llm(server: LoopbackLLM | LoopbackProcess) -> tuple[str, ...]:
    return ("llm=gpt4o", f"llm.base_url={server.base_url}", f"engine.concurrency={CONCURRENCY}")


def through_pipeline(server: LoopbackProcess, personas: int, *words: str) -> Round:
    """A whole run in a fresh folder; timed from the first call to the last commit, without personas and exports."""
    spent: list[tuple[float, float]] = []

    def timed(work: Callable[[], Awaitable[Any]]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return run_in_loop(work)
        finally:
            spent.append((time.perf_counter() - wall, time.process_time() - cpu))

    with tempfile.TemporaryDirectory() as folder:
        parts = parts_of(folder, *llm(server), *words, f"num_personas={personas}")
        original, pipeline_module.run_in_loop = pipeline_module.run_in_loop, timed
        try:
            manifest = Pipeline(parts).run()
        finally:
            pipeline_module.run_in_loop = original
    assert manifest["status"] == "done", manifest["status"]
    assert manifest["counts"]["failed"] == 0, manifest["failures"]
    return Round(manifest["usage"]["paid"]["attempts"], *spent[0])


def bare_loop(call: Callable[[dict[str, Any]], Awaitable[object]], bodies: list[dict[str, Any]]) -> Awaitable[Round]:
    """So many workers, each posting the next body."""

    async def measure() -> Round:
        rest = iter(bodies)

        async def worker() -> None:
            for body in rest:
                await call(body)

        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
        return Round(len(bodies), time.perf_counter() - wall, time.process_time() - cpu)

    return measure()


def through_aiohttp(server: LoopbackProcess, bodies: list[dict[str, Any]]) -> Round:
    """A loop as anyone writes it."""

    async def main() -> Round:
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(connector=connector, headers={"Authorization": "Bearer none"}) as session:

            async def call(body: dict[str, Any]) -> object:
                async with session.post(f"{server.base_url}/chat/completions", json=body) as answer:
                    return await answer.json()

            return await bare_loop(call, bodies)

    return asyncio.run(main())


def through_tuned_aiohttp(server: LoopbackProcess, bodies: list[dict[str, Any]]) -> Round:
    """The same as fast as aiohttp gets."""

    async def main() -> Round:
        headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
        url = f"{server.base_url}/chat/completions"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def call(body: dict[str, Any]) -> object:
                async with session.post(url, data=orjson.dumps(body), headers=headers) as answer:
                    return orjson.loads(await answer.read())

            return await bare_loop(call, bodies)

    return run_in_loop(main)


def through_litellm(server: LoopbackProcess, bodies: list[dict[str, Any]]) -> Round:
    """A loop as LiteLLM's own pages show it."""
    return asyncio.run(litellm_loop(server, bodies))


def through_tuned_litellm(server: LoopbackProcess, bodies: list[dict[str, Any]]) -> Round:
    """The same with what the pipeline does to its loop: uvloop, and garbage collected seldom."""
    return run_in_loop(lambda: litellm_loop(server, bodies))


async def litellm_loop(server: LoopbackProcess, bodies: list[dict[str, Any]]) -> Round:
    import litellm

    async def call(body: dict[str, Any]) -> object:
        given = {**body, "model": "openai/" + body["model"]}
        return await litellm.acompletion(**given, api_base=server.base_url, api_key="none", num_retries=0)

    try:
        return await bare_loop(call, bodies)
    finally:
        await litellm.close_litellm_async_clients()
        litellm.in_memory_llm_clients_cache.flush_cache()  # it would give the closed ones to the next loop


def compare(
    name: str, goal: float | None, rounds: int, bare: Callable[[], Round], ours: Callable[[], Round]
) -> list[str]:
    """A row of the table: medians, and the ratio within pairs of neighbouring rounds."""
    peers, mine = [], []
    for _ in range(rounds):
        peers.append(bare())
        mine.append(ours())
    by_rate = [a.rate / b.rate for a, b in zip(mine, peers, strict=True)]
    by_cpu = [b.cpu_ms / a.cpu_ms for a, b in zip(mine, peers, strict=True)]
    rate = statistics.median(by_rate)
    return [
        name,
        f"{statistics.median(r.rate for r in peers):,.0f}",
        f"{statistics.median(r.rate for r in mine):,.0f}",
        f"{statistics.median(r.cpu_ms for r in peers):.3f}",
        f"{statistics.median(r.cpu_ms for r in mine):.3f}",
        f"{rate:.2f} ({min(by_rate):.2f} to {max(by_rate):.2f})",
        f"{statistics.median(by_cpu):.2f}",
        f"≥ {goal:g}: {'yes' if rate >= goal else 'no'}" if goal else "",
    ]


PEERS = {
    "direct": (("aiohttp", through_aiohttp), ("tuned aiohttp", through_tuned_aiohttp)),
    "litellm": (("litellm.acompletion", through_litellm), ("tuned litellm.acompletion", through_tuned_litellm)),
}


def rows_of(server: LoopbackProcess, rounds: int, personas: int, transport: str) -> list[list[str]]:
    """Without noise and with it, against the peer and against the bound."""
    rows = []
    for noise in ("none", "moderate"):
        words = (f"distractor={noise}", f"llm.transport={transport}")
        bodies = bodies_of(personas, f"distractor={noise}")
        for number, (peer, bare) in enumerate(PEERS[transport]):
            bare(server, bodies[:200])
            row = compare(
                f"bare {peer} loop, distractor={noise}",
                GOALS[transport] if (number, noise) == (0, "none") else None,
                rounds,
                lambda bodies=bodies, bare=bare: bare(server, bodies),
                lambda words=words: through_pipeline(server, personas, *words),
            )
            rows.append(row)
    return rows


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("--rounds", type=int, help="9, or 5 with --litellm")
    ask.add_argument("--personas", type=int, help="120, or 12 with --litellm: about 400 calls without noise")
    ask.add_argument("--litellm", action="store_true")
    given = ask.parse_args()
    given.rounds = given.rounds or (5 if given.litellm else 9)
    given.personas = given.personas or (12 if given.litellm else 120)
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with LoopbackProcess() as server:
        rows = rows_of(server, given.rounds, given.personas, transport="litellm" if given.litellm else "direct")
    titles = [
        "peer",
        "peer calls/s",
        "pipeline calls/s",
        "peer CPU ms",
        "pipeline CPU ms",
        "ratio",
        "CPU ratio",
        "goal",
    ]
    table(titles, rows)


if __name__ == "__main__":
    main()
