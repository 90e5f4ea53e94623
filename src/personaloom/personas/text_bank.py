"""Personas that others wrote: a JSONL file of texts, dealt in keyed order.

Persona Hub's files have ``persona`` (or ``input persona``); Nemotron-Personas' rows have ``persona`` beside columns
such as ``occupation``, ``age`` and ``professional_persona``. Each line becomes one persona, whose feature
``persona`` is the text and whose other features are the other columns that hold short values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from personaloom.errors import BankError, InfeasibleError
from personaloom.keyed import Key
from personaloom.personas.model import Dimension
from personaloom.records import Ids, PersonaSpec

__all__ = ["Dealer", "TextPersonaBank"]

_TEXT_FIELDS = ("persona", "input persona", "input_persona", "description", "text")
_ID_FIELDS = frozenset(("uuid", "id", "_id"))
_MAX_VALUE = 2000

_DESCRIPTIONS = {
    "persona": "Who this person is, in one or more sentences; everything else is read in its light.",
    "professional_persona": "How the person is at work.",
    "occupation": "What the person does for a living.",
    "age": "Age in years.",
    "domain": "The field the person asks about.",
    "scenario": "The situation in which the person asks.",
}


@dataclass(frozen=True)
class TextPersonaBank:
    """Personas as texts. Made by ``load``; samplers deal it instead of sampling.

    Attributes:
        entries: features of each persona, text first; exact repetitions are left out.
        name: the file's name without its ending.
        source: the file.
        repeated: lines left out because an earlier one has the same features.
        sha256: of the file.
    """

    entries: tuple[Mapping[str, str], ...]
    name: str
    source: str
    repeated: int
    sha256: str
    text_field: str = "persona"

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """None: a text is not made of values."""
        return ()

    @staticmethod
    def load(path: str, text_field: str | None = None) -> TextPersonaBank:
        """Read a JSONL file with one persona a line.

        Args:
            path: the file, UTF-8.
            text_field: the key that holds the text; None finds it (``persona``, ``input persona`` …).

        Raises:
            BankError: the file cannot be read, a line is no persona, or there are none; with file and line.
        """
        if not path:
            raise BankError("persona_bank.path is empty → write persona_bank.path=<your personas.jsonl>")
        file = Path(path).expanduser()
        try:
            raw = file.read_bytes()
        except OSError as error:
            raise BankError(f"{file} cannot be read: {error.strerror or error} → check persona_bank.path") from error
        entries: dict[str, Mapping[str, str]] = {}
        lines = 0
        for number, line in enumerate(raw.splitlines(), start=1):
            if line.strip():
                lines += 1
                features = _features(line, f"{file}:{number}", text_field)
                entries.setdefault(json.dumps(features, sort_keys=True), features)
        if not entries:
            raise BankError(f"{file} has no personas → write one JSON object a line, with the key 'persona'")
        digest = hashlib.sha256(raw).hexdigest()
        return TextPersonaBank(tuple(entries.values()), file.stem, str(file), lines - len(entries), digest)

    def values_of(self, name: str) -> tuple[str, ...]:
        """Values that the personas have for a feature, in order of first appearance."""
        return tuple(dict.fromkeys(entry[name] for entry in self.entries if name in entry))

    def descriptions(self, names: Mapping[str, str]) -> dict[str, str]:
        """What the features of a persona mean, as far as that is known."""
        return {name: _DESCRIPTIONS.get(name, name.replace("_", " ").capitalize() + ".") for name in names}

    def fingerprint(self) -> str:
        """SHA-256 over the file's content and the field used."""
        return hashlib.sha256(json.dumps(["text", self.sha256, self.text_field, 1]).encode()).hexdigest()


def _features(line: bytes, where: str, text_field: str | None) -> dict[str, str]:
    try:
        row = json.loads(line)
        if b"\\u" in line:
            json.dumps(row, ensure_ascii=False).encode()  # half of a pair of surrogates is nothing that can be written
    except (ValueError, RecursionError) as error:
        raise BankError(f"{where}: this is not JSON: {error} → write one JSON object a line") from error
    if not isinstance(row, dict):
        raise BankError(f'{where}: a JSON {type(row).__name__}, not an object → write {{"persona": "…"}}')
    fields = (text_field,) if text_field else _TEXT_FIELDS
    key = next((name for name in fields if isinstance(row.get(name), str) and row[name].strip()), None)
    if key is None:
        found = ", ".join(map(str, row)) or "none"
        raise BankError(
            f"{where}: no text under {' or '.join(fields)}; its keys are {found} → set persona_bank.text_field"
        )
    features = {"persona": row[key].strip()}
    for name, value in row.items():
        text = _short(value)
        if name != key and name not in _ID_FIELDS and text:
            features.setdefault(str(name), text)
    return features


def _short(value: Any) -> str:
    """A column as a feature: text and numbers; lists, objects and long texts are left to the persona text itself."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = str(value).strip()
    return text if len(text) <= _MAX_VALUE else ""


class Dealer:
    """Deals a bank of text personas: each once, in an order that the seed decides."""

    def __init__(self, bank: TextPersonaBank, seed: int) -> None:
        self._bank = bank
        self._key = Key(seed, "persona", "deal")
        self._order: list[int] = []

    def _positions(self, count: int) -> list[int]:
        if count > len(self._bank.entries):
            raise InfeasibleError(
                f"{count:,} personas were asked for, {self._bank.source} has {len(self._bank.entries):,} "
                f"different ones → ask for at most num_personas={len(self._bank.entries)}, or give a larger file"
            )
        if not self._order:
            self._order = self._key.shuffled(range(len(self._bank.entries)))
        return self._order

    def spec(self, index: int) -> PersonaSpec:
        """Persona number ``index``."""
        entry = self._bank.entries[self._positions(index + 1)[index]]
        return PersonaSpec(Ids.persona(index), dict(entry))

    def deal(self, count: int, start: int = 0) -> Iterator[PersonaSpec]:
        """Personas ``start`` to ``start + count - 1``; InfeasibleError at once where there are not so many."""
        self._positions(start + count)
        return (self.spec(index) for index in range(start, start + count))

    def hand(self, count: int) -> Sequence[PersonaSpec]:
        """The first ``count`` as a sequence."""
        self._positions(count)
        return _Hand(self, count)

    def statistics(self, count: int) -> dict[str, Any]:
        """What was dealt from what."""
        self._positions(count)
        return {
            "sampler": "dealt",
            "count": count,
            "bank": {
                "source": Path(self._bank.source).name,
                "sha256": self._bank.sha256,
                "personas": len(self._bank.entries),
                "repeated_lines": self._bank.repeated,
            },
        }


class _Hand(Sequence[PersonaSpec]):
    def __init__(self, dealer: Dealer, count: int) -> None:
        self._dealer, self._count = dealer, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> PersonaSpec: ...
    @overload
    def __getitem__(self, index: slice) -> list[PersonaSpec]: ...
    def __getitem__(self, index: int | slice) -> PersonaSpec | list[PersonaSpec]:
        if isinstance(index, slice):
            return [self._dealer.spec(at) for at in range(*index.indices(self._count))]
        at = index + self._count if index < 0 else index
        if not 0 <= at < self._count:
            raise IndexError(f"persona {index} of {self._count}")
        return self._dealer.spec(at)
