"""Where a dataset that begins with records made elsewhere begins: a dataset folder that was read in.

Such a folder holds what another system made, as it was read. It never changes: what is made on top of it belongs to a
dataset of its own (``start_from``), whose fingerprint covers it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from personaloom.distractor import NoiseTally
from personaloom.plural import many
from personaloom.records import Interaction
from personaloom.store_file import stored_meta

__all__ = ["MARK", "Facts", "Origin", "OriginFacts", "holds_old_noise", "was_read_in"]

MARK = "read_in"
"""Name of the facts in a store, and of the note in each record that was read in."""


def was_read_in(metadata: Mapping[str, Any]) -> bool:
    """Whether a record was made elsewhere."""
    return MARK in metadata


def holds_old_noise(metadata: Mapping[str, Any]) -> bool:
    """Whether a conversation's noise was read in with it, and not made beside it here."""
    return was_read_in(metadata) and metadata.get("noise_mode") != "posthoc"


@dataclass(frozen=True)
class OriginFacts:
    """What was read in.

    Attributes:
        source: name of the folder or file.
        personas, prompts, turns: how many.
        held: conversations of each persona, by its index.
        noisy: (persona, slot) of conversations that hold noise already.
        queries: texts that the conversations began with.
        models: assistant models with the number of their conversations.
        calls: calls in its token report; 0 where there is none.
        notes: what the reader has to say.
    """

    source: str
    personas: int
    prompts: int
    turns: int
    held: Sequence[int]
    noisy: Sequence[Sequence[int]]
    queries: Sequence[str]
    models: Mapping[str, int]
    calls: int
    notes: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class Origin:
    """A folder that was read in.

    Attributes:
        folder: of the dataset.
        fingerprint: over its records.
        facts: what is in it.
    """

    folder: Path
    fingerprint: str
    facts: OriginFacts

    @classmethod
    def of(cls, folder: Path | None) -> Origin | None:
        """The origin in a dataset folder, or None where it holds something else.

        Raises:
            StoreError: its store cannot be read.
        """
        found = stored_meta(folder, (MARK, "fingerprint")) if folder is not None else {}
        if folder is None or found.get(MARK) is None:
            return None
        return cls(folder, found["fingerprint"], OriginFacts(**found[MARK]))

    @property
    def conversations(self) -> int:
        """How many were read in."""
        return sum(self.facts.held)

    @property
    def settled(self) -> frozenset[tuple[int, int]]:
        """(persona, slot) of conversations that get no noise beside them: they hold some."""
        return frozenset((persona, slot) for persona, slot in self.facts.noisy)

    @property
    def words(self) -> str:
        """``60 personas and 240 conversations``."""
        return f"{many(self.facts.personas, 'persona')} and {many(self.conversations, 'conversation')}"

    def tell(self, manifest: dict[str, Any], read: NoiseTally, *, alone: bool) -> dict[str, Any]:
        """A manifest's entries that say what was read in, and what is not known of it.

        Args:
            manifest: so far, with what was made here.
            read: noise of the conversations that were read in.
            alone: nothing was made on top of it.
        """
        counts, usage, noise = dict(manifest["counts"]), dict(manifest["usage"]), manifest["noise"]
        known = {**read.to_dict(), "configured_rate": None, "rate": {}, "layer_mix": {}}
        models: list[dict[str, Any]] = manifest["models"]
        more: dict[str, Any] = {}
        if alone:
            counts["expected_interactions"] = counts["interactions"]
            noise = {"mode": "realtime", **known}
            models = [model for model in models if model["role"] in usage["by_operation"]]  # no more than the judge
            queries = {"source": MARK, "sha256": self.fingerprint, "size": counts["queries"], "passes": 1}
            versions = {name: version for name, version in manifest["versions"].items() if name != "simulator"}
            more = {"seeds": {}, "prompts": {}, "queries": queries, "versions": versions}
        facts = {
            "from": self.facts.source, "folder": self.folder.name, "fingerprint": self.fingerprint,
            "personas": self.facts.personas, "prompts": self.facts.prompts, "interactions": self.conversations,
            "turns": self.facts.turns, "calls": self.facts.calls or None, "noise": known,
        }  # fmt: skip
        made = ("personas", "prompts", "interactions", "turns")
        # What the calls of the other system cost, and those that no report tells of, is unknown and not zero.
        usage["attributed"] = {**usage["attributed"], "cost_usd": None}
        usage["unknown_conversations"] = 0 if self.facts.calls else self.conversations
        return {
            "counts": counts, "noise": noise, "usage": usage,
            "models": [*self._models(), *models], **more,
            MARK: facts, "made_here": {name: counts[name] - facts[name] for name in made},
        }  # fmt: skip

    def _models(self) -> list[dict[str, Any]]:
        return [
            {
                "role": "assistant", "model": name, "provider": name.partition("/")[0], "origin": "", "weight": count,
                "snapshots": [], MARK: True,
            }
            for name, count in sorted(self.facts.models.items())
        ]  # fmt: skip

    def notes(self, manifest: Mapping[str, Any]) -> list[str]:
        """In words, for the user."""
        facts = self.facts
        lines = [
            f"{self.words} were read in from {facts.source}: how they were made, and whether by a model, is not known",
            *facts.notes,
        ]
        if not facts.calls and self.conversations:
            lines.append(f"{facts.source} has no token report: tokens of what was read in are unknown, and not counted")
        made = manifest["made_here"]
        if made["personas"]:
            sampled = many(made["personas"], "persona was", "personas were")
            lines.append(f"{sampled} sampled here: distances are kept among those, and not to those that were read in")
        return lines


class Facts:
    """Counts what a reader passes on, for the facts."""

    def __init__(self) -> None:
        self.turns = 0
        self.held: Counter[int] = Counter()
        self.noisy: list[tuple[int, int]] = []
        self.queries: dict[str, None] = {}
        self.models: Counter[str] = Counter()

    def add(self, persona: int, slot: int, talk: Interaction) -> None:
        """Count one conversation."""
        self.turns += talk.num_turns
        self.held[persona] += 1
        if any(result.applied for result in talk.noise()):
            self.noisy.append((persona, slot))
        self.queries[talk.original_query] = None
        self.models[talk.metadata["assistant_model"] or "unknown"] += 1
