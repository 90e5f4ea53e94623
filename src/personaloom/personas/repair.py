"""An exact search for the rare candidate that rules push past the bounds on features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from personaloom.errors import InfeasibleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from personaloom.personas.candidates import Presence
    from personaloom.personas.network import Network, Node

__all__ = ["Repairer"]

MAX_STEPS = 200_000
"""Steps of one search; banks whose bounds need more are refused rather than waited for."""
_MOST_DEAD = 1_000_000


class Repairer:
    """Finds the persona nearest to what was drawn (in drawing order) that keeps both rules and bounds."""

    def __init__(self, network: Network, presence: Presence, width: int) -> None:
        self._nodes = network.nodes
        self._presence = presence
        self._width = width
        constraints = set(presence.constraint_columns)
        self._is_constraint = [node.column in constraints for node in self._nodes]
        self._required_left = self._left([node.column in network.required for node in self._nodes])
        self._constraints_left = self._left(self._is_constraint)
        both = [c and node.column in network.required for node, c in zip(self._nodes, self._is_constraint, strict=True)]
        self._both_left = self._left(both)
        self._frontiers = [self._frontier(depth) for depth in range(len(self._nodes) + 1)]
        self._dead: set[tuple[int, ...]] = set()

    def find(self, draws: Sequence[int], wanted: Sequence[bool], forced: Mapping[int, int]) -> list[int] | None:
        """States by column, or None where no persona keeps rules and bounds (with the forced states).

        Args:
            draws: the value draw of each column, below 2**32.
            wanted: whether each column was drawn to be there; such choices are tried first.
            forced: states that are given.
        """
        codes = [0] * self._width
        options: list[Iterator[int]] = [self._options(self._nodes[0], codes, draws, wanted, forced)]
        counts = [(0, 0)]
        for _ in range(MAX_STEPS):
            depth = len(options) - 1
            state = next(options[-1], None)
            if state is None:
                codes[self._nodes[depth].column] = 0
                self._bury(depth, counts[-1], codes, forced)
                options.pop()
                counts.pop()
                if not options:
                    return None
                continue
            total = counts[-1][0] + (state > 0)
            constraints = counts[-1][1] + (state > 0 and self._is_constraint[depth])
            if not self._possible(depth + 1, total, constraints):
                continue
            codes[self._nodes[depth].column] = state
            if depth + 1 == len(self._nodes):
                return codes
            if self._situation(depth + 1, (total, constraints), codes) in self._dead:
                continue
            options.append(self._options(self._nodes[depth + 1], codes, draws, wanted, forced))
            counts.append((total, constraints))
        raise InfeasibleError(
            f"after {MAX_STEPS:,} steps it is not known whether a persona can keep the rules with "
            f"{self._presence.low} to {self._presence.high} features → widen "
            "sampler.min_features and sampler.max_features"
        )

    def _frontier(self, depth: int) -> list[tuple[int, list[int]]]:
        """What the nodes from ``depth`` on see of those before: columns, and the classes of their states."""
        before = {node.column for node in self._nodes[:depth]}
        return [
            (parent, of.tolist())
            for node in self._nodes[depth:]
            for parent, of in zip(node.parents, node.classes, strict=True)
            if parent in before
        ]

    def _situation(self, depth: int, counts: tuple[int, int], codes: Sequence[int]) -> tuple[int, ...]:
        """All that decides whether the rest can be completed, whatever the draws."""
        return (depth, *counts, *(of[codes[column]] for column, of in self._frontiers[depth]))

    def _bury(self, depth: int, counts: tuple[int, int], codes: Sequence[int], forced: Mapping[int, int]) -> None:
        """Remember a dead end, for this search and all later ones; forced nodes come first and are not remembered."""
        if depth >= len(forced) and len(self._dead) < _MOST_DEAD:
            self._dead.add(self._situation(depth, counts, codes))

    def _left(self, marks: Sequence[bool]) -> list[int]:
        """How many of the marked nodes come at or after each position."""
        return [sum(marks[position:]) for position in range(len(marks) + 1)]

    def _possible(self, depth: int, total: int, constraints: int) -> bool:
        p = self._presence
        left = len(self._nodes) - depth
        return (
            total + left >= p.low
            and total + self._required_left[depth] <= p.high
            and constraints + self._constraints_left[depth] >= p.constraints_low
            and constraints + self._both_left[depth] <= p.constraints_high
        )

    def _options(
        self,
        node: Node,
        codes: Sequence[int],
        draws: Sequence[int],
        wanted: Sequence[bool],
        forced: Mapping[int, int],
    ) -> Iterator[int]:
        """Allowed states, the drawn one first, then its neighbours in turn."""
        row = node.row(codes)
        allowed = node.allowed[row]
        column = node.column
        if column in forced:
            return iter([forced[column]] if allowed[forced[column]] else [])
        base = row * node.values
        target = (row << 32) + draws[column]
        start = next((at for at in range(node.values) if int(node.thresholds[base + at]) > target), 0)
        values = [1 + (start + step) % node.values for step in range(node.values)]
        states = [*values, 0] if wanted[column] else [0, *values]
        return iter([state for state in states if allowed[state]])
