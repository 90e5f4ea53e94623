"""From datasets to a comparison: what each holds, how they differ from the baseline, and how sure that is."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from personaloom.errors import UsageError
from personaloom.keyed import Key
from personaloom.records import utc_now
from personaloom.tracking.comparison import statistics
from personaloom.tracking.comparison.distributions import distributions
from personaloom.tracking.comparison.measures import MEASURES, NAMES
from personaloom.tracking.comparison.members import Member, baseline_of, comparison_id
from personaloom.tracking.comparison.scan import Scan, scan
from personaloom.tracking.metrics import metrics_of
from personaloom.tracking.report_data import ChunkWriter

__all__ = ["PRIMARY", "compare", "write_comparison"]

PRIMARY = "assistant_words"
SCHEMA = 1


def write_comparison(
    members: Sequence[Member],
    folder: Path,
    *,
    baseline: str | None = None,
    primary: str = PRIMARY,
    name: str | None = None,
    sweep: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Compare datasets and write everything into a folder: page, figures, tables, JSON.

    Args:
        members: at least two.
        folder: made where it is missing; an older comparison in it is replaced.
        baseline: see ``baseline_of``.
        primary: the one measure that is tested without regard to the others.
        name: what the comparison is called; None for a name from its datasets.
        sweep: ``{"id", "jobs", "failed": [{"job", "overrides", "message"}]}`` where it is of a sweep.

    Returns:
        What ``comparison.json`` holds.

    Raises:
        UsageError: the baseline or the primary measure is unknown.
        InputError: a dataset's file is damaged.
        OSError: the folder cannot be written.
    """
    from personaloom.tracking.comparison import figures, page, tables  # noqa: PLC0415 - matplotlib, where it is drawn

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile("w+", encoding="ascii", dir=folder) as sink:
        texts = ChunkWriter(sink, "c")
        result, found = _compare(members, texts, baseline, primary, name, sweep or {})
        tables.write_tables(folder, result)
        figures.write_figures(folder, result)
        page.write_page(folder / "comparison.html", result, found.shown, texts.starts, sink)
    return result


def compare(
    members: Sequence[Member], *, baseline: str | None = None, primary: str = PRIMARY, name: str | None = None
) -> dict[str, Any]:
    """Only the numbers: what ``comparison.json`` holds, and nothing is written."""
    with tempfile.TemporaryFile("w+", encoding="ascii") as sink:
        return _compare(members, ChunkWriter(sink, "c"), baseline, primary, name, {})[0]


def _compare(
    members: Sequence[Member],
    texts: ChunkWriter,
    baseline: str | None,
    primary: str,
    name: str | None,
    sweep: Mapping[str, Any],
) -> tuple[dict[str, Any], Scan]:
    outcomes = [each.name for each in MEASURES if each.outcome]
    if primary not in outcomes:
        raise UsageError(f"primary={primary} is none of the measures → one of: {', '.join(outcomes)}")
    level = baseline_of(members, baseline)
    bases = _bases(members, level)
    found = scan(members, bases, texts)
    identity = comparison_id(members)
    key = Key("comparison", identity)
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "id": identity,
        "name": name or f"comparison-{identity}",
        "created_at": utc_now(),
        "baseline": level,
        "primary": primary,
        "simulated": any(member.manifest.get("simulated") for member in members),
        "fewest_personas": statistics.FEWEST,
        "interval": "95 %, percentile bootstrap over personas",
        "test": "sign flips of personas' differences; Holm: the primary measure over levels, all others together",
        "sweep": dict(sweep),
        "conversations": found.total,
        "measures": [
            {key_: getattr(each, key_) for key_ in ("name", "label", "unit", "what", "outcome")} for each in MEASURES
        ],
        "members": _members(members, bases, found),
        "means": [
            {
                "member": member.label,
                "measure": each,
                **statistics.mean(_cells(found, place, at), key.child(each, place)),
            }
            for place, member in enumerate(members)
            for at, each in enumerate(NAMES)
        ],
        "differences": _differences(members, bases, found, level, primary, key),
        "replicates": _replicates(members, found),
        "metrics": {member.label: metrics_of(member.manifest) for member in members},
        "distributions": distributions(members, found),
    }
    return result, found


def _bases(members: Sequence[Member], level: str) -> list[int]:
    """For each dataset the baseline of its own replicate; the first baseline where its replicate has none."""
    there = {member.replicate: place for place, member in reversed(list(enumerate(members))) if member.level == level}
    first = min(there.values())
    return [
        place if member.level == level else there.get(member.replicate, first) for place, member in enumerate(members)
    ]


