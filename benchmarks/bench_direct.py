"""CPU and speed of one call: the direct client and LiteLLM's, each against the bare loop beneath it.

Server in a process of its own, concurrency 128, zero latency. ``--litellm`` adds LiteLLM (some ten seconds more).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import orjson

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "llm"))
from loopback import LoopbackProcess

from personaloom.llm.connection import connect
from personaloom.llm.types import CallKey, ChatMessage, LLMRequest, Purpose, Role, Sampling

CONCURRENCY = 128
SYSTEM = "You are a helpful assistant. Answer plainly and to the point. " * 8


def request(number: int) -> LLMRequest:
    messages = (
        ChatMessage("system", SYSTEM),
        ChatMessage("user", f"What should I know about mountains? ({number})"),
    )
    return LLMRequest(Role.ASSISTANT, messages, CallKey(1, "p", "q", 0, Role.ASSISTANT, 0, Purpose.ASSISTANT_RESPONSE))


async def run(name: str, calls: int, call: Callable[[int], Awaitable[object]]) -> tuple[float, float]:
    """Calls a second and CPU milliseconds a call."""
    for number in range(CONCURRENCY):
        await call(-1 - number)
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    rate, spent = calls / (time.perf_counter() - wall), (time.process_time() - cpu) / calls * 1000
    print(f"{name:28s} {rate:8.0f} calls/s   {spent:6.3f} CPU ms/call")
    return rate, spent


async def main(litellm: bool) -> None:
    with LoopbackProcess() as server:
        url = f"{server.base_url}/chat/completions"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def bare(number: int) -> object:
                body = {
                    "model": "gpt-4o",
                    "messages": [m.to_dict() for m in request(number).messages],
                    "temperature": 0.7,
                }
                headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
                async with session.post(url, data=orjson.dumps(body), headers=headers) as answer:
                    return orjson.loads(await answer.read())

            base = await run("bare aiohttp", 6000, bare)
        client = connect("openai/gpt-4o", base_url=server.base_url)
        sampling = Sampling(temperature=0.7)
        ours = await run("DirectClient", 6000, lambda n: client.complete(request(n), sampling, 60.0))
        await client.aclose()
        print(f"ratio: {ours[0] / base[0]:.2f} of the bare loop's calls, {ours[1] / base[1]:.2f} of its CPU")
        if litellm:
            await through_litellm(server.base_url, sampling)


async def through_litellm(base_url: str, sampling: Sampling) -> None:
    client = connect("openai/gpt-4o", base_url=base_url, transport="litellm")
    await client.complete(request(-1), sampling, 60.0)
    import litellm

    async def bare(number: int) -> object:
        messages = [m.to_dict() for m in request(number).messages]
        return await litellm.acompletion(
            model="openai/gpt-4o",
            messages=messages,
            api_base=base_url,
            api_key="none",
            temperature=0.7,
            num_retries=0,
        )

    base = await run("bare litellm.acompletion", 800, bare)
    ours = await run("LiteLLMClient", 800, lambda n: client.complete(request(n), sampling, 60.0))
    print(f"ratio: {ours[0] / base[0]:.2f} of the bare loop's calls, {ours[1] / base[1]:.2f} of its CPU")
    await client.aclose()


if __name__ == "__main__":
    try:
        import uvloop

        runner = uvloop.run
    except ImportError:
        runner = asyncio.run
    runner(main("--litellm" in sys.argv))
