"""Floor 5: from files and overrides to one judged config, and from that to typed parts.

Only this package and ``personaloom.cli`` import hydra and omegaconf. Importing the package itself costs nothing: the
work is imported by the first call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from personaloom.config.composition import Composed
    from personaloom.parts import Parts

__all__ = ["build_parts", "compose", "validate"]


def compose(
    overrides: Sequence[str] = (), *, config: Path | str | None = None, config_dirs: Sequence[Path] = ()
) -> Composed:
    """The composed config as a plain dictionary, not judged yet; see ``personaloom.config.composition.compose``.

    Args:
        overrides: in Hydra's grammar.
        config: a config file; None means ``./config.yaml`` where there is one, else the shipped config.
        config_dirs: folders that add options and shadow shipped ones; later ones are stronger.

    Raises:
        ConfigError: the files or overrides cannot be composed.
        ConfigNotFoundError: a file or folder that was named is not there.
    """
    from personaloom.config.composition import compose as composing  # noqa: PLC0415 - imports hydra

    return composing(overrides, config=Path(config) if config is not None else None, config_dirs=config_dirs)


def validate(config: Mapping[str, Any], *, keys_needed: bool = True, writes: bool = True) -> Composed:
    """The config with every value judged and of its type; see ``personaloom.config.judging.validate``.

    Raises:
        ConfigError: with every fault of it.
    """
    from personaloom.config.judging import validate as judging  # noqa: PLC0415 - imports pydantic and hydra

    return judging(config, keys_needed=keys_needed, writes=writes)


def build_parts(config: Mapping[str, Any], sweep: Mapping[str, Any] | None = None) -> Parts:
    """Everything a pipeline is made of, from a config that ``validate`` gave.

    Args:
        config: judged.
        sweep: ``{"id", "job", "overrides"}`` of a sweep's job.

    Raises:
        UsageError: a file in the config cannot be used.
    """
    from personaloom.config.build import build_parts as building  # noqa: PLC0415 - imports the floors below

    return building(config, sweep)
