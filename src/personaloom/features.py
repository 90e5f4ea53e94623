"""Templates that read a persona's feature by name, held against the personas before a model is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from personaloom.dialogue.interaction import AssistantPersona
from personaloom.errors import ConfigError, Fault
from personaloom.llm.prompt_variables import FeatureRead
from personaloom.parts import Parts
from personaloom.stages import StageName
from personaloom.store import Store

__all__ = ["require_features"]


def require_features(parts: Parts, store: Store, count: int, *, judged: bool = False) -> None:
    """See that every persona has what the templates of this run cannot be rendered without.

    Args:
        parts: of the run.
        store: with the personas.
        count: how many of them.
        judged: whether it is the judge who is to be asked, and not the conversations' models.

    Raises:
        ConfigError: some persona has not; nothing was asked of a model yet.
    """
    reads = [read for read in parts.prompts.features_read if read.template in _rendered(parts, judged=judged)]
    if not any(read.dimension for read in reads):
        return
    lacking: Counter[str] = Counter()
    for _, persona in store.personas(count):
        lacking.update({read.dimension for read in reads} - {""} - set(persona.features))
    faults = [_fault(read, lacking[read.dimension], count) for read in reads if lacking[read.dimension]]
    if faults:
        raise ConfigError(faults, "a prompt reads features that not every persona has")


def _rendered(parts: Parts, *, judged: bool) -> set[str]:
    return {"judge"} if judged else set(_of_conversations(parts))


def _of_conversations(parts: Parts) -> Iterator[str]:
    if StageName.PERSONA in parts.plan and parts.formulator is not None:
        yield "formulate_prompt"
    if StageName.QUERY in parts.plan:
        yield "style_transfer"
    if StageName.INTERACTION in parts.plan:
        yield "user_feedback"
        if getattr(parts.interaction_generator, "assistant_persona", None) == AssistantPersona.FEATURES:
            yield "assistant"
    if parts.distractor is not None and parts.distractor.activation_probability:
        yield "generate_noise"


def _fault(read: FeatureRead, lacking: int, count: int) -> Fault:
    name = read.dimension
    one = "persona has" if count == 1 else "personas have"
    return Fault(
        f"prompts.{read.template}",
        f"{read.place}: {lacking:,} of {count:,} {one} no feature {name!r}",
        f"write features.get({name!r}, '…') there, or give it to all: sampler.required_dimensions=[{name}]",
    )
