"""``ledger=show``, ``ledger=prune`` and ``ledger=export``: looking after the replies that were paid for."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from personaloom.cli.argv import Invocation
from personaloom.cli.verbs.dataset import composed
from personaloom.config.nearest import choices
from personaloom.errors import UsageError
from personaloom.llm.ledger import LedgerMode
from personaloom.llm.ledger_upkeep import LedgerUpkeep
from personaloom.manifest_file import read_manifest
from personaloom.plural import many

__all__ = ["run"]

_WORDS = {"show": (), "prune": ("older_than", "of"), "export": ("of", "to")}
"""What each may be told beside the config."""
_UNITS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def run(value: str, call: Invocation) -> int:
    """Show, prune or cut the ledger that ``ledger.path`` (or ``output_dir``) names.

    Args:
        value: ``show``; ``prune`` with ``older_than=30d``, ``of=DATASET`` or both; ``export`` with ``of=DATASET`` and
            ``to=FILE``. A dataset is named by its folder or by the beginning of its fingerprint.
        call: the rest of the command line.

    Raises:
        UsageError: a word that is missing, unknown or makes no sense.
        StoreError: there is no ledger, or it cannot be used.
    """
    if value not in _WORDS or call.action == "multirun":
        raise UsageError(f"ledger={value}: there is no such word → {choices(value, _WORDS)}")
    known = {word for words in _WORDS.values() for word in words}
    given = dict(word.partition("=")[::2] for word in call.overrides if word.partition("=")[0] in known)
    strange = sorted(set(given) - set(_WORDS[value]))
    if strange:
        raise UsageError(f"ledger={value} takes no {strange[0]}=: {', '.join(_WORDS[value]) or 'nothing'}")
    words = [word for word in call.overrides if word.partition("=")[0] not in known]
    config = composed(replace(call, overrides=words), writes=value == "prune")
    mode = LedgerMode.READWRITE if value == "prune" else LedgerMode.READONLY
    with LedgerUpkeep(Path(config["ledger"]["path"]), mode) as ledger:
        act = {"show": _show, "prune": _prune, "export": _export}[value]
        sys.stdout.write("\n".join(act(ledger, given)) + "\n")
    return 0


def _show(ledger: LedgerUpkeep, _: Mapping[str, str]) -> Iterator[str]:
    facts = ledger.statistics()
    yield f"{facts['path']}: {_replies(facts['replies'])}, {_size(facts['bytes'])}"
    if not facts["replies"]:
        yield "  (replies of the simulated model are not kept: they cost nothing)"
    for model in facts["models"]:
        cost = "cost unknown" if model["cost_usd"] is None else f"${model['cost_usd']:,.4f}"
        where = f" at {model['origin']}" if model["origin"] else ""
        when = " to ".join(dict.fromkeys(_day(model[name]) for name in ("first", "last")))
        yield f"  {model['model']}{where}: {_replies(model['replies'])}, {cost}, {when}"
    for dataset, replies in facts["datasets"].items():
        yield f"  dataset {dataset[:12] or '(none)'}: {_replies(replies)}"


def _prune(ledger: LedgerUpkeep, given: Mapping[str, str]) -> Iterator[str]:
    if not given:
        raise UsageError("ledger=prune: say what to forget: older_than=30d, of=DATASET, or both")
    age = _seconds(given["older_than"]) if "older_than" in given else None
    dataset = _dataset(ledger, given["of"]) if "of" in given else None
    before = ledger.statistics()["bytes"]
    gone = ledger.prune(older_than_s=age, dataset=dataset)
    after = ledger.statistics()
    yield f"{_replies(gone)} forgotten, {after['replies']:,} left; {_size(before)} → {_size(after['bytes'])}"
    if dataset is not None:
        yield "(replies that other datasets use as well are kept)"


def _export(ledger: LedgerUpkeep, given: Mapping[str, str]) -> Iterator[str]:
    missing = [word for word in _WORDS["export"] if word not in given]
    if missing:
        raise UsageError(f"ledger=export needs {' and '.join(f'{word}=' for word in missing)}: of=DATASET to=FILE")
    target = Path(given["to"]).expanduser()
    count = ledger.export_slice(_dataset(ledger, given["of"]), target)
    yield f"{_replies(count)} in {target} ({_size(target.stat().st_size)}). It holds whole conversations."
    yield f"To replay it without a key: the dataset's command with ledger.mode=readonly ledger.path={target}"


def _dataset(ledger: LedgerUpkeep, named: str) -> str:
    """The fingerprint of a dataset named by its folder or by the beginning of its fingerprint."""
    folder = Path(named).expanduser()
    name = str(read_manifest(folder)["fingerprint"]) if folder.is_dir() else named.rpartition("-")[2]
    return ledger.dataset(name)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw])", text)
    if match is None:
        raise UsageError(f"older_than={text}: says no age → give a number with h, d or w behind it (older_than=30d)")
    return float(match.group(1)) * _UNITS[match.group(2)]


def _replies(count: int) -> str:
    return many(count, "reply", "replies")


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.2f} GiB"
