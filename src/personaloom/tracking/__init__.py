"""Tracking and reporting of finished datasets: MLflow runs, and a page to read.

Both work on a dataset folder, at any time after it was made. MLflow itself is imported only by the child process
(``python -m personaloom.tracking.child``); importing this package costs nothing heavy.
"""

from personaloom.tracking.links import RunRef, StoreSpec, links_for, serve_command, serve_environment
from personaloom.tracking.report import write_report
from personaloom.tracking.tracker import MlflowTracker, NullTracker, Tracker, make_tracker
from personaloom.tracking.worker import TrackingWorker

__all__ = [
    "MlflowTracker",
    "NullTracker",
    "RunRef",
    "StoreSpec",
    "Tracker",
    "TrackingWorker",
    "links_for",
    "make_tracker",
    "serve_command",
    "serve_environment",
    "write_report",
]
