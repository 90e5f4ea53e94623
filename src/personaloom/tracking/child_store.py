"""Opening a tracking store so that several processes can meet a fresh one. Imports mlflow: for the child only."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException

from personaloom.errors import TrackingError
from personaloom.tracking.links import StoreSpec

__all__ = ["OpenStore", "file_lock", "open_store"]

_LOCK_WAIT_S = 80.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class OpenStore:
    """A store that is ready: database and experiment exist."""

    client: MlflowClient
    experiment_id: str
    artifact_location: str
    local: bool


def open_store(spec: StoreSpec) -> OpenStore:
    """Make database and experiment where they are missing.

    Raises:
        TrackingError: the experiment was deleted, or another process held a fresh database for too long.
        MlflowException: the server cannot be reached or refuses.
    """
    database = spec.database
    if database is None:
        return _open(spec, local=False)
    database.parent.mkdir(parents=True, exist_ok=True)
    # Two processes that migrate one fresh SQLite file at the same time crash each other, three times out of four.
    with file_lock(database.with_name(database.name + ".lock"), _LOCK_WAIT_S):
        return _open(spec, local=True)


def _open(spec: StoreSpec, *, local: bool) -> OpenStore:
    client = MlflowClient(tracking_uri=spec.uri)
    experiment = client.get_experiment_by_name(spec.experiment) or _create(client, spec)
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"the MLflow experiment {spec.experiment!r} is deleted → experiment_name=<another>, or: "
            f"mlflow experiments restore --experiment-id {experiment.experiment_id}"
        )
    return OpenStore(client, experiment.experiment_id, experiment.artifact_location, local)


def _create(client: MlflowClient, spec: StoreSpec) -> Experiment:
    try:
        return client.get_experiment(client.create_experiment(spec.experiment, spec.artifact_location))
    except MlflowException:
        # On a server another process may have been the first; then it is there now.
        found = client.get_experiment_by_name(spec.experiment)
        if found is None:
            raise
        return found


@contextlib.contextmanager
def file_lock(path: Path, timeout: float) -> Iterator[None]:
    """Hold an exclusive lock on a file, which is made and left behind; a process that dies lets go of it.

    Raises:
        TrackingError: another process held it for ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    with path.open("a+b") as handle:
        while not _try_lock(handle.fileno()):
            if time.monotonic() > deadline:
                raise TrackingError(f"another process has been setting up {path.stem} for {timeout:g} s")
            time.sleep(_POLL_S)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt  # noqa: PLC0415 - exists on Windows only

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl  # noqa: PLC0415 - does not exist on Windows

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
