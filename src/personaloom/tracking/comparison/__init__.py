"""Comparison of datasets: paired differences with intervals, figures, tables, and a page to read them side by side."""

from personaloom.tracking.comparison.compare import compare, write_comparison
from personaloom.tracking.comparison.log import log_comparison
from personaloom.tracking.comparison.members import Member, members_of

__all__ = ["Member", "compare", "log_comparison", "members_of", "write_comparison"]
