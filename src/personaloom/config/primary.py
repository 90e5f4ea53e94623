"""Which config a run starts from, and putting it where Hydra finds it.

Three kinds of file are told apart by their keys: with ``defaults`` it is Hydra's, with ``persona_generation`` it is the
seed system's, else it is a resolved one, such as the ``.hydra/config.yaml`` of an earlier run. The nodes of a resolved
one become options of their groups, in memory, so that ``distractor=none`` works on top of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from yaml import YAMLError

from personaloom.config.groups import shipped_choices
from personaloom.config.hydra_errors import yaml_fault
from personaloom.errors import ConfigError, ConfigNotFoundError, Fault

__all__ = ["Primary", "find_primary", "read_yaml", "register"]

SHIPPED = "personaloom"
IN_MEMORY = "from_file"
_PRIMARY_NAME = "primary_from_file"


@dataclass(frozen=True, slots=True)
class Primary:
    """The config that a run starts from.

    Attributes:
        kind: ``shipped``, ``composed`` (it has a defaults list) or ``resolved``.
        path: its file; None for the shipped one.
        content: as read, interpolations not resolved; empty for the shipped one.
    """

    kind: str
    path: Path | None = None
    content: Mapping[str, Any] | None = None

    @property
    def announcement(self) -> str:
        """One line that says which config it is and how it was chosen."""
        if self.path is None:
            return "config: the one that ships with PersonaLoom (there is no ./config.yaml)"
        what = (
            "resolved, its groups can still be overridden"
            if self.kind == "resolved"
            else "with its defaults list"
        )
        return f"config: {self.path} ({what})"


def find_primary(config: Path | None, folder: Path | None = None) -> Primary:
    """The file of ``--config``, else ``config.yaml`` in ``folder`` (the current one), else the shipped config.

    Raises:
        ConfigNotFoundError: ``--config`` names a file that is not there.
        ConfigError: the file is no YAML mapping, or of a kind that cannot be read yet.
    """
    if config is None:
        candidate = (folder or Path()) / "config.yaml"
        if not candidate.is_file():
            return Primary("shipped")
        config = candidate
    if not config.exists():
        raise ConfigNotFoundError(f"--config {config}: no such file (looked in {Path.cwd()})")
    content = read_yaml(config)
    if "persona_generation" in content:
        remedy = "start from conf/config.yaml, or leave --config away"
        raise ConfigError(
            [Fault(str(config), "is a config of the seed system, which cannot be read yet", remedy)]
        )
    return Primary("composed" if "defaults" in content else "resolved", config, content)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping, interpolations as they stand.

    Raises:
        ConfigError: unreadable, no YAML, or no mapping; named with its line.
    """
    try:
        loaded = OmegaConf.load(path)
    except YAMLError as error:
        raise ConfigError([yaml_fault(error, str(path))]) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            [Fault(str(path), f"cannot be read: {reason}", "name a readable YAML file")]
        ) from None
    content = OmegaConf.to_container(loaded, resolve=False)
    if not isinstance(content, dict):
        raise ConfigError([Fault(str(path), "is a list, not a mapping", "write key: value lines")])
    return {str(key): value for key, value in content.items()}


def register(primary: Primary, groups: Collection[str]) -> str:
    """Put a config of the user's into Hydra's ConfigStore; gives the name to compose. Call it inside a session."""
    if primary.content is None:
        return SHIPPED
    store = ConfigStore.instance()
    content = dict(primary.content)
    if primary.kind == "resolved":
        content = _as_composed(content, groups)
    store.store(name=_PRIMARY_NAME, node=OmegaConf.create(content))
    return _PRIMARY_NAME


def _as_composed(content: dict[str, Any], groups: Collection[str]) -> dict[str, Any]:
    """The same config with a defaults list: its group nodes are registered as options, and the rest stays."""
    chosen = shipped_choices()
    rest = {key: value for key, value in content.items() if key != "hydra"}
    defaults: list[Any] = [SHIPPED]
    for group in sorted(set(groups) & set(rest)):
        node = rest.pop(group)
        if not isinstance(node, dict):
            rest[group] = node  # a wrong type: the schema will say so
            continue
        if "_target_" not in node and group in chosen:
            # Not a class with its arguments but values: what the file leaves out keeps the shipped value.
            node = {"defaults": [chosen[group], "_self_"], **node}
        ConfigStore.instance().store(group=group, name=IN_MEMORY, node=OmegaConf.create(node))
        defaults.append({f"override /{group}" if group in chosen else f"/{group}": IN_MEMORY})
    return {"defaults": [*defaults, "_self_"], **rest}
