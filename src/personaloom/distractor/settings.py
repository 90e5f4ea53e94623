# ruff: noqa: E501 - tables and messages read best in one line
"""What a distractor is set to: layers, strategies and rules, read from the config or from a strategy file."""

from __future__ import annotations

import difflib
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from personaloom.errors import ConfigError, Fault
from personaloom.records import NoiseLayer
from personaloom.text.strategies import STRATEGIES, strategies_of

__all__ = [
    "DEFAULT_LAYERS",
    "DEFAULT_RULES",
    "RULES",
    "LayerSetting",
    "RuleSetting",
    "StrategySetting",
    "load_strategy_file",
    "read_layers",
    "read_rules",
]


@dataclass(frozen=True, slots=True)
class StrategySetting:
    """How often a strategy is drawn once its layer is.

    Attributes:
        name: one of the 17.
        probability: drawn at this rate, each strategy on its own.
        mandatory: drawn always.
        instruction: what an LLM is told to do; the shipped wording, or that of the user's strategy file.
    """

    name: str
    probability: float
    mandatory: bool = False
    instruction: str = ""


@dataclass(frozen=True, slots=True)
class LayerSetting:
    """A layer's weight and its strategies, in order of application."""

    layer: NoiseLayer
    weight: float
    strategies: tuple[StrategySetting, ...]


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """One rule of the rule-based model, its probability and its parameter."""

    name: str
    probability: float
    parameters: Mapping[str, Any] = field(default_factory=dict)


_P = {
    "colloquial_speech": 0.35, "incomplete_sentence": 0.25, "typo_misspelling": 0.35, "punctuation_format": 0.35,
    "emotional_attitude": 0.2, "synonym_rewrite": 0.3, "word_segmentation": 0.15, "negative_expression": 0.2, "real_life_fragments": 0.15,
    "missing_slots": 0.5, "vague_slot_values": 0.5, "context_dependency": 0.3, "unclear_priority": 0.3,
    "multi_intent": 0.4, "intent_ambiguity": 0.3, "self_contradiction": 0.4, "mind_changing": 0.3,
}  # fmt: skip
_WEIGHTS = {NoiseLayer.SURFACE: 0.5, NoiseLayer.INCOMPLETE: 0.3, NoiseLayer.AMBIGUOUS: 0.2}


def _shipped(layer: NoiseLayer) -> tuple[StrategySetting, ...]:
    return tuple(StrategySetting(s.name, _P[s.name], instruction=s.instruction) for s in strategies_of(layer))


DEFAULT_LAYERS: tuple[LayerSetting, ...] = tuple(LayerSetting(n, _WEIGHTS[n], _shipped(n)) for n in NoiseLayer)

RULES: Mapping[str, Mapping[str, Any]] = {
    "typo": {"intensity": 0.1},
    "word_swap": {"num_swaps": 1},
    "word_deletion": {"deletion_rate": 0.1},
    "word_insertion": {"insertion_rate": 0.05},
    "synonym_replacement": {"replacement_rate": 0.2},
    "paraphrase": {"use_llm": False},
}
"""The rules and the defaults of their parameters."""
DEFAULT_RULES: tuple[RuleSetting, ...] = tuple(
    RuleSetting(name, probability, RULES[name])
    for name, probability in (
        ("typo", 0.6), ("word_swap", 0.15), ("word_deletion", 0.2), ("word_insertion", 0.2), ("synonym_replacement", 0.3), ("paraphrase", 0.1),
    )
)  # fmt: skip
_TOLERANCE = 1e-6


