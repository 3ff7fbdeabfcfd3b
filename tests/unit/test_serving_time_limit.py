import asyncio
import json

import pytest
from starlette.types import Message, Receive, Scope, Send

from herodex.serving.time_limit import TimeLimit

SOON_S = 0.01


async def answer(limit: TimeLimit, state: dict[str, str] | None = None) -> list[Message]:
    """Send a request; return the messages of its response."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "path": "/api/quote",
        "method": "GET",
        "headers": [],
        "state": state or {},
    }
    await limit(scope, receive, send)
    return sent


async def never_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


async def answer_slowly(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.sleep(3 * SOON_S)
    await send({"type": "http.response.body", "body": b"all"})


async def time_out_inside(scope: Scope, receive: Receive, send: Send) -> None:
    raise TimeoutError


def test_request_without_a_response_in_time_gets_504_with_its_reason() -> None:
    state = {"request": "first"}
    start, body = asyncio.run(answer(TimeLimit(never_answer, SOON_S), state))
    assert start["status"] == 504
    assert set(json.loads(body["body"])) == {"error", "hint"}
    assert state["refusal"] == "busy"


def test_response_that_has_begun_may_take_longer() -> None:
    _, body = asyncio.run(answer(TimeLimit(answer_slowly, SOON_S)))
    assert body["body"] == b"all"


def test_time_limit_of_something_else_stays_an_error() -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(answer(TimeLimit(time_out_inside, 60)))
