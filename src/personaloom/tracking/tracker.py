"""What a run knows of tracking: one small protocol, with MLflow behind it, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from personaloom.errors import TrackingError, UsageError
from personaloom.llm.scrub import without_userinfo
from personaloom.manifest_file import read_manifest
from personaloom.tracking.folder import run_name
from personaloom.tracking.links import RunRef, StoreSpec, links_for, serve_command, sweep_links
from personaloom.tracking.metrics import flat_params, prompts_of, tags_of
from personaloom.tracking.worker import TrackingWorker

__all__ = ["MlflowTracker", "NullTracker", "Tracker", "make_tracker"]

KINDS = ("mlflow", "none")


class Tracker(Protocol):
    """The life of a tracked run: ``begin``, ``start_run``, ``log``, ``close``; every step blocks for seconds at most.

    ``start_run``, ``log`` and ``upload`` may raise ``TrackingError``, which never ends a run: the dataset is on disk,
    and ``upload`` can follow later.
    """

    def begin(self) -> None:
        """Start setting up in the background; returns at once and raises nothing."""
        ...

    def holds(self, run: RunRef) -> bool:
        """Whether a run that was logged earlier lies where this one logs to."""
        ...

    def start_run(self, manifest: Mapping[str, Any], config: Mapping[str, Any]) -> RunRef:
        """Open the dataset's run (or go on with the one it has) so that the manifest can hold its id."""
        ...

    def log(self, folder: Path, config_files: Sequence[Path] = ()) -> RunRef:
        """Log everything in a finished dataset folder and end its run."""
        ...

    def upload(self, folder: Path, config_files: Sequence[Path] = ()) -> RunRef:
        """``start_run`` and ``log`` of a folder made earlier."""
        ...

    def close(self) -> None:
        """Let go of what ``begin`` started."""
        ...


