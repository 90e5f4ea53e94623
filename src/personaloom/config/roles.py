"""From ``llm`` to each role's deployments: clients, and how they are called."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from personaloom.config.instantiate import instantiate
from personaloom.config.models import CALL_KEYS, ModelPlan, plan_models
from personaloom.config.targets import find_target
from personaloom.llm.client import DeploymentSpec
from personaloom.llm.limits import Limits
from personaloom.llm.prices import price_for
from personaloom.llm.types import ChatClient, Role, Sampling

__all__ = ["build_roles", "client_arguments"]

DEFAULT_TIMEOUT_S = 60.0


def build_roles(llm: Mapping[str, Any]) -> dict[Role, tuple[DeploymentSpec, ...]]:
    """Every role's deployments; roles whose client is the same in every respect share it, and its connections.

    Raises:
        UsageError: a model, an address or a price that cannot be used.
    """
    clients: dict[str, ChatClient] = {}
    roles: dict[Role, list[DeploymentSpec]] = {}
    for plan in plan_models(llm):
        arguments = client_arguments(plan.keys, plan.where)
        name = json.dumps(arguments, sort_keys=True, default=str)
        if name not in clients:
            clients[name] = instantiate(arguments, plan.where)
        roles.setdefault(plan.role, []).append(_spec(plan, clients[name]))
    return {role: tuple(specs) for role, specs in roles.items()}


def client_arguments(keys: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The keys that go to a client: those that its signature names, and for a user's class all that are not ours."""
    target = keys.get("_target_")
    parameters = inspect.signature(find_target(target, f"{where}._target_")).parameters
    ours = str(target).startswith("personaloom.")
    # extra_body is sent with the sampling parameters, because it shapes the reply and so belongs to the ledger's key.
    taken = {
        key: value
        for key, value in keys.items()
        if key != "extra_body" and (key in parameters or (key not in CALL_KEYS and not ours))
    }
    return {"_target_": target, **taken}


def _spec(plan: ModelPlan, client: ChatClient) -> DeploymentSpec:
    keys = plan.keys
    return DeploymentSpec(
        client=client,
        sampling=Sampling(
            temperature=keys.get("temperature"),
            top_p=keys.get("top_p"),
            max_tokens=keys.get("max_tokens"),
            seed=keys.get("seed"),
            stop=tuple(keys.get("stop") or ()),
            extra_body=dict(keys.get("extra_body") or {}),
        ),
        timeout_s=float(keys.get("timeout") or DEFAULT_TIMEOUT_S),
        limits=Limits(**{key: keys[key] for key in ("rpm", "tpm", "max_concurrency") if keys.get(key) is not None}),
        price=price_for(client.deployment, keys.get("price")),
        weight=plan.weight,
        accept_truncated=bool(keys.get("accept_truncated", True)),
    )
