"""What a sweep of four noise levels costs, in calls counted at the server, against its dearest member run alone.

Sibling runs share replies through the ledger, so that a sweep pays once for personas, queries and every turn before the
first one that a level changes. The bound is 2.2 times the calls of the dearest member.

    python benchmarks/bench_sweep_calls.py [num_personas]
"""

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "llm"))

from loopback import LoopbackProcess

from personaloom.cli import entry

BOUND = 2.2
LEVELS = ("none", "light", "moderate", "heavy")


def calls_of(server, out, *words):
    """Run a command against the server; gives the requests it cost."""
    server.reset()
    command = [*words, "llm=openai_compatible", "llm.model=openai/loopback", f"llm.base_url={server.base_url}"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = entry([*command, f"output_dir={out}", "tracking=none"])
    assert code == 0, said.getvalue()
    return server.stats()["requests"]


def attributed(out):
    """Calls in each dataset of an output folder, by the level that made it."""
    found = {}
    for path in Path(out).glob("datasets/*/manifest.json"):
        manifest = json.loads(path.read_text("utf-8"))
        level = manifest["noise"]["configured_rate"]
        found[level] = manifest["usage"]
    return dict(sorted(found.items()))


def main():
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as name, LoopbackProcess() as server:
        alone = {
            level: calls_of(server, f"{name}/{level}", f"num_personas={size}", f"distractor={level}")
            for level in LEVELS
        }
        sweep = calls_of(server, f"{name}/sweep", "-m", f"num_personas={size}", f"distractor={','.join(LEVELS)}")
        again = calls_of(server, f"{name}/sweep", "-m", f"num_personas={size}", f"distractor={','.join(LEVELS)}")
        usage = attributed(f"{name}/sweep")
    dearest = max(alone.values())
    print(f"{size} personas, {5 * size} conversations a level, default settings; calls counted at the server")
    print(f"{'level':<10} {'alone':>8} {'in the sweep':>14} {'attributed':>12}")
    for level, spent in zip(LEVELS, usage.values(), strict=True):
        print(f"{level:<10} {alone[level]:>8,} {spent['paid']['calls']:>14,} {spent['attributed']['calls']:>12,}")
    print(f"{'all':<10} {sum(alone.values()):>8,} {sweep:>14,}   the same sweep again: {again}")
    verdict = "holds" if sweep < BOUND * dearest else "DOES NOT HOLD"
    print(f"sweep / dearest member alone: {sweep / dearest:.2f}, bound {BOUND}: {verdict}")


if __name__ == "__main__":
    main()
