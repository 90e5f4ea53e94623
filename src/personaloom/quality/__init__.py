"""Quality: checks of samples, statistics of datasets, judging and annotation."""

from personaloom.quality.checks import CHECKS, SampleChecks, Verdict
from personaloom.quality.statistics import StatisticsCollector, compute_statistics

__all__ = ["CHECKS", "SampleChecks", "StatisticsCollector", "Verdict", "compute_statistics"]
