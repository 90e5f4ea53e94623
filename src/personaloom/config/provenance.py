"""What a run leaves of its config: the folder of the run, and Hydra's two files in it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from personaloom.config.composition import Composed
from personaloom.config.resolve import escaped
from personaloom.errors import ConfigError, Fault, StoreError

__all__ = ["config_yaml", "new_folder", "write_provenance"]

_OF_THE_MOMENT = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE}


def new_folder(wanted: Path) -> Path:
    """Make a folder that was not there: ``wanted``, or ``wanted-2`` and so on where another run was quicker.

    Raises:
        ConfigError: there can be no such folder (no permission, no such place).
        StoreError: it cannot be made now (a full disk).
    """
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
    except OSError as error:
        if error.errno in _OF_THE_MOMENT:
            raise StoreError(f"{wanted} cannot be made: {error.strerror}") from error
        fault = Fault("output_dir", f"{wanted} cannot be made: {error.strerror}", "name another folder")
        raise ConfigError([fault]) from error


def config_yaml(config: Any, *, literal: bool = True) -> str:
    """A config as YAML in the order of its keys.

    Args:
        config: plain values.
        literal: the values are meant as they stand, so that ``${`` is escaped for the next reader, except where it
            names an environment variable.
    """
    return yaml.safe_dump(_escape(config) if literal else config, sort_keys=False, allow_unicode=True, width=120)


def write_provenance(folder: Path, composed: Composed) -> list[Path]:
    """Write ``.hydra/config.yaml`` (resolved, environment variables by name) and ``.hydra/overrides.yaml``.

    Started with ``--config <folder>/.hydra/config.yaml``, a run is the same again.
    """
    hydra = folder / ".hydra"
    hydra.mkdir(exist_ok=True)
    files = [hydra / "config.yaml", hydra / "overrides.yaml"]
    files[0].write_text(config_yaml(composed.public), "utf-8")
    files[1].write_text(config_yaml(list(composed.overrides), literal=False), "utf-8")
    return files


def _escape(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _escape(value) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_escape(value) for value in node]
    if isinstance(node, str) and "${" in node and "${oc.env:" not in node:
        return escaped(node)
    return node
