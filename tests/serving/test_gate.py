"""What stands before the service turns away what is too many, too large or too late, whatever the application does."""

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

pytest.importorskip("litserve", reason="the extra serve is not installed")

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recircle.serving import gate as gates
from recircle.serving.gate import Gate
from recircle.serving.limits import Limits


@pytest.fixture(autouse=True)
def _short_lingering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "LINGER", 1.0)


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse("done")(scope, receive, send)


async def takes_faults_for_its_own(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await reads_all(scope, receive, send)
    except Exception:  # whatever comes while a form is read is a broken form to FastAPI
        await PlainTextResponse("the form is broken", 400)(scope, receive, send)


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
    [
        (reads_all, whole, 200),
        (reads_all, endless, 413),
        (takes_faults_for_its_own, endless, 413),
        (reads_all, drop_by_drop, 408),
        (never_answers, whole, 504),
    ],
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


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Of a real server with a gate that takes a megabyte."""
    gate = Gate(reads_all, limits=Limits(megabytes=1), path="/predict")
    server = uvicorn.Server(uvicorn.Config(gate, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("told", [True, False])
def test_a_client_that_sends_all_before_it_reads_is_told_why(address: tuple[str, int], told: bool) -> None:
    head = "Content-Length: 20000000" if told else "Transfer-Encoding: chunked"
    part = b"x" * 100_000 if told else b"186a0\r\n" + b"x" * 100_000 + b"\r\n"
    with socket.create_connection(address, timeout=20) as client:
        client.sendall(f"POST /predict HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n".encode())
        for _ in range(200):
            client.sendall(part)
        if not told:
            client.sendall(b"0\r\n\r\n")
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"the request is larger than 1 MB" in answer
