"""``python -m personaloom.cli``."""

from personaloom.cli import entry

raise SystemExit(entry())
