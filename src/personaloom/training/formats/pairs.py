"""Formats of pairs: preferences (a better and a worse answer) and prompt rewriting (a noisy and a clean query)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from personaloom.records import TrainingSample
from personaloom.training.collector import applied_noise
from personaloom.training.formats.base import FormatOptions
from personaloom.training.formats.native import blank_sample

__all__ = [
    "decode_preference",
    "decode_rewriting",
    "encode_preference",
    "encode_rewriting",
    "judged_preference",
    "preference_from_pair",
    "robustness_preference",
]

Messages = Sequence[Mapping[str, Any]]

_TASK = (
    "Rewrite the user's message so that it says clearly and completely what the user means. "
    "Keep facts and wishes; add none. Answer with the rewritten message only."
)


def robustness_preference(
    noisy: TrainingSample, clean: Messages, pair_id: str, winner: str | None = None
) -> dict[str, Any] | None:
    """A preference from a robustness pair: two conversations that are equal before their first noisy user turn.

    The prompt ends with the noisy message. Chosen is what the assistant answered in the conversation that a judge
    found better; without a winner, what it answered to the clean message (what was meant). Rejected is the other
    answer. None where the conversations never part, or the answers are equal.

    Args:
        noisy: the sample of the noisy conversation.
        clean: messages of its clean twin.
        pair_id: of the pair.
        winner: ``clean`` or ``noisy``; ``tie`` or None where there is no winner.
    """
    said = list(noisy.full_conversation or ())
    place = _parting(said, clean)
    if place is None or said[place]["role"] != "user" or len(said) <= place + 1 or len(clean) <= place + 1:
        return None
    better, worse = (said, clean) if winner == "noisy" else (clean, said)
    source = "judge" if winner in {"clean", "noisy"} else "robustness"
    answers = better[place + 1], worse[place + 1]
    return _preference(noisy, said[: place + 1], *answers, pair_id, source, (None, None))


def preference_from_pair(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The preference of a line of ``robustness_pairs.jsonl``: ``{pair_id, persona_id, clean, noisy}`` and more."""
    noisy = blank_sample(
        sample_id=str(record["pair_id"]),
        persona_id=str(record["persona_id"]),
        full_conversation=_said(record["noisy"]),
    )
    return robustness_preference(noisy, _said(record["clean"]), str(record["pair_id"]), _winner(record))


def _winner(pair: Mapping[str, Any]) -> str | None:
    return (pair.get("judge") or {}).get("winner")


def _said(conversation: Any) -> Any:
    """The messages of a conversation, given as they are or under ``messages``."""
    return conversation["messages"] if isinstance(conversation, Mapping) else conversation


def judged_preference(
    one: TrainingSample, two: TrainingSample, scores: tuple[float, float], margin: float = 0.0
) -> dict[str, Any] | None:
    """A preference from two judged conversations that part at an assistant's answer.

    None where they part elsewhere or never, or where the scores differ by ``margin`` or less.
    """
    first, second = list(one.full_conversation or ()), list(two.full_conversation or ())
    place = _parting(first, second)
    if place is None or abs(scores[0] - scores[1]) <= margin:
        return None
    if len(first) <= place or len(second) <= place or first[place]["role"] != "assistant":
        return None
    better, worse = (first, second) if scores[0] > scores[1] else (second, first)
    pair_id = f"{one.sample_id}-t{place // 2}"
    ordered = (max(scores), min(scores))
    return _preference(one, first[:place], better[place], worse[place], pair_id, "judge", ordered)


def _parting(one: Messages, two: Messages) -> int | None:
    for index, (left, right) in enumerate(zip(one, two, strict=False)):
        if left["content"] != right["content"]:
            return index
    return None


def _preference(
    sample: TrainingSample,
    prompt: Messages,
    chosen: Mapping[str, Any],
    rejected: Mapping[str, Any],
    pair_id: str,
    source: str,
    scores: tuple[float | None, float | None],
) -> dict[str, Any] | None:
    if chosen["content"] == rejected["content"]:
        return None
    return {
        "prompt": _bare(prompt),
        "chosen": _bare([chosen]),
        "rejected": _bare([rejected]),
        "pair_id": pair_id,
        "persona_id": sample.persona_id,
        "source": source,
        "score_chosen": scores[0],
        "score_rejected": scores[1],
    }


