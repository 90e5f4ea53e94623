"""``python run.py``: the same as the installed command ``personaloom``."""

from personaloom.cli import entry

raise SystemExit(entry())
