"""What stands before the service turns away what is too many, too large or too late, whatever the application does."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

pytest.importorskip("litserve", reason="the extra serve is not installed")

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recircle.serving.gate import Gate
from recircle.serving.limits import Limits


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse("done")(scope, receive, send)


async def never_answers(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await asyncio.sleep(60)


async def ask(gate: Gate, receive: Callable[[], Awaitable[Message]]) -> int:
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await gate(scope, receive, send)
    return sent[0]["status"]


async def whole() -> Message:
    return {"type": "http.request", "body": b"x" * 100, "more_body": False}


async def endless() -> Message:
    return {"type": "http.request", "body": b"x" * 100_000, "more_body": True}


async def drop_by_drop() -> Message:
    await asyncio.sleep(0.01)
    return {"type": "http.request", "body": b"x", "more_body": True}


@pytest.mark.parametrize(
    ("app", "receive", "status"),
    [(reads_all, whole, 200), (reads_all, endless, 413), (reads_all, drop_by_drop, 408), (never_answers, whole, 504)],
)
def test_each_request_gets_an_answer_in_time(
    app: ASGIApp, receive: Callable[[], Awaitable[Message]], status: int
) -> None:
    gate = Gate(app, limits=Limits(megabytes=1, answer=0.3), path="/predict")
    assert asyncio.run(ask(gate, receive)) == status


def test_those_that_are_too_many_are_told_at_once_and_the_place_of_one_that_was_answered_is_free() -> None:
    gate = Gate(never_answers, limits=Limits(waiting=3, answer=0.3), path="/predict")

    async def crowd() -> list[int]:
        return await asyncio.gather(*(ask(gate, whole) for _ in range(8)))

    for _ in range(2):
        assert asyncio.run(crowd()) == [504] * 3 + [503] * 5
