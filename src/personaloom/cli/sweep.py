"""``-m``: every job composed and judged first, then run by the launcher that the config names.

A job that fails is reported and leaves the others running. What became of each job stands in its folder
(``outcome.json``), so that launchers with processes of their own need to hand nothing back.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from personaloom.cli.argv import Invocation
from personaloom.cli.comparing import OUTCOME, SWEEP, SweepRecord, compare_sweep, read_sweep
from personaloom.config.composition import Composed, Composer, composer, from_hydra
from personaloom.config.hydra_errors import hydra_errors_as_ours
from personaloom.config.judging import faults_of, of_jobs, validate
from personaloom.config.primary import Primary
from personaloom.config.provenance import new_folder
from personaloom.config.secrets import redact
from personaloom.errors import ConfigError, Fault, PersonaLoomError, RunInterruptedError, TrackingError
from personaloom.plural import many
from personaloom.tracking import MlflowTracker, TrackingWorker, make_tracker

__all__ = ["SweepTask", "planned_jobs", "run_sweep", "sweep_job"]

SHARED_CODES = {3, 4}
"""What a sweep exits with, where every unfinished job did: stopped by the budget, too many failed."""

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
BASIC_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
_ESCAPE = re.compile(r"\\(?=[\\$:{}()\[\],= ])")
"""What Hydra puts before signs of its own grammar when it hands overrides on; nobody typed it."""


def run_sweep(call: Invocation) -> int:
    """Run every job of a sweep.

    Returns:
        0, or 1 where a job failed.

    Raises:
        ConfigError: before any job starts, with the faults of all of them.
    """
    with composer(call.config, call.config_dirs) as ready:
        sys.stderr.write(ready.primary.announcement + "\n")
        overrides = ready.prepare(call.overrides, sweep=True)
        master = ready.load(overrides, multirun=True)
        jobs = job_overrides(ready, master)
        configs, datasets = _judge(ready, master, jobs)
        folder = new_folder(Path(str(OmegaConf.select(master, "hydra.sweep.dir"))))
        (folder / SWEEP).write_text(
            json.dumps({"varying": _varying(jobs), "jobs": jobs, "datasets": datasets}), "utf-8"
        )
        sys.stderr.write(
            f"sweep {folder.name}: {many(len(jobs), 'job') if jobs else 'an unknown number of jobs'}, in {folder}\n"
        )
        # One child holds MLflow for all jobs of this process and for the comparison after them.
        with TrackingWorker() as worker:
            alone = master.hydra.launcher.get("_target_") == BASIC_LAUNCHER
            _prepare_tracking(configs, worker, wait=not alone)
            with hydra_errors_as_ours(ready.groups), _surviving_its_workers():
                ready.hydra.multirun(
                    config_name=ready.name,
                    task_function=SweepTask(worker),
                    overrides=[*overrides, f"hydra.sweep.dir='{folder}'", "hydra.mode=MULTIRUN"],
                    with_log_configuration=False,
                )
            record = read_sweep(folder, jobs)
            code = _report(record)
            return compare_sweep(record, worker) or code


def planned_jobs(call: Invocation) -> list[tuple[str, dict[str, Any]]]:
    """The jobs of a sweep for those who only look at them: in which overrides each differs, and its judged config.

    Raises:
        ConfigError: with the faults of all of them; a key that is not set is none.
    """
    with composer(call.config, call.config_dirs) as ready:
        sys.stderr.write(ready.primary.announcement + "\n")
        master = ready.load(ready.prepare(call.overrides, sweep=True), multirun=True)
        jobs = job_overrides(ready, master)
        configs, _ = _judge(ready, master, jobs, runs=False)
    varying = _varying(jobs)
    plain = [[line.lstrip("+") for line in job] for job in jobs]
    names = [" ".join(line for line in job if line.partition("=")[0] in varying) for job in plain]
    return list(zip(names, configs, strict=True))


class SweepTask:
    """A job as Hydra's launchers call it. In another process it has no worker: the job starts a child of its own."""

    def __init__(self, worker: TrackingWorker | None = None) -> None:
        self._worker = worker

    def __call__(self, loaded: DictConfig) -> None:
        """Run one job."""
        sweep_job(loaded, self._worker)

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: nothing that is bound to this one."""
        return {"_worker": None}


def _prepare_tracking(configs: Sequence[Mapping[str, Any]], worker: TrackingWorker, *, wait: bool) -> None:
    """Make database and experiment once, before the jobs: beside the first one, or before processes meet in it."""
    prepared = set()
    for config in configs:
        tracker = make_tracker(config["tracking"], config["output_dir"], config["experiment_name"], worker)
        if not isinstance(tracker, MlflowTracker) or tracker.store in prepared:
            continue
        prepared.add(tracker.store)
        try:
            tracker.prepare() if wait else tracker.begin()
        except TrackingError as error:
            # Every job says it again, and makes its dataset all the same.
            sys.stderr.write(f"MLflow: {redact(str(error))}\n")


@contextmanager
def _surviving_its_workers() -> Iterator[None]:
    """A killed worker makes the launcher end the others; what all of them finished is reported all the same."""
    try:
        yield
    except BrokenExecutor:
        sys.stderr.write(
            "\nerror: a worker process was killed (is there too little memory?), and the launcher ended the others. "
            "What they finished is stored: run the same command to go on (hydra.launcher.n_jobs=2 runs fewer at once)\n"
        )


def _varying(jobs: Sequence[Sequence[str]]) -> list[str]:
    """The keys that differ between jobs, which is what their runs are named by."""
    settings = [dict(line.lstrip("+").partition("=")[::2] for line in lines) for lines in jobs]
    keys = dict.fromkeys(key for values in settings for key in values)
    return [key for key in keys if len({values.get(key) for values in settings}) > 1]


def job_overrides(ready: Composer, master: DictConfig) -> list[list[str]]:
    """The overrides of each job; none where a sweeper is chosen that decides them as it goes."""
    sweeper = OmegaConf.to_container(master.hydra.sweeper, resolve=True)
    if not isinstance(sweeper, dict) or sweeper.get("_target_") != BASIC_SWEEPER:
        return []
    lines = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    lines += _as_written(master.hydra.overrides.task)
    parser = OverridesParser.create(config_loader=ready.hydra.config_loader)
    with hydra_errors_as_ours(ready.groups):
        return BasicSweeper.split_arguments(parser.parse_overrides(lines), None)[0]


def _as_written(overrides: Any) -> list[str]:
    """Overrides with their interpolations: the value of a variable never gets into a file by this way."""
    lines = OmegaConf.to_container(overrides, resolve=False)
    return [str(line) for line in lines] if isinstance(lines, list) else []


def _judge(
    ready: Composer, master: DictConfig, jobs: Sequence[Sequence[str]], *, runs: bool = True
) -> tuple[list[dict[str, Any]], list[str]]:
    """Compose and judge every job; their configs and the fingerprints of their datasets.

    Faults that all jobs share are listed once. Jobs that are only looked at need no key and no folder to write to.
    """
    found: dict[Fault, list[int]] = {}
    configs: list[Composed] = []
    for number, overrides in enumerate(jobs):
        try:
            with hydra_errors_as_ours(ready.groups):
                loaded = ready.hydra.config_loader.load_sweep_config(master, list(overrides))
                loaded.hydra.job.num = number
                composed = _resolved(loaded, overrides, ready.primary)
            faults: Sequence[Fault] = faults_of(composed, keys_needed=runs, writes=runs)
            configs.append(composed)
        except ConfigError as error:
            faults = error.faults
        for fault in faults:
            found.setdefault(fault, []).append(number)
    listed = of_jobs(found, len(jobs))
    judged: list[dict[str, Any]] = []
    datasets: list[str] = []
    if not listed:
        from personaloom.config.identity import datasets_of  # noqa: PLC0415 - imports the pipeline

        judged = [dict(validate(config, keys_needed=runs, writes=runs)) for config in configs]
        datasets, listed = datasets_of(judged)
    if listed:
        raise ConfigError(listed, "the sweep cannot be started")
    return judged, datasets


def _resolved(loaded: DictConfig, overrides: Sequence[str], primary: Primary) -> Composed:
    """A job's config, with ``${hydra:…}`` answered as it will be when the job runs."""
    before = HydraConfig.instance().cfg
    try:
        HydraConfig.instance().set_config(loaded)
        return from_hydra(loaded, overrides, primary)
    finally:
        HydraConfig.instance().cfg = before


