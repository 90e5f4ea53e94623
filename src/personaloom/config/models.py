"""Which model each role talks to: ``llm`` with what its roles and pools change, spelled out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from personaloom.errors import UsageError
from personaloom.llm.endpoints import resolve
from personaloom.llm.types import Role

__all__ = [
    "CALL_KEYS",
    "CONNECT",
    "ROLES_OF_STAGE",
    "SIMULATED",
    "ModelPlan",
    "place_of",
    "plan_models",
    "roles_asked",
    "roles_of",
]

ROLES_OF_STAGE: Mapping[str, tuple[Role, ...]] = {
    "persona": (Role.FORMULATOR,),
    "query": (Role.STYLIST,),
    "interaction": (Role.ASSISTANT, Role.USER, Role.EXTRACTOR, Role.NOISE),
    "distractor": (Role.EXTRACTOR, Role.NOISE),
    "score": (Role.JUDGE,),
}
"""The roles a stage may call; stages that are not here make no call."""
OWN_HOST_KEYS = ("api_key_env", "headers", "headers_env")
"""Belong to one provider and origin, and are never sent to another."""
CONNECT = "personaloom.llm.connect"
SIMULATED = "personaloom.llm.SimulatedModel"
CALL_KEYS = frozenset(
    {"temperature", "top_p", "max_tokens", "seed", "stop", "extra_body", "timeout", "rpm", "tpm", "max_concurrency",
     "price", "accept_truncated"}
)  # fmt: skip
"""Say how a model is called; a client need not know them."""
NOT_MODEL_KEYS = frozenset({"roles", "pool", "weight", "prompts"})


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """One deployment of a role.

    Attributes:
        role: who speaks.
        where: key of the node that decides it, for messages: ``llm``, ``llm.roles.user``, ``llm.pool[1]``.
        keys: all of its keys, merged; ``_target_`` included.
        weight: relative, in its pool.
    """

    role: Role
    where: str
    keys: Mapping[str, Any]
    weight: float = 1.0


def roles_of(stages: Any) -> set[Role]:
    """The roles that these stages may call."""
    names = stages if isinstance(stages, list | tuple) else ()
    return {role for name in names for role in ROLES_OF_STAGE.get(str(name), ())}


def roles_asked(config: Mapping[str, Any], stages: Any) -> set[Role]:
    """The roles that a run of these stages may call: the judge also where samples are made and ``quality`` has one."""
    roles = roles_of(stages)
    quality = config.get("quality")
    judged = isinstance(quality, Mapping) and quality.get("judge") is not None
    names = stages if isinstance(stages, list | tuple) else ()
    return roles | {Role.JUDGE} if judged and "training" in names else roles


def plan_models(llm: Mapping[str, Any]) -> Iterator[ModelPlan]:
    """Every role's deployments; the assistant's are ``llm.pool`` where that is not empty."""
    base = {key: value for key, value in llm.items() if key not in NOT_MODEL_KEYS}
    roles = llm.get("roles") or {}
    for role in Role:
        own = roles.get(str(role)) or {}
        merged, where = _over(base, own), f"llm.roles.{role}" if own else "llm"
        pool, at = own.get("pool"), f"llm.roles.{role}.pool"
        if role is Role.ASSISTANT and not own:
            pool, at = llm.get("pool"), "llm.pool"
        if not pool:
            yield ModelPlan(role, where, merged)
        for index, member in enumerate(pool or ()):
            yield ModelPlan(role, f"{at}[{index}]", _over(merged, member), float(member.get("weight", 1.0)))


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` changed by ``own``; nothing that belongs to one host goes to another."""
    own = {key: value for key, value in own.items() if key not in NOT_MODEL_KEYS}
    merged = {**base, **own}
    if "model" in own and own["model"] != base.get("model"):
        merged = _with_other_model(merged, base, own)
    if place_of(merged) != place_of(base):
        for key in set(OWN_HOST_KEYS) - set(own):
            merged.pop(key, None)
    return merged


def _with_other_model(merged: dict[str, Any], base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What goes with a model and not with its role: the price, the client, and another provider's address."""
    if "price" not in own:
        merged["price"] = None
    simulated = str(own["model"]).startswith("simulated/")
    if "_target_" not in own and base.get("_target_") in {CONNECT, SIMULATED}:
        merged["_target_"] = SIMULATED if simulated else CONNECT
    address = {"base_url": None}
    if "base_url" not in own and place_of({**base, **address})[0] != place_of({**merged, **address})[0]:
        merged |= address
    return merged


def place_of(keys: Mapping[str, Any]) -> tuple[str, str]:
    """Provider and origin of a model: what a key or a header belongs to."""
    model = str(keys.get("model"))
    try:
        endpoint = resolve(model, keys.get("base_url"))
    except (
        UsageError,
        AttributeError,
        TypeError,
    ):  # judged elsewhere; here it only has to differ from other places
        return model.partition("/")[0], str(keys.get("base_url"))
    return endpoint.provider, endpoint.origin
