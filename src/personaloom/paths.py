"""What differs between a checkout and a wheel: where the files beside the code are, and how the command is called."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["command", "conf_dir"]

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


def command(*words: object) -> str:
    """A command line for a message, called as this process was: ``personaloom …`` or ``python run.py …``."""
    called = Path(sys.argv[0]).name.removesuffix(".exe") if sys.argv else ""
    return " ".join([called if called == "personaloom" else "python run.py", *map(str, words)])
