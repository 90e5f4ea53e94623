"""From the reference system's outputs to a dataset folder like our own: reported, compared, exported, gone on from.

The records go into a store, with ids of ours beside their own; all files are written from it as those of every dataset.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from personaloom.config.build import build_parts
from personaloom.config.composition import compose
from personaloom.config.judging import validate
from personaloom.config.provenance import config_yaml
from personaloom.config.reference.outputs import Outputs
from personaloom.errors import FolderInUseError, InputError, StoreError
from personaloom.llm.usage import CallRecord
from personaloom.manifest_file import read_manifest
from personaloom.origin import MARK, Facts, Origin, OriginFacts
from personaloom.outcome import run_dataset
from personaloom.records import DealtQuery, Ids, Interaction, NoiseResult, PersonaSpec
from personaloom.store import PERSONA_LEVEL, Store
from personaloom.training.files import dump, load

__all__ = ["read_in"]

READER = "read-in-2"
"""Raised whenever the same outputs would give other records."""


def read_in(path: Path, *, name: str = "reference", output_dir: Path = Path("outputs")) -> tuple[Path, dict[str, Any]]:
    """Read an output folder, or a file of samples, into a dataset folder.

    The same outputs always give the same folder; one that is there already is left as it is.

    Args:
        path: the reference's output folder, one of the folders in it, or a file of samples.
        name: first part of the dataset's name.
        output_dir: holds ``datasets/``.

    Returns:
        The dataset folder and its manifest.

    Raises:
        InputError: there is nothing to read, or a record is damaged.
        StoreError: the folder cannot be written.
    """
    datasets = output_dir / "datasets"
    part = datasets / f".{name}-{os.getpid()}.part"
    try:
        fingerprint = _stored(Outputs(path), part)
        folder = datasets / f"{name}-{fingerprint[:12]}"
        if not folder.exists():
            part.rename(folder)
    except OSError as error:
        raise StoreError(f"{datasets} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if not (folder / "manifest.json").exists():
        _write_files(folder, name, output_dir)
    return folder, read_manifest(folder)


def _stored(outputs: Outputs, part: Path) -> str:
    """Make a folder with a store of the records; gives their fingerprint."""
    _sweep_up(part)
    store = Store(part, READER)
    try:
        reading = _Reading(outputs, store)
        facts = reading.read()
        store.put_meta(MARK, facts.to_dict())
        store.put_meta("fingerprint", reading.fingerprint)
    finally:
        store.close()
    return reading.fingerprint


def _sweep_up(part: Path) -> None:
    """Remove what readers left that were killed; those at work hold the lock of their folder."""
    for left in part.parent.glob(f"{part.name.rpartition('-')[0]}-*.part"):
        with suppress(FolderInUseError):
            Store.check_free(left)
            shutil.rmtree(left, ignore_errors=True)


def _write_files(folder: Path, name: str, output_dir: Path) -> None:
    """All files of the dataset, as an export of it writes them."""
    origin = Origin.of(folder)
    stages = ["export", "report"] if origin is not None and origin.conversations else ["report"]
    own = {"name": name, "output_dir": str(output_dir), "dataset_dir": str(folder)}
    with tempfile.TemporaryDirectory(prefix="personaloom-read-in-") as place:
        path = Path(place) / "config.yaml"
        path.write_text(config_yaml(own), "utf-8")
        config = compose(["tracking=none", "stages=custom", f"stages.run=[{','.join(stages)}]"], config=path)
    run_dataset(build_parts(validate(config, keys_needed=False)))


class _Reading:
    """One reading: each record once through memory and into the store, under an id of ours."""

    def __init__(self, outputs: Outputs, store: Store) -> None:
        self._outputs, self._store = outputs, store
        self._facts = Facts()
        self._digest = hashlib.sha256(READER.encode())
        self._people: dict[str, int] = {}
        self._places: dict[str, tuple[int, int, str | None]] = {}

    @property
    def fingerprint(self) -> str:
        """Over every record so far."""
        return self._digest.hexdigest()

    def read(self) -> OriginFacts:
        """Everything.

        Raises:
            InputError: there is no persona and no conversation, or a record is damaged.
        """
        prompts = 0
        for persona in self._outputs.personas():
            prompts += persona.system_prompt is not None
            self._person(persona)
        for talk in self._outputs.interactions():
            self._talk(talk)
        self._move_to_latest_splits()
        if not self._people:
            raise InputError(f"{self._outputs.path}: there is no persona and no conversation in it")
        calls = list(self._calls())
        self._store.put_calls(0, PERSONA_LEVEL, calls)
        counted, moved = self._facts, self._outputs.moved
        return OriginFacts(
            self._outputs.path.resolve().name, len(self._people), prompts, counted.turns,
            [counted.held[index] for index in range(len(self._people))], counted.noisy, list(counted.queries),
            dict(counted.models), len(calls),
            [f"conversations that exports put into several splits: {moved:,}; the latest counts"] if moved else [],
        )  # fmt: skip

    def _person(self, persona: PersonaSpec) -> int:
        """Store a persona; gives its index."""
        index = self._people[persona.persona_id] = len(self._people)
        notes = {**persona.metadata, MARK: {"persona_id": persona.persona_id}}
        ours = PersonaSpec(Ids.persona(index), persona.features, None, notes)
        self._store.put_personas([(index, ours)])
        if persona.system_prompt is not None:
            self._store.put_prompt(index, persona.system_prompt, {})
        self._count([ours.to_dict(), persona.system_prompt])
        return index

    def _talk(self, talk: Interaction) -> None:
        index = self._people.get(talk.persona_id)
        if index is None:  # only its conversations tell of it
            index = self._person(PersonaSpec(talk.persona_id, talk.persona_features, None, {"from": "conversations"}))
        slot = self._facts.held[index]
        split = self._outputs.splits.get(talk.interaction_id)
        self._places[talk.interaction_id] = index, slot, split
        ours = _renamed(talk, Ids.persona(index), slot, split)
        self._facts.add(index, slot, ours)
        self._store.put_query(index, slot, _query(ours))
        self._store.put_interaction(index, slot, ours, None)
        self._count(ours.to_dict())

    def _move_to_latest_splits(self) -> None:
        for name, split in self._outputs.splits.items():
            index, slot, known = self._places[name]
            record = None if known == split else self._store.record("interactions", index, slot)
            if record is not None:
                record["metadata"]["split"] = split
                self._store.put_interaction(index, slot, Interaction.from_dict(record), None)
            self._count([name, split])

    def _calls(self) -> Iterable[CallRecord]:
        for path in self._outputs.usage_files():
            for call in _calls_of(load(path.read_bytes())):
                self._count(call.to_dict())
                yield call

    def _count(self, record: Any) -> None:
        self._digest.update(dump(record) + b"\n")


def _renamed(talk: Interaction, persona_id: str, slot: int, split: str | None) -> Interaction:
    """The conversation under our ids; its own are kept in its metadata."""
    name = Ids.slot(persona_id, slot)
    noise = [_noise_of(result, Ids.unit(name, turn)) for turn, result in enumerate(talk.noise())]
    units = iter(noise)
    messages = [
        message.with_(metadata=_unit_of(next(units))) if message.role == "user" else message
        for message in talk.messages
    ]
    own = {"interaction_id": talk.interaction_id, "persona_id": talk.persona_id}
    metadata = {**talk.metadata, "noise": [result.to_dict() for result in noise], MARK: own}
    if split:
        metadata["split"] = split
    return talk.with_(interaction_id=name, persona_id=persona_id, messages=messages, metadata=metadata)


def _noise_of(result: NoiseResult, unit: str) -> NoiseResult:
    return result.with_(metadata={**result.metadata, "unit_id": unit})


def _unit_of(result: NoiseResult) -> dict[str, Any]:
    """A user message's metadata."""
    unit = {"unit_id": result.metadata["unit_id"]}
    return {**unit, "clean_text": result.original_text, "noise_type": result.layer} if result.applied else unit


def _query(talk: Interaction) -> DealtQuery:
    """The dealt query that a conversation began with; what the reference did not keep is None."""
    return DealtQuery(
        talk.interaction_id,
        talk.original_query,
        talk.initial_query,
        target_turns=talk.num_turns,
        style_transferred=talk.original_query != talk.initial_query,
        metadata={MARK: talk.metadata[MARK]},
    )


def _calls_of(content: Any) -> Iterable[CallRecord]:
    """The calls of a token report; one that only has totals has none."""
    if not isinstance(content, Mapping):
        return
    listed = next((content[key] for key in ("records", "usage_records", "calls", "details") if key in content), ())
    for record in listed if isinstance(listed, list) else ():
        if isinstance(record, Mapping) and "input_tokens" in record:
            yield CallRecord(
                module=str(record.get("module") or "unknown"),
                operation=str(record.get("operation") or "unknown"),
                model=str(record.get("model") or "unknown"),
                provider=str(record.get("provider") or "unknown"),
                input_tokens=int(record.get("input_tokens") or 0),
                output_tokens=int(record.get("output_tokens") or 0),
                timestamp=str(record.get("timestamp") or ""),
                metadata={"paid": False, MARK: True},
            )
