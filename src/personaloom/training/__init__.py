"""Training data: collecting samples, splitting by persona, writing and reading formats."""

from personaloom.training.collector import TrainingDataCollector, applied_noise
from personaloom.training.exporter import TrainingDataExporter
from personaloom.training.formats import FORMATS
from personaloom.training.splits import SPLIT_NAMES, Splitter

__all__ = [
    "FORMATS",
    "SPLIT_NAMES",
    "Splitter",
    "TrainingDataCollector",
    "TrainingDataExporter",
    "applied_noise",
]
