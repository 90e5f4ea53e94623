"""An LLM as judge: scores against a rubric, and preferences between two conversations with their places swapped.

Judging is off by default, on a keyed share of the samples or all, paid from the run's budget like any call, and never
done by the model that wrote the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from personaloom.errors import ConfigError, Fault, MalformedReplyError
from personaloom.keyed import Key
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import CallKey, LLMReply, LLMRequest, Purpose, Role
from personaloom.quality.rubric import CRITERIA, SCORES_SCHEMA, WINNER_SCHEMA, Criterion
from personaloom.records import Record, TrainingSample

__all__ = ["Asker", "Comparison", "Judge", "Judgement"]


class Asker(Protocol):
    """What the judge needs of the LLM client."""

    @property
    def prompts(self) -> PromptLibrary:
        """The templates."""
        ...

    async def complete(self, request: LLMRequest, accept: Callable[[LLMReply], None] | None = None) -> LLMReply:
        """Make a call."""
        ...

    def models(self) -> list[dict[str, Any]]:
        """Role, model and provider of every deployment."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement(Record):
    """Scores of one sample.

    Attributes:
        sample_id: whose.
        scores: criterion to score, 1 to 5.
        reasons: criterion to one sentence.
        model: who judged.
        skipped: why nobody did, or None.
        simulated: no model read the text.
    """

    sample_id: str
    scores: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    model: str = ""
    skipped: str | None = None
    simulated: bool = False

    @property
    def mean(self) -> float | None:
        """Mean of the scores, or None where there are none."""
        return sum(self.scores.values()) / len(self.scores) if self.scores else None

    def note(self) -> dict[str, Any]:
        """What a sample's metadata keeps of it."""
        return {"scores": dict(self.scores), "mean": self.mean, "model": self.model, "simulated": self.simulated}


@dataclass(frozen=True, slots=True)
class Comparison(Record):
    """Which of two conversations is better: ``first``, ``second`` or ``tie``.

    ``consistent`` is False where the judge changed its mind when the places were swapped; that counts as a tie (Zheng
    et al. 2023, arXiv 2306.05685). ``said`` has the winner of each order: ``first`` is the same conversation in both.
    """

    first_id: str
    second_id: str
    winner: str
    consistent: bool
    said: list[str] = field(default_factory=list)
    model: str = ""
    skipped: str | None = None
    simulated: bool = False


class Judge:
    """Scores samples and compares pairs.

    Args:
        share: of the samples, chosen by their id: what is judged at a share is judged at every larger one.
        criteria: names of ``CRITERIA``.
        min_mean: a judged sample with a lower mean is refused; None refuses none.
        min_scores: criterion to its own least score.
        pairs: whether the clean and the noisy conversation of each robustness pair of the share are compared.
        seed: of the choice, and of the calls.

    Raises:
        ConfigError: an unknown criterion, a share or a score out of range; all faults at once.
    """

    def __init__(
        self,
        share: float = 1.0,
        criteria: Sequence[str] = tuple(CRITERIA),
        min_mean: float | None = None,
        min_scores: Mapping[str, int] | None = None,
        pairs: bool = False,
        seed: int = 0,
    ) -> None:
        self.pairs = pairs
        self.share, self.min_mean, self.min_scores = share, min_mean, dict(min_scores or {})
        _check(share, criteria, min_mean, self.min_scores)
        self.criteria = tuple(CRITERIA[name] for name in dict.fromkeys(criteria))
        self.seed = seed

    @property
    def filters(self) -> bool:
        """Whether a low score takes a sample out."""
        return self.min_mean is not None or bool(self.min_scores)

    def chosen(self, sample_id: str) -> bool:
        """Whether a sample belongs to the judged share."""
        return Key(self.seed, "judge").chance(self.share, sample_id)

    def keeps(self, judgement: Judgement) -> bool:
        """Whether a sample passes the least scores; one that was not judged does."""
        low = any(judgement.scores.get(name, 5) < least for name, least in self.min_scores.items())
        mean = judgement.mean
        return not low and (self.min_mean is None or mean is None or mean >= self.min_mean)

    async def score(self, sample: TrainingSample, llm: Asker, writers: Sequence[str] = ()) -> Judgement:
        """The judge's scores of a sample.

        Args:
            sample: with its metadata, which names the assistant's and the user's model.
            llm: the models.
            writers: further models that wrote some of it (style, noise).

        Raises:
            CallError: the call failed for good.
        """
        skipped = _why_not(llm, [sample], writers)
        if skipped:
            return Judgement(sample.sample_id, skipped=skipped)
        noise = _noise(sample)
        asked = [c for c in self.criteria if c.name != "noise_realism" or noise]
        facts = _facts(sample, "score", asked, noise, [])
        names = {criterion.name for criterion in asked}
        reply = await self._ask(sample, facts, 0, SCORES_SCHEMA, llm, lambda parsed: _scored(parsed, names))
        entries = {str(entry["name"]): entry for entry in reply.parsed["scores"]}
        return Judgement(
            sample.sample_id,
            {criterion.name: int(entries[criterion.name]["score"]) for criterion in asked},
            {criterion.name: str(entries[criterion.name]["reason"]) for criterion in asked},
            reply.model,
            simulated=reply.simulated,
        )

    async def compare(
        self, one: TrainingSample, two: TrainingSample, llm: Asker, writers: Sequence[str] = ()
    ) -> Comparison:
        """Which is better, asked twice with the places swapped.

        Args:
            one: with its metadata, which names the assistant's and the user's model.
            two: the other conversation of the same persona.
            llm: the models.
            writers: further models that wrote some of either (style, noise).

        Raises:
            CallError: a call failed for good.
        """
        skipped = _why_not(llm, [one, two], writers)
        if skipped:
            return Comparison(one.sample_id, two.sample_id, "tie", consistent=True, skipped=skipped)
        asked = [criterion for criterion in self.criteria if criterion.name != "noise_realism"]
        winners: list[str] = []
        reply = None
        for order, (first, second) in enumerate(((one, two), (two, one))):
            facts = _facts(first, "pair", asked, [], list(second.full_conversation or ()))
            # From 1: place 0 is the sample's score, and two calls of one name would be booked as one.
            reply = await self._ask(one, facts, order + 1, WINNER_SCHEMA, llm, _won)
            said = str(reply.parsed["winner"])
            winners.append({"first": "second", "second": "first"}.get(said, said) if order else said)
        agreed = winners[0] == winners[1]
        winner = winners[0] if agreed else "tie"
        model, simulated = (reply.model, reply.simulated) if reply else ("", False)
        return Comparison(one.sample_id, two.sample_id, winner, agreed, winners, model, simulated=simulated)

    async def _ask(
        self,
        sample: TrainingSample,
        facts: dict[str, Any],
        order: int,
        schema: Mapping[str, Any],
        llm: Asker,
        judge_reply: Callable[[Any], None],
    ) -> LLMReply:
        messages, use = llm.prompts.render("judge", facts)
        key = CallKey(self.seed, sample.persona_id, sample.sample_id, 0, Role.JUDGE, order, Purpose.JUDGE)
        name = f"judge_{facts['mode']}"
        request = LLMRequest(Role.JUDGE, messages, key, schema, name, prompt=use, facts=facts)
        return await llm.complete(request, lambda reply: judge_reply(reply.parsed))

    def settings(self) -> dict[str, Any]:
        """JSON-ready."""
        names = [criterion.name for criterion in self.criteria]
        least = {"min_mean": self.min_mean, "min_scores": self.min_scores}
        return {"share": self.share, "criteria": names, **least, "pairs": self.pairs}


