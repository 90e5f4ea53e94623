# ruff: noqa: E501 - tables and messages read best in one line
"""The distractor: noise that is what it says it is.

A unit (one user message) is drawn, a noisy version is written by one of two engines, its contract is checked, and the
result says what became of it. ``noise applied`` is true only where the text differs and the verdict holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from personaloom.distractor import rules as rule_engine
from personaloom.distractor.draw import Drawer, NoiseDraw
from personaloom.distractor.semantic import Chat, Conversation, SemanticEngine, as_facts, is_fatal
from personaloom.distractor.settings import load_strategy_file, read_layers, read_rules
from personaloom.distractor.tally import NoiseTally
from personaloom.distractor.unit import Unit, left_alone, noisy_by_rule
from personaloom.errors import CallError, ConfigError, Fault
from personaloom.keyed import Key
from personaloom.records import NoiseLayer, NoiseResult, NoiseVerdict, Semantics
from personaloom.text.contracts import Finding
from personaloom.text.contracts import check as check_contract
from personaloom.text.semantics import extract
from personaloom.text.similarity import levenshtein
from personaloom.text.strategies import STRATEGIES, compose
from personaloom.text.strategies.base import handles
from personaloom.text.strategies.controls import PLACEBO_INSTRUCTION, is_placebo, paraphrase

__all__ = ["ALGORITHM", "DistractorModel"]

ALGORITHM = "noise-1"
"""Part of the fingerprint: raised whenever a draw, a generator or a rule of the checker changes."""

_NEED_SLOTS = frozenset({"missing_slots", "vague_slot_values"})

TRIES = 2
"""Noisy versions asked for before a unit is rejected."""


class DistractorModel:
    """Makes some user messages noisy.

    Args:
        activation_probability: the level: share of units that are drawn, each on its own.
        seed: ``seeds.noise``.
        mode: ``realtime`` (the assistant sees the noisy turn) or ``posthoc`` (noisy versions beside an unchanged
            conversation); the pipeline reads it.
        use_semantic: True for the three semantic layers, False for the rule-based model.
        layers: ``{layer: {weight, strategies: {name: {mandatory, probability}}}}``; None is the shipped set.
        rules: of the rule-based model: ``{name: {probability, <parameter>}}``; None is the shipped set.
        control: None, ``placebo`` (the same engine rewrites and adds no noise) or ``random_edits`` (character edits at
            the distance of the noise that the same draw gives).
        strategy_config: path of a strategy file in the reference's form; stronger than ``layers``.
        pairs: whether the pipeline also holds a clean conversation beside each noisy one.
        check: ``auto`` (rules, then the extractor model where the caller says that another model wrote the noise) or
            ``rules`` (never a model).

    Raises:
        ConfigError: a value that cannot be used, with the choices.
    """

    def __init__(
        self,
        activation_probability: float = 0.25,
        *,
        seed: int = 0,
        mode: str = "realtime",
        use_semantic: bool = True,
        layers: Mapping[str, Any] | None = None,
        rules: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
        control: str | None = None,
        strategy_config: str | Path | None = None,
        pairs: bool = False,
        check: str = "auto",
    ) -> None:
        _require(activation_probability, seed, mode=mode, control=control, check=check)
        self.activation_probability = float(activation_probability)
        self.seed, self.mode, self.use_semantic = seed, mode, use_semantic
        self.control, self.pairs, self.check = control, pairs, check
        self.strategy_config = None if strategy_config is None else str(strategy_config)
        self._file_hash = ""
        if strategy_config is None:
            self.layers = read_layers(layers)
        else:
            self.layers, self._file_hash = load_strategy_file(strategy_config)
        self.rules = {rule.name: rule for rule in read_rules(rules)}
        self._intensity = self.rules["typo"].parameters["intensity"] if "typo" in self.rules else 0.0
        self._instructions = {s.name: s.instruction for layer in self.layers for s in layer.strategies}
        self._drawer = Drawer(
            seed,
            self.activation_probability,
            self.layers if use_semantic else (),
            () if use_semantic else tuple(self.rules.values()),
        )

    # -- what is drawn -------------------------------------------------------------------------------------------

    def draw(self, unit_id: str) -> NoiseDraw:
        """Whether a unit is made noisy, in which layer and how; nested over levels."""
        return self._drawer.draw(unit_id)

    def fingerprint(self) -> str:
        """SHA-256 over all that shapes the noise: settings, the strategy file, the algorithm's version.

        ``pairs`` is outside: it adds conversations and changes none.
        """
        content = {
            "algorithm": ALGORITHM, "activation_probability": self.activation_probability, "seed": self.seed, "mode": self.mode,
            "use_semantic": self.use_semantic, "control": self.control, "check": self.check, "file": self._file_hash,
            "layers": [asdict(layer) for layer in self.layers] if self.use_semantic else [],
            "rules": [] if self.use_semantic else [[r.name, r.probability, dict(r.parameters)] for r in self.rules.values()],
        }  # fmt: skip
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def layer_weights(self) -> dict[str, float]:
        """Layer to weight, as it is drawn from; the rule-based model has only surface noise."""
        if not self.use_semantic:
            return {str(NoiseLayer.SURFACE): 1.0}
        return {str(setting.layer): setting.weight for setting in self.layers}

    def tally(self) -> NoiseTally:
        """An empty tally that knows the configured rate and layer mix."""
        return NoiseTally(self.activation_probability, self.layer_weights, self.control)

    # -- one unit ------------------------------------------------------------------------------------------------

    async def apply(
        self,
        text: str,
        unit_id: str,
        features: Mapping[str, str] | None = None,
        history: Sequence[Mapping[str, Any]] = (),  # noqa: ARG002 - for a distractor of the user's own that looks back
        llm: Chat | None = None,
        turn: int = 0,
        *,
        persona_id: str = "",
        slot_id: str = "",
        supplement: int = 0,
        verify_with_model: bool = False,
    ) -> NoiseResult:
        """Draw a unit and, where it is drawn, make it noisy.

        Args:
            text: the clean text.
            unit_id: names the draw.
            features: the persona's.
            history: the conversation so far; the shipped engines do not read it.
            llm: the models; None uses the strategies' own generators.
            turn: counted from 0; names the calls, as do the next three.
            persona_id: the persona.
            slot_id: the query slot.
            supplement: number of the supplement round.
            verify_with_model: whether the extractor model may check, because another model wrote the noise.

        Raises:
            CallError: a connection that failed for good (authentication, unknown model, rate limits, timeouts, cut
                connections, server faults). What is wrong with a reply's content never raises: the unit is rejected.
        """
        told = dict(features or {})
        draw = self.draw(unit_id)
        if not draw.active:
            return left_alone(text, unit_id)
        if llm is None or not self._asks_model(draw) or not handles(text):
            return self._without_model(text, unit_id, draw, told)
        unit = Unit(text, unit_id, draw, told, "semantic", self.control)
        engine = SemanticEngine(llm, Conversation(self.seed, persona_id, slot_id, supplement, turn))
        try:
            return await self._with_model(unit, engine, verify=verify_with_model and self.check == "auto")
        except CallError as error:
            if is_fatal(error):
                raise
            reason = f"{error.kind}: {error}"
            return unit.left_clean(NoiseVerdict.REJECTED, reason, tries=engine.calls, uses=engine.uses)

    def perturb(
        self, text: str, unit_id: str = "p000000-q00-t0", features: Mapping[str, str] | None = None
    ) -> NoiseResult:
        """The same without any model: the strategies' own generators, or the rules. For use on its own."""
        draw = self.draw(unit_id)
        if not draw.active:
            return left_alone(text, unit_id)
        return self._without_model(text, unit_id, draw, dict(features or {}))

    def perturb_batch(
        self,
        texts: Sequence[str],
        unit_ids: Sequence[str] | None = None,
        features: Mapping[str, str] | None = None,
        *,
        detail: bool = False,
    ) -> list[NoiseResult]:
        """Many texts at once.

        Args:
            texts: clean texts.
            unit_ids: their names; by default ``u0``, ``u1`` …
            features: one persona's, for all of them.
            detail: False lets the rule-based model leave ``semantics`` empty and trust the contract that its rules
                keep by construction; that is what makes 50,000 short texts a second possible.
        """
        names = unit_ids if unit_ids is not None else [f"u{index}" for index in range(len(texts))]
        if len(names) != len(texts):
            raise ValueError(f"{len(texts)} texts with {len(names)} unit ids")
        told = dict(features or {})
        if detail or self.use_semantic or self.control:
            return [self.perturb(text, name, told) for text, name in zip(texts, names, strict=True)]
        if set(self.rules) == {"typo"} and not told:
            return [self._typo(text, name) for text, name in zip(texts, names, strict=True)]
        return [self._ruled(text, name, told) for text, name in zip(texts, names, strict=True)]

    def _typo(self, text: str, unit_id: str) -> NoiseResult:
        """A unit of a batch with the typo rule alone: no more work than that takes."""
        key = self._drawer.active_key(unit_id)
        if key is None:
            return left_alone(text, unit_id)
        noisy, distance = rule_engine.fast_typo(text, self._intensity, key)
        if noisy is None:
            return self._without_model(text, unit_id, self.draw(unit_id), {})
        return noisy_by_rule(text, noisy, unit_id, ("typo",), ["typo"], distance)

    def _ruled(self, text: str, unit_id: str, features: dict[str, str]) -> NoiseResult:
        draw = self.draw(unit_id)
        if not draw.active:
            return left_alone(text, unit_id)
        noisy, applied = rule_engine.perturb(text, draw.strategies, self.rules, draw.key, features)
        if noisy == text:
            return self._without_model(text, unit_id, draw, features)
        return noisy_by_rule(text, noisy, unit_id, draw.strategies, applied, levenshtein(text, noisy))

    # -- the engines ---------------------------------------------------------------------------------------------

    def _asks_model(self, draw: NoiseDraw) -> bool:
        if self.use_semantic:
            return True
        # Of the rules only a paraphrase can be a model's; it then stands for the unit.
        return "paraphrase" in draw.strategies and bool(self.rules["paraphrase"].parameters["use_llm"])

    def _write(self, text: str, draw: NoiseDraw, key: Key, features: Mapping[str, str]) -> tuple[str, list[str]]:
        if self.control == "placebo":
            return paraphrase(text, key.child("placebo"), features) or text, ["placebo"]
        if self.use_semantic:
            return compose(text, draw.strategies, key, features)
        return rule_engine.perturb(text, draw.strategies, self.rules, key, features)

    def _without_model(self, text: str, unit_id: str, draw: NoiseDraw, features: dict[str, str]) -> NoiseResult:
        """The strategies' own generators, or the rules; once more with another key where the check fails."""
        unit = Unit(
            text,
            unit_id,
            draw,
            features,
            "deterministic" if self.use_semantic else "rule_based",
            self.control,
        )
        finding = Finding(holds=False, reason="")
        for number in range(TRIES):
            key = draw.key.child("again") if number else draw.key
            noisy, applied = self._write(text, draw, key, features)
            if noisy == text:
                if number:
                    break
                reason = (
                    "no drawn strategy finds anything to work on in this text"
                    if handles(text)
                    else "the text is empty or not English"
                )
                return unit.left_clean(NoiseVerdict.NOT_APPLICABLE, reason)
            finding, applied = self._judged(unit, noisy, applied, ())
            if finding.holds:
                return unit.made(noisy, applied, extract(text), finding.semantics, tries=number + 1)
        return unit.left_clean(NoiseVerdict.REJECTED, finding.reason, tries=TRIES)

    async def _with_model(self, unit: Unit, engine: SemanticEngine, *, verify: bool) -> NoiseResult:
        """Extract, generate, check; once more where the check fails."""
        before = await engine.extract(unit.text)
        if set(unit.draw.strategies) <= _NEED_SLOTS and not before.slots and not extract(unit.text).slots:
            reason = "there is no piece of information that could be left out or blurred"
            return unit.left_clean(
                NoiseVerdict.NOT_APPLICABLE, reason, tries=engine.calls, uses=engine.uses, before=before
            )
        facts = self._facts(unit, before)
        contract = NoiseLayer.SURFACE if self.control == "placebo" else unit.layer
        attempt, reason = 0, ""
        for number in range(TRIES):
            noisy, attempt = await engine.generate(facts, attempt)
            finding, applied = self._judged(unit, noisy, None, tuple(before.slots.items()))
            if finding.holds and verify:
                finding = await engine.verify(unit.text, noisy, contract, before, finding, number)
            if finding.holds:
                checker = "rules+model" if verify else "rules"
                return unit.made(
                    noisy,
                    applied,
                    before,
                    finding.semantics,
                    tries=number + 1,
                    uses=engine.uses,
                    checker=checker,
                )
            reason = finding.reason
        return unit.left_clean(NoiseVerdict.REJECTED, reason, tries=TRIES, uses=engine.uses, before=before)

    def _facts(self, unit: Unit, before: Semantics) -> dict[str, Any]:
        """Exactly what the template gets."""
        placebo = self.control == "placebo"
        if placebo:
            asked = [{"name": "placebo", "instruction": PLACEBO_INSTRUCTION}]
        elif self.use_semantic:
            asked = [{"name": name, "instruction": self._instructions[name]} for name in unit.draw.strategies]
        else:
            asked = [{"name": "paraphrase", "instruction": "Say the same in other words."}]
        return {
            "text": unit.text,
            "layer": str(NoiseLayer.SURFACE if placebo else unit.layer),
            "strategies": asked,
            "semantics": as_facts(before),
            "features": dict(unit.features),
            "control": "placebo" if placebo else "",
        }

    def _judged(
        self, unit: Unit, noisy: str, applied: list[str] | None, slots: Sequence[tuple[str, str]]
    ) -> tuple[Finding, list[str]]:
        """The rules' finding, and the strategies that are really there."""
        if self.control == "placebo":
            reason = is_placebo(unit.text, noisy)
            after = check_contract(unit.text, noisy, NoiseLayer.SURFACE, slots).semantics
            return Finding(not reason, reason, after), ["placebo"]
        finding = check_contract(unit.text, noisy, unit.layer, slots)
        if not self.use_semantic:
            return finding, ["paraphrase"] if applied is None else applied
        asked = unit.draw.strategies
        found = [name for name in STRATEGIES if name in asked and STRATEGIES[name].detect(unit.text, noisy)]
        if not finding.semantics.missing:
            found = [name for name in found if name != "missing_slots"]
        if finding.holds and not found:
            reason = f"none of the strategies asked for shows: {', '.join(asked)}"
            return Finding(holds=False, reason=reason, semantics=finding.semantics), []
        return finding, found


_MODES, _CONTROLS, _CHECKS = ("realtime", "posthoc"), (None, "placebo", "random_edits"), ("auto", "rules")


def _require(probability: Any, seed: Any, **choices: Any) -> None:
    faults = []
    if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 <= probability <= 1:
        faults.append(
            Fault(
                "distractor.activation_probability",
                f"is {probability!r}",
                "a number from 0 (no noise) to 1 (every user turn)",
            )
        )
    if isinstance(seed, bool) or not isinstance(seed, int):
        faults.append(Fault("distractor.seed", f"is {seed!r}", "a whole number (seeds.noise)"))
    for (name, value), known in zip(choices.items(), (_MODES, _CONTROLS, _CHECKS), strict=True):
        if value not in known:
            listed = ", ".join("null" if choice is None else choice for choice in known)
            faults.append(Fault(f"distractor.{name}", f"is {value!r}", f"choose from {listed}"))
    if faults:
        raise ConfigError(faults, "the distractor cannot be used")
