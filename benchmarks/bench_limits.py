"""Throughput where a server allows R requests a second and says 429 beyond: settled share of R, one and four clients.

Real time, real sockets: server and clients are processes of their own.
The second half of each run is measured: a server that asks for whole seconds is found out in some twenty.
    python benchmarks/bench_limits.py [seconds]
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "llm"))
from loopback import LoopbackProcess

from personaloom.errors import CallError
from personaloom.keyed import Key
from personaloom.llm.connection import connect
from personaloom.llm.limits import DeploymentLimiter
from personaloom.llm.retry import RetryPolicy
from personaloom.llm.types import CallKey, ChatMessage, LLMRequest, Purpose, Role, Sampling

CASES = (
    ("window of 1 s, Retry-After: rest of it", 1, {"rate": 50}),
    ("the same, four processes", 4, {"rate": 50}),
    ("window of 1 s, Retry-After: 1", 1, {"rate": 50, "retry_after": 1.0}),
    ("the same, four processes", 4, {"rate": 50, "retry_after": 1.0}),
    ("bucket of 20, no Retry-After, four", 4, {"rate": 100, "burst": 20, "retry_after": None}),
    ("300 a second, 200 ms, Retry-After: 1", 1, {"rate": 300, "retry_after": 1.0, "latency": 0.2}),
)


async def client(base_url: str, seconds: float, workers: int, name: str) -> dict[str, float]:
    """Calls without end; what was answered in the second half, and calls that failed for good."""
    limiter, policy = DeploymentLimiter("bench"), RetryPolicy()
    chat = connect("gpt-4o", base_url=base_url)
    start = time.monotonic()
    answered = lost = 0

    async def worker(number: int) -> None:
        nonlocal answered, lost
        call = 0
        while time.monotonic() < start + seconds:
            call += 1
            key = CallKey(0, name, str(number), 0, Role.USER, call, Purpose.USER_FEEDBACK)
            request = LLMRequest(Role.USER, (ChatMessage("user", f"{name} {number} {call}"),), key)
            attempt = 0
            while True:
                attempt += 1
                try:
                    async with limiter.slot():
                        await chat.complete(request, Sampling(), 30.0)
                    answered += time.monotonic() > start + seconds / 2
                    break
                except CallError as error:
                    pause = policy.pause(attempt, error, Key(*key.parts()))
                    if pause is None:
                        lost += 1
                        break
                    await asyncio.sleep(pause)

    tasks = [asyncio.create_task(worker(number)) for number in range(workers)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await chat.aclose()
    return {"rate": answered / (seconds / 2), "lost": lost}


def main(seconds: float) -> None:
    print(
        f"{'server':38s} {'processes':>9s} {'allowed':>8s} {'answered':>9s} {'share':>6s} {'rejected':>9s} {'lost':>5s}"
    )
    for name, processes, settings in CASES:
        with LoopbackProcess(**settings) as server:
            command = [
                sys.executable,
                __file__,
                "client",
                server.base_url,
                str(seconds),
                str(256 // processes),
            ]
            children = [
                subprocess.Popen([*command, f"p{n}"], stdout=subprocess.PIPE, text=True) for n in range(processes)
            ]
            results = [json.loads(child.communicate()[0]) for child in children]
            stats = server.stats()
        rate, lost = sum(result["rate"] for result in results), sum(result["lost"] for result in results)
        share, rejected = rate / settings["rate"], stats["by_status"].get("429", 0) / stats["requests"]
        print(
            f"{name:38s} {processes:9d} {settings['rate']:8d} {rate:9.1f} {share:6.2f} {rejected:9.3f} {lost:5.0f}",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        print(json.dumps(asyncio.run(client(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 100.0)
