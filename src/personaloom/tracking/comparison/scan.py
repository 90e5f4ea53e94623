"""One pass over all datasets of a comparison, conversation by conversation, side by side."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from personaloom.errors import InputError
from personaloom.records import NoiseLayer, NoiseVerdict
from personaloom.tracking.comparison.measures import FAILED, MEASURES, measure
from personaloom.tracking.comparison.members import Member
from personaloom.tracking.comparison.pairing import Pairing
from personaloom.tracking.folder import noise_of, read_jsonl
from personaloom.tracking.report_data import ChunkWriter, packed_messages

__all__ = ["Scan", "scan"]

MOST_SHOWN = 2000
MOST_BYTES = 48 << 20
_TITLE = 110
_FAILED_AT = MEASURES.index(FAILED)
_LAYERS = tuple(str(layer) for layer in NoiseLayer)
_NUMBER = re.compile(r"\d+")
Talk = dict[str, Any]


@dataclass
class Scan:
    """What the pass found.

    Attributes:
        values: of each dataset, slot to (persona, measures in the order of ``MEASURES``).
        pairings: of each dataset with its baseline; None for a baseline.
        strategies: of each dataset, how often noise used each.
        shown: columns for the page: ids, titles, first differing turn, noise flags, text lengths.
        total: conversations in all, each slot once.
    """

    values: list[dict[str, tuple[str, tuple[float | None, ...]]]]
    pairings: list[Pairing | None]
    strategies: list[Counter[str]]
    shown: dict[str, list[Any]] = field(
        default_factory=lambda: {name: [] for name in ("ids", "title", "parts", "flags", "there")}
    )
    total: int = 0


def scan(members: Sequence[Member], bases: Sequence[int], texts: ChunkWriter) -> Scan:
    """Measure all conversations, and write the texts of the first 2,000 for the page.

    Args:
        members: of the comparison.
        bases: for each the number of its baseline, itself where it is one.
        texts: takes the texts; at most 48 MB of them.
    """
    size = len(members)
    pairings = [None if base == place else Pairing() for place, base in enumerate(bases)]
    out = Scan([{} for _ in members], pairings, [Counter() for _ in members])
    # Datasets that go on from the same records share those word for word: an effect is seen in what they made.
    made_here = all((member.manifest.get("made_here") or {}).get("interactions") for member in members)
    for slot, talks in _side_by_side([member.folder for member in members]):
        if made_here and all("read_in" in (talk.get("metadata") or {}) for talk in talks.values()):
            continue
        out.total += 1
        for place, talk in talks.items():
            out.values[place][slot] = (str(talk.get("persona_id")), measure(talk))
            out.strategies[place].update(_strategies(talk))
        turns = [
            None if pairing is None else pairing.add(slot, talks.get(bases[place]), talks.get(place))
            for place, pairing in enumerate(pairings)
        ]
        if len(out.shown["ids"]) < MOST_SHOWN and texts.size < MOST_BYTES:
            _show(out, slot, [talks.get(place) for place in range(size)], turns, texts)
    texts.flush()
    for place, member in enumerate(members):
        _add_failures(out.values[place], member.folder)
    return out


def _side_by_side(folders: Sequence[Path]) -> Iterator[tuple[str, dict[int, Talk]]]:
    """Each slot with its conversation in every dataset that has one; files are read in step, in order of ids."""
    streams = [_keyed(place, folder) for place, folder in enumerate(folders)]
    slot, talks = "", dict[int, Talk]()
    for _, found, place, talk in heapq.merge(*streams, key=itemgetter(0, 2)):
        if found != slot and talks:
            yield slot, talks
            talks = {}
        slot = found
        talks[place] = talk
    if talks:
        yield slot, talks


def _keyed(place: int, folder: Path) -> Iterator[tuple[str, str, int, Talk]]:
    before, order = "", ""
    for talk in read_jsonl(folder / "interactions.jsonl"):
        slot = _slot(str(talk.get("interaction_id")))
        order, last = _in_order(slot), order
        if order <= last:
            raise InputError(
                f"{folder / 'interactions.jsonl'}: {slot} stands after {before}, and conversations come in order of "
                "their ids, each once → run the dataset's command again with stages=export"
            )
        before = slot
        yield order, slot, place, talk


def _in_order(slot: str) -> str:
    """Sorts by number: ``q99`` stands before ``q100``."""
    return _NUMBER.sub(lambda number: number.group().zfill(12), slot)


def _slot(interaction_id: str) -> str:
    """A supplement (``p000012-q03-s1``) stands in its slot's place."""
    return interaction_id.rpartition("-s")[0] or interaction_id


def _strategies(talk: Talk) -> list[str]:
    return [
        str(name)
        for result in noise_of(talk)
        if result and (result.get("metadata") or {}).get("verdict") == NoiseVerdict.APPLIED
        for name in result.get("applied_strategies") or ()
    ]


def _show(out: Scan, slot: str, talks: Sequence[Talk | None], turns: Sequence[int | None], texts: ChunkWriter) -> None:
    first = next(talk for talk in talks if talk is not None)
    query = str(first.get("original_query") or first.get("initial_query") or "")
    columns = [None if talk is None else list(packed_messages(talk, noise_of(talk))) for talk in talks]
    texts.add({"q": query, "c": columns}, sum(len(m[1]) for column in columns for m in column or ()))
    row = {
        "ids": slot,
        "title": query[:_TITLE],
        "parts": list(turns),
        "flags": [_flags(talk) for talk in talks],
        "there": [int(talk is not None) for talk in talks],
    }
    for name, value in row.items():
        out.shown[name].append(value)


def _flags(talk: Talk | None) -> int:
    applied = {
        result.get("layer")
        for result in (noise_of(talk) if talk else ())
        if result and (result.get("metadata") or {}).get("verdict") == NoiseVerdict.APPLIED
    }
    return sum(1 << place for place, layer in enumerate(_LAYERS) if layer in applied)


def _add_failures(values: dict[str, tuple[str, tuple[float | None, ...]]], folder: Path) -> None:
    """A conversation that was asked for and not made counts as failed, and has no other measure."""
    failed = tuple(1.0 if place == _FAILED_AT else None for place in range(len(MEASURES)))
    for failure in read_jsonl(folder / "failures.jsonl"):
        slot = _slot(str(failure.get("failure_id")))
        if slot not in values and "-q" in slot:
            values[slot] = (str(failure.get("persona_id")), failed)


def layers_of(manifest: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Layer to what was drawn and applied."""
    return {
        str(name): {what: int(found.get(what) or 0) for what in ("drawn", "applied")}
        for name, found in ((manifest.get("noise") or {}).get("layers") or {}).items()
    }
