"""From a finished conversation to a training sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from personaloom.records import Interaction, NoiseResult, NoiseVerdict, TrainingSample
from personaloom.training.splits import Splitter

__all__ = ["TrainingDataCollector", "applied_noise"]

_MOVED = frozenset({"noise", "noise_mode", "assistant_model", "user_model", "persona_prompt", "system_prompt"})
"""Keys of an interaction's metadata that a sample shows under another name."""
_VERSION = ("noisy_text", "noise_type", "applied_strategies")
_FIELDS = {
    "include_persona": "persona_features",
    "include_trajectory": "prompt_trajectory",
    "include_distractor_versions": "noisy_initial_queries",
    "include_full_conversation": "full_conversation",
    "include_metadata": "metadata",
}
"""Switch to the field of a sample that it is for."""


def applied_noise(sample: TrainingSample) -> list[dict[str, Any]]:
    """The noise that a sample says was applied: one ``{turn, noise_type, applied_strategies, …}`` per noisy user turn.

    Read from the trajectory where there is one, else from the metadata, else from ``noisy_initial_queries``.
    """
    if sample.prompt_trajectory and all(isinstance(e, Mapping) and "noise_type" in e for e in sample.prompt_trajectory):
        return [entry for entry in sample.prompt_trajectory if entry["noise_type"]]
    results = ((sample.metadata or {}).get("noise") or {}).get("results")
    if results is not None:
        return [
            {**entry, "noise_type": entry["layer"]} for entry in results if entry["verdict"] == NoiseVerdict.APPLIED
        ]
    return [{"turn": 0, **entry} for entry in sample.noisy_initial_queries or ()]


