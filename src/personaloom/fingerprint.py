"""Fingerprints of a dataset: one for each stage, chained, over all that reaches that stage and nothing else.

Outside: name, num_personas, stages, formats, judge, retries, budget, concurrency, tracking and keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from personaloom.llm.client import DeploymentSpec
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import Role

__all__ = ["STAGES", "chain", "digest", "models_of", "templates_of"]

STAGES = ("personas", "prompts", "queries", "conversations", "noise", "samples")


def digest(*content: Any) -> str:
    """SHA-256 of JSON-ready content, in hexadecimal."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def chain(links: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """Each stage's fingerprint from its own content and the fingerprint before it, in the order of ``STAGES``."""
    before = ""
    out: dict[str, str] = {}
    for stage in STAGES:
        before = out[stage] = digest(before, stage, *links.get(stage, ()))
    return out


def models_of(roles: Mapping[Role, Sequence[DeploymentSpec]], *names: Role) -> list[Any]:
    """What identifies the models of some roles: provider, model, origin, sampling, weight, their own version."""
    return [[str(role), [_identity(spec) for spec in roles.get(role, ())]] for role in names]


def templates_of(prompts: PromptLibrary, names: Iterable[str]) -> list[tuple[str, str]]:
    """Name and hash of some templates."""
    return [(name, prompts.use(name).sha256) for name in names]


def _identity(spec: DeploymentSpec) -> list[Any]:
    deployment = spec.client.deployment
    sampling = spec.sampling
    own = getattr(spec.client, "fingerprint", None)
    return [
        deployment.provider,
        deployment.model,
        deployment.origin,
        [sampling.temperature, sampling.top_p, sampling.max_tokens, sampling.seed, list(sampling.stop)],
        dict(sampling.extra_body),
        spec.weight,
        own() if callable(own) else "",
    ]
