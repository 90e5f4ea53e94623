"""The command line: ``entry`` is what ``run.py`` and the installed command ``personaloom`` call."""

from personaloom.cli.dispatch import entry

__all__ = ["entry"]
