"""Which config a run starts from, and putting it where Hydra finds it.

Three kinds of file are told apart by their keys: with ``defaults`` it is Hydra's, with ``persona_generation`` it is the
seed system's, else it is a resolved one, such as the ``.hydra/config.yaml`` of an earlier run. The nodes of a resolved
one become options of their groups, in memory, so that ``distractor=none`` works on top of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from personaloom.config.groups import shipped_choices
from personaloom.config.hydra_errors import yaml_fault
from personaloom.config.yaml_size import require_small
from personaloom.errors import ConfigError, ConfigNotFoundError, Fault

__all__ = ["Primary", "find_primary", "read_yaml", "registered"]

SHIPPED = "personaloom"
IN_MEMORY = "from_file"
_NAME = "primary_from_file"


@dataclass(frozen=True, slots=True)
class Primary:
    """The config that a run starts from.

    Attributes:
        kind: ``shipped``, ``composed`` (it has a defaults list), ``resolved`` or ``reference`` (translated).
        path: its file; None for the shipped one.
        content: as read, interpolations not resolved; empty for the shipped one; of a reference's file its translation.
        said: what there is to say of a translation.
    """

    kind: str
    path: Path | None = None
    content: Mapping[str, Any] | None = None
    said: str = ""

    @property
    def announcement(self) -> str:
        """Which config it is and how it was chosen: one line, and more where a file was translated."""
        if self.said:
            return self.said
        if self.path is None:
            return "config: the one that ships with PersonaLoom (there is no ./config.yaml)"
        what = "resolved, its groups can still be overridden" if self.kind == "resolved" else "with its defaults list"
        return f"config: {self.path} ({what})"


def find_primary(config: Path | None, folder: Path | None = None) -> Primary:
    """The file of ``--config``, else ``config.yaml`` in ``folder`` (the current one), else the shipped config.

    Raises:
        ConfigNotFoundError: ``--config`` names a file that is not there.
        ConfigError: the file is no YAML mapping, or one of the reference system's that cannot be translated.
    """
    if config is None:
        candidate = (folder or Path()) / "config.yaml"
        if not candidate.is_file():
            return Primary("shipped")
        config = candidate
    try:
        there = config.exists()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if not there:
        raise ConfigNotFoundError(f"--config {config}: no such file (looked in {Path.cwd()})")
    content = read_yaml(config)
    if "persona_generation" in content and "defaults" not in content:
        from personaloom.config.reference import translate  # noqa: PLC0415 - it reads banks and queries; others need none

        translation = translate(config, content)
        return Primary("reference", config, translation.content(), translation.announcement)
    return Primary("composed" if "defaults" in content else "resolved", config, content)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping, interpolations as they stand.

    Raises:
        ConfigError: unreadable, no YAML, or no mapping; named with its line.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ConfigError([Fault(str(path), "is no file but a pipe or a device", "name a readable YAML file")])
    try:
        require_small(path.read_text("utf-8"), str(path))
        loaded = OmegaConf.load(path)
    except OmegaConfBaseException as error:
        problem = str(error).strip().splitlines()[0]
        raise ConfigError([Fault(str(path), f"cannot be used: {problem}", "write key: value lines")]) from None
    except YAMLError as error:
        raise ConfigError([yaml_fault(error, str(path))]) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError([Fault(str(path), f"cannot be read: {reason}", "name a readable YAML file")]) from None
    content = OmegaConf.to_container(loaded, resolve=False)
    if not isinstance(content, dict):
        raise ConfigError([Fault(str(path), "is a list, not a mapping", "write key: value lines")])
    return {str(key): value for key, value in content.items()}


@contextmanager
def registered(primary: Primary, groups: Collection[str]) -> Iterator[str]:
    """Put a config of the user's into Hydra's ConfigStore for the time of a block; gives the name to compose."""
    if primary.content is None:
        yield SHIPPED
        return
    nodes: dict[str, dict[str, Any]] = {}
    content = dict(primary.content)
    _require_mappings(content, groups)
    if primary.kind != "composed":
        content, nodes = _as_composed(content, groups)
    elif isinstance(content["defaults"], list) and "_self_" not in content["defaults"]:
        # What a config says itself is stronger than its defaults; Hydra warns where that is not written.
        content["defaults"] = [*content["defaults"], "_self_"]
    store = ConfigStore.instance()
    with ExitStack() as undo:
        for group, name, node in [
            *((group, IN_MEMORY, node) for group, node in nodes.items()),
            (None, _NAME, content),
        ]:
            folder = store.repo.setdefault(group, {}) if group else store.repo
            undo.callback(_put_back, folder, f"{name}.yaml", folder.get(f"{name}.yaml"))
            store.store(group=group, name=name, node=OmegaConf.create(node))
        yield _NAME


def _require_mappings(content: Mapping[str, Any], groups: Collection[str]) -> None:
    """A list where keys and values belong is named here: Hydra would only say that it cannot merge them."""
    nested = {*groups, "seeds", "formulation", "prompts", "ledger", "hydra"}
    remedy = "write key: value lines below it"
    faults = [
        Fault(key, "is a list, and must hold keys and values", remedy)
        for key, value in content.items()
        if key in nested and isinstance(value, list)
    ]
    if faults:
        raise ConfigError(faults)


def _put_back(folder: dict[str, Any], name: str, before: Any) -> None:
    if before is None:
        folder.pop(name, None)
    else:
        folder[name] = before


def _as_composed(content: dict[str, Any], groups: Collection[str]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The same config with a defaults list, and its nodes as options of their groups."""
    chosen = shipped_choices()
    rest = {key: value for key, value in content.items() if key != "hydra"}
    nodes: dict[str, dict[str, Any]] = {}
    for group in sorted(set(groups) & set(rest)):
        if not isinstance(rest[group], dict):
            continue  # a wrong type: it stays where it is, and the schema will say so
        node = rest.pop(group)
        if "_target_" not in node and group in chosen:
            # Not a class with its arguments but values: what the file leaves out keeps the shipped value.
            node = {"defaults": [chosen[group], "_self_"], **node}
        nodes[group] = node
    choices = [{f"override /{group}" if group in chosen else f"/{group}": IN_MEMORY} for group in nodes]
    return {"defaults": [SHIPPED, *choices, "_self_"], **rest}, nodes
