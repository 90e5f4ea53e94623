"""What a run will take, before anything is spent.

The number of slots, their turns and which units are noisy are drawn by key, so they are known, not guessed. How often
each kind of call is made for them, and how long prompts and replies are, comes from a rehearsal: a few personas of the
same config, run with the simulated model. Where the ledger holds replies of the same model to the same kind of call,
their lengths replace the rehearsal's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from personaloom.dataset import Dataset
from personaloom.distractor import DistractorModel
from personaloom.judgements import judge_identity, judge_of
from personaloom.llm.client import DeploymentSpec
from personaloom.llm.types import Purpose, Role, Usage
from personaloom.parts import Parts
from personaloom.quality import Judge
from personaloom.records import Ids
from personaloom.rehearsal import Lengths, ledger_lengths, rehearse
from personaloom.stages import StageName
from personaloom.store import PERSONA_LEVEL
from personaloom.store_file import slots_done

__all__ = ["Estimate", "Line", "Range", "estimate"]

REHEARSED_PERSONAS = 6
WITHOUT_HISTORY = (0.4, 2.5)
"""How far a real model's replies may be from the simulated one's in length."""
WITH_HISTORY = (0.75, 1.35)
RETRIES = 1.05
"""Room in the upper bound for replies that have to be asked for again."""
_ROLES = {
    Purpose.FORMULATE_PROMPT: Role.FORMULATOR,
    Purpose.STYLE_TRANSFER: Role.STYLIST,
    Purpose.INFER_CONTEXT: Role.STYLIST,
    Purpose.ASSISTANT_RESPONSE: Role.ASSISTANT,
    Purpose.USER_FEEDBACK: Role.USER,
    Purpose.EXTRACT_SEMANTICS: Role.EXTRACTOR,
    Purpose.GENERATE_NOISE: Role.NOISE,
    Purpose.VERIFY_NOISE: Role.EXTRACTOR,
    Purpose.JUDGE: Role.JUDGE,
}


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is not known yet: the likely value between two bounds; None where it cannot be said."""

    low: float
    likely: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def times(self, factors: tuple[float, float]) -> Range:
        """With wider bounds."""
        return Range(self.low * factors[0], self.likely, self.high * factors[1])

    def to_dict(self) -> dict[str, float]:
        """JSON-ready."""
        return {"low": self.low, "likely": self.likely, "high": self.high}


