"""Which datasets the jobs of a sweep make, and which would write to one folder: known before any of them starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from personaloom.config.build import build_parts
from personaloom.config.judging import of_jobs
from personaloom.dataset import Dataset
from personaloom.errors import ConfigError, Fault, UsageError

__all__ = ["datasets_of"]


def datasets_of(configs: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[Fault]]:
    """The datasets that these judged configs make, and what stands against running them as the jobs of one sweep.

    Their parts are built for that, so that a bank or a query file that cannot be used is found here too.

    Returns:
        Their fingerprints, each once; and a fault for what cannot be built, with the jobs that have it, and for each
        group of jobs that share a folder.
    """
    found: dict[Fault, list[int]] = {}
    jobs: dict[Path, list[int]] = {}
    exports: dict[Path, list[int]] = {}
    prints: dict[str, None] = {}
    for number, config in enumerate(configs):
        try:
            dataset = Dataset(build_parts(config))
            folder, fingerprint = dataset.folder, dataset.fingerprint
        except ConfigError as error:
            for fault in error.faults:
                found.setdefault(fault, []).append(number)
        except UsageError as error:
            found.setdefault(Fault("", str(error)), []).append(number)
        else:
            jobs.setdefault(folder.absolute(), []).append(number)
            if dataset.parts.export_path is not None:
                exports.setdefault(dataset.parts.export_path.absolute(), []).append(number)
            prints[fingerprint] = None
    faults = of_jobs(found, len(configs))
    faults += [_shared(folder, numbers, configs) for folder, numbers in jobs.items() if len(numbers) > 1]
    faults += [_overwritten(path, numbers) for path, numbers in exports.items() if len(numbers) > 1]
    return list(prints), faults


def _shared(folder: Path, numbers: Sequence[int], configs: Sequence[Mapping[str, Any]]) -> Fault:
    if configs[numbers[0]].get("dataset_dir"):
        remedy = "leave dataset_dir out: each then has a folder of its own"
        return Fault(_jobs(numbers), f"would share the folder {folder.name} (dataset_dir)", remedy)
    sizes = {configs[number]["num_personas"] for number in numbers}
    name = "n${num_personas}" if len(sizes) == len(numbers) else "job${hydra:job.num}"
    problem = f"would share the folder {folder.name}, because they differ in nothing that shapes the data"
    return Fault(_jobs(numbers), problem, f"name them apart: 'name={name}'")


def _overwritten(path: Path, numbers: Sequence[int]) -> Fault:
    apart = f"'export_path={path.stem}-${{hydra:job.num}}{path.suffix}'"
    return Fault(_jobs(numbers), f"would write to one file, export_path={path.name}", f"name them apart: {apart}")


def _jobs(numbers: Sequence[int]) -> str:
    return f"jobs {' and '.join(f'#{number}' for number in numbers)}"
