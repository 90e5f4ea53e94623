"""What the tracking child does for each request. Imports mlflow: only ``child`` may import this module."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from personaloom.errors import TrackingError
from personaloom.tracking.child_log import FolderLog, Limits
from personaloom.tracking.child_store import OpenStore, open_store
from personaloom.tracking.links import StoreSpec
from personaloom.tracking.metrics import MAX_VALUE, metrics_of, tags_of

__all__ = ["Desk"]

_PARAMS_A_BATCH = 100
_TAGS_A_BATCH = 90
_METRICS_A_BATCH = 800
# MLflow knows how a process ended, not whether a dataset is whole; the status tag says that.
_STATUS = {"done": "FINISHED", "partial": "FINISHED", "failed": "FAILED"}


class Desk:
    """The verbs of the protocol; stores are opened once and kept, runs that nobody ended are ended at the close."""

    def __init__(self) -> None:
        self._stores: dict[StoreSpec, OpenStore] = {}
        self._open_runs: dict[str, MlflowClient] = {}
        self._warm = False

    def do(self, verb: str, store: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request; raises whatever MLflow raises."""
        spec = StoreSpec(**store)
        opened = self._stores.get(spec)
        if opened is None:
            opened = self._stores[spec] = open_store(spec)
        verbs: dict[str, Callable[..., dict[str, Any]]] = {
            "prepare": self._prepare,
            "start_run": self._start_run,
            "log": self._log,
            "log_comparison": self._log_comparison,
            "end": self._end,
        }
        if verb not in verbs:
            raise TrackingError(f"{verb!r} is no request → one of {', '.join(verbs)}")
        return {"experiment_id": opened.experiment_id, **verbs[verb](opened, **args)}

    def warm_up(self) -> None:
        """While the dataset is being made and nobody waits, load what logging it will need."""
        if self._stores and not self._warm:
            self._warm = True
            for module in ("pandas", "personaloom.tracking.child_figures"):
                importlib.import_module(module)

    def close(self) -> None:
        """End the runs whose process went away before it logged them."""
        for run_id, client in self._open_runs.items():
            with contextlib.suppress(MlflowException, OSError):
                client.set_terminated(run_id, "KILLED")
        self._open_runs.clear()

    def _prepare(self, store: OpenStore) -> dict[str, Any]:
        return {"artifact_location": store.artifact_location}

    def _start_run(
        self,
        store: OpenStore,
        name: str,
        tags: dict[str, str],
        params: dict[str, str],
        run_id: str | None = None,
    ) -> dict[str, Any]:
        run = _existing(store, run_id, tags)
        if run is None:
            run = store.client.create_run(store.experiment_id, run_name=name, tags=tags)
        else:
            store.client.update_run(run.info.run_id, status="RUNNING", name=name)
            _log_tags(store.client, run.info.run_id, tags)
        self._open_runs[run.info.run_id] = store.client
        _log_params(store.client, run, params)
        return {"run_id": run.info.run_id}

    def _log(
        self, store: OpenStore, run_id: str, folder: str, config_files: list[str], limits: dict[str, int]
    ) -> dict[str, Any]:
        client = store.client
        log = FolderLog(client, run_id, Path(folder), Limits(**limits))
        moved = _moved(client.get_run(run_id).data.tags.get("dataset_dir"), folder)
        try:
            _log_metrics(client, run_id, metrics_of(log.manifest))
            log.everything([Path(path) for path in config_files])
            _log_tags(client, run_id, tags_of(log.manifest, folder) | log.tags())
        except Exception:
            # The reason goes up as the reply; the run must not look as if it were still under way.
            with contextlib.suppress(MlflowException, OSError):
                client.set_terminated(run_id, "FAILED")
            raise
        finally:
            self._open_runs.pop(run_id, None)
        client.set_terminated(run_id, _STATUS.get(str(log.manifest.get("status")), "KILLED"))
        return {"run_id": run_id, "notes": [*log.notes, *moved]}

    def _log_comparison(
        self,
        store: OpenStore,
        name: str,
        comparison: str,
        tags: dict[str, str],
        params: dict[str, str],
        metrics: dict[str, float],
        files: list[list[str | None]],
        members: dict[str, dict[str, str]],
    ) -> dict[str, Any]:
        run = _comparison_run(store, name, comparison, tags)
        run_id = run.info.run_id
        self._open_runs[run_id] = store.client
        _log_params(store.client, run, params)
        _log_metrics(store.client, run_id, metrics)
        for path, folder in files:
            store.client.log_artifact(run_id, str(path), folder)
        for member, said in members.items():
            with contextlib.suppress(MlflowException):  # a run that was deleted, or that another store has
                _log_tags(store.client, member, said)
        return self._end(store, run_id, "FINISHED")

    def _end(self, store: OpenStore, run_id: str, status: str) -> dict[str, Any]:
        self._open_runs.pop(run_id, None)
        store.client.set_terminated(run_id, status)
        return {"run_id": run_id}