NOTHING = Range(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of call to one model.

    Attributes:
        module, operation: as in the token report.
        model: asked.
        calls, input_tokens, output_tokens: in all.
        cost_usd: None where the price is not known.
        source: ``ledger`` or ``rehearsal``: where the lengths come from.
    """

    module: str
    operation: str
    model: str
    calls: Range
    input_tokens: Range
    output_tokens: Range
    cost_usd: Range | None
    source: str


@dataclass(frozen=True)
class Estimate:
    """What is left to make, and what it takes.

    Attributes:
        personas, conversations: still to be made; where the stages hold no conversations, queries in their place, or
            nothing but personas.
        done: conversations (queries, personas) that are there already.
        lines: by operation and model.
        makes: ``interactions``, ``noise``, ``queries`` or ``prompts``: what the last of the run's stages makes.
    """

    personas: int
    conversations: int
    done: int
    lines: tuple[Line, ...]
    makes: str = "interactions"

    def total(self, name: str) -> Range | None:
        """The sum of ``calls``, ``input_tokens``, ``output_tokens`` or ``cost_usd``; None where a part is unknown."""
        total = NOTHING
        for line in self.lines:
            part = getattr(line, name)
            if part is None:
                return None
            total += part
        return total


def estimate(parts: Parts, num_personas: int | None = None) -> Estimate:
    """What running ``parts`` would take from here on; nothing is sent and nothing of the user's is written.

    Args:
        parts: of the run.
        num_personas: how many personas; None for the config's.
    """
    count = num_personas or parts.num_personas
    dataset, makes = Dataset(parts), _made_by(parts)
    if parts.start_from is not None:
        count = max(count, parts.start_from.facts.personas)
    slots = [(persona, slot) for persona in range(count) for slot in range(parts.query_generator.slots_of(persona))]
    wanted = slots if makes != "prompts" else [(persona, PERSONA_LEVEL) for persona in range(count)]
    done = _there(dataset, makes)
    left = [key for key in wanted if key not in done]
    personas = len({persona for persona, _ in left})
    holds = StageName.INTERACTION in parts.plan
    judging = _Judging.of(dataset, set(slots) if holds else _there(dataset).intersection(slots))
    beside = parts.distractor is not None and parts.distractor.mode == "posthoc"
    writes = parts.plan.generates and bool(left) and (makes != "noise" or beside)
    to_make = 0 if makes == "prompts" else len(left)
    if not writes and not judging.any:
        return Estimate(personas, to_make, len(done), (), makes)
    rehearsed_slots, rehearsal = rehearse(parts, min(count, REHEARSED_PERSONAS), judging.judge)
    by_slot = left if makes != "prompts" else []
    scale = _Scale(parts, by_slot, rehearsed_slots, personas / min(count, REHEARSED_PERSONAS), judging)
    history = ledger_lengths(parts.ledger)
    lines = [
        line
        for purpose, facts in rehearsal.items()
        if (judging.any if purpose is Purpose.JUDGE else writes and _planned(parts, purpose))
        for line in _lines(parts, purpose, scale.calls(purpose, facts.calls), facts, history)
    ]
    return Estimate(personas, to_make, len(wanted) - len(left), tuple(lines), makes)


def _made_by(parts: Parts) -> str:
    """The table that the last of the run's stages fills: what is there in it is not made again."""
    plan = parts.plan
    if StageName.INTERACTION in plan or not plan.generates:
        return "interactions"
    if StageName.DISTRACTOR in plan:
        return "noise"
    return "queries" if StageName.QUERY in plan else "prompts"


def _there(dataset: Dataset, table: str = "interactions") -> set[tuple[int, int]]:
    """What a dataset holds of it, or begins with."""
    origin = dataset.parts.start_from
    done = slots_done(dataset.folder, dataset.fingerprint, table)
    return done | slots_done(origin.folder, origin.fingerprint, table) if origin is not None else done


def _planned(parts: Parts, purpose: Purpose) -> bool:
    """Whether a stage of this run makes such calls: the rehearsal also makes what the run has already."""
    stages = {
        "persona_formulation": (StageName.PERSONA, StageName.INTERACTION),
        "query_generation": (StageName.QUERY,),
        "interaction_generation": (StageName.INTERACTION,),
        "distractor": (StageName.INTERACTION, StageName.DISTRACTOR),
    }.get(purpose.module)
    return stages is None or any(stage in parts.plan for stage in stages)


@dataclass(frozen=True, slots=True)
class _Judging:
    """What the judge has still to do: conversations to score, and those whose pair, if they have one, is to compare."""

    judge: Judge | None = None
    scores: tuple[tuple[int, int], ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, dataset: Dataset, slots: set[tuple[int, int]]) -> _Judging:
        """Of these conversations, chosen by key as the run chooses them."""
        judge = judge_of(dataset)
        if judge is None:
            return cls()
        name = judge_identity(dataset, judge)
        chosen = sorted(key for key in slots if judge.chosen(_slot_id(key)))
        scored, compared = (
            slots_done(dataset.folder, dataset.fingerprint, table, name) for table in ("scores", "comparisons")
        )
        return cls(
            judge,
            tuple(key for key in chosen if key not in scored),
            tuple(key for key in chosen if key not in compared) if judge.pairs else (),
        )

    @property
    def any(self) -> bool:
        """Whether anything is left."""
        return bool(self.scores or self.pairs)


def _slot_id(key: tuple[int, int]) -> str:
    return Ids.slot(Ids.persona(key[0]), key[1])


class _Scale:
    """From the rehearsal's calls to the run's: by turns, noisy units, slots or personas, whichever a call follows."""

    def __init__(
        self,
        parts: Parts,
        left: list[tuple[int, int]],
        rehearsed: list[tuple[int, int]],
        personas: float,
        judging: _Judging,
    ) -> None:
        self._parts = parts
        self._slots = len(left) / max(1, len(rehearsed))
        self._personas = personas
        mine, theirs = self._measure(left), self._measure(rehearsed)
        self._turns = mine[0] / max(1, theirs[0])
        self._units = mine[1] / max(1, theirs[1])
        self._scored = len(rehearsed)
        self._to_score = len(judging.scores)
        self._pairs = self._noisy(judging.pairs) / max(1, self._noisy(rehearsed))

    def _measure(self, slots: list[tuple[int, int]]) -> tuple[int, int]:
        """Turns drawn for these slots, and units drawn noisy among them."""
        turns = units = 0
        distractor = self._parts.distractor
        for persona, number in slots:
            slot = _slot_id((persona, number))
            target = self._parts.interaction_generator.target_turns(slot)
            turns += target
            units += sum(_is_noisy(distractor, Ids.unit(slot, turn)) for turn in range(target))
        return turns, units

    def _noisy(self, slots: Iterable[tuple[int, int]]) -> int:
        """Conversations with a unit drawn noisy: only they can have a clean twin."""
        return sum(self._measure([key])[1] > 0 for key in slots)

    def calls(self, purpose: Purpose, rehearsed: int) -> Range:
        """How often a kind of call will be made."""
        if purpose is Purpose.JUDGE:  # one a score, which is certain, and two a pair
            scores = Range(self._to_score, self._to_score, self._to_score * RETRIES)
            pairs = max(0, rehearsed - self._scored) * self._pairs
            return scores + _spread(pairs) if pairs else scores
        factor = {
            "interaction_generation": self._turns,
            "distractor": self._units,
            "query_generation": self._slots,
        }.get(purpose.module, self._slots or self._personas)
        return _spread(rehearsed * factor)


def _spread(likely: float) -> Range:
    """A count of independent events varies by about its square root."""
    spread = 2 * math.sqrt(max(likely, 1.0)) + 0.15 * likely
    return Range(max(0.0, likely - spread), likely, (likely + spread) * RETRIES)


def _is_noisy(distractor: DistractorModel | None, unit_id: str) -> bool:
    return distractor is not None and distractor.draw(unit_id).active


def _lines(
    parts: Parts,
    purpose: Purpose,
    calls: Range,
    facts: Lengths,
    history: Mapping[tuple[str, str], Lengths],
) -> list[Line]:
    specs = parts.roles[_ROLES[purpose]]
    weight = sum(spec.weight for spec in specs)
    lines = []
    for spec in specs:
        share = spec.weight / weight
        known = history.get((str(purpose), spec.client.deployment.model))
        lengths, factors = (known, WITH_HISTORY) if known else (facts, WITHOUT_HISTORY)
        if spec.client.deployment.simulated:
            factors = WITH_HISTORY
        mine = Range(*(bound * share for bound in (calls.low, calls.likely, calls.high)))
        tokens_in, tokens_out = (
            Range(*(bound * length for bound in (mine.low, mine.likely, mine.high))).times(factors)
            for length in (lengths.input_tokens, lengths.output_tokens)
        )
        source = "ledger" if known else "rehearsal"
        cost = _cost(spec, tokens_in, tokens_out)
        model = spec.client.deployment.name
        lines.append(Line(purpose.module, str(purpose), model, mine, tokens_in, tokens_out, cost, source))
    return lines


def _cost(spec: DeploymentSpec, tokens_in: Range, tokens_out: Range) -> Range | None:
    if spec.client.deployment.simulated:
        return NOTHING
    price = spec.price
    if price is None:
        return None
    pairs = zip(
        (tokens_in.low, tokens_in.likely, tokens_in.high),
        (tokens_out.low, tokens_out.likely, tokens_out.high),
        strict=True,
    )
    return Range(*(price.cost(Usage(round(a), round(b))) for a, b in pairs))
