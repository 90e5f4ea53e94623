"""Composition: a primary config, overrides and folders in; plain values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hydra._internal.hydra import Hydra
from hydra.core.object_type import ObjectType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from personaloom.config.groups import group_options, search_folders
from personaloom.config.home import at_home
from personaloom.config.hydra_errors import hydra_errors_as_ours
from personaloom.config.overrides import prepare
from personaloom.config.primary import Primary, find_primary, registered
from personaloom.config.resolve import plain, public
from personaloom.config.session import hydra_session
from personaloom.errors import ConfigError, Fault

__all__ = ["Composed", "Composer", "compose", "composer", "from_hydra"]


class Composed(dict[str, Any]):
    """A composed config as a plain dictionary, all values resolved, with what is known of how it came about.

    Attributes:
        public: the same with ``${oc.env:NAME}`` left as written: what may be shown, saved and logged.
        unresolved: the same with all interpolations as written.
        overrides: as given.
        run_dir: where Hydra's files of a single run belong.
        multirun: the config itself asks for a sweep (``hydra.mode=MULTIRUN``).
        faults: values that are missing or cannot be resolved; they are None in the dictionary.
        primary: where it started.
    """

    public: dict[str, Any]
    unresolved: dict[str, Any]
    overrides: tuple[str, ...] = ()
    run_dir: Path | None = None
    multirun: bool = False
    faults: tuple[Fault, ...] = ()
    primary: Primary = Primary("shipped")

    def judged(self, values: Mapping[str, Any]) -> Composed:
        """The same with other values."""
        config = Composed(values)
        vars(config).update(vars(self))
        return config


@dataclass(frozen=True, slots=True)
class Composer:
    """A Hydra that is ready to compose, for as long as the block it was made in lasts.

    Attributes:
        hydra: for launchers and sweepers.
        name: of the primary config.
        groups: ``{group: {option: file}}``.
        primary: where it starts.
    """

    hydra: Hydra
    name: str
    groups: Mapping[str, Mapping[str, Path]]
    primary: Primary

    def options(self, group: str) -> set[str]:
        """All options of a group, those of ``hydra.searchpath`` and in memory included."""
        return set(self.hydra.config_loader.get_group_options(group, ObjectType.CONFIG))

    def prepare(self, overrides: Sequence[str], *, sweep: bool = False) -> list[str]:
        """Overrides as they go to Hydra.

        Raises:
            ConfigError: with every fault of them.
        """
        ready, faults = prepare(overrides, self.groups, self.options, sweep=sweep)
        if faults:
            raise ConfigError(faults, "the overrides cannot be used")
        return ready

    def load(self, ready: Sequence[str], *, multirun: bool = False) -> DictConfig:
        """Hydra's whole config, its own node included, for overrides that ``prepare`` gave."""
        mode = RunMode.MULTIRUN if multirun else RunMode.RUN
        with hydra_errors_as_ours(self.groups):
            loaded = self.hydra.compose_config(
                config_name=self.name,
                overrides=list(ready),
                run_mode=mode,
                from_shell=False,
                validate_sweep_overrides=not multirun,
            )
        at_home(loaded)  # before Hydra's own folders are made of it
        return loaded

    def compose(self, overrides: Sequence[str]) -> Composed:
        """One config.

        Raises:
            ConfigError: it cannot be composed. Faults of values are in the result, so that they are listed together
                with those the schema finds.
        """
        return from_hydra(self.load(self.prepare(overrides)), overrides, self.primary)


@contextmanager
def composer(config: Path | None = None, config_dirs: Sequence[Path] = ()) -> Iterator[Composer]:
    """Open a Hydra on a primary config and the user's folders; the process is as before when the block ends.

    Args:
        config: a config file; None means ``./config.yaml`` where there is one, else the shipped config.
        config_dirs: folders that add options and shadow shipped ones; later ones are stronger.
    """
    folders = search_folders(config_dirs)
    primary = find_primary(config)
    beside = [primary.path.resolve().parent] if primary.path is not None else []
    groups = group_options(folders)
    for folder in beside:
        groups = {group: {**_own_options(folder, group), **options} for group, options in groups.items()}
    extra = [folder for folder in beside if folder not in folders]
    with hydra_session(folders, extra) as hydra, registered(primary, groups) as name:
        yield Composer(hydra, name, groups, primary)


def compose(overrides: Sequence[str] = (), *, config: Path | None = None, config_dirs: Sequence[Path] = ()) -> Composed:
    """Compose one config; works in threads, notebooks and inside another Hydra application.

    Raises:
        ConfigError: the files or overrides cannot be composed.
        ConfigNotFoundError: a file or folder that was named is not there.
    """
    with composer(config, config_dirs) as ready:
        return ready.compose(overrides)


def from_hydra(config: DictConfig, overrides: Sequence[str], primary: Primary) -> Composed:
    """Plain values of a config that Hydra composed."""
    at_home(config)
    mode, run_dir = _of_hydra(config, "hydra.mode"), _of_hydra(config, "hydra.run.dir")
    with open_dict(config):
        config.pop("hydra", None)
    values, faults = plain(config)
    composed = Composed(values)
    composed.public = public(config, values)
    composed.unresolved = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=False))
    composed.overrides = tuple(overrides)
    composed.run_dir = Path(str(run_dir)) if run_dir else None
    composed.multirun = mode is RunMode.MULTIRUN
    composed.faults = tuple(faults)
    composed.primary = primary
    return composed


def _of_hydra(config: DictConfig, key: str) -> Any:
    try:
        return OmegaConf.select(config, key)
    except OmegaConfBaseException:  # output_dir cannot be resolved: that has its own fault
        return None


def _own_options(folder: Path, group: str) -> dict[str, Path]:
    return {path.stem: path for path in sorted((folder / group).glob("*.yaml"))}
