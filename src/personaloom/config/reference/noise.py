"""``distractor`` and its strategy file → ``distractor`` and ``llm.roles.noise``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from personaloom.config.reference.draft import Draft
from personaloom.config.reference.files import found, leaves, read_if_possible
from personaloom.config.reference.gaps import gap
from personaloom.config.reference.keys import canonical_provider
from personaloom.config.reference.models import Account, model_values
from personaloom.config.reference.section import Section
from personaloom.distractor.settings import RULES

__all__ = ["translate_strategies"]


def translate_strategies(own: Section, accounts: Mapping[str, Account], provider: str, draft: Draft) -> None:
    """``distractor`` → ``distractor``, and the model that its strategy file names → ``llm.roles.noise``."""
    if not own.truth("enabled", default=True):
        draft.bases["distractor"] = "none"
        for name in (
            "use_semantic",
            "activation_probability",
            "strategy_path",
            "noise_strategies",
            "apply_to",
            "llm",
        ):
            own.take(name)
        return
    semantic = own.truth("use_semantic", default=True)
    draft.bases["distractor"] = "moderate" if semantic else "rule_based"
    draft.copy("distractor.activation_probability", own, "activation_probability")
    draft.copy("distractor.use_semantic", own, "use_semantic")
    draft.copy("distractor.rules", own, "noise_strategies", change=_rules)
    value, where = own.taken("strategy_path", "strategy_config")
    if value is None:
        return
    path = found(value, where, draft)
    draft.put("distractor.strategy_config", path, where)
    if semantic and Path(path).is_file():
        _noise_model(Path(path), accounts, provider, draft)


def _rules(given: Any) -> Any:
    """The reference's list as a mapping by name, the shipped rules that it leaves out never drawn.

    What is no such list is left for the check.
    """
    if not isinstance(given, list) or not all(isinstance(rule, Mapping) and "name" in rule for rule in given):
        return given
    named = {str(rule["name"]): {k: v for k, v in rule.items() if k != "name"} for rule in given}
    return named | {name: {"probability": 0} for name in RULES if name not in named}


def _noise_model(path: Path, accounts: Mapping[str, Account], provider: str, draft: Draft) -> None:
    content = read_if_possible(path)
    if not isinstance(content, Mapping):
        return
    pipeline = {"pipeline": content.get("pipeline") or {}}
    draft.gaps += [gap(f"{path.name}: {key}", value) for key, value in leaves(pipeline, pipeline)]
    entry = Section(content.get("llm"), f"{path.name}: llm", draft.faults)
    wanted = canonical_provider(entry.peek("provider") or provider)
    if not accounts or (wanted != provider and wanted not in accounts):
        if "model" in entry:
            draft.remarks.append(
                f"{path.name}: its llm is {wanted}'s, which has no key here: api's model writes the noise"
            )
        return
    for key, origin in model_values(entry, draft, accounts, provider, provider).items():
        draft.put(f"llm.roles.noise.{key}", *origin)
