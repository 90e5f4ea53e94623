"""Quality: checks of samples, statistics of datasets, judging and annotation."""

from personaloom.quality.annotation import read_sheets, write_sheet
from personaloom.quality.checks import CHECKS, SampleChecks, Verdict
from personaloom.quality.judge import Comparison, Judge, Judgement
from personaloom.quality.plan import QualityPlan
from personaloom.quality.review import Review
from personaloom.quality.rubric import CRITERIA
from personaloom.quality.statistics import StatisticsCollector, compute_statistics

__all__ = [
    "CHECKS", "CRITERIA", "Comparison", "Judge", "Judgement", "QualityPlan", "Review", "SampleChecks",
    "StatisticsCollector", "Verdict", "compute_statistics", "read_sheets", "write_sheet",
]  # fmt: skip
