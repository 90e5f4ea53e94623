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
from personaloom.errors import CallError, ConfigError, Fault
from personaloom.records import NoiseLayer, NoiseResult, NoiseVerdict, PromptUse, Semantics
from personaloom.text.contracts import Finding, check
from personaloom.text.semantics import extract
from personaloom.text.similarity import levenshtein
from personaloom.text.strategies import STRATEGIES, compose
from personaloom.text.strategies.base import handles
from personaloom.text.strategies.controls import PLACEBO_INSTRUCTION, is_placebo, paraphrase, random_edits

__all__ = ["ALGORITHM", "DistractorModel"]

ALGORITHM = "noise-1"
"""Part of the fingerprint: raised whenever a draw, a generator or a rule of the checker changes."""

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
            turn, persona_id, slot_id, supplement: name the calls.
            verify_with_model: whether the extractor model may check, because another model wrote the noise.

        Raises:
            CallError: a connection that failed for good (authentication, unknown model, rate limits, timeouts, cut
                connections, server faults). What is wrong with a reply's content never raises: the unit is rejected.
        """
        features = dict(features or {})
        draw = self.draw(unit_id)
        if not draw.active or draw.layer is None:
            return _clean(text, unit_id)
        written = self.use_semantic or (
            self.rules.get("paraphrase") and "paraphrase" in draw.strategies and self._asks_model()
        )
        if llm is None or not written or not handles(text):
            return self._without_model(text, unit_id, draw, features, detail=True)
        engine = SemanticEngine(llm, Conversation(self.seed, persona_id, slot_id, supplement, turn))
        try:
            return await self._with_model(
                text, unit_id, draw, features, engine, verify=verify_with_model and self.check == "auto"
            )
        except CallError as error:
            if is_fatal(error):
                raise
            verdict, reason = NoiseVerdict.REJECTED, f"{error.kind}: {error}"
            return self._left_clean(
                text, unit_id, draw, verdict, reason, engine="semantic", tries=engine.calls, uses=engine.uses
            )

    def perturb(
        self, text: str, unit_id: str = "p000000-q00-t0", features: Mapping[str, str] | None = None
    ) -> NoiseResult:
        """The same without any model: the strategies' own generators, or the rules. For use on its own."""
        draw = self.draw(unit_id)
        if not draw.active:
            return _clean(text, unit_id)
        return self._without_model(text, unit_id, draw, dict(features or {}), detail=True)

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
            detail: False leaves ``semantics`` empty and, for the rule-based model, trusts the contract that the rules
                keep by construction; that is what makes 50,000 short texts a second possible.
        """
        names = unit_ids if unit_ids is not None else [f"u{index}" for index in range(len(texts))]
        if len(names) != len(texts):
            raise ValueError(f"{len(texts)} texts with {len(names)} unit ids")
        told, results, draw_unit = dict(features or {}), [], self._drawer.draw
        for text, unit_id in zip(texts, names, strict=True):
            draw = draw_unit(unit_id)
            results.append(
                self._without_model(text, unit_id, draw, told, detail=detail)
                if draw.active
                else _clean(text, unit_id)
            )
        return results

    # -- the engines ---------------------------------------------------------------------------------------------

    def _asks_model(self) -> bool:
        return bool(self.rules["paraphrase"].parameters["use_llm"]) and not self.use_semantic

    def _without_model(
        self, text: str, unit_id: str, draw: NoiseDraw, features: dict[str, str], *, detail: bool
    ) -> NoiseResult:
        """The strategies' own generators, or the rules."""
        engine = "deterministic" if self.use_semantic else "rule_based"
        if self.control == "placebo":
            noisy, applied = paraphrase(text, draw.key.child("placebo"), features) or text, ["placebo"]
        elif self.use_semantic:
            noisy, applied = compose(text, draw.strategies, draw.key, features)
        else:
            noisy, applied = rule_engine.perturb(text, draw.strategies, self.rules, draw.key, features)
        if noisy == text:
            reason = (
                "no drawn strategy finds anything to work on in this text"
                if handles(text)
                else "the text is empty or not English"
            )
            return self._left_clean(text, unit_id, draw, NoiseVerdict.NOT_APPLICABLE, reason, engine=engine)
        if not detail and not self.use_semantic and self.control is None:
            return _noisy(text, noisy, unit_id, draw, applied, engine)
        finding, applied = self._judged(text, noisy, draw, applied, ())
        if not finding.holds:
            return self._left_clean(
                text, unit_id, draw, NoiseVerdict.REJECTED, finding.reason, engine=engine, tries=1
            )
        return self._made(
            text,
            noisy,
            unit_id,
            draw,
            applied,
            extract(text) if detail else None,
            finding.semantics,
            engine=engine,
            tries=1,
        )

    async def _with_model(
        self,
        text: str,
        unit_id: str,
        draw: NoiseDraw,
        features: dict[str, str],
        engine: SemanticEngine,
        *,
        verify: bool,
    ) -> NoiseResult:
        """Extract, generate, check; once more where the check fails."""
        layer = draw.layer or NoiseLayer.SURFACE
        before = await engine.extract(text)
        facts = self._facts(text, layer, draw, features, before)
        attempt, reason = 0, ""
        for number in range(TRIES):
            noisy, attempt = await engine.generate(facts, attempt)
            finding, applied = self._judged(text, noisy, draw, None, tuple(before.slots.items()))
            if finding.holds and verify:
                finding = await engine.verify(
                    text,
                    noisy,
                    NoiseLayer.SURFACE if self.control == "placebo" else layer,
                    before,
                    finding,
                    number,
                )
            if finding.holds:
                return self._made(
                    text, noisy, unit_id, draw, applied, before, finding.semantics, engine="semantic", tries=number + 1,
                    uses=engine.uses, checker="rules+model" if verify else "rules",
                )  # fmt: skip
            reason = finding.reason
        return self._left_clean(
            text,
            unit_id,
            draw,
            NoiseVerdict.REJECTED,
            reason,
            engine="semantic",
            tries=TRIES,
            uses=engine.uses,
            before=before,
        )

    def _facts(
        self, text: str, layer: NoiseLayer, draw: NoiseDraw, features: dict[str, str], before: Semantics
    ) -> dict[str, Any]:
        placebo = self.control == "placebo"
        told = {"paraphrase": "Say the same in other words.", **self._instructions}
        asked = draw.strategies if self.use_semantic else ("paraphrase",)
        return {
            "text": text,
            "layer": str(NoiseLayer.SURFACE if placebo else layer),
            "strategies": [{"name": "placebo", "instruction": PLACEBO_INSTRUCTION}]
            if placebo
            else [{"name": name, "instruction": told[name]} for name in asked],
            "semantics": as_facts(before),
            "features": features,
            "control": "placebo" if placebo else "",
        }

    # -- judging -------------------------------------------------------------------------------------------------

    def _judged(
        self,
        text: str,
        noisy: str,
        draw: NoiseDraw,
        applied: list[str] | None,
        slots: Sequence[tuple[str, str]],
    ) -> tuple[Finding, list[str]]:
        """The rules' finding, and the strategies that are really there."""
        layer = draw.layer or NoiseLayer.SURFACE
        if self.control == "placebo":
            reason = is_placebo(text, noisy)
            return Finding(not reason, reason, check(text, noisy, NoiseLayer.SURFACE, slots).semantics), [
                "placebo"
            ]
        finding = check(text, noisy, layer, slots)
        if not self.use_semantic:
            return finding, applied if applied is not None else ["paraphrase"]
        found = [
            name for name in STRATEGIES if name in draw.strategies and STRATEGIES[name].detect(text, noisy)
        ]
        if not finding.semantics.missing:
            found = [name for name in found if name != "missing_slots"]
        if finding.holds and not found:
            return Finding(
                False,
                f"none of the strategies asked for shows: {', '.join(draw.strategies)}",
                finding.semantics,
            ), []
        return finding, found

    # -- results -------------------------------------------------------------------------------------------------

    def _made(
        self, text: str, noisy: str, unit_id: str, draw: NoiseDraw, applied: list[str], before: Semantics | None, after: Semantics,
        *, engine: str, tries: int, uses: Mapping[str, PromptUse] | None = None, checker: str = "rules",
    ) -> NoiseResult:  # fmt: skip
        distance = levenshtein(text, noisy)
        extra: dict[str, Any] = {"checker": checker}
        if self.control == "random_edits":
            edited = random_edits(text, distance, draw.key.child("random_edits"), len(noisy) - len(text))
            if edited is None:
                reason = "no character of this text may be edited"
                return self._left_clean(
                    text,
                    unit_id,
                    draw,
                    NoiseVerdict.NOT_APPLICABLE,
                    reason,
                    engine=engine,
                    tries=tries,
                    uses=uses,
                )
            extra |= {"target_distance": distance, "matched_strategies": applied}
            noisy, applied, after, distance = (
                edited,
                ["random_edits"],
                extract(edited),
                levenshtein(text, edited),
            )
        metadata = (
            self._metadata(unit_id, draw, NoiseVerdict.APPLIED, engine, tries, uses)
            | extra
            | {"edit_distance": distance}
        )
        semantics = {"before": before.to_dict(), "after": after.to_dict()} if before is not None else {}
        layer = draw.layer or NoiseLayer.SURFACE
        return NoiseResult(text, noisy, str(layer), layer.index, list(applied), metadata, semantics)

    def _left_clean(
        self, text: str, unit_id: str, draw: NoiseDraw, verdict: NoiseVerdict, reason: str,
        *, engine: str, tries: int = 0, uses: Mapping[str, PromptUse] | None = None, before: Semantics | None = None,
    ) -> NoiseResult:  # fmt: skip
        metadata = self._metadata(unit_id, draw, verdict, engine, tries, uses) | {
            "reason": reason,
            "edit_distance": 0,
        }
        layer = draw.layer or NoiseLayer.SURFACE
        read = (before or extract(text)).to_dict()
        return NoiseResult(text, text, str(layer), layer.index, [], metadata, {"before": read, "after": read})

    def _metadata(
        self,
        unit_id: str,
        draw: NoiseDraw,
        verdict: NoiseVerdict,
        engine: str,
        tries: int,
        uses: Mapping[str, PromptUse] | None,
    ) -> dict[str, Any]:
        return {
            "unit_id": unit_id,
            "verdict": str(verdict),
            "asked_strategies": list(draw.strategies),
            "reason": "",
            "edit_distance": 0,
            "engine": engine,
            "attempts": tries,
            "prompts": {name: use.to_dict() for name, use in (uses or {}).items()},
            "control": self.control,
        }


def _clean(text: str, unit_id: str) -> NoiseResult:
    """A unit that was not drawn."""
    return NoiseResult(
        text,
        text,
        metadata={
            "unit_id": unit_id,
            "verdict": "not_drawn",
            "asked_strategies": [],
            "reason": "",
            "edit_distance": 0,
        },
    )


def _noisy(
    text: str, noisy: str, unit_id: str, draw: NoiseDraw, applied: list[str], engine: str
) -> NoiseResult:
    """A unit of the rule-based model in a batch: the contract holds by construction."""
    metadata = {
        "unit_id": unit_id, "verdict": "applied", "asked_strategies": list(draw.strategies), "reason": "",
        "edit_distance": levenshtein(text, noisy), "engine": engine, "attempts": 1, "checker": "by construction",
    }  # fmt: skip
    return NoiseResult(text, noisy, "surface_noise", 0, applied, metadata)


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
