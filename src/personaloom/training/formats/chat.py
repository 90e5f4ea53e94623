"""Chat formats: OpenAI messages, ShareGPT, TRL conversations, and the published PersonaAtlas form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from personaloom.records import EndReason, TrainingSample
from personaloom.training.collector import applied_noise
from personaloom.training.formats.base import FormatOptions
from personaloom.training.formats.native import blank_sample

__all__ = [
    "chat_sample",
    "decode_atlas",
    "decode_openai",
    "decode_sharegpt",
    "decode_trl",
    "encode_atlas",
    "encode_openai",
    "encode_sharegpt",
    "encode_trl",
    "messages_of",
]

_TO_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}
_FROM_SHAREGPT = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
}


def messages_of(sample: TrainingSample, options: FormatOptions) -> list[dict[str, Any]]:
    """The conversation as ``[{role, content}]``, after the persona's system prompt where asked for and there."""
    prompt = (sample.metadata or {}).get("persona_prompt") if options.system_prompt else None
    head = [{"role": "system", "content": prompt}] if prompt is not None else []
    said = [{"role": m["role"], "content": m["content"]} for m in sample.full_conversation or ()]
    return [*head, *said]


def _text_of(content: Any) -> str:
    """What a message says: content may come in parts, and a call of a tool has none."""
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


def chat_sample(messages: Sequence[Mapping[str, Any]], sample_id: str = "", persona_id: str = "") -> TrainingSample:
    """A sample from bare messages: the first system message is the persona's prompt, the rest is the conversation."""
    spoken = [{"role": m["role"], "content": _text_of(m["content"])} for m in messages]
    head = spoken[0]["content"] if spoken and spoken[0]["role"] == "system" else None
    said = spoken[0 if head is None else 1 :]
    users = [m["content"] for m in said if m["role"] == "user"]
    return blank_sample(
        sample_id=sample_id,
        persona_id=persona_id,
        original_query=users[0] if users else "",
        initial_query=users[0] if users else "",
        full_conversation=said,
        num_turns=len(users),
        metadata=None if head is None else {"persona_prompt": head},
    )


def encode_openai(sample: TrainingSample, options: FormatOptions) -> list[dict[str, Any]]:
    """``{messages}`` and nothing else; with marks, an assistant message has ``weight`` 0 or 1 (OpenAI's own field)."""
    messages = messages_of(sample, options)
    if options.train_on is not None:
        spoken = [m for m in messages if m["role"] == "assistant"]
        for message in spoken:
            message["weight"] = int(options.train_on == "all" or message is spoken[-1])
    return [{"messages": messages}]


def decode_openai(record: Mapping[str, Any]) -> TrainingSample:
    """The conversation; the format has no ids."""
    return chat_sample(record["messages"], str(record.get("sample_id", "")), str(record.get("persona_id", "")))


def encode_sharegpt(sample: TrainingSample, options: FormatOptions) -> list[dict[str, Any]]:
    """``{id, persona_id, conversations: [{from, value}]}``; with marks, each entry has ``train_on``."""
    messages = messages_of(sample, options)
    entries: list[dict[str, Any]] = [
        {"from": _TO_SHAREGPT.get(m["role"], m["role"]), "value": m["content"]} for m in messages
    ]
    if options.train_on is not None:
        last = max((i for i, entry in enumerate(entries) if entry["from"] == "gpt"), default=-1)
        for index, entry in enumerate(entries):
            entry["train_on"] = entry["from"] == "gpt" and (options.train_on == "all" or index == last)
    return [{"id": sample.sample_id, "persona_id": sample.persona_id, "conversations": entries}]


def decode_sharegpt(record: Mapping[str, Any]) -> TrainingSample:
    """The conversation; ``human`` and ``user``, ``gpt`` and ``assistant`` mean the same."""
    messages = [
        {"role": _FROM_SHAREGPT.get(entry["from"], entry["from"]), "content": entry["value"]}
        for entry in record["conversations"]
    ]
    return chat_sample(messages, str(record.get("id", "")), str(record.get("persona_id", "")))


def encode_trl(sample: TrainingSample, options: FormatOptions) -> list[dict[str, Any]]:
    """TRL's conversational types, with ``sample_id`` and ``persona_id`` beside them.

    Without marks: one language-modelling record, ``{messages}``. ``last``: one prompt-completion record, whose
    completion is the last answer. ``all``: one such record for each answer, so that each is learned from once and TRL's
    completion-only loss masks the rest.
    """
    messages = messages_of(sample, options)
    ids = {"sample_id": sample.sample_id, "persona_id": sample.persona_id}
    if options.train_on is None:
        return [{"messages": messages, **ids}]
    places = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    if options.train_on == "last":
        places = places[-1:]
    return [{"prompt": messages[:index], "completion": [messages[index]], **ids} for index in places]


def decode_trl(record: Mapping[str, Any]) -> TrainingSample:
    """The conversation as far as the record goes."""
    messages = record["messages"] if "messages" in record else [*record["prompt"], *record["completion"]]
    return chat_sample(messages, str(record.get("sample_id", "")), str(record.get("persona_id", "")))


def encode_atlas(sample: TrainingSample, options: FormatOptions) -> list[dict[str, Any]]:
    """The form in which PersonaAtlas was published.

    ``distractor_type`` is the layer of the first noisy turn, or ``none``; ``conversation_ended`` says that the user
    model ended the conversation because it was satisfied.
    """
    del options
    notes = sample.metadata or {}
    noise = applied_noise(sample)
    said = [{"role": m["role"], "content": m["content"]} for m in sample.full_conversation or ()]
    spoken = {role: [m["content"] for m in said if m["role"] == role] for role in ("user", "assistant")}
    return [
        {
            "id": sample.sample_id,
            "persona_id": sample.persona_id,
            "persona": sample.persona_features or {},
            "original_query": sample.original_query,
            "initial_query": sample.initial_query,
            "full_conversation": said,
            "role_utterances": spoken,
            "num_turns": sample.num_turns,
            "distractor_type": notes.get("distractor_type") or (noise[0]["noise_type"] if noise else "none"),
            "conversation_ended": bool(notes.get("end_reason") == EndReason.SATISFIED),
        }
    ]


def decode_atlas(record: Mapping[str, Any]) -> TrainingSample:
    """All that the form has; its two facts about the conversation go to the metadata."""
    ended = bool(record.get("conversation_ended"))
    return blank_sample(
        sample_id=str(record["id"]),
        persona_id=str(record["persona_id"]),
        persona_features=record.get("persona"),
        original_query=record["original_query"],
        initial_query=record["initial_query"],
        full_conversation=list(record["full_conversation"]),
        num_turns=record["num_turns"],
        metadata={
            "end_reason": str(EndReason.SATISFIED if ended else EndReason.TARGET_REACHED),
            "distractor_type": record.get("distractor_type", "none"),
        },
    )
