"""``--estimate`` or ``estimate=true``: calls, tokens and cost of a config, by stage and model, before spending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from personaloom.cli.argv import Invocation
from personaloom.cli.commands import of_dataset
from personaloom.cli.sweep import planned_jobs
from personaloom.config import build_parts, compose, validate
from personaloom.errors import UsageError
from personaloom.estimate import Estimate, Range, estimate
from personaloom.plural import many
from personaloom.sweep_estimate import SweepJob, together

__all__ = ["run"]

_COLUMNS = ("calls", "input_tokens", "output_tokens", "cost_usd")
_NO_PRICE = "cost         unknown: give the price with llm.price={input_per_million: …, output_per_million: …}"


def run(value: str, call: Invocation) -> int:
    """Print the estimate of the composed config, or of each job of a sweep.

    Raises:
        UsageError: a value that is not true, or a sweep whose jobs are not known beforehand.
    """
    if value != "true":
        raise UsageError(f"estimate={value}: says neither true nor false → write --estimate, or leave it out")
    if call.action == "multirun":
        return _of_sweep(call)
    composed = compose(call.overrides, config=call.config, config_dirs=call.config_dirs)
    if composed.multirun:
        return _of_sweep(call)
    parts = build_parts(validate(of_dataset(call, composed), keys_needed=False, writes=False))
    print_estimate(estimate(parts), Console())
    return 0


def _of_sweep(call: Invocation) -> int:
    jobs = planned_jobs(call)
    if not jobs:
        raise UsageError("--estimate: this sweeper decides on its jobs as it goes, so estimate one of them by itself")
    built = [build_parts(config) for _, config in jobs]
    print_sweep([name for name, _ in jobs], [SweepJob(parts, estimate(parts)) for parts in built], Console())
    return 0


def print_sweep(names: Sequence[str], jobs: Sequence[SweepJob], console: Console) -> None:
    """A line for each job as if it were alone, and what they take together: replies that jobs share are paid once."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("job, alone", overflow="fold")
    for title in ("calls", "tokens in", "tokens out", "cost"):
        table.add_column(title, justify="right", no_wrap=True)
    for number, (name, job) in enumerate(zip(names, jobs, strict=True)):
        calls, n_in, n_out, cost = (job.alone.total(column) for column in _COLUMNS)
        table.add_row(f"#{number} {name}", *(_whole(part) for part in (calls, n_in, n_out)), _dollars(cost))
    console.print(table)
    console.print("all jobs together:")
    _print_totals(together(jobs), console)
    if any(job.shares for job in jobs):
        console.print("what several jobs ask alike is paid once, and counted once")
    else:
        console.print("simulated calls cost nothing and are not kept, so jobs share none")


def print_estimate(result: Estimate, console: Console) -> None:
    """A table of likely values, and the range of the sums."""
    there = f" ({many(result.done, 'more is', 'more are')} there already)" if result.done else ""
    people = many(result.personas, "persona")
    if result.makes != "prompts":
        what = ("query", "queries") if result.makes == "queries" else ("conversation", "conversations")
        people = f"{many(result.conversations, *what)} of {people}"
    console.print(f"[bold]estimate[/bold]: {people}{there}")
    if not result.lines:
        console.print("nothing is left to do: no call would be made")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("operation, model", overflow="fold")
    for title in ("calls", "tokens in", "tokens out", "cost"):
        table.add_column(title, justify="right", no_wrap=True)
    for line in result.lines:
        numbers = (f"{getattr(line, name).likely:,.0f}" for name in ("calls", "input_tokens", "output_tokens"))
        table.add_row(f"{line.operation}\n  {line.model}", *numbers, _dollars(line.cost_usd))
    console.print(table)
    _print_totals({column: result.total(column) for column in _COLUMNS}, console)
    learned = sorted({line.operation for line in result.lines if line.source == "ledger"})
    if learned:
        console.print(f"lengths of {', '.join(learned)}: from the ledger's replies of the same model")
    if len(learned) < len({line.operation for line in result.lines}):
        which = "other lengths" if learned else "lengths"
        console.print(f"{which}: from a rehearsal with the simulated model; a real one may write more or less")


def _print_totals(totals: Mapping[str, Range | None], console: Console) -> None:
    for name, title in (("calls", "calls"), ("input_tokens", "tokens in"), ("output_tokens", "tokens out")):
        total = totals[name]
        if total is not None:
            console.print(f"{title:<11} {total.likely:>12,.0f}   between {total.low:,.0f} and {total.high:,.0f}")
    cost = totals["cost_usd"]
    if cost is None:
        console.print(_NO_PRICE)
    else:
        console.print(f"{'cost':<11} {_dollars(cost):>12}   between ${cost.low:,.2f} and ${cost.high:,.2f}")


def _whole(part: Range | None) -> str:
    return "unknown" if part is None else f"{part.likely:,.0f}"


def _dollars(cost: Range | None) -> str:
    return "unknown" if cost is None else f"${cost.likely:,.2f}"
