"""``-m``: every job composed and judged first, then run by the launcher that the config names.

A job that fails is reported and leaves the others running. What became of each job stands in its folder
(``outcome.json``), so that launchers with processes of their own need to hand nothing back.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from personaloom.cli.argv import Invocation
from personaloom.config.composition import Composed, Composer, composer, from_hydra
from personaloom.config.hydra_errors import hydra_errors_as_ours
from personaloom.config.judging import faults_of, validate
from personaloom.config.primary import Primary
from personaloom.config.provenance import new_folder
from personaloom.config.secrets import redact
from personaloom.errors import ConfigError, Fault, PersonaLoomError

__all__ = ["run_sweep", "sweep_job"]

OUTCOME = "outcome.json"
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


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
        _judge(ready, master, jobs)
        folder = new_folder(Path(str(OmegaConf.select(master, "hydra.sweep.dir"))))
        sys.stderr.write(f"sweep {folder.name}: {len(jobs) or 'an unknown number of'} jobs, in {folder}\n")
        with hydra_errors_as_ours(ready.groups):
            ready.hydra.multirun(
                config_name=ready.name,
                task_function=sweep_job,
                overrides=[*overrides, f"hydra.sweep.dir='{folder}'", "hydra.mode=MULTIRUN"],
                with_log_configuration=False,
            )
    return _report(folder, jobs)


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


def _judge(ready: Composer, master: DictConfig, jobs: Sequence[Sequence[str]]) -> None:
    """Compose and judge every job; faults that all jobs share are listed once."""
    found: dict[Fault, list[int]] = {}
    configs: list[Composed] = []
    for number, overrides in enumerate(jobs):
        try:
            with hydra_errors_as_ours(ready.groups):
                loaded = ready.hydra.config_loader.load_sweep_config(master, list(overrides))
                loaded.hydra.job.num = number
                composed = _resolved(loaded, overrides, ready.primary)
            faults: Sequence[Fault] = faults_of(composed)
            configs.append(composed)
        except ConfigError as error:
            faults = error.faults
        for fault in faults:
            found.setdefault(fault, []).append(number)
    listed = [
        fault
        if len(numbers) == len(jobs)
        else Fault(f"job {_numbers(numbers)}, {fault.where}", fault.problem, fault.remedy)
        for fault, numbers in found.items()
    ]
    if not listed:
        from personaloom.config.identity import folder_faults  # noqa: PLC0415 - imports the pipeline

        listed = folder_faults([validate(config) for config in configs])
    if listed:
        raise ConfigError(listed, "the sweep cannot be started")


def _resolved(loaded: DictConfig, overrides: Sequence[str], primary: Primary) -> Composed:
    """A job's config, with ``${hydra:…}`` answered as it will be when the job runs."""
    before = HydraConfig.instance().cfg
    try:
        HydraConfig.instance().set_config(loaded)
        return from_hydra(loaded, overrides, primary)
    finally:
        HydraConfig.instance().cfg = before


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers)


def sweep_job(loaded: DictConfig) -> None:
    """One job, as Hydra's launchers call it, perhaps in a process of its own; it never raises but for Ctrl-C."""
    from personaloom.cli.job import JobContext, run_job  # noqa: PLC0415 - the pipeline is needed by jobs only

    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    number = int(hydra.job.num)
    overrides = [line.lstrip("+") for line in _as_written(hydra.overrides.task)]
    sweep = {"id": Path(str(hydra.sweep.dir)).name, "job": number, "overrides": overrides}
    outcome: dict[str, Any] = {
        "job": number,
        "overrides": overrides,
        "code": 1,
        "message": "",
        "dataset": None,
    }
    sys.stderr.write(f"\njob #{number}: {' '.join(overrides) or 'no overrides'}\n")
    try:
        composed = from_hydra(loaded, overrides, Primary("shipped"))
        files = tuple(sorted((folder / ".hydra").glob("*.yaml")))
        context = JobContext(folder, files, composed.public, sweep)
        outcome["code"] = run_job(validate(composed), context)
        outcome["dataset"] = str(context.dataset) if context.dataset else None
    except PersonaLoomError as error:
        outcome |= {"code": error.exit_code, "message": redact(str(error))}
    except Exception as error:  # noqa: BLE001 - one job's crash leaves the others running; it is reported at the end
        from personaloom.cli.dispatch import keep_traceback  # noqa: PLC0415 - only after a crash

        where = keep_traceback(error)
        outcome["message"] = f"unforeseen {type(error).__name__}: {redact(str(error))} (traceback: {where})"
    finally:
        (folder / OUTCOME).write_text(json.dumps(outcome), "utf-8")
    if outcome["message"]:
        sys.stderr.write(f"job #{number} failed: {outcome['message']}\n")


def _report(folder: Path, jobs: Sequence[Sequence[str]]) -> int:
    """List what became of each job; gives the exit code."""
    outcomes = {path.parent.name: json.loads(path.read_text("utf-8")) for path in folder.glob(f"*/{OUTCOME}")}
    expected = {str(number) for number in range(len(jobs))} | set(outcomes)
    failed = 0
    lines = []
    for name in sorted(expected, key=lambda text: (len(text), text)):
        outcome = outcomes.get(name, {"code": 1, "message": "ended without a word", "overrides": []})
        failed += outcome["code"] != 0
        what = " ".join(outcome["overrides"]) or "no overrides"
        state = "done" if outcome["code"] == 0 else f"exit code {outcome['code']}"
        lines.append(f"  #{name}  {state:<12}  {what}")
        lines += [f"      {text}" for text in (outcome.get("dataset"), outcome["message"]) if text]
    head = f"sweep {folder.name}: {len(expected) - failed} of {len(expected)} jobs done"
    sys.stdout.write("\n".join(["", head, *lines]) + "\n")
    return 1 if failed else 0
