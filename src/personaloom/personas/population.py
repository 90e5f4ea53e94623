"""Sampled personas in compact form: one small integer a dimension, made into ``PersonaSpec`` when looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from personaloom.records import Ids, PersonaSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from personaloom.personas.model import PersonaBank

__all__ = ["Population", "specs"]

_CHUNK = 4096


def specs(bank: PersonaBank, codes: npt.NDArray[np.uint16], first: int) -> Iterator[PersonaSpec]:
    """Personas ``first``, ``first + 1``, … from their states, shape (n, columns)."""
    names = bank.names
    values = [("", *dimension.value_names) for dimension in bank.dimensions]
    for start in range(0, len(codes), _CHUNK):
        for at, row in enumerate(codes[start : start + _CHUNK].tolist(), start=first + start):
            features = {name: value[code] for name, value, code in zip(names, values, row, strict=True) if code}
            yield PersonaSpec(Ids.persona(at), features)


class Population(Sequence[PersonaSpec]):
    """The first personas of a sampler, as a sequence: length, index, slices (as lists) and iteration.

    Attributes:
        bank: what the states mean.
        codes: shape (personas, dimensions); 0 is unset, k is the k-th value.
    """

    def __init__(self, bank: PersonaBank, codes: npt.NDArray[np.uint16]) -> None:
        self.bank = bank
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, index: int) -> PersonaSpec: ...
    @overload
    def __getitem__(self, index: slice) -> list[PersonaSpec]: ...
    def __getitem__(self, index: int | slice) -> PersonaSpec | list[PersonaSpec]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"persona {index} of {len(self)}")
        return next(specs(self.bank, self.codes[at : at + 1], at))

    def __iter__(self) -> Iterator[PersonaSpec]:
        return specs(self.bank, self.codes, 0)
