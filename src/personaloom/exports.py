"""The files of a dataset folder, written from its store: streamed, beside their place, and renamed when whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from personaloom.costs import Prices, priced
from personaloom.files import AtomicFile, FileFacts, atomic_json, atomic_lines, file_facts
from personaloom.judgements import PAIR, SCORE
from personaloom.llm.usage import CallRecord, TokenTracker
from personaloom.origin import was_read_in
from personaloom.quality import Comparison, Judgement, QualityPlan, Review
from personaloom.quality.pairs import pair_note
from personaloom.records import Ids, Interaction, TrainingSample
from personaloom.store import Store
from personaloom.training import TrainingDataCollector, TrainingDataExporter

__all__ = ["Exports", "stored_interactions", "stored_talks"]

Scores = Callable[[TrainingSample], Judgement | None]
"""Looks up what the judge said of a sample."""
Comparisons = Callable[[int, int], Comparison | None]
"""Looks up what the judge said of a conversation, by persona and slot, and its clean twin."""


_REMEDY = "What was made is in store.sqlite: mend this and run the same command again"


def _no_comparison(persona: int, slot: int) -> None:
    """Where no judge compared anything."""


@dataclass
class Exports:
    """Writes the files of the first ``num_personas`` of a store.

    Attributes:
        comparisons: what the judge said of the pairs.
        prices: for calls whose cost was not known when they were made.
        files: path relative to the folder, to its facts, of all that was written.
    """

    store: Store
    num_personas: int
    noise_mode: str = "realtime"
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    comparisons: Comparisons = _no_comparison
    prices: Prices = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The dataset folder."""
        return self.store.folder

    def personas(self) -> int:
        """``personas.jsonl``."""
        return self._jsonl("personas.jsonl", (p.to_dict() for _, p in self.store.personas(self.num_personas)))

    def queries(self) -> int:
        """``queries.jsonl``: each with its ``persona_id``."""
        rows = self.store.records("queries", self.num_personas)
        return self._jsonl("queries.jsonl", ({"persona_id": Ids.persona(p), **record} for p, _, record in rows))

    def interactions(self, watch: Callable[[Interaction], None]) -> int:
        """``interactions.jsonl``; ``watch`` sees each one."""

        def dictionaries() -> Iterator[dict[str, Any]]:
            for talk in stored_interactions(self.store, self.num_personas, self.noise_mode):
                watch(talk)
                yield talk.to_dict()

        return self._jsonl("interactions.jsonl", dictionaries())

    def failures(self) -> int:
        """``failures.jsonl``: every failure, with ``made_up`` where a supplement took its place."""
        there = set(self.store.slots("interactions", self.num_personas))
        rows = self.store.failures(self.num_personas)
        records = ({**f.to_dict(), "made_up": (p, s) in there and f.stage not in {SCORE, PAIR}} for p, s, f in rows)
        return self._jsonl("failures.jsonl", records)

    def pairs(self) -> int:
        """``robustness_pairs.jsonl``: a clean and a noisy conversation of one sample, where any unit is noisy."""
        path = self.folder / "robustness_pairs.jsonl"
        if self.store.count("twins", self.num_personas) == 0:
            path.unlink(missing_ok=True)
            return 0
        return self._jsonl(path.name, self._pair_records())

    def _pair_records(self) -> Iterator[dict[str, Any]]:
        for persona, slot, twin in self.store.records("twins", self.num_personas):
            noisy = self.store.record("interactions", persona, slot)
            if noisy is not None:
                note = pair_note(self.comparisons(persona, slot))
                yield {
                    "pair_id": noisy["interaction_id"],
                    "persona_id": noisy["persona_id"],
                    "persona_features": noisy["persona_features"],
                    "original_query": noisy["original_query"],
                    "shared_turns": twin["metadata"].get("shared_turns", 0),
                    "clean": _talk(twin),
                    "noisy": _talk(noisy),
                    **({"judge": note} if note else {}),
                }

    def samples(
        self,
        exporter: TrainingDataExporter,
        facts: Mapping[str, Any],
        plan: QualityPlan,
        scores: Scores,
        *,
        simulated: bool,
    ) -> tuple[dict[str, Any], Review]:
        """``training_data/``, and ``rejected_samples.jsonl`` where the plan filters.

        Returns:
            The exporter's statistics of the samples that were kept, and the review that all of them went through.

        Raises:
            StoreError: a file cannot be written; those that stood there stand.
        """
        path = self.folder / "rejected_samples.jsonl"
        out = AtomicFile(path) if plan.filters else None
        review = Review(plan, scores, (lambda _: None) if out is None else lambda line: _write_line(out, line))
        try:
            given: dict[str, str] = {}
            samples = self._samples(exporter, review, given)
            statistics = exporter.export(
                samples, self.folder, simulated=simulated, manifest_extra=facts, given_splits=given
            )
            if out is not None:
                out.finish()
                out.commit()
                self.files[path.name] = FileFacts(out.sha256, out.bytes, review.rejected).to_dict()
        except BaseException:
            if out is not None:
                out.abort()
            raise
        if out is None:
            path.unlink(missing_ok=True)
        self.files |= statistics["files"]
        return statistics, review

    def _samples(
        self, exporter: TrainingDataExporter, review: Review, given: dict[str, str]
    ) -> Iterator[TrainingSample]:
        """Reviewed, with everything that is known of them.

        Args:
            exporter: of the samples.
            review: that all of them go through.
            given: gets the split of a sample that was read in with one, while it is passed on.
        """
        prompts = PromptReader(self.store, self.num_personas)
        whole = TrainingDataCollector(splitter=exporter.splitter)
        pairs = self.store.count("twins", self.num_personas) > 0
        for persona, slot, talk in stored_talks(self.store, self.num_personas, self.noise_mode):
            compared = None
            if pairs and (twin := self.store.record("twins", persona, slot)) is not None:
                compared = self.comparisons(persona, slot)
                note = pair_note(compared)
                judged = {"judge": note} if note else {}
                talk.metadata["pair"] = {"pair_id": talk.interaction_id, "clean": _talk(twin)["messages"], **judged}
            prompt = talk.metadata.get("system_prompt") or prompts.of(persona)
            kept = review.look(whole.collect(talk, prompt), compared)
            if kept is not None:
                given |= {kept.sample_id: talk.metadata["split"]} if talk.metadata.get("split") else {}
                yield kept
                given.clear()

    def token_usage(self) -> TokenTracker:
        """``token_usage.json``; gives the totals of all calls of the dataset."""
        tracker = TokenTracker(keep_records=False)
        for record in priced(self.store.calls(self.num_personas), self.prices):
            tracker.add(CallRecord.from_dict(record))
        records = priced(self.store.calls(self.num_personas), self.prices)
        path = tracker.save(self.folder / "token_usage.json", records)
        self.files["token_usage.json"] = file_facts(path, tracker.attributed.calls).to_dict()
        return tracker

    def statistics(self, content: Mapping[str, Any]) -> None:
        """``statistics.json``."""
        self.files["statistics.json"] = atomic_json(self.folder / "statistics.json", content).to_dict()

    def _jsonl(self, name: str, records: Iterable[Mapping[str, Any]]) -> int:
        facts = atomic_lines(self.folder / name, map(orjson.dumps, records), _REMEDY)
        self.files[name] = facts.to_dict()
        return facts.records