def _check(share: float, criteria: Sequence[str], min_mean: float | None, min_scores: Mapping[str, int]) -> None:
    choices = f"choose from {', '.join(CRITERIA)}"
    faults = [
        Fault("quality.judge.criteria", f"there is no criterion {name!r}", choices)
        for name in (*criteria, *min_scores)
        if name not in CRITERIA
    ]
    if not criteria:
        faults.append(Fault("quality.judge.criteria", "the list is empty", choices))
    if not 0 <= share <= 1:
        faults.append(Fault("quality.judge.share", f"{share!r} is no share", "give a share from 0 to 1"))
    for name, least in (("min_mean", min_mean), *((f"min_scores.{n}", s) for n, s in min_scores.items())):
        if least is not None and not 1 <= least <= 5:
            faults.append(Fault(f"quality.judge.{name}", f"{least!r} is no score", "give a score from 1 to 5"))
    if faults:
        raise ConfigError(faults, "the judge cannot be used")


def _why_not(llm: Asker, samples: Sequence[TrainingSample], others: Sequence[str] = ()) -> str | None:
    """Why this judge may not judge these: it wrote one. Simulated judges may, for nothing is claimed of them."""
    judges = {
        str(entry["model"])
        for entry in llm.models()
        if entry["role"] == Role.JUDGE and entry.get("provider") != "simulated"
    }
    for sample in samples:
        writers = {*((sample.metadata or {}).get("models") or {}).values(), *others}
        if judges & writers:
            return f"{', '.join(sorted(judges & writers))} wrote {sample.sample_id} and may not judge it"
    return None


def _noise(sample: TrainingSample) -> list[dict[str, Any]]:
    return [
        {"turn": step["turn"], "clean": step["text"], "noisy": step["noisy_text"], "layer": step["noise_type"]}
        for step in sample.prompt_trajectory or ()
        if isinstance(step, Mapping) and step.get("noise_type")
    ]


def _facts(
    sample: TrainingSample,
    mode: str,
    criteria: Sequence[Criterion],
    noise: list[dict[str, Any]],
    other: list[dict[str, str]],
) -> dict[str, Any]:
    return {
        "mode": mode,
        "persona_prompt": (sample.metadata or {}).get("persona_prompt"),
        "features": dict(sample.persona_features or {}),
        "conversation": list(sample.full_conversation or ()),
        "other": other,
        "noise": noise,
        "criteria": [criterion.to_dict() for criterion in criteria],
    }


def _scored(parsed: Any, names: set[str]) -> None:
    entries = parsed["scores"]
    found = {str(entry["name"]) for entry in entries}
    if not names <= found or len(entries) != len(found):
        raise MalformedReplyError(f"the judge scored {sorted(found)} where {sorted(names)} was asked")
    bad = [entry for entry in entries if not 1 <= int(entry["score"]) <= 5]
    if bad:
        raise MalformedReplyError(f"the judge gave {bad[0]['score']} where 1 to 5 was asked")


def _won(parsed: Any) -> None:
    if parsed["winner"] not in {"first", "second", "tie"}:
        raise MalformedReplyError(f"the judge named {parsed['winner']!r} where first, second or tie was asked")
