"""Requests as the pipeline makes them, and conversations driven straight at the model."""

import asyncio
import json
from pathlib import Path

from personaloom.keyed import Key
from personaloom.llm.types import CallKey, ChatMessage, LLMRequest, Purpose, Role, Sampling

TURN_SCHEMA = {
    "type": "object",
    "properties": {"satisfied": {"type": "boolean"}, "message": {"type": "string"}},
    "required": ["satisfied", "message"],
    "additionalProperties": False,
}
VALUES = {
    "role": ["nurse", "software engineer", "student", "chef", "lawyer", "retiree", "accountant", "musician"],
    "industry": ["healthcare", "education", "retail", "public sector"],
    "formality_level": ["very informal", "informal", "neutral", "formal", "very formal"],
    "tone_pref": ["blunt", "warm and encouraging", "playful", "neutral and factual"],
    "query_length_pref": ["a few words", "one sentence", "two or three sentences", "a long paragraph"],
    "length_pref": ["one line", "about half a page", "a page or more"],
    "format_pref_primary": ["bullet points", "numbered steps", "a table", "plain paragraphs"],
    "follow_up_tendency": ["digs into details", "challenges the answer", "asks one thing more"],
    "time_sensitivity": ["no hurry", "within the hour"],
    "tech_proficiency": ["struggles with technology", "power user"],
    "example_pref": ["no examples", "one short example"],
    "emoji_use": ["none", "a lot"],
}


def queries():
    file = Path(__file__).parents[2] / "data" / "queries.jsonl"
    return [json.loads(line)["text"] for line in file.read_text("utf-8").splitlines()]


def features(index):
    key = Key(5, index)
    return {name: key.choice(values, name) for name, values in VALUES.items() if key.chance(0.8, name, "has")}


def request(
    purpose,
    facts,
    *,
    persona="p000000",
    slot="p000000-q00",
    turn=0,
    seed=42,
    role=Role.ASSISTANT,
    schema=None,
    messages=None,
):
    chat = messages or (ChatMessage("system", "Play your part."), ChatMessage("user", "Go on."))
    return LLMRequest(role, tuple(chat), CallKey(seed, persona, slot, 0, role, turn, purpose), schema, facts=facts)


def ask(model, *args, max_tokens=None, **kwargs):
    return asyncio.run(model.complete(request(*args, **kwargs), Sampling(max_tokens=max_tokens), 60))


async def converse(model, index, query, turns=5):
    """The messages of one conversation of so many turns, the user's and the assistant's by turns."""
    persona, slot = f"p{index // 5:06d}", f"p{index // 5:06d}-q{index % 5:02d}"
    own = features(index // 5)
    history = [{"role": "user", "content": query}]
    for turn in range(turns):
        facts = {"history": history, "features": None, "persona_prompt": None, "topic": query}
        asked = request(Purpose.ASSISTANT_RESPONSE, facts, persona=persona, slot=slot, turn=turn)
        reply = await model.complete(asked, Sampling(), 60)
        history = [*history, {"role": "assistant", "content": reply.text}]
        if turn == turns - 1:
            return history
        facts = {
            "persona_prompt": "", "features": own, "history": history, "topic": query, "turn": turn + 1,
            "target_turns": turns, "feedback": index % 2 == 0, "may_end": False,
        }  # fmt: skip
        asked = request(
            Purpose.USER_FEEDBACK,
            facts,
            persona=persona,
            slot=slot,
            turn=turn + 1,
            role=Role.USER,
            schema=TURN_SCHEMA,
        )
        reply = await model.complete(asked, Sampling(), 60)
        history = [*history, {"role": "user", "content": reply.parsed["message"]}]
    return history
