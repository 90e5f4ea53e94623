"""Where the files that ship beside the code are, in a checkout and in a wheel."""

from __future__ import annotations

from pathlib import Path

__all__ = ["conf_dir"]

_PACKAGE = Path(__file__).resolve().parent


def conf_dir() -> Path:
    """The folder with the shipped configs: ``personaloom/conf`` in a wheel, ``conf`` at the root of a checkout.

    Raises:
        FileNotFoundError: neither is there, so the installation is damaged.
    """
    for folder in (_PACKAGE / "conf", _PACKAGE.parents[1] / "conf"):
        if (folder / "personaloom.yaml").is_file():
            return folder
    raise FileNotFoundError(f"no conf folder in {_PACKAGE} or beside it: install the package again")