def _bare(messages: Messages) -> list[dict[str, str]]:
    return [{"role": m["role"], "content": m["content"]} for m in messages]


def encode_preference(sample: TrainingSample, options: FormatOptions) -> list[dict[str, Any]]:
    """TRL preferences of the samples that carry one.

    ``metadata["pair"]`` is either ``{pair_id, clean}`` (the clean twin of a noisy conversation, as messages or as
    ``{messages}``; with ``judge: {winner}`` where a judge compared them) or a finished preference under ``preference``.
    """
    del options
    pair = (sample.metadata or {}).get("pair") or {}
    if "preference" in pair:
        return [dict(pair["preference"])]
    if not pair.get("clean"):
        return []
    found = robustness_preference(
        sample, _said(pair["clean"]), str(pair.get("pair_id", sample.sample_id)), _winner(pair)
    )
    return [] if found is None else [found]


def decode_preference(record: Mapping[str, Any]) -> TrainingSample:
    """The rejected conversation, with the whole preference in its metadata."""
    said = [*record["prompt"], *record["rejected"]]
    users = [m["content"] for m in said if m["role"] == "user"]
    return blank_sample(
        sample_id=str(record.get("pair_id", "")),
        persona_id=str(record.get("persona_id", "")),
        original_query=users[0] if users else "",
        initial_query=users[0] if users else "",
        full_conversation=said,
        num_turns=len(users),
        metadata={"pair": {"pair_id": record.get("pair_id"), "preference": dict(record)}},
    )


def encode_rewriting(sample: TrainingSample, options: FormatOptions) -> list[dict[str, Any]]:
    """One record for each noisy user turn: noisy → clean, with persona and history, ready as prompt and completion."""
    del options
    return [
        _rewriting(sample, entry)
        for entry in applied_noise(sample)
        if entry.get("noisy_text") is not None and entry.get("text") is not None
    ]


def _rewriting(sample: TrainingSample, entry: Mapping[str, Any]) -> dict[str, Any]:
    history = _bare((sample.full_conversation or [])[: 2 * entry["turn"]])
    features = sample.persona_features or {}
    persona = [{"name": name, "value": value} for name, value in features.items()]
    return {
        "id": f"{sample.sample_id}-t{entry['turn']}",
        "sample_id": sample.sample_id,
        "turn": entry["turn"],
        "persona_id": sample.persona_id,
        "persona": persona,
        "history": history,
        "noisy": entry["noisy_text"],
        "clean": entry["text"],
        "noise_type": entry["noise_type"],
        "applied_strategies": list(entry["applied_strategies"]),
        "prompt": _task(persona, history, entry["noisy_text"]),
        "completion": [{"role": "assistant", "content": entry["text"]}],
    }


def _task(persona: Sequence[Mapping[str, str]], history: Messages, noisy: str) -> list[dict[str, str]]:
    who = "; ".join(f"{feature['name']}: {feature['value']}" for feature in persona)
    system = _TASK + (f"\nThe user: {who}." if who else "")
    before = "\n".join(f"{message['role']}: {message['content']}" for message in history)
    asked = f"Conversation so far:\n{before}\n\nMessage:\n{noisy}" if before else noisy
    return [{"role": "system", "content": system}, {"role": "user", "content": asked}]


def decode_rewriting(record: Mapping[str, Any]) -> TrainingSample:
    """The conversation up to the noisy message, with that one turn in its trajectory."""
    keys = ("turn", "noise_type", "applied_strategies")
    entry = {"text": record["clean"], "noisy_text": record["noisy"], **{key: record[key] for key in keys}}
    said = [*record["history"], {"role": "user", "content": record["noisy"]}]
    first = record["clean"] if record["turn"] == 0 else record["history"][0]["content"]
    return blank_sample(
        sample_id=record["sample_id"],
        persona_id=record["persona_id"],
        persona_features={feature["name"]: feature["value"] for feature in record["persona"]},
        original_query=first,
        initial_query=first,
        prompt_trajectory=[entry],
        full_conversation=said,
        num_turns=record["turn"] + 1,
    )
