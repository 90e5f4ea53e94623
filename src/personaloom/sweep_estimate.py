"""What the jobs of a sweep take together: what several of them ask alike is in the ledger after the first.

Jobs share system prompts and queries where nothing differs up to there, and conversations up to the first unit whose
noise differs. Noise is drawn by key, so how many turns that leaves is counted and not guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from personaloom.dataset import Dataset
from personaloom.estimate import NOTHING, Estimate, Range
from personaloom.fingerprint import digest, models_of, templates_of
from personaloom.llm.ledger import LedgerMode
from personaloom.llm.types import Role
from personaloom.parts import Parts
from personaloom.records import Ids

__all__ = ["SweepJob", "together"]

MOST_PERSONAS = 4_000
"""The share of turns that jobs have in common is counted over the first so many."""
Asked = Callable[["SweepJob"], Iterator[Hashable]]


@dataclass(frozen=True)
class SweepJob:
    """One job, and what it would take alone."""

    parts: Parts
    alone: Estimate

    @cached_property
    def dataset(self) -> Dataset:
        """What it would make."""
        return Dataset(self.parts)

    @property
    def shares(self) -> bool:
        """Whether its replies are kept for the others: those of the simulated model are not."""
        return self.parts.ledger.mode is not LedgerMode.OFF and not self.dataset.simulated

    @cached_property
    def talk(self) -> str:
        """What its conversations depend on but for noise."""
        parts = self.parts
        prompts = templates_of(parts.prompts, ("assistant", "user_feedback"))
        models = models_of(parts.roles, Role.ASSISTANT, Role.USER)
        return digest(self.dataset.fingerprints["queries"], parts.interaction_generator.fingerprint(), prompts, models)

    @cached_property
    def noise(self) -> str:
        """How its noise is written, whatever the level."""
        made = self.parts.distractor
        how = [] if made is None else [made.use_semantic, made.control, made.check, made.seed]
        return digest(how, models_of(self.parts.roles, Role.NOISE, Role.EXTRACTOR))

    def prompts(self) -> Iterator[Hashable]:
        """Its system prompts, as one."""
        yield self.dataset.fingerprints["prompts"]

    def queries(self) -> Iterator[Hashable]:
        """Its queries, as one."""
        yield self.dataset.fingerprints["queries"]

    def replies(self) -> Iterator[Hashable]:
        """Each reply of the conversations, with the noise that came before it."""
        realtime = self.parts.distractor is not None and self.parts.distractor.mode == "realtime"
        for slot, drawn in self._drawn():
            said = drawn if realtime else (None,) * len(drawn)
            for turn in range(len(drawn)):
                yield self.talk, slot, "assistant", said[: turn + 1]
                if turn:
                    yield self.talk, slot, "user", said[:turn]

    def noisy_units(self) -> Iterator[Hashable]:
        """Each unit that noise is written for, with the noise before it."""
        for slot, drawn in self._drawn():
            for turn, own in enumerate(drawn):
                if own is not None:
                    yield self.talk, slot, drawn[: turn + 1]

    def _drawn(self) -> Iterator[tuple[str, tuple[Hashable, ...]]]:
        """For each slot the noise drawn for its turns; None where a turn stays clean."""
        parts, made = self.parts, self.parts.distractor
        for persona in range(min(parts.num_personas, MOST_PERSONAS)):
            for number in range(parts.query_generator.slots_of(persona)):
                slot = Ids.slot(Ids.persona(persona), number)
                turns = range(parts.interaction_generator.target_turns(slot))
                draws = (
                    [made.draw(Ids.unit(slot, turn)) for turn in turns] if made is not None else [None for _ in turns]
                )
                yield slot, tuple((self.noise, d.layer, d.strategies) if d and d.active else None for d in draws)


_ASKED: dict[str, Asked] = {
    "persona_formulation": SweepJob.prompts,
    "query_generation": SweepJob.queries,
    "interaction_generation": SweepJob.replies,
    "distractor": SweepJob.noisy_units,
}


def together(jobs: Sequence[SweepJob]) -> dict[str, Range | None]:
    """``calls``, ``input_tokens``, ``output_tokens`` and ``cost_usd`` of all jobs; None where a part is unknown."""
    modules = {line.module for job in jobs for line in job.alone.lines}
    part = {module: _part_paid(module, [job for job in jobs if _has(job, module)]) for module in modules}
    return {name: _total(name, jobs, part) for name in ("calls", "input_tokens", "output_tokens", "cost_usd")}


def _has(job: SweepJob, module: str) -> bool:
    return any(line.module == module for line in job.alone.lines)


def _part_paid(module: str, jobs: Sequence[SweepJob]) -> float:
    """The share of these jobs' calls that is left when what they ask alike of one ledger is asked once."""
    asked = _ASKED.get(module)
    if asked is None:
        return 1.0
    every, once = 0, defaultdict[Hashable, set[Hashable]](set)
    for number, job in enumerate(jobs):
        ledger: Hashable = job.parts.ledger.path if job.shares else number
        wanted = list(asked(job))
        every += len(wanted)
        once[ledger].update(wanted)
    return sum(map(len, once.values())) / every if every else 1.0


def _total(name: str, jobs: Sequence[SweepJob], part: dict[str, float]) -> Range | None:
    total, most = NOTHING, 0.0
    for job in jobs:
        whole = job.alone.total(name)
        if whole is None:
            return None
        most = max(most, whole.low)
        for line in job.alone.lines:
            paid = getattr(line, name)
            total += Range(*(bound * part[line.module] for bound in (paid.low, paid.likely, paid.high)))
    return Range(max(total.low, most), max(total.likely, most), max(total.high, most))