class TrainingDataCollector:
    """Makes a ``TrainingSample`` of an ``Interaction``. Pure: the same conversation gives the same sample.

    Args:
        include_persona: keep ``persona_features``.
        include_trajectory: keep ``prompt_trajectory``, one entry per user turn: ``turn`` (from 0), ``text`` (clean),
            ``noisy_text`` (None where the turn is clean), ``noise_type`` (the layer, or None), ``applied_strategies``.
        include_distractor_versions: keep ``noisy_initial_queries``, and the noise fields of the trajectory.
        include_full_conversation: keep ``full_conversation``, the text as it was said, noise included.
        include_metadata: keep ``metadata``: split, end reason, models, prompts, and what the distractor did turn by
            turn, with its provenance but without repeating the texts.
        splitter: decides the split; None for the default one.
    """

    def __init__(
        self,
        include_persona: bool = True,
        include_trajectory: bool = True,
        include_distractor_versions: bool = True,
        include_full_conversation: bool = True,
        include_metadata: bool = True,
        splitter: Splitter | None = None,
    ) -> None:
        self.include_persona = include_persona
        self.include_trajectory = include_trajectory
        self.include_distractor_versions = include_distractor_versions
        self.include_full_conversation = include_full_conversation
        self.include_metadata = include_metadata
        self.splitter = splitter or Splitter()

    def collect(self, interaction: Interaction, persona_prompt: str | None = None) -> TrainingSample:
        """The training sample of a conversation.

        Args:
            interaction: a finished conversation.
            persona_prompt: the persona's system prompt, kept in the metadata for formats that begin with it; where it
                is None, the conversation's own (``interaction.metadata["system_prompt"]``) is taken if there.
        """
        users = [message for message in interaction.messages if message.role == "user"]
        noise = _noise_by_turn(interaction, len(users))
        trajectory = [_entry(turn, users[turn].content, noise[turn]) for turn in range(len(users))]
        told = interaction.metadata
        prompt = persona_prompt or told.get("system_prompt") or told.get("persona_prompt")
        return TrainingSample(
            sample_id=interaction.interaction_id,
            persona_id=interaction.persona_id,
            persona_features=dict(interaction.persona_features) if self.include_persona else None,
            original_query=interaction.original_query,
            initial_query=interaction.initial_query,
            prompt_trajectory=self._trajectory(trajectory) if self.include_trajectory else None,
            full_conversation=self._conversation(interaction) if self.include_full_conversation else None,
            num_turns=interaction.num_turns,
            noisy_initial_queries=_versions(trajectory[:1]) if self.include_distractor_versions else None,
            metadata=self._metadata(interaction, noise, prompt) if self.include_metadata else None,
        )

    def trimmed(self, sample: TrainingSample) -> TrainingSample:
        """A whole sample without the fields that are switched off; one that lacks them already is as it was."""
        keeps = self.settings()
        off = {field: None for switch, field in _FIELDS.items() if not keeps[switch]}
        steps = sample.prompt_trajectory
        if steps is not None and self.include_trajectory and not self.include_distractor_versions:
            return sample.with_(**{**off, "prompt_trajectory": self._trajectory(steps)})
        return sample.with_(**off) if off else sample

    def _trajectory(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self.include_distractor_versions:
            return entries
        return [{key: value for key, value in entry.items() if key not in _VERSION} for entry in entries]

    def _conversation(self, interaction: Interaction) -> list[dict[str, str]]:
        return [{"role": message.role, "content": message.content} for message in interaction.messages]

    def _metadata(
        self, interaction: Interaction, noise: list[NoiseResult | None], prompt: str | None
    ) -> dict[str, Any]:
        said = interaction.metadata
        models = {"assistant": said.get("assistant_model"), "user": said.get("user_model")}
        rest = {key: value for key, value in said.items() if key not in _MOVED}
        return {
            "split": self.splitter.split_of(interaction.persona_id),
            "end_reason": None,
            "target_turns": None,
            "simulated": False,
            "supplement": 0,
            "prompts": {},
            **rest,
            "models": models,
            "persona_prompt": prompt,
            "noise": _noise_summary(str(said.get("noise_mode") or "realtime"), noise),
        }

    def settings(self) -> dict[str, bool]:
        """The switches, JSON-ready, for fingerprints."""
        return {name: getattr(self, name) for name in sorted(vars(self)) if name.startswith("include_")}


def _noise_by_turn(interaction: Interaction, turns: int) -> list[NoiseResult | None]:
    """One result per user turn, found by turn or by the message's own note; None where no distractor ran."""
    results: list[NoiseResult | None] = list(interaction.noise())
    if len(results) == turns:
        return results
    users = [message for message in interaction.messages if message.role == "user"]
    notes = [message.metadata.get("noise") for message in users]
    return [NoiseResult.from_dict(note) if note else None for note in notes]


def _entry(turn: int, said: str, noise: NoiseResult | None) -> dict[str, Any]:
    applied = noise is not None and noise.applied
    return {
        "turn": turn,
        "text": noise.original_text if noise is not None else said,
        "noisy_text": noise.noisy_text if noise is not None and applied else None,
        "noise_type": noise.layer if noise is not None and applied else None,
        "applied_strategies": list(noise.applied_strategies) if noise is not None and applied else [],
    }


def _versions(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: entry[key] for key in _VERSION} for entry in entries if entry["noisy_text"] is not None]


def _noise_summary(mode: str, noise: list[NoiseResult | None]) -> dict[str, Any]:
    """Counts, and one line of provenance per unit; ``posthoc`` says that the conversation itself stays clean."""
    units = [(turn, result) for turn, result in enumerate(noise) if result is not None]
    verdicts = Counter(str(_verdict(result)) for _, result in units)
    return {
        "mode": mode,
        "units": len(units),
        "drawn": sum(result.drawn for _, result in units),
        **{name: verdicts[name] for name in ("applied", "rejected", "not_applicable")},
        "results": [_provenance(turn, result) for turn, result in units],
    }


def _verdict(result: NoiseResult) -> NoiseVerdict:
    """What is claimed: noise is applied only where the text differs, whatever an engine says."""
    if result.verdict is NoiseVerdict.APPLIED and not result.applied:
        return NoiseVerdict.REJECTED
    return result.verdict


def _provenance(turn: int, result: NoiseResult) -> dict[str, Any]:
    notes = result.metadata
    return {
        "turn": turn,
        "unit_id": notes.get("unit_id"),
        "layer": result.layer,
        "verdict": str(_verdict(result)),
        "applied_strategies": list(result.applied_strategies),
        "asked_strategies": list(notes.get("asked_strategies", ())),
        "reason": notes.get("reason"),
        "edit_distance": notes.get("edit_distance"),
        "engine": notes.get("engine"),
        "attempts": notes.get("attempts"),
    }
