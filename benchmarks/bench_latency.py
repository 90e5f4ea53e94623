"""How long 10 personas x 5 queries take at 200 ms a reply, default settings, and 40 x 5: against the longest chain.

The bound is the longest chain of calls that wait for one another, times the latency: nothing can be faster. It is read
from the call records: a persona's prompt, then a conversation's own calls, one after another.

    python benchmarks/bench_latency.py
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter

from common import LoopbackProcess, parts_of, table
from personaloom.dataset import Dataset
from personaloom.pipeline import Pipeline
from personaloom.store import PERSONA_LEVEL

LATENCY_S = 0.2
GOAL_CHAIN, GOAL_GROWTH = 1.5, 2.0
REFERENCE_S = 26.8


def measure(url: str, personas: int) -> tuple[float, int, int]:
    """Seconds, calls, and the calls of the longest chain."""
    with tempfile.TemporaryDirectory() as folder:
        pipeline = Pipeline(parts_of(folder, "llm=gpt4o", f"llm.base_url={url}", f"num_personas={personas}"))
        started = time.perf_counter()
        manifest = pipeline.run()
        seconds = time.perf_counter() - started
        return seconds, manifest["usage"]["paid"]["calls"], _longest(pipeline.dataset)


def _longest(dataset: Dataset) -> int:
    """Calls of the longest chain: the persona's prompt, the conversation's own, and a prompt it had to wait for."""
    store = dataset.open()
    try:
        own = Counter(store.slots("calls", 1_000_000))
    finally:
        store.close()
    chains = []
    for (persona, slot), calls in own.items():
        if slot == PERSONA_LEVEL:
            continue
        # The base prompt comes first; one for an inferred domain or scenario may stand between query and conversation.
        chains.append(calls + min(2, own[persona, PERSONA_LEVEL]))
    return max(chains)


def main() -> None:
    with LoopbackProcess(latency=LATENCY_S) as server:
        measure(server.base_url, 1)
        small = measure(server.base_url, 10)
        large = measure(server.base_url, 40)
    bound = small[2] * LATENCY_S
    chain, growth = small[0] / bound, large[0] / small[0]
    rows = [
        ["10 x 5 / longest chain", f"{bound:.1f} s ({small[2]} calls)", f"{small[0]:.2f} s", f"{chain:.2f}",
         f"≤ {GOAL_CHAIN}: {'yes' if chain <= GOAL_CHAIN else 'no'}"],
        ["10 x 5 / the reference system", f"{REFERENCE_S} s", f"{small[0]:.2f} s", f"{small[0] / REFERENCE_S:.2f}", ""],
        ["40 x 5 / 10 x 5", f"{small[0]:.2f} s", f"{large[0]:.2f} s ({large[1]} calls)", f"{growth:.2f}",
         f"< {GOAL_GROWTH:g}: {'yes' if growth < GOAL_GROWTH else 'no'}"],
    ]  # fmt: skip
    table(["what / bound or peer", "bound or peer", "measured", "ratio", "goal"], rows)


if __name__ == "__main__":
    main()
