"""Everything that is said about a dataset in numbers, from one pass over its samples.

The reference's fields stand at the top level, what is ours under ``quality``. Each number names its interval where it
is a sample, and is measured on equal lengths where length would fool it. Memory is bounded: counters, signatures of
256 bytes, a keyed sample of 1,000 conversations and the voices of 400 personas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from personaloom.keyed import Key
from personaloom.quality.checks import SampleChecks, Verdict
from personaloom.quality.corpus import CorpusProfile, Decontamination
from personaloom.quality.diversity import KeyedSample, diversity
from personaloom.quality.duplicates import NearDuplicates
from personaloom.quality.intervals import Cells, share
from personaloom.quality.noise import NoiseTable
from personaloom.quality.people import People
from personaloom.quality.textual import overlap_share, words
from personaloom.records import TrainingSample, utc_now

__all__ = ["PLUMBING", "CheckTable", "StatisticsCollector", "compute_statistics"]

PLUMBING = (
    "Simulated text: these figures test that the measuring works. "
    "They say nothing about a model, a prompt or a dataset."
)

_SIGNATURE_WORDS = 2000


def compute_statistics(
    samples: Iterable[TrainingSample],
    *,
    seed: int = 0,
    simulated: bool | None = None,
    configured_rate: float | None = None,
    layer_weights: Sequence[float] | None = None,
    dimensions: Mapping[str, Sequence[str]] | None = None,
    checks: SampleChecks | None = None,
    reference: Iterable[TrainingSample] | None = None,
    benchmarks: Mapping[str, Iterable[str]] | None = None,
    decontaminate_n: int = 13,
) -> dict[str, Any]:
    """The statistics of a dataset, JSON-ready; samples are read once.

    Args:
        samples: in any order; the result does not depend on it, but for the examples of near-copies.
        seed: of the keyed samples and bootstraps.
        simulated: whether a simulated model wrote the text; None asks the samples' metadata.
        configured_rate: the noise rate that was asked for, to test the drawn one against.
        layer_weights: weights of the three layers, likewise.
        dimensions: the bank's dimensions and their values, to report coverage against.
        checks: sample checks whose verdicts are counted.
        reference: a real corpus to measure the distance to.
        benchmarks: name to texts; conversations that overlap with them are counted.
        decontaminate_n: length in words of the n-gram that counts as an overlap.

    Returns:
        ``total_samples, samples_by_split, avg_turns, avg_trajectory_length, distractor_stats, persona_distribution,
        created_at, simulated, quality``.
    """
    collector = StatisticsCollector(seed, checks, Decontamination(benchmarks, decontaminate_n) if benchmarks else None)
    for sample in samples:
        collector.add(sample)
    if reference is not None:
        collector.compare_with(reference)
    return collector.report(simulated, configured_rate, layer_weights, dimensions)


class CheckTable:
    """Counts what the sample checks found."""

    def __init__(self) -> None:
        self._seen = self._rejected = 0
        self._faults: Counter[str] = Counter()
        self._private: Counter[str] = Counter()

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        self._seen += 1
        self._rejected += not verdict.accepted
        self._faults.update({found.check for found in verdict.findings})
        self._private.update(verdict.private)

    def report(self) -> dict[str, Any] | None:
        """Share of samples that failed, samples by check, personal data and secrets by kind; None for no verdicts."""
        if not self._seen:
            return None
        found = {name: self._faults[name] for name in sorted(self._faults)}
        return {
            "rejected": share(self._rejected, self._seen),
            "samples_by_check": found,
            "private": dict(sorted(self._private.items())),
        }


class StatisticsCollector:
    """What ``compute_statistics`` does, one sample at a time.

    Attributes:
        checked: counts verdicts; whoever judges samples elsewhere gives no ``checks`` and adds the verdicts here.
        reference: the corpus that distances are measured to, or None.
    """

    def __init__(
        self, seed: int = 0, checks: SampleChecks | None = None, decontamination: Decontamination | None = None
    ) -> None:
        self._key = Key(seed, "statistics")
        self._checks = checks
        self._decontamination = decontamination
        self.reference: CorpusProfile | None = None
        self._splits: Counter[str] = Counter(dict.fromkeys(("train", "val", "test"), 0))
        self._ends: Counter[str] = Counter()
        self._models: Counter[str] = Counter()
        self.checked = CheckTable()
        self._noisy_by_split: Counter[str] = Counter()
        self._turns = self._steps = self._simulated = 0
        self._cells = {
            name: Cells()
            for name in ("turns", "user_words", "assistant_words", "tokens", "query_overlap", "follow_ups")
        }
        self._noise = NoiseTable()
        self._corpus = CorpusProfile()
        self._people = People(self._key.child("people"))
        self._sample = KeyedSample(self._key.child("conversations"))
        self._copies = NearDuplicates()

    def add(self, sample: TrainingSample) -> None:
        """Count one sample."""
        notes = sample.metadata or {}
        messages = sample.full_conversation or [{"role": "user", "content": sample.initial_query}]
        split = str(notes.get("split", "unknown"))
        self._splits[split] += 1
        self._ends[str(notes.get("end_reason") or "unknown")] += 1
        self._models[str((notes.get("models") or {}).get("assistant") or "unknown")] += 1
        self._simulated += bool(notes.get("simulated"))
        self._turns += sample.num_turns
        self._steps += sample.num_turns if sample.prompt_trajectory is None else len(sample.prompt_trajectory)
        self._noisy_by_split[split] += self._noise.add(sample)
        if self._checks is not None:
            self.checked.add(self._checks.judge(sample))
        self._read(sample, messages)

    def compare_with(self, reference: Iterable[TrainingSample]) -> None:
        """Read the corpus that distances are measured to."""
        self.reference = CorpusProfile()
        for sample in reference:
            self.reference.add_sample(sample)

    def _read(self, sample: TrainingSample, messages: Sequence[Mapping[str, str]]) -> None:
        """All that needs the words, which are found once."""
        user = [(m["content"], words(m["content"])) for m in messages if m["role"] == "user"]
        # Splitting at blanks is a third of the price, and answers are only counted and compared with each other.
        answers = [m["content"].lower().split() for m in messages if m["role"] == "assistant"]
        spoken = [token for _, tokens in user for token in tokens]
        answered = [token for tokens in answers for token in tokens]
        persona = sample.persona_id
        self._corpus.add(sample, user, map(len, answers))
        self._cells["turns"].add(persona, [sample.num_turns])
        self._cells["user_words"].add(persona, [len(tokens) for _, tokens in user])
        self._cells["assistant_words"].add(persona, [len(tokens) for tokens in answers])
        self._cells["tokens"].add(persona, [sum(len(m["content"]) for m in messages) / 4])
        source = words(sample.original_query)
        overlap = overlap_share(words(sample.initial_query), source)
        self._cells["query_overlap"].add(persona, [] if overlap is None else [overlap])
        later = [overlap_share(tokens, source) for _, tokens in user[1:]]
        self._cells["follow_ups"].add(persona, [value for value in later if value is not None])
        self._people.add(sample, [text for text, _ in user], spoken)
        self._copies.add(sample.sample_id, (spoken + answered)[:_SIGNATURE_WORDS])
        number = self._sample.wants(sample.sample_id)
        if number is not None:
            self._sample.add(number, sample.sample_id, persona, spoken, answered)
        if self._decontamination is not None:
            self._decontamination.look(
                sample.sample_id,
                [*(t for _, t in user), *(words(m["content"]) for m in messages if m["role"] != "user")],
            )

    def report(
        self,
        simulated: bool | None = None,
        configured_rate: float | None = None,
        layer_weights: Sequence[float] | None = None,
        dimensions: Mapping[str, Sequence[str]] | None = None,
    ) -> dict[str, Any]:
        """The statistics; see ``compute_statistics``."""
        total = sum(self._splits.values())
        made_up = bool(self._simulated) if simulated is None else simulated
        return {
            "total_samples": total,
            "samples_by_split": dict(self._splits),
            "avg_turns": self._turns / total if total else 0.0,
            "avg_trajectory_length": self._steps / total if total else 0.0,
            "distractor_stats": self._noise.distractor_stats(),
            "persona_distribution": self._people.counts(),
            "created_at": utc_now(),
            "simulated": made_up,
            "quality": self._quality(made_up, configured_rate, layer_weights, dimensions),
        }

    def _quality(
        self,
        simulated: bool,
        configured_rate: float | None,
        layer_weights: Sequence[float] | None,
        dimensions: Mapping[str, Sequence[str]] | None,
    ) -> dict[str, Any]:
        cells, key = self._cells, self._key
        lengths = ("turns", "user_words", "assistant_words", "tokens")
        overlaps = {"initial_query": "query_overlap", "follow_ups": "follow_ups"}
        return {
            "note": PLUMBING if simulated else None,
            "lengths": {name: cells[name].estimate(key.child("length", name)) for name in lengths},
            "histograms": self._corpus.to_dict(),
            "end_reasons": _shares(self._ends),
            "assistant_models": _shares(self._models),
            "diversity": diversity(self._sample, key.child("diversity")),
            "seed_query_overlap": {
                name: cells[cell].estimate(key.child("overlap", cell)) for name, cell in overlaps.items()
            },
            "near_duplicates": self._copies.report(),
            "coverage": self._people.coverage(dimensions),
            "personas": self._people.report(),
            "noise": self._noise.report(key.child("noise"), configured_rate, layer_weights)
            | {"samples_with_noise_by_split": dict(self._noisy_by_split)},
            "checks": self.checked.report(),
            "reference": None if self.reference is None else self._corpus.distance(self.reference),
            "decontamination": None
            if self._decontamination is None
            else self._decontamination.report(sum(self._splits.values())),
        }


def _shares(counts: Counter[str]) -> dict[str, Any]:
    total = counts.total()
    return {name: share(count, total) for name, count in sorted(counts.items())}