def sweep_job(loaded: DictConfig, worker: TrackingWorker | None = None) -> None:
    """One job, as Hydra's launchers call it, perhaps in a process of its own; it never raises but for Ctrl-C."""
    from personaloom.cli.job import JobContext, run_job  # noqa: PLC0415 - the pipeline is needed by jobs only

    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    number = int(hydra.job.num)
    overrides = [line.lstrip("+") for line in _as_written(hydra.overrides.task)]
    place = Path(str(hydra.sweep.dir))
    plan = _plan(place)
    differs = [line for line in overrides if line.partition("=")[0] in plan["varying"]]
    sweep = {"id": place.name, "job": number, "overrides": overrides, "differs": differs, "datasets": plan["datasets"]}
    outcome: dict[str, Any] = {
        "job": number,
        "overrides": overrides,
        "code": 1,
        "message": "",
        "dataset": None,
    }
    typed = " ".join(_ESCAPE.sub("", line) for line in overrides)
    sys.stderr.write(f"\njob #{number}: {typed or 'no overrides'}\n")
    try:
        composed = from_hydra(loaded, overrides, Primary("shipped"))
        files = tuple(sorted((folder / ".hydra").glob("*.yaml")))
        context = JobContext(folder, files, composed.public, sweep, worker=worker)
        outcome["code"] = run_job(validate(composed), context)
        outcome["dataset"] = str(context.dataset.absolute()) if context.dataset else None
        outcome["message"] = context.message
    except PersonaLoomError as error:
        outcome |= {"code": error.exit_code, "message": redact(str(error))}
    except Exception as error:  # noqa: BLE001 - one job's crash leaves the others running; it is reported at the end
        from personaloom.cli.dispatch import keep_traceback  # noqa: PLC0415 - only after a crash

        where = keep_traceback(error, Path(str(OmegaConf.select(loaded, "output_dir") or "outputs")))
        outcome["message"] = f"unforeseen {type(error).__name__}: {redact(str(error))} (traceback: {where})"
    finally:
        (folder / OUTCOME).write_text(json.dumps(outcome), "utf-8")
    if outcome["code"]:
        sys.stderr.write(f"job #{number} failed: {outcome['message']}\n")
    if outcome["code"] == RunInterruptedError.exit_code:
        raise KeyboardInterrupt  # one Ctrl-C ends the sweep, not only this job


def _plan(folder: Path) -> dict[str, Any]:
    """What was known of the sweep before its jobs began: the keys that vary, and the datasets; both may be empty."""
    path = folder / SWEEP
    known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return {"varying": [], "datasets": [], **known}


def _report(record: SweepRecord) -> int:
    """List what became of each job; gives the exit code."""
    lines = []
    for each in record.outcomes:
        state = "done" if each["code"] == 0 else f"exit code {each['code']}"
        lines.append(f"  #{each['job']}  {state:<12}  {' '.join(each['overrides']) or 'no overrides'}")
        lines += [f"      {text}" for text in (each.get("dataset"), each["message"]) if text]
    done = len(record.outcomes) - len(record.failed)
    head = f"sweep {record.folder.name}: {done} of {many(len(record.outcomes), 'job')} done"
    sys.stdout.write("\n".join(["", head, *lines]) + "\n")
    codes = {each["code"] for each in record.outcomes} - {0}
    if len(codes) == 1 and codes <= SHARED_CODES:
        return int(codes.pop())
    return 1 if record.failed else 0