class NullTracker:
    """``tracking=none``: untracked, not broken."""

    def begin(self) -> None:
        """Nothing to start."""

    def holds(self, run: RunRef) -> bool:  # noqa: ARG002 - the protocol's
        """There is no other place."""
        return True

    def start_run(self, manifest: Mapping[str, Any], config: Mapping[str, Any]) -> RunRef:  # noqa: ARG002 - the protocol's
        """No run."""
        return RunRef()

    def log(self, folder: Path, config_files: Sequence[Path] = ()) -> RunRef:  # noqa: ARG002 - the protocol's
        """Nothing is logged."""
        return RunRef()

    def upload(self, folder: Path, config_files: Sequence[Path] = ()) -> RunRef:  # noqa: ARG002 - the protocol's
        """Refuse: an upload was asked for by name.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"tracking=none cannot upload {folder} → tracking=mlflow")

    def close(self) -> None:
        """Nothing to close."""


class MlflowTracker:
    """Tracks datasets as flat MLflow runs, through a child process.

    Attributes:
        store: where the runs go, with every path absolute.
    """

    def __init__(
        self,
        output_dir: Path | str,
        experiment_name: str,
        uri: str | None = None,
        artifact_location: str | None = None,
        samples_rows: int = 2000,
        max_artifact_mb: float = 512,
        timeout: float = 90.0,
        upload_timeout: float = 900.0,
        worker: TrackingWorker | None = None,
    ) -> None:
        """Settle where runs go; nothing is started.

        Args:
            output_dir: holds ``mlflow.db`` and ``mlartifacts`` where no ``uri`` is given.
            experiment_name: MLflow's experiment.
            uri: tracking address; None for the local store.
            artifact_location: where a new experiment's artifacts lie; None for ``mlartifacts`` beside a local
                database, or the server's choice.
            samples_rows: rows of the ``samples.json`` table.
            max_artifact_mb: the largest file that is uploaded whole; of larger JSONL files the first part is.
            timeout: seconds that set-up and the start of a run may take.
            upload_timeout: seconds that logging a dataset may take.
            worker: shared by the runs of a sweep; a tracker that was given one does not close it.

        Raises:
            UsageError: the address is none, or carries a password.
        """
        self.store = StoreSpec.resolve(output_dir, experiment_name, uri, artifact_location)
        self._limits = {
            "samples_rows": samples_rows,
            "max_artifact_bytes": int(max_artifact_mb * 1024 * 1024),
        }
        self._timeout = timeout
        self._upload_timeout = upload_timeout
        self._owns_worker = worker is None
        self._worker = worker or TrackingWorker(timeout)
        self._prepared: Future[dict[str, Any]] | None = None
        self._run_id: str | None = None

    def holds(self, run: RunRef) -> bool:
        """Whether a run that was logged earlier lies in this store and experiment."""
        return (run.uri, run.experiment) == (without_userinfo(self.store.uri), self.store.experiment)

    def begin(self) -> None:
        """Start the child: it imports mlflow and makes database and experiment, beside the pipeline.

        What goes wrong here is raised by ``start_run``: the start of tracking must not end a run that has begun.
        """
        if self._prepared is None:
            try:
                self._prepared = self._worker.submit("prepare", self.store)
            except TrackingError as error:
                self._prepared = Future()
                self._prepared.set_exception(error)

    def start_run(self, manifest: Mapping[str, Any], config: Mapping[str, Any]) -> RunRef:
        """Open a run, or go on with the one this dataset has in this store.

        Raises:
            TrackingError: the store cannot be reached or refuses.
        """
        self._await_prepared()
        known = manifest.get("tracking") or {}
        reply = self._worker.call(
            "start_run",
            self.store,
            timeout=self._timeout,
            run_id=known.get("run_id"),
            name=run_name(dict(manifest)),
            tags=tags_of(manifest, ""),
            params=flat_params({**config, "prompt_used": prompts_of(manifest)}),
        )
        self._run_id = str(reply["run_id"])
        return self._ref(reply)

    def log(self, folder: Path, config_files: Sequence[Path] = ()) -> RunRef:
        """Log a finished dataset folder to the run that was started, and end the run.

        Raises:
            TrackingError: no run was started, or the store cannot be reached, is full, or refuses.
        """
        if self._run_id is None:
            raise TrackingError("no run was started → upload(folder) does both")
        reply = self._worker.call(
            "log",
            self.store,
            timeout=self._upload_timeout,
            run_id=self._run_id,
            folder=str(Path(folder).absolute()),
            config_files=[str(Path(path).absolute()) for path in config_files],
            limits=self._limits,
        )
        self._run_id = None
        return self._ref(reply)

    def upload(self, folder: Path, config_files: Sequence[Path] = ()) -> RunRef:
        """Track a dataset that was made earlier, or whose tracking failed.

        Raises:
            TrackingError: as for ``log``.
            MissingStageInputError: the folder holds no manifest.
        """
        manifest = read_manifest(Path(folder))
        self.begin()
        self.start_run(manifest, manifest.get("config") or {})
        return self.log(folder, config_files)

    def prepare(self) -> None:
        """Make database and experiment, and wait until they are there: once, before several processes meet them.

        Raises:
            TrackingError: the store cannot be reached or refuses.
        """
        self.begin()
        self._await_prepared()

    def log_comparison(
        self,
        name: str,
        comparison: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        files: Sequence[tuple[str, str | None]],
        members: Mapping[str, Mapping[str, str]],
        sweep_id: str | None = None,
    ) -> RunRef:
        """A run for a comparison, or anew into the run that it has; and tags on the runs of its datasets.

        Args:
            name: of the run.
            comparison: what finds it again.
            tags: of the run.
            params: of the run.
            metrics: of the run.
            files: path and folder (None for the root) of each artifact.
            members: run id to tags; runs that this store does not have are passed over.
            sweep_id: narrows the links to the sweep's runs.

        Raises:
            TrackingError: the store cannot be reached or refuses.
        """
        self._await_prepared()
        sent = {
            "name": name,
            "comparison": comparison,
            "tags": dict(tags),
            "params": dict(params),
            "metrics": dict(metrics),
            "files": [list(entry) for entry in files],
            "members": {run: dict(said) for run, said in members.items()},
        }
        reply = self._worker.call("log_comparison", self.store, timeout=self._upload_timeout, **sent)
        links = sweep_links(self.store.uri, str(reply["experiment_id"]), list(members), sweep_id)
        return replace(self._ref(reply), links=links | {"Report": self._ref(reply).links["This run"]})

    def close(self) -> None:
        """End a run that was started and never logged as killed, and the child if it is this tracker's own."""
        self._prepared = None
        if self._run_id is not None and self._worker.pid is not None:
            run_id, self._run_id = self._run_id, None
            try:
                self._worker.call("end", self.store, timeout=self._timeout, run_id=run_id, status="KILLED")
            except TrackingError:
                # The store went away before the run did; the manifest already says why.
                self._run_id = None
        if self._owns_worker:
            self._worker.close()

    def _await_prepared(self) -> None:
        """Wait for ``begin``'s set-up once; after a failure the next request sets up anew."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            self._worker.wait(prepared, "prepare", self._timeout)

    def _ref(self, reply: Mapping[str, Any]) -> RunRef:
        experiment_id, run_id = str(reply["experiment_id"]), str(reply["run_id"])
        return RunRef(
            kind="mlflow",
            run_id=run_id,
            experiment_id=experiment_id,
            experiment=self.store.experiment,
            uri=without_userinfo(self.store.uri),
            links=links_for(self.store.uri, experiment_id, run_id),
            serve=serve_command(self.store),
            notes=tuple(map(str, reply.get("notes") or ())),
        )


def make_tracker(
    settings: Mapping[str, Any],
    output_dir: Path | str,
    experiment_name: str,
    worker: TrackingWorker | None = None,
) -> Tracker:
    """The tracker that the config's ``tracking`` group asks for; its other keys are arguments of ``MlflowTracker``.

    Raises:
        UsageError: ``kind`` is neither of the choices.
    """
    options = {key: value for key, value in settings.items() if key != "kind"}
    kind = settings.get("kind")
    if kind == "none":
        return NullTracker()
    if kind == "mlflow":
        return MlflowTracker(output_dir, experiment_name, worker=worker, **options)
    raise UsageError(f"tracking.kind: {kind!r} is unknown → one of {', '.join(KINDS)}")
