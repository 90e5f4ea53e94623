"""``start_from``: the records that a dataset goes on from, read in where they were not yet."""

from __future__ import annotations

from pathlib import Path

from personaloom.errors import ConfigNotFoundError, UsageError
from personaloom.origin import Origin

__all__ = ["start_of"]


def start_of(given: str | None, output_dir: Path) -> Origin | None:
    """What ``start_from`` names.

    Args:
        given: a folder that ``migrate=`` made, or what ``migrate=`` takes (it is read in first); None for nothing.
        output_dir: a folder that is read in goes to ``datasets/`` in it.

    Raises:
        ConfigNotFoundError: there is no such folder or file.
        UsageError: a dataset that was made here.
        InputError: there is nothing to read, or a record is damaged.
    """
    if not given:
        return None
    path = Path(given).expanduser()
    if not path.exists():
        raise ConfigNotFoundError(f"start_from={given}: no such file or folder (looked in {Path.cwd()})")
    origin = Origin.of(path)
    if origin is None and ((path / "store.sqlite").exists() or (path / "manifest.json").exists()):
        raise UsageError(
            f"start_from={given}: this dataset was not read in from elsewhere → to go on with one that was made here, "
            "run its command again with a larger num_personas"
        )
    if origin is None:
        from personaloom.config.reference.dataset import read_in  # noqa: PLC0415 - most runs read nothing in

        origin = Origin.of(read_in(path, output_dir=output_dir)[0])
    return origin
