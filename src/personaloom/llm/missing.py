"""When "no such model" is the end of a run and not of a call: a wrong name fails every conversation in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from personaloom.errors import ModelNotFoundError
from personaloom.llm.calls import DeploymentSpec
from personaloom.llm.types import Role

__all__ = ["MissingModels"]


class MissingModels:
    """Which deployments are known to serve nothing under their name.

    A pool goes on with its others. A deployment that has answered before is not judged: a gateway that is restarted
    says 404 too, and the next command makes up what failed meanwhile.

    Args:
        roles: each role's deployments.
    """

    def __init__(self, roles: Mapping[Role, Sequence[DeploymentSpec]]) -> None:
        self.answered: set[str] = set()
        """Names of the deployments that gave a reply."""
        self._roles = roles
        self._missing: set[str] = set()

    def judge(self, error: ModelNotFoundError, spec: DeploymentSpec, role: Role) -> None:
        """Where the role has no model left, mark the error as the run's end and say what to change."""
        name = spec.client.deployment.name
        if name in self.answered:
            return
        self._missing.add(name)
        if all(other.client.deployment.name in self._missing for other in self._roles[role]):
            error.ends_run = True
            error.args = (f"{error}. {self._remedy(spec, role)}, then run the same command",)

    def _remedy(self, spec: DeploymentSpec, role: Role) -> str:
        deployment = spec.client.deployment
        users = [name for name, specs in self._roles.items() if spec in specs]
        everywhere = len(users) == len(self._roles)
        key = "llm.pool" if len(self._roles[role]) > 1 else "llm.model" if everywhere else f"llm.roles.{role}.model"
        if deployment.provider == "ollama":
            where = "`ollama list` shows what it serves, `ollama pull` fetches more"
        elif deployment.origin:
            where = f"{deployment.origin}/models lists what it serves"
        else:
            where = f"the list of models in {deployment.provider}'s documentation has the names"
        change = f"set {key}={deployment.model} to one that is there ({where})"
        return f"The {role} has no other model, so the run ends: {change}"
