"""Token usage of a run: one record a reply, totals by module, operation, model and provider.

A ``TokenTracker`` belongs to a run; there is no global one. Tokens come from the provider where it says them, else they
are estimated and marked so. A cost that is not known is None, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from personaloom.errors import StoreError
from personaloom.records import Record, utc_now

__all__ = ["CallRecord", "TokenTracker", "UsageTotals"]


@dataclass(frozen=True, slots=True)
class CallRecord(Record):
    """One reply and what it took to get it.

    Attributes:
        module, operation: where it is booked (``interaction_generation``, ``assistant_response``).
        model, provider: in LiteLLM's names.
        input_tokens, output_tokens: of the reply, plus those of failed attempts that are known to have used some.
        timestamp: when the reply was booked.
        metadata: ``call`` (the call key), ``role``, ``attempts``, ``lost_attempts`` (cut or timed out: usage unknown),
            ``cost_usd``, ``source``, ``cached_tokens``, ``reasoning_tokens``, ``latency_s``, ``snapshot``,
            ``from_ledger``, ``paid`` (by this dataset), ``outcome`` (ok, or the kind of error).
    """

    module: str
    operation: str
    model: str
    provider: str
    input_tokens: int
    output_tokens: int
    timestamp: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class UsageTotals:
    """Sums over calls; ``cost_usd`` is None as soon as one call's price is unknown."""

    calls: int = 0
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0

    def add(self, record: CallRecord) -> None:
        """Count one record in."""
        self.calls += 1
        self.attempts += record.metadata.get("attempts", 1)
        self.input_tokens += record.input_tokens
        self.output_tokens += record.output_tokens
        cost = record.metadata.get("cost_usd", None)
        self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost

    def include(self, other: UsageTotals) -> None:
        """Count other sums in."""
        self.calls += other.calls
        self.attempts += other.attempts
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        unknown = self.cost_usd is None or other.cost_usd is None
        self.cost_usd = None if unknown else (self.cost_usd or 0.0) + (other.cost_usd or 0.0)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with ``total_tokens``."""
        return {
            "calls": self.calls,
            "attempts": self.attempts,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
            "cost_usd": self.cost_usd if self.cost_usd is None else round(self.cost_usd, 10),
        }


_Group = tuple[str, str, str, str, bool, bool]
"""Module, operation, model, provider, whether this dataset paid, and whether the ledger answered."""
_PAID, _FROM_LEDGER = 4, 5


def _summed(parts: Iterable[UsageTotals]) -> UsageTotals:
    total = UsageTotals()
    for part in parts:
        total.include(part)
    return total


class TokenTracker:
    """Counts the tokens of a run.

    Args:
        keep_records: hold every record for ``to_dict``; a pipeline turns it off and streams them to its store.
    """

    def __init__(self, *, keep_records: bool = True) -> None:
        self.records: list[CallRecord] = []
        self._keep = keep_records
        self._reset()

    def _reset(self) -> None:
        self._sums: dict[_Group, UsageTotals] = {}
        self.snapshots: dict[str, set[str]] = {}
        self.lost_attempts = 0

    # Every call is counted once, in its group; these are summed when they are asked for.

    @property
    def attributed(self) -> UsageTotals:
        """Of all calls that the dataset is made of."""
        return _summed(self._sums.values())

    @property
    def paid(self) -> UsageTotals:
        """Of those that this dataset paid for."""
        return _summed(totals for group, totals in self._sums.items() if group[_PAID])

    @property
    def sent(self) -> UsageTotals:
        """Of those that were sent, and not answered from the ledger."""
        return _summed(totals for group, totals in self._sums.items() if not group[_FROM_LEDGER])

    @property
    def by_module(self) -> dict[str, UsageTotals]:
        """By where they are booked."""
        return self._by(0)

    @property
    def by_operation(self) -> dict[str, UsageTotals]:
        """By what they are for."""
        return self._by(1)

    @property
    def by_model(self) -> dict[str, UsageTotals]:
        """By model, in LiteLLM's names."""
        return self._by(2)

    @property
    def by_provider(self) -> dict[str, UsageTotals]:
        """By provider."""
        return self._by(3)

    @property
    def unpriced(self) -> set[str]:
        """Models one of whose calls has a price that is not known."""
        return {group[2] for group, totals in self._sums.items() if totals.cost_usd is None}

    def _by(self, place: int) -> dict[str, UsageTotals]:
        table: dict[str, UsageTotals] = {}
        for group, totals in self._sums.items():
            table.setdefault(str(group[place]), UsageTotals()).include(totals)
        return table

    def track(
        self,
        module: str,
        operation: str,
        model: str,
        provider: str,
        input_tokens: int,
        output_tokens: int,
        metadata: Mapping[str, Any] | None = None,
    ) -> CallRecord:
        """Count one call by hand (the pipeline counts its own)."""
        record = CallRecord(
            module, operation, model, provider, input_tokens, output_tokens, utc_now(), dict(metadata or {})
        )
        self.add(record)
        return record

    def add(self, record: CallRecord) -> None:
        """Count one record."""
        if self._keep:
            self.records.append(record)
        meta = record.metadata
        place = (record.module, record.operation, record.model, record.provider)
        group = (*place, meta.get("paid", True), meta.get("from_ledger", False))
        totals = self._sums.get(group)
        if totals is None:
            totals = self._sums[group] = UsageTotals()
        totals.add(record)
        if snapshot := meta.get("snapshot"):
            self.snapshots.setdefault(record.model, set()).add(snapshot)
        self.lost_attempts += meta.get("lost_attempts", 0)

    def reset(self) -> None:
        """Forget everything counted."""
        self.records.clear()
        self._reset()

    @property
    def total_tokens(self) -> int:
        """Input and output tokens of all calls."""
        return self.attributed.input_tokens + self.attributed.output_tokens

    def summary(self) -> dict[str, Any]:
        """Totals: attributed to the dataset, and paid by it."""
        return {
            **self.attributed.to_dict(),
            "paid": self.paid.to_dict(),
            "unpriced_models": sorted(self.unpriced),
            "unknown_attempts": self.lost_attempts,
        }

    def tables(self) -> dict[str, dict[str, Any]]:
        """``by_module``, ``by_operation``, ``by_model`` and ``by_provider``, each name to totals, sorted."""
        return {
            name: {key: table[key].to_dict() for key in sorted(table)}
            for name, table in (
                ("by_module", self.by_module),
                ("by_operation", self.by_operation),
                ("by_model", self.by_model),
                ("by_provider", self.by_provider),
            )
        }

    def to_dict(self) -> dict[str, Any]:
        """The token report: summary, tables and the records that were kept."""
        return {
            "summary": self.summary(),
            **self.tables(),
            "records": [record.to_dict() for record in self.records],
        }

    def save(self, path: str | Path, records: Iterable[Mapping[str, Any]] | None = None) -> Path:
        """Write the report as JSON, record by record, beside the target and then renamed.

        Args:
            path: the file.
            records: dictionaries to write instead of the kept records (a store's, streamed).

        Raises:
            StoreError: it cannot be written; what stood there stands.
        """
        target = Path(path)
        part = target.with_name(target.name + ".part")
        entries = records if records is not None else (record.to_dict() for record in self.records)
        try:
            with part.open("wb") as out:
                head = orjson.dumps({"summary": self.summary(), **self.tables()}, option=orjson.OPT_INDENT_2)
                out.write(head[: head.rindex(b"\n}")] + b',\n  "records": [')
                separator = b"\n    "
                for entry in entries:
                    out.write(separator + orjson.dumps(entry))
                    separator = b",\n    "
                out.write(b"\n  ]\n}\n")
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StoreError(f"{target} cannot be written: {error.strerror or error}") from error
        return target
