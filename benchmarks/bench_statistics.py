"""Statistics and export: time and memory for 10,000 and 100,000 samples, beside merely reading their words once.

python benchmarks/bench_statistics.py [samples …]
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from personaloom.keyed import Key
from personaloom.quality.statistics import compute_statistics
from personaloom.quality.textual import words
from personaloom.records import Ids, TrainingSample
from personaloom.training import FORMATS, TrainingDataExporter

STARTS, MIDDLES, ENDS = ("ba", "co", "di", "fu", "le", "mo"), ("na", "ri", "to", "ve"), ("", "s", "ly", "rt")
VOCABULARY = [a + b + c for a in STARTS for b in MIDDLES for c in ENDS]


def samples(count):
    """Conversations of three turns, about 460 words each, five a persona."""
    for index in range(count):
        persona = Ids.persona(index // 5)
        stream = Key("bench", index).stream()

        def text(length, stream=stream):
            numbers = (next(stream) for _ in range(-(-length // 8)))
            picks = [number >> (7 * part) for number in numbers for part in range(8)]
            return " ".join(VOCABULARY[pick % len(VOCABULARY)] for pick in picks[:length]) + "?"

        talk = [
            {"role": role, "content": text(size)} for _ in range(3) for role, size in (("user", 32), ("assistant", 120))
        ]
        trajectory = [
            {
                "turn": t,
                "text": talk[2 * t]["content"],
                "noisy_text": None,
                "noise_type": None,
                "applied_strategies": [],
            }
            for t in range(3)
        ]
        features = {"role": VOCABULARY[index // 5 % 20], "tone_pref": VOCABULARY[index // 5 % 4]}
        query, notes = talk[0]["content"], {"split": "train", "simulated": True}
        slot = f"{persona}-q{index % 5:02d}"
        yield TrainingSample(slot, persona, features, query, query, trajectory, talk, 3, [], notes)


def clocked(work):
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_words(count):
    for sample in samples(count):
        for message in sample.full_conversation:
            words(message["content"])


def export_all(count):
    exporter = TrainingDataExporter(formats=list(FORMATS))
    with tempfile.TemporaryDirectory() as folder:
        exporter.export(samples(count), Path(folder), simulated=True)


def main(counts):
    print("Each column holds the time of making the samples; the ratio is statistics over reading.")
    print("  samples    read words once    statistics   ratio    all ten formats   peak MiB")
    for count in counts:
        read, _ = clocked(lambda count=count: read_words(count))
        spent, found = clocked(lambda count=count: compute_statistics(samples(count)))
        assert found["total_samples"] == count
        export, _ = clocked(lambda count=count: export_all(count))
        print(
            f"{count:>9} {read:>17.1f}s {spent:>12.1f}s {spent / read:>7.1f} {export:>17.1f}s {memory():>10.0f}",
            flush=True,
        )


if __name__ == "__main__":
    compute_statistics(samples(50))  # imports are not what is measured
    main([int(value) for value in sys.argv[1:]] or [1000, 10_000])