class PromptReader:
    """System prompts by persona, read in order alongside the conversations: one is held at a time."""

    def __init__(self, store: Store, below: int) -> None:
        self._rows = store.personas(below)
        self._current: tuple[int, str | None] = (-1, None)

    def of(self, persona: int) -> str | None:
        """The prompt of a persona; to be asked for in rising order."""
        while self._current[0] < persona:
            row = next(self._rows, None)
            if row is None:
                return None
            self._current = (row[0], row[1].system_prompt)
        return self._current[1]


def stored_interactions(store: Store, below: int, noise_mode: str) -> Iterator[Interaction]:
    """The conversations of a store in order, with the noise that was made beside them."""
    return (talk for _, _, talk in stored_talks(store, below, noise_mode))


def stored_talks(store: Store, below: int, noise_mode: str) -> Iterator[tuple[int, int, Interaction]]:
    """The same with persona and slot."""
    for persona, slot, record in store.records("interactions", below):
        notes = record["metadata"]
        beside = store.record("noise", persona, slot) if noise_mode == "posthoc" else None
        if beside is not None:
            notes["noise"] = beside
        if beside is not None or not was_read_in(notes):  # what was read in may hold noise of its own
            notes["noise_mode"] = noise_mode
        yield persona, slot, Interaction.from_dict(record)


def _write_line(out: AtomicFile, line: Mapping[str, Any]) -> None:
    out.write(orjson.dumps(line) + b"\n")


def _talk(record: Mapping[str, Any]) -> dict[str, Any]:
    messages = [{"role": m["role"], "content": m["content"]} for m in record["messages"]]
    return {"messages": messages, "num_turns": record["num_turns"], "end_reason": record["metadata"].get("end_reason")}
