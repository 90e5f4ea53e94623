"""Where a run is to be looked at: the command that starts MLflow's page, and the links into it."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from personaloom.errors import UsageError
from personaloom.llm.scrub import without_userinfo

__all__ = ["DEFAULT_PORT", "RunRef", "StoreSpec", "links_for", "serve_command", "serve_environment", "sweep_links"]

DEFAULT_PORT = 5000
_SQLITE = "sqlite:///"
# The page opens in its "GenAI" mode, where a dataset's runs are not shown, unless it is told otherwise.
_MODE = "workflowType=machine_learning"


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """Where runs go: the tracking address, the experiment, and where its artifacts lie.

    Attributes:
        uri: ``sqlite:////absolute/path/mlflow.db``, ``http(s)://…``, or any address that MLflow knows.
        experiment: name of the experiment; made when it is not there.
        artifact_location: address of the artifacts of a new experiment; None leaves the choice to the server.
    """

    uri: str
    experiment: str
    artifact_location: str | None = None

    @classmethod
    def resolve(
        cls,
        output_dir: Path | str,
        experiment: str,
        uri: str | None = None,
        artifact_location: str | None = None,
    ) -> StoreSpec:
        """Make every path absolute; without a ``uri``, ``<output_dir>/mlflow.db`` and ``<output_dir>/mlartifacts``.

        Raises:
            UsageError: the address has no scheme, or carries a password.
        """
        if uri is None:
            folder = Path(output_dir).absolute()
            uri = f"{_SQLITE}{folder / 'mlflow.db'}"
            artifact_location = artifact_location or (folder / "mlartifacts").as_uri()
        else:
            uri = _checked(uri)
        if artifact_location is None and uri.startswith(_SQLITE):
            artifact_location = (Path(uri.removeprefix(_SQLITE)).parent / "mlartifacts").as_uri()
        elif artifact_location is not None and "://" not in artifact_location:
            artifact_location = Path(artifact_location).absolute().as_uri()
        return cls(uri, experiment, artifact_location)

    @property
    def database(self) -> Path | None:
        """The SQLite file, or None for any other store."""
        return Path(self.uri.removeprefix(_SQLITE)) if self.uri.startswith(_SQLITE) else None

    def to_dict(self) -> dict[str, Any]:
        """As it travels to the child."""
        return {"uri": self.uri, "experiment": self.experiment, "artifact_location": self.artifact_location}


@dataclass(frozen=True, slots=True)
class RunRef:
    """A tracked run: what the manifest holds of it, and where to look at it.

    Attributes:
        run_id, experiment_id: MLflow's ids; None where nothing is tracked.
        uri: the tracking address, without credentials.
        links: title to address: ``Runs`` (the table) and ``Samples`` (all runs side by side, sample by sample).
        serve: the command that starts MLflow's page for a local store; None where a server is running already.
        notes: what was left out or cut, in words (large artifacts, capped tables).
    """

    kind: str = "none"
    run_id: str | None = None
    experiment_id: str | None = None
    experiment: str | None = None
    uri: str | None = None
    links: dict[str, str] = field(default_factory=dict)
    serve: str | None = None
    notes: tuple[str, ...] = ()

    def to_manifest(self, error: str | None = None) -> dict[str, Any]:
        """The ``tracking`` entry of ``manifest.json``."""
        return {
            "kind": self.kind,
            "uri": self.uri,
            "experiment": self.experiment,
            "experiment_id": self.experiment_id,
            "run_id": self.run_id,
            "links": dict(self.links),
            "serve": self.serve,
            "error": error,
        }

    @classmethod
    def from_manifest(cls, tracking: Mapping[str, Any]) -> RunRef:
        """The run that a manifest's ``tracking`` entry names, without asking anybody."""
        return cls(
            kind=str(tracking.get("kind") or "none"),
            run_id=tracking.get("run_id"),
            experiment_id=tracking.get("experiment_id"),
            experiment=tracking.get("experiment"),
            uri=tracking.get("uri"),
            links=dict(tracking.get("links") or {}),
            serve=tracking.get("serve"),
        )


def links_for(uri: str, experiment_id: str, run_id: str | None = None, port: int = DEFAULT_PORT) -> dict[str, str]:
    """Links to the Runs table, to the samples side by side, and (with a ``run_id``) to one run."""
    base = without_userinfo(uri).rstrip("/") if uri.startswith(("http://", "https://")) else f"http://127.0.0.1:{port}"
    runs = f"{base}/#/experiments/{experiment_id}/runs"
    links = {"Runs": f"{runs}?{_MODE}", "Samples": f"{runs}?{_MODE}&compareRunsMode=ARTIFACT"}
    return links | ({"This run": f"{runs}/{run_id}?{_MODE}"} if run_id else {})


def sweep_links(
    uri: str, experiment_id: str, run_ids: Sequence[str], sweep_id: str | None = None, port: int = DEFAULT_PORT
) -> dict[str, str]:
    """Links to the runs of a sweep: their table, charts, samples side by side, and parameters and metrics compared."""
    links = links_for(uri, experiment_id, port=port)
    only = quote(f"tags.sweep_id = '{sweep_id}'") if sweep_id else ""
    runs = links["Runs"] + (f"&searchFilter={only}" if only else "")
    found = {"Runs": runs, "Charts": f"{runs}&compareRunsMode=CHART", "Samples": f"{runs}&compareRunsMode=ARTIFACT"}
    if len(run_ids) > 1:
        asked = f"runs={quote(json.dumps(list(run_ids)))}&experiments={quote(json.dumps([experiment_id]))}"
        base = links["Runs"].partition("/#/")[0]
        found["Compare"] = f"{base}/#/compare-runs?{asked}&{_MODE}"
    return found


def serve_environment() -> dict[str, str]:
    """What keeps MLflow's server light: two processes in place of thirteen, and no telemetry."""
    return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


def serve_command(spec: StoreSpec, port: int = DEFAULT_PORT) -> str | None:
    """The shell command that shows a local store on loopback; None for a store that has a server of its own."""
    if spec.uri.startswith(("http://", "https://")):
        return None
    environment = " ".join(f"{key}={value}" for key, value in serve_environment().items())
    server = f"{_mlflow()} ui --backend-store-uri {shlex.quote(spec.uri)}"
    return f"{environment} {server} --host 127.0.0.1 --port {port} --workers 1"


def _mlflow() -> str:
    """The program's name where the shell finds it, else its path beside this interpreter."""
    beside = Path(sys.executable).with_name("mlflow")
    return "mlflow" if shutil.which("mlflow") or not beside.exists() else shlex.quote(str(beside))


def _checked(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.password:
        raise UsageError(
            f"tracking.uri: {without_userinfo(uri)!r} carries a password, which would reach files and logs → give "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (or MLFLOW_TRACKING_TOKEN) in the environment; "
            "for a database the driver's own variable, such as PGPASSWORD"
        )
    if "://" not in uri and uri != "databricks":
        raise UsageError(
            f"tracking.uri: {uri!r} is no address → sqlite:///path/to/mlflow.db, http://host:port, or null for "
            "mlflow.db in output_dir"
        )
    if uri.startswith(_SQLITE):
        return f"{_SQLITE}{Path(uri.removeprefix(_SQLITE)).absolute()}"
    return uri.rstrip("/")
