"""``~`` at the beginning of a path: shells leave it as it is in most places, and a folder named ``~`` helps nobody."""

from __future__ import annotations

import os

from omegaconf import DictConfig, OmegaConf, read_write
from omegaconf.errors import OmegaConfBaseException

__all__ = ["at_home"]

_PATHS = (
    "output_dir", "dataset_dir", "start_from", "export_path", "ledger.path", "query.path", "persona_bank.path",
    "sampler.config", "distractor.strategy_config", "quality.reference", "prompts.folder", "tracking.artifact_location",
)  # fmt: skip
_MAPPINGS = ("prompts.overrides", "quality.decontaminate")


def at_home(config: DictConfig) -> None:
    """Put the user's home folder in its place, in every value that is written there and names a file or folder."""
    for key in _PATHS:
        group, _, name = key.rpartition(".")
        _put(_node(config, group), name)
    for key in _MAPPINGS:
        node = _node(config, key)
        for name in list(node or ()):
            _put(node, str(name))


def _node(config: DictConfig, key: str) -> DictConfig | None:
    try:
        node = OmegaConf.select(config, key) if key else config
    except OmegaConfBaseException:  # it cannot be resolved: that has its own fault
        return None
    return node if isinstance(node, DictConfig) else None


def _put(node: DictConfig | None, name: str) -> None:
    # The value of an environment variable must not get into what is shown: an interpolation stays one.
    if node is None or name not in node or OmegaConf.is_interpolation(node, name):
        return
    value = node.get(name)
    if isinstance(value, str) and value.startswith("~"):
        with read_write(node):
            node[name] = os.path.expanduser(value)  # noqa: PTH111 - leaves "~nobody" as it is