def load_strategy_file(path: str | Path) -> tuple[tuple[LayerSetting, ...], str]:
    """Read a strategy file in the reference's form: ``layer_weights`` and ``strategies`` by layer.

    Where a strategy has a ``description`` or ``guidelines``, they become what the LLM is told; other keys of the file
    (examples, ``llm``, ``pipeline``) are not used.

    Returns:
        The layers, and the SHA-256 of the file.

    Raises:
        ConfigError: the file cannot be read, or names something that does not exist.
    """
    try:
        raw = Path(path).read_bytes()
        data = yaml.safe_load(raw.decode("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fault = Fault(
            "distractor.strategy_config",
            f"{path}: {error}",
            "name a readable YAML file, or null for the shipped strategies",
        )
        raise ConfigError([fault], "the strategy file cannot be used") from error
    if not isinstance(data, Mapping) or not isinstance(data.get("strategies"), Mapping):
        fault = Fault(
            "distractor.strategy_config",
            f"{path}: no mapping 'strategies'",
            "it needs 'layer_weights' and 'strategies' by layer",
        )
        raise ConfigError([fault], "the strategy file cannot be used")
    weights = data.get("layer_weights") or {}
    layers = {
        name: {"weight": weights.get(name, _default_weight(name)), "strategies": found or {}}
        for name, found in data["strategies"].items()
    }
    layers |= {name: {"weight": weight, "strategies": {}} for name, weight in weights.items() if name not in layers}
    return read_layers(layers, where=f"{path}"), hashlib.sha256(raw).hexdigest()


def _default_weight(name: str) -> float:
    return _WEIGHTS[NoiseLayer(name)] if name in set(NoiseLayer) else 0.0


def read_layers(layers: Mapping[str, Any] | None, where: str = "distractor.layers") -> tuple[LayerSetting, ...]:
    """The layers of a config: ``{name: {weight, strategies: {name: {mandatory, probability}}}}``; None is the shipped set.

    A layer that is left out is never drawn; a layer without ``strategies`` has the shipped ones.

    Raises:
        ConfigError: an unknown layer or strategy, a number out of range, or weights that do not sum to 1.
    """
    if layers is None:
        return DEFAULT_LAYERS
    faults: list[Fault] = []
    found: dict[NoiseLayer, LayerSetting] = {}
    for name, entry in layers.items():
        if name not in set(NoiseLayer):
            faults.append(Fault(f"{where}.{name}", "there is no such layer", _nearest(name, list(NoiseLayer))))
            continue
        layer, values = NoiseLayer(name), entry if isinstance(entry, Mapping) else {}
        weight = _number(values.get("weight", _WEIGHTS[layer]), f"{where}.{name}.weight", faults)
        strategies = _read_strategies(layer, values.get("strategies"), f"{where}.{name}.strategies", faults)
        found[layer] = LayerSetting(layer, weight, strategies)
        if weight > 0 and not any(s.mandatory or s.probability > 0 for s in strategies):
            faults.append(
                Fault(
                    f"{where}.{name}",
                    "has a weight and no strategy that can be drawn",
                    "give one a probability above 0, or the layer weight 0",
                )
            )
    total = math.fsum(setting.weight for setting in found.values())
    if not faults and abs(total - 1) > _TOLERANCE:
        listed = " + ".join(f"{s.layer} {s.weight:g}" for s in found.values())
        faults.append(
            Fault(where, f"the layer weights are {listed} = {total:g}, and must sum to 1", _remedy(found, total))
        )
    if faults:
        raise ConfigError(faults, "the distractor's layers cannot be used")
    return tuple(found[layer] for layer in NoiseLayer if layer in found)


def _remedy(found: Mapping[NoiseLayer, LayerSetting], total: float) -> str:
    if total <= 0:
        return "give at least one layer a weight, or switch noise off with distractor=none"
    return "for the same proportions: " + ", ".join(f"{s.layer} {s.weight / total:.4g}" for s in found.values())


def _read_strategies(layer: NoiseLayer, entries: Any, where: str, faults: list[Fault]) -> tuple[StrategySetting, ...]:
    if not entries:
        return _shipped(layer)
    if not isinstance(entries, Mapping):
        faults.append(Fault(where, f"is {type(entries).__name__}, not a mapping", "write strategy: {probability: 0.3}"))
        return ()
    mine = {strategy.name: strategy for strategy in strategies_of(layer)}
    settings: dict[str, StrategySetting] = {}
    for name, entry in entries.items():
        values: Mapping[str, Any] = (
            entry if isinstance(entry, Mapping) else {"probability": 0.0 if entry is None else entry}
        )
        if name not in mine:
            other = f"it belongs to {STRATEGIES[name].layer}" if name in STRATEGIES else "there is no such strategy"
            faults.append(Fault(f"{where}.{name}", other, _nearest(name, list(mine))))
            continue
        mandatory = bool(values.get("mandatory", False))
        probability = _number(
            values.get("probability", 1.0 if mandatory else _P[name]), f"{where}.{name}.probability", faults
        )
        settings[name] = StrategySetting(name, probability, mandatory, _instruction(values) or mine[name].instruction)
    return tuple(settings[name] for name in mine if name in settings)


def _instruction(values: Mapping[str, Any]) -> str:
    """The wording of the user's own file, its guidelines behind it."""
    guidelines = values.get("guidelines") or ()
    parts = [
        values.get("instruction") or values.get("description") or "",
        *(guidelines if isinstance(guidelines, list) else [guidelines]),
    ]
    return " ".join(str(part).strip() for part in parts if part)


def _number(value: Any, where: str, faults: list[Fault]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        faults.append(Fault(where, f"is {value!r}", "a number from 0 to 1"))
        return 0.0
    return float(value)


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(name), [str(k) for k in known], n=1)
    return (f"did you mean {close[0]}? " if close else "") + "choose from " + ", ".join(map(str, known))


def _named_rules(rules: Any) -> list[tuple[str, Any]]:
    """Pairs of name and settings, of either form."""
    if isinstance(rules, Mapping):
        return [(str(name), entry) for name, entry in rules.items()]
    if isinstance(rules, Iterable) and not isinstance(rules, str):
        entries = list(rules)
        if all(isinstance(entry, Mapping) for entry in entries):
            return [(str(entry.get("name")), entry) for entry in entries]
    remedy = f"write {{typo: {{probability: 0.5}}}}; rules: {', '.join(RULES)}"
    raise ConfigError([Fault("distractor.rules", f"is {rules!r}, no mapping of rules", remedy)])


def read_rules(rules: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None) -> tuple[RuleSetting, ...]:
    """The rules of the rule-based model.

    Args:
        rules: ``{name: {probability, <parameter>}}``, or the reference's list ``[{name, probability, <parameter>}]``;
            None is the shipped set. A rule that is left out is never drawn.

    Raises:
        ConfigError: an unknown rule or parameter, or a number out of range.
    """
    if rules is None:
        return DEFAULT_RULES
    faults: list[Fault] = []
    named = _named_rules(rules)
    found: dict[str, RuleSetting] = {}
    for name, entry in named:
        where = f"distractor.rules.{name}"
        if not isinstance(entry, Mapping | None):
            faults.append(Fault(where, f"is {entry!r}", "write {probability: 0.5}, and the rule's parameters in it"))
            continue
        values = dict(entry or {})
        if name not in RULES:
            faults.append(Fault(where, "there is no such rule", _nearest(str(name), list(RULES))))
            continue
        values.pop("name", None)
        probability = _number(values.pop("probability", 1.0), f"{where}.probability", faults)
        parameters = dict(RULES[name])
        for key, value in values.items():
            if key not in parameters:
                faults.append(
                    Fault(f"{where}.{key}", "there is no such parameter", f"{name} has {', '.join(parameters)}")
                )
            elif not _fits(value, parameters[key]):
                faults.append(Fault(f"{where}.{key}", f"is {value!r}", _allowed(parameters[key])))
            else:
                parameters[key] = value
        found[str(name)] = RuleSetting(str(name), probability, parameters)
    if not faults and not any(rule.probability > 0 for rule in found.values()):
        faults.append(
            Fault(
                "distractor.rules",
                "no rule can be drawn",
                "give one a probability above 0, or switch noise off with distractor=none",
            )
        )
    if faults:
        raise ConfigError(faults, "the distractor's rules cannot be used")
    return tuple(found[name] for name in RULES if name in found)


def _fits(value: Any, like: Any) -> bool:
    if isinstance(like, bool):
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 1 <= value <= 100 and value == int(value) if isinstance(like, int) else 0 <= value <= 1


def _allowed(like: Any) -> str:
    return (
        "true or false"
        if isinstance(like, bool)
        else "a whole number from 1 to 100"
        if isinstance(like, int)
        else "a number from 0 to 1"
    )
