import asyncio
import logging

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herodex.serving import metrics
from herodex.serving.observer import CLIENT_CLOSED, Observer

PATH = "/api/quote"


def observe(app: ASGIApp) -> list[Message]:
    """Send a request to an observed application; return the messages of its response."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "path": PATH, "method": "GET", "headers": []}
    asyncio.run(Observer(app)(scope, receive, send))  # type: ignore[arg-type]
    return sent


def counted(status: int) -> float:
    """Requests counted so far with a status."""
    return metrics.REQUESTS.labels(PATH, status)._value.get()


async def begin_response(send: Send) -> None:
    """Send the head of a response and some of its body."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})


async def fail_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("no model")


async def fail_in_response(scope: Scope, receive: Receive, send: Send) -> None:
    await begin_response(send)
    raise RuntimeError("no more")


async def leave_in_response(scope: Scope, receive: Receive, send: Send) -> None:
    await begin_response(send)
    raise asyncio.CancelledError


async def leave_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    raise asyncio.CancelledError


def test_request_is_counted_logged_and_given_an_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "herodex")
    before = counted(200)
    start, _ = observe(PlainTextResponse("fine"))
    assert counted(200) == before + 1
    (line,) = caplog.records
    assert (line.message, line.route, line.status) == ("answered", PATH, 200)  # type: ignore[attr-defined]
    assert dict(start["headers"])[b"x-request-id"].decode() == line.request  # type: ignore[attr-defined]


async def return_without_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Return as the guard does if the client has left."""


def test_request_of_a_client_that_left_is_counted_without_a_response() -> None:
    before = counted(CLIENT_CLOSED)
    assert observe(return_without_response) == []
    assert counted(CLIENT_CLOSED) == before + 1


def test_failure_before_the_response_becomes_a_500_that_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    before = counted(500)
    start, body = observe(fail_at_once)
    assert start["status"] == 500
    assert b"request id" in body["body"]
    assert counted(500) == before + 1
    assert "no model" in caplog.text


def test_failure_in_a_response_is_counted_and_logged_as_500(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "herodex")
    failed, succeeded = counted(500), counted(200)
    with pytest.raises(RuntimeError):
        observe(fail_in_response)
    assert (counted(500), counted(200)) == (failed + 1, succeeded)
    assert [getattr(line, "status", None) for line in caplog.records] == [None, 500]


@pytest.mark.parametrize(("app", "status"), [(leave_at_once, 499), (leave_in_response, 200)])
def test_cancelled_request_is_counted(app: ASGIApp, status: int) -> None:
    before = counted(status)
    with pytest.raises(asyncio.CancelledError):
        observe(app)
    assert counted(status) == before + 1


def test_no_request_stays_in_progress_after_a_failure() -> None:
    with pytest.raises(RuntimeError):
        observe(fail_in_response)
    assert metrics.IN_PROGRESS._value.get() == 0


def test_failed_inference_is_timed() -> None:
    def samples() -> float:
        return metrics.MODEL_SECONDS.labels("classifier")._sum.get()

    before = samples()
    with pytest.raises(RuntimeError), metrics.timed_inference("classifier", 1):
        raise RuntimeError("no model")
    assert samples() > before
