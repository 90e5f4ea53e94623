"""Streams samples into files, split by split and format by format."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from personaloom.errors import ConfigError, Fault
from personaloom.files import AtomicFile
from personaloom.records import TrainingSample
from personaloom.training.collector import TrainingDataCollector
from personaloom.training.files import dump
from personaloom.training.formats import FORMATS, TRAIN_ON, Format, FormatOptions, SplitWriter
from personaloom.training.formats.base import Companion
from personaloom.training.splits import Splitter
from personaloom.training.summary import ExportSummary

__all__ = ["FOLDER", "TrainingDataExporter"]

FOLDER = "training_data"
"""Name of the folder below the dataset's own."""

_ALGORITHM = 1
"""Raised whenever the same conversation would give another sample or another split."""

_DEFAULT_SPLIT: Mapping[str, float] = {"train": 0.8, "val": 0.1, "test": 0.1}


class TrainingDataExporter:
    """Writes samples as files that a trainer loads.

    Args:
        formats: names of ``FORMATS``; they change which files there are, never what is in the dataset.
        split: split name to share, summing to 1.
        include_persona, include_trajectory, include_distractor_versions, include_full_conversation, include_metadata:
            the collector's switches.
        system_prompt: chat formats begin with the persona's system prompt, where a sample has one.
        train_on: None, or which assistant turns chat formats mark for the loss: ``all`` or ``last``.
        license: an SPDX id for the dataset card; None says that none was given.
        title: of the dataset card; None takes the dataset's name.
        seed: of the split.

    Raises:
        ConfigError: a bad split; or an unknown format or mark, no format at all, or a format whose fields are
            switched off, all at once.
    """

    def __init__(
        self,
        formats: Sequence[str] = ("jsonl",),
        split: Mapping[str, float] = _DEFAULT_SPLIT,
        include_persona: bool = True,
        include_trajectory: bool = True,
        include_distractor_versions: bool = True,
        include_full_conversation: bool = True,
        include_metadata: bool = True,
        system_prompt: bool = False,
        train_on: str | None = None,
        license: str | None = None,  # noqa: A002 - the name that dataset cards use
        title: str | None = None,
        seed: int = 0,
    ) -> None:
        self.splitter = Splitter(split, seed)
        self.collector = TrainingDataCollector(
            include_persona, include_trajectory, include_distractor_versions,
            include_full_conversation, include_metadata, self.splitter,
        )  # fmt: skip
        self.formats = _judged(formats, train_on, self.collector)
        self.system_prompt = system_prompt
        self.train_on = train_on
        self.license = license
        self.title = title

    def fingerprint(self) -> str:
        """Hash of what changes samples or their split: the switches, the split and its seed; not the formats."""
        settings = {"algorithm": _ALGORITHM, **self.collector.settings(), "split": self.splitter.settings()}
        return hashlib.sha256(dump(settings)).hexdigest()

    def writes(self) -> list[Any]:
        """What changes the files and no sample: the formats, and what they vary in."""
        return [[form.name for form in self.formats], self.system_prompt, self.train_on, self.license, self.title]

    def not_renewed(self, folder: str | Path) -> list[str]:
        """Names of formats that an earlier export left files of in a folder, and that this one does not write."""
        written = {form.name for form in self.formats}
        return [
            form.name
            for form in FORMATS.values()
            if form.name not in written
            and any((Path(folder) / FOLDER / form.file.format(split=split)).exists() for split in self.splitter.names)
        ]

    def export(
        self,
        samples: Iterable[TrainingSample],
        folder: Path,
        *,
        simulated: bool,
        manifest_extra: Mapping[str, Any] | None = None,
        given_splits: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Write all chosen formats in one pass; files appear when all are complete, and empty splits are empty files.

        Args:
            samples: with all their fields; those that are switched off are not written. Read once, nothing is kept.
            folder: the dataset's folder; files go below ``training_data/`` in it.
            simulated: whether a simulated model wrote the text.
            given_splits: sample id → split, for samples that came with one; looked up as they come.
            manifest_extra: facts for the dataset card: the manifest's keys, or all of them under ``manifest``.

        Returns:
            The reference's statistics, with ``paths`` (``{format: {split: path}}``) and ``files`` (path relative to
            ``folder`` → ``{sha256, bytes, records}``).

        Raises:
            StoreError: a file cannot be written; nothing is left behind and earlier files stand.
        """
        facts = dict(manifest_extra or {})
        card = {"license": self.license, "title": self.title, **(facts.pop("manifest", None) or {}), **facts}
        options = FormatOptions(self.system_prompt, self.train_on, card, simulated)
        summary = ExportSummary(self.splitter.names)
        batch = _Batch(self.formats, Path(folder), self.splitter.names, options)
        try:
            for sample in samples:
                split = (given_splits or {}).get(sample.sample_id) or self.splitter.split_of(sample.persona_id)
                summary.add(sample, split)  # the whole sample: what is not written is counted all the same
                batch.write(self.collector.trimmed(sample), split)
            batch.commit()
        except BaseException:
            batch.abort()
            raise
        return {**summary.to_dict(), "simulated": simulated, **batch.report()}

    def nothing(self) -> dict[str, Any]:
        """The statistics of no samples."""
        return ExportSummary(self.splitter.names).to_dict()


class _Batch:
    """The open files of one export: every format times every split."""

    def __init__(self, formats: Sequence[Format], folder: Path, splits: Sequence[str], options: FormatOptions) -> None:
        self._folder = folder
        self._options = options
        self._writers: dict[tuple[str, str], SplitWriter] = {}
        self._companions: list[AtomicFile] = []
        self._formats = formats
        try:
            for form in formats:
                for split in splits:
                    path = folder / FOLDER / form.file.format(split=split)
                    self._writers[form.name, split] = form.open(path, options)
        except BaseException:
            self.abort()
            raise

    def write(self, sample: TrainingSample, split: str) -> None:
        for form in self._formats:
            writer = self._writers[form.name, split]
            for record in form.encode(sample, self._options):
                writer.write(record)

    def commit(self) -> None:
        for writer in self._writers.values():
            writer.finish()
        for form in self._formats:
            if form.companion is not None:
                self._companions.append(self._accompany(form, *form.companion))
        for file in self._files():
            file.commit()

    def _accompany(self, form: Format, name: str, make: Companion) -> AtomicFile:
        place = self._folder / FOLDER / name
        splits = {split: writer for (owner, split), writer in self._writers.items() if owner == form.name}
        listed = {
            split: (writer.path.relative_to(place.parent).as_posix(), writer.records)
            for split, writer in splits.items()
        }
        file = AtomicFile(place)
        file.write(make(self._options, listed))
        file.finish()
        return file

    def abort(self) -> None:
        for file in self._files():
            with suppress(OSError):  # the fault that led here is the one to report
                file.abort()

    def _files(self) -> list[SplitWriter | AtomicFile]:
        return [*self._writers.values(), *self._companions]

    def report(self) -> dict[str, Any]:
        paths: dict[str, dict[str, str]] = {}
        files: dict[str, dict[str, Any]] = {}
        for (form, split), writer in self._writers.items():
            paths.setdefault(form, {})[split] = str(writer.path)
            relative = writer.path.relative_to(self._folder).as_posix()
            files[relative] = {"sha256": writer.sha256, "bytes": writer.bytes, "records": writer.records}
        for file in self._companions:
            relative = file.path.relative_to(self._folder).as_posix()
            files[relative] = {"sha256": file.sha256, "bytes": file.bytes, "records": 1}
        return {"paths": paths, "files": files}


def _judged(formats: Sequence[str], train_on: str | None, collector: TrainingDataCollector) -> tuple[Format, ...]:
    names = [formats] if isinstance(formats, str) else list(dict.fromkeys(formats))
    faults = [
        Fault("training_data.formats", f"there is no format {name!r}", f"choose from {', '.join(FORMATS)}")
        for name in names
        if name not in FORMATS
    ]
    if not names:
        faults.append(Fault("training_data.formats", "the list is empty", f"choose from {', '.join(FORMATS)}"))
    for form in (FORMATS[name] for name in names if name in FORMATS):
        off = [switch for switch in form.needs if not getattr(collector, switch)]
        remedy = f"set training_data.{off[0]}=true" if off else ""
        faults += [Fault("training_data.formats", f"{form.name} needs {switch}", remedy) for switch in off]
    if train_on is not None and train_on not in TRAIN_ON:
        remedy = f"choose null, {' or '.join(TRAIN_ON)}"
        faults.append(Fault("training_data.train_on", f"{train_on!r} is no choice", remedy))
    if faults:
        raise ConfigError(faults, "the training data cannot be exported so")
    return tuple(FORMATS[name] for name in names)
