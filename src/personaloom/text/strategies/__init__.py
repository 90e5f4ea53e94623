# ruff: noqa: E501 - word lists and patterns read best as they are
"""The 17 strategies, each with its contract, its instruction for an LLM, its generator and its detector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from personaloom.keyed import Key
from personaloom.records import NoiseLayer
from personaloom.text.strategies import ambiguous, incomplete, surface_form, surface_words
from personaloom.text.strategies.base import Detect, Generate, Strategy

__all__ = ["CONTRACTS", "STRATEGIES", "Strategy", "compose", "strategies_of"]

CONTRACTS: Mapping[NoiseLayer, str] = MappingProxyType(
    {
        NoiseLayer.SURFACE: "The intent and every slot of the clean text are still there; only the wording, spelling or form differs.",
        NoiseLayer.INCOMPLETE: "The intent is still there; at least one slot is missing, vague, left to the assistant or refers to something never said.",
        NoiseLayer.AMBIGUOUS: "The text has two or more intents, an unclear intent, wishes that contradict each other, or a change of mind.",
    }
)
"""What must hold between a clean text and its noisy version, by layer."""


def _strategy(name: str, layer: NoiseLayer, instruction: str, generate: Generate, detect: Detect) -> Strategy:
    return Strategy(name, layer, CONTRACTS[layer], instruction, generate, detect)


_S, _I, _A = NoiseLayer.SURFACE, NoiseLayer.INCOMPLETE, NoiseLayer.AMBIGUOUS
_ALL = (
    _strategy("word_segmentation", _S, "Get one or two word breaks wrong: a space too many inside a word or one too few between two words.", surface_words.word_segmentation, surface_words.detect_segmentation),
    _strategy("synonym_rewrite", _S, "Replace one to three everyday words by words that mean the same. Keep names, numbers and technical terms.", surface_words.synonym_rewrite, surface_words.detect_synonyms),
    _strategy("colloquial_speech", _S, "Say it the way this person would say it aloud: contractions and relaxed wording that fit them. No pile of filler words.", surface_words.colloquial_speech, surface_words.detect_colloquial),
    _strategy("incomplete_sentence", _S, "Leave out words of grammar that a hurried writer drops (subject, auxiliary, article), so that a fragment remains. Keep every piece of information.", surface_form.incomplete_sentence, surface_form.detect_incomplete),
    _strategy("typo_misspelling", _S, "Make one or two realistic typing slips or common misspellings in ordinary words, never in names, numbers, code or links.", surface_words.typo_misspelling, surface_words.detect_typos),
    _strategy("negative_expression", _S, "Express one wish by what is not wanted, or the need by what the writer cannot do, without changing what is asked.", surface_form.negative_expression, surface_form.detect_negation),
    _strategy("emotional_attitude", _S, "Let a feeling show that fits this person: stress, hope, impatience, gratitude. One short phrase, no drama.", surface_form.emotional_attitude, surface_form.detect_emotion),
    _strategy("real_life_fragments", _S, "Add a short bit of where the writer is or what is going on around them while they type.", surface_form.real_life_fragments, surface_form.detect_fragments),
    _strategy("punctuation_format", _S, "Be careless with punctuation and capitals: drop some marks, double one, or write in lower case.", surface_form.punctuation_format, surface_form.detect_punctuation),
    _strategy("missing_slots", _I, "Leave out one or two pieces of information entirely (a date, a number, an audience, a format), so that they cannot be guessed.", incomplete.missing_slots, incomplete.detect_missing),
    _strategy("vague_slot_values", _I, "Replace one or two exact values by vague ones, so that the exact value is lost (soon, a few, not too expensive).", incomplete.vague_slot_values, incomplete.detect_vague),
    _strategy("context_dependency", _I, "Refer to something that was never said (like last time, the usual, as we discussed) instead of giving the value.", incomplete.context_dependency, incomplete.detect_context),
    _strategy("unclear_priority", _I, "Leave a decision to the assistant (whatever you think is best) instead of stating a preference.", incomplete.unclear_priority, incomplete.detect_delegation),
    _strategy("intent_ambiguity", _A, "Blur the verb that says what is wanted, so that the request could mean several different tasks.", ambiguous.intent_ambiguity, ambiguous.detect_blur),
    _strategy("self_contradiction", _A, "Add two wishes that cannot both be met.", ambiguous.self_contradiction, ambiguous.detect_contradiction),
    _strategy("mind_changing", _A, "Change your mind in the middle: state one thing, then correct it.", ambiguous.mind_changing, ambiguous.detect_change),
    _strategy("multi_intent", _A, "Add a second request that has nothing to do with the first, in passing.", ambiguous.multi_intent, ambiguous.detect_multi),
)  # fmt: skip

STRATEGIES: Mapping[str, Strategy] = MappingProxyType({strategy.name: strategy for strategy in _ALL})
"""By name, in the order in which they are applied when several are drawn: words before what is put round them."""


def strategies_of(layer: NoiseLayer) -> tuple[Strategy, ...]:
    """The strategies of a layer, in order of application."""
    return tuple(strategy for strategy in _ALL if strategy.layer is layer)


def compose(text: str, names: Iterable[str], key: Key, features: Mapping[str, str]) -> tuple[str, list[str]]:
    """Apply several strategies, one after the other.

    Args:
        text: the clean text.
        names: strategies; the order does not matter.
        key: decides everything that is left open; each strategy draws from its own child.
        features: the persona's.

    Returns:
        The noisy text, and the names of the strategies whose effect is found in it: one that could not be applied, or
        whose effect another one undid, is not among them.
    """
    wanted = set(names)
    noisy = text
    for strategy in _ALL:
        if strategy.name in wanted:
            noisy = strategy.generate(noisy, key.child(strategy.name), features) or noisy
    if noisy == text:
        return text, []
    return noisy, [s.name for s in _ALL if s.name in wanted and s.detect(text, noisy)]
