"""No reply is ever taken for the answer to another question."""

import asyncio
import json
from functools import partial

import pytest

from personaloom.llm.connection import connect
from personaloom.llm.types import CallKey, ChatMessage, LLMRequest, Purpose, Role, Sampling
from personaloom.llm.wire import Wire

KEY = CallKey(1, "p000000", "p000000-q00", 0, Role.USER, 0, Purpose.USER_FEEDBACK)


class Stammering:
    """A server that answers by repeating the question, and says each answer once more when it is told to."""

    def __init__(self):
        self.again = []

    async def __call__(self, reader, writer):
        while head := await reader.readline():
            while (line := await reader.readline()).strip():
                head += line
            size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            asked = json.loads(await reader.readexactly(size))["messages"][0]["content"]
            body = json.dumps({"choices": [{"message": {"content": asked}}]}).encode()
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            writer.write(answer)
            self.again.append(partial(writer.write, answer))
        writer.close()


@pytest.mark.parametrize("over_wire", [True, False])
def test_a_reply_that_is_sent_twice_is_not_taken_for_the_next_one(over_wire, monkeypatch):
    if not over_wire:
        monkeypatch.setattr(Wire, "over", classmethod(lambda *_: None))

    async def main():
        stammering = Stammering()
        server = await asyncio.start_server(stammering, "127.0.0.1", 0)
        base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        one, other = (connect("openai/m", base_url=base_url) for _ in range(2))

        async def answer(client, question):
            request = LLMRequest(Role.USER, (ChatMessage("user", question),), KEY)
            return (await client.complete(request, Sampling(), 10.0)).text

        answers = [await answer(one, "first")]
        stammering.again[0]()
        await answer(other, "so that what was said twice has come")
        answers.append(await answer(one, "second"))
        await one.aclose()
        await other.aclose()
        server.close()
        return answers

    assert asyncio.run(main()) == ["first", "second"]