def _existing(store: OpenStore, run_id: str | None, tags: dict[str, str]) -> Run | None:
    """The run that this dataset already has in this store: by its id, else (in a local store) by its fingerprint."""
    wanted = {key: tags.get(key) for key in ("fingerprint", "name")}
    candidates: list[Run] = []
    if run_id:
        with contextlib.suppress(MlflowException):
            candidates.append(store.client.get_run(run_id))
    if store.local and str(wanted["fingerprint"]).isalnum():
        query = f"tags.fingerprint = '{wanted['fingerprint']}'"
        candidates.extend(store.client.search_runs([store.experiment_id], query, max_results=50))
    for run in candidates:
        same_place = run.info.experiment_id == store.experiment_id and run.info.lifecycle_stage == "active"
        if same_place and all(run.data.tags.get(key) == value for key, value in wanted.items()):
            return run
    return None


def _moved(before: str | None, folder: str) -> list[str]:
    """What to say where the run named another folder: a copy is the same dataset, and a dataset has one run."""
    if not before or before == folder:
        return []
    copied = Path(before).is_dir()
    there = "a copy of this dataset" if copied else "which is gone"
    own = "; experiment_name=NAME gives this one a run of its own" if copied else ""
    return [f"the dataset's run named the folder {before} ({there}): it goes on, and names this one from now on{own}"]


def _comparison_run(store: OpenStore, name: str, comparison: str, tags: dict[str, str]) -> Run:
    """The run that this comparison has already, else a new one."""
    query = f"tags.comparison = '{comparison}'" if "'" not in comparison else ""
    found = store.client.search_runs([store.experiment_id], query, max_results=1) if query else []
    if not found:
        tags = tags | {"comparison": comparison}
        return store.client.create_run(store.experiment_id, run_name=name, tags=tags)
    store.client.update_run(found[0].info.run_id, status="RUNNING", name=name)
    _log_tags(store.client, found[0].info.run_id, tags)
    return found[0]


def _log_params(client: MlflowClient, run: Run, params: dict[str, str]) -> None:
    """Parameters cannot be changed once logged: of a run that goes on, what changed since is said in a tag."""
    known = run.data.params
    fresh = [Param(key, value[:MAX_VALUE]) for key, value in params.items() if key not in known]
    for start in range(0, len(fresh), _PARAMS_A_BATCH):
        client.log_batch(run.info.run_id, params=fresh[start : start + _PARAMS_A_BATCH])
    changed = [f"{key}={value}" for key, value in params.items() if key in known and known[key] != value]
    if changed:
        client.set_tag(run.info.run_id, "changed_params", "; ".join(changed)[:4000])


def _log_tags(client: MlflowClient, run_id: str, tags: dict[str, str]) -> None:
    entries = [RunTag(key, value) for key, value in tags.items()]
    for start in range(0, len(entries), _TAGS_A_BATCH):
        client.log_batch(run_id, tags=entries[start : start + _TAGS_A_BATCH])


def _log_metrics(client: MlflowClient, run_id: str, metrics: dict[str, float]) -> None:
    """Log what is new: a run that goes on gathers no equal entries."""
    now, known = int(time.time() * 1000), client.get_run(run_id).data.metrics
    entries = [Metric(key, value, now, 0) for key, value in metrics.items() if known.get(key) != value]
    for start in range(0, len(entries), _METRICS_A_BATCH):
        client.log_batch(run_id, metrics=entries[start : start + _METRICS_A_BATCH])
