"""A thousand conversations must not sound like one."""

import asyncio
from itertools import pairwise

import pytest
from simulated_drive import converse, features, queries, request

from personaloom.llm.simulated import SimulatedModel
from personaloom.llm.types import Purpose, Role, Sampling


@pytest.fixture(scope="module")
def conversations():
    async def drive():
        model, texts = SimulatedModel(), queries()
        return [await converse(model, i, texts[i % len(texts)], 2 + i % 4) for i in range(1000)]

    return asyncio.run(drive())


def test_a_thousand_conversations_repeat_no_message_pair(conversations):
    pairs = [
        (first["content"], second["content"])
        for talk in conversations
        for first, second in pairwise(talk)
        if first["role"] == "user"
    ]
    assert len(pairs) == 3500
    assert len(set(pairs)) == len(pairs)


def test_single_messages_hardly_repeat(conversations):
    asked = [m["content"] for talk in conversations for m in talk[2:] if m["role"] == "user"]
    answered = [m["content"] for talk in conversations for m in talk if m["role"] == "assistant"]
    assert len(set(asked)) >= 0.97 * len(asked)
    assert len(set(answered)) >= 0.995 * len(answered)


def test_system_prompts_of_different_personas_differ():
    async def drive():
        model = SimulatedModel()
        texts = []
        for i in range(300):
            facts = {"features": features(i), "descriptions": {}}
            asked = request(Purpose.FORMULATE_PROMPT, facts, persona=f"p{i:06d}", slot="", role=Role.FORMULATOR)
            texts.append((await model.complete(asked, Sampling(), 60)).text)
        return texts

    assert len(set(asyncio.run(drive()))) == 300


def test_no_grammar_leaks_into_a_text(conversations):
    """No unfilled ``{variable}``, no doubled space in prose, no empty message."""
    for talk in conversations:
        for message in talk[1:]:
            text = message["content"]
            assert text.strip()
            outside = "".join(text.split("```")[::2])
            assert not any(
                f"{{{name}}}" in outside for name in ("subject", "short", "thing", "term", "ref", "measures", "core")
            )
            assert "  " not in outside.replace("\n", "|")