def _members(members: Sequence[Member], bases: Sequence[int], found: Scan) -> list[dict[str, Any]]:
    out = []
    for place, member in enumerate(members):
        pairing, base = found.pairings[place], members[bases[place]]
        manifest = member.manifest
        out.append(
            {
                "label": member.label,
                "level": member.level,
                "replicate": member.replicate,
                "job": member.job,
                "folder": str(member.folder),
                "name": manifest.get("name"),
                "fingerprint": manifest.get("fingerprint"),
                "run_id": member.run_id,
                "status": manifest.get("status"),
                "simulated": bool(manifest.get("simulated")),
                "baseline": base.label,
                "pairing": "baseline" if pairing is None else pairing.say(base, member),
                "counts": dict(manifest.get("counts") or {}),
                "noise": {
                    key: (manifest.get("noise") or {}).get(key) for key in ("configured_rate", "units", "applied")
                },
                "usage": {key: ((manifest.get("usage") or {}).get(key) or {}) for key in ("paid", "attributed")},
            }
        )
    return out


def _cells(found: Scan, place: int, at: int) -> statistics.Cells:
    values: dict[str, list[float]] = defaultdict(list)
    for persona, numbers in found.values[place].values():
        if (number := numbers[at]) is not None:
            values[persona].append(number)
    return statistics.cells_of(values)


def _paired(found: Scan, base: int, place: int, at: int, replicate: str) -> dict[str, list[float]]:
    """Differences by persona, of the conversations that both datasets have; personas of a replicate are its own."""
    values: dict[str, list[float]] = defaultdict(list)
    theirs = found.values[base]
    for slot, (persona, numbers) in found.values[place].items():
        one, other = theirs.get(slot, ("", None))[1], numbers
        if one is not None and one[at] is not None and other[at] is not None:
            values[f"{replicate}/{persona}"].append(float(other[at] or 0) - float(one[at] or 0))
    return values


def _differences(
    members: Sequence[Member], bases: Sequence[int], found: Scan, level: str, primary: str, key: Key
) -> list[dict[str, Any]]:
    levels = [each for each in dict.fromkeys(member.level for member in members) if each != level]
    rows = []
    for each in levels:
        places = [place for place, member in enumerate(members) if member.level == each]
        for at, what in enumerate(MEASURES):
            row = _difference(members, bases, found, places, at, key.child("difference", each, what.name), what.outcome)
            rows.append({"level": each, "measure": what.name, "primary": what.name == primary, **row})
    for family in (True, False):
        chosen = [row for row in rows if row["primary"] is family]
        for row, adjusted in zip(chosen, statistics.holm([row["p"] for row in chosen]), strict=True):
            row["p_adjusted"] = adjusted
    return rows


def _difference(
    members: Sequence[Member], bases: Sequence[int], found: Scan, places: Sequence[int], at: int, key: Key, test: bool
) -> dict[str, Any]:
    """One measure at one level: over all replicates that can be paired, and by replicate."""
    paired = [place for place in places if (pairing := found.pairings[place]) is None or pairing.paired]
    effects = {members[place].replicate: _effect(found, bases[place], place, at) for place in places}
    known = [effect for effect in effects.values() if effect is not None]
    if not paired:
        place = places[0]
        row = statistics.unpaired(_cells(found, bases[place], at), _cells(found, place, at), key) | {"paired": False}
    else:
        values: dict[str, list[float]] = {}
        for place in paired:
            values |= _paired(found, bases[place], place, at, members[place].replicate)
        row = statistics.difference(statistics.cells_of(values), key, test=test) | {"paired": True}
    spread = statistics.deviation(known) if len(places) > 1 else None
    return row | {"replicates": effects if len(places) > 1 else {}, "deviation": spread}


def _effect(found: Scan, base: int, place: int, at: int) -> float | None:
    pairing = found.pairings[place]
    if pairing is None or pairing.paired:
        return statistics.cells_of(_paired(found, base, place, at, "")).value
    one, other = _cells(found, base, at).value, _cells(found, place, at).value
    return None if one is None or other is None else other - one


def _replicates(members: Sequence[Member], found: Scan) -> list[dict[str, Any]]:
    """The spread of each measure's mean over the replicates of a level; empty where nothing was replicated."""
    levels: dict[str, list[int]] = defaultdict(list)
    for place, member in enumerate(members):
        if member.replicate:
            levels[member.level].append(place)
    rows = []
    for level, places in levels.items():
        for at, name in enumerate(NAMES):
            means = {members[place].replicate: _cells(found, place, at).value for place in places}
            known = [value for value in means.values() if value is not None]
            if len(known) > 1:
                spread = statistics.deviation(known)
                rows.append({"level": level, "measure": name, "means": means, "deviation": spread, "n": len(known)})
    return rows
