"""What a format is: how a sample becomes records, how records become a sample again, and in what kind of file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from personaloom.records import TrainingSample

__all__ = ["TRAIN_ON", "Companion", "Decode", "Encode", "Format", "FormatOptions", "SplitWriter"]

TRAIN_ON = ("all", "last")
"""Assistant turns that a trainer should learn from, where marks are asked for."""


@dataclass(frozen=True)
class FormatOptions:
    """What formats may vary in.

    Attributes:
        system_prompt: chat formats begin with the persona's system prompt, where the sample has one.
        train_on: None (no marks), ``all`` or ``last``: which assistant turns are marked for the loss.
        card: facts for the dataset card (title, licence, fingerprint, prompts, models …), JSON-ready.
        simulated: whether a simulated model wrote the text.
    """

    system_prompt: bool = False
    train_on: str | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool = False


Encode = Callable[[TrainingSample, FormatOptions], list[dict[str, Any]]]
Decode = Callable[[Mapping[str, Any]], TrainingSample]


Companion = Callable[[FormatOptions, Mapping[str, tuple[str, int]]], bytes]


class SplitWriter(Protocol):
    """Writes the records of one split to one file; nothing appears under its name before ``commit``."""

    records: int

    @property
    def path(self) -> Path:
        """Where the file will be."""
        ...

    @property
    def sha256(self) -> str:
        """Of the file, after ``finish``."""
        ...

    @property
    def bytes(self) -> int:
        """Size of the file, after ``finish``."""
        ...

    def write(self, record: dict[str, Any]) -> None:
        """Add one record."""
        ...

    def finish(self) -> None:
        """Complete and durable, still under its temporary name."""
        ...

    def commit(self) -> None:
        """Rename it into its place."""
        ...

    def abort(self) -> None:
        """Leave no trace."""
        ...


@dataclass(frozen=True)
class Format:
    """One export format.

    Attributes:
        name: as in ``training_data.formats``.
        summary: one line for people.
        file: name of a split's file below ``training_data/``, with ``{split}`` in it.
        encode: a sample's records; some formats have several, or none.
        decode: a sample from a record. With the same options, the last record of ``encode(decode(r))`` is ``r`` again
            for every record that was written; for lossless formats ``decode`` gives back the sample itself.
        open: opens a writer.
        read: the records of a file, one by one.
        lossless: whether nothing of a sample is left out.
        needs: switches of the collector without which it has nothing to write.
        companion: a further file of its folder, and what makes it from the options and
            ``{split: (path relative to it, records)}``.
    """

    name: str
    summary: str
    file: str
    encode: Encode
    decode: Decode
    open: Callable[[Path, FormatOptions], SplitWriter]
    read: Callable[[Path], Iterator[dict[str, Any]]]
    lossless: bool = False
    needs: tuple[str, ...] = ()
    companion: tuple[str, Companion] | None = None

    def samples(self, path: str | Path) -> Iterator[TrainingSample]:
        """The samples of a file; what the format leaves out is None or empty."""
        return (self.decode(record) for record in self.read(Path(path)))
