"""What stands before the service: it counts requests, and turns away those that are too many, too large or too late."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recircle.serving.limits import Limits

LINGER = 5.0
"""Seconds for which the rest of a refused request is read, and thrown away."""

_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class _TooLargeError(Exception):
    """The body of a request is larger than it may be."""


class Gate:
    """An ASGI middleware for `path`; it also answers `/metrics`, for Prometheus."""

    def __init__(self, app: ASGIApp, *, limits: Limits, path: str) -> None:
        """Wrap an application.

        Args:
            app: what answers.
            limits: of a request.
            path: where the limits hold.
        """
        self._app, self._limits, self._path = app, limits, path
        self._most = int(1e6 * limits.megabytes)
        self._registry = CollectorRegistry()
        self._requests = Counter("recircle_requests", "requests", ["status"], registry=self._registry)
        self._seconds = Histogram(
            "recircle_request_seconds", "seconds to the answer", buckets=_BUCKETS, registry=self._registry
        )
        self._waiting = Gauge("recircle_requests_waiting", "requests without an answer yet", registry=self._registry)
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "http" and scope["path"] == "/metrics":
            await PlainTextResponse(generate_latest(self._registry))(scope, receive, send)
        elif scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
        else:
            await self._count_and_answer(scope, receive, send)

    async def _count_and_answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.monotonic(), 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await _refuse(refusal, scope, receive, send_and_note, whole=False)
                return
            self._count += 1
            self._waiting.set(self._count)
            try:
                await self._answer(scope, receive, send_and_note)
            finally:
                self._count -= 1
                self._waiting.set(self._count)
        finally:
            self._requests.labels(str(status)).inc()
            self._seconds.observe(time.monotonic() - began)

    def _refusal(self, scope: Scope) -> Response | None:
        if self._count >= self._limits.waiting:
            detail = f"{self._limits.waiting} requests are waiting already; come again later"
            return JSONResponse({"detail": detail}, 503, {"Retry-After": "1", "Connection": "close"})
        length = dict(scope["headers"]).get(b"content-length", b"0")
        return self._too_large() if length.isdigit() and int(length) > self._most else None

    def _too_large(self) -> Response:
        detail = f"the request is larger than {self._limits.megabytes:g} MB"
        return JSONResponse({"detail": detail}, 413, {"Connection": "close"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        size, whole, started, is_large = 0, False, False, False

        async def receive_some() -> Message:
            nonlocal size, whole, is_large
            message = await receive()
            whole = not _has_more(message)
            size += len(message.get("body", b""))
            if size > self._most:
                is_large = True
                raise _TooLargeError
            return message

        async def send_some(message: Message) -> None:
            nonlocal started
            if is_large:
                # a reader of forms takes what was raised for a broken form, and says so
                return
            started = True
            await send(message)

        refusal: Any = None
        try:
            async with asyncio.timeout(self._limits.answer):
                await self._app(scope, receive_some, send_some)
        except _TooLargeError:
            # what is noted says so, also where the application kept this from coming here
            pass
        except TimeoutError:
            status, what = (504, "there was no answer") if whole else (408, "the request did not come to its end")
            refusal = JSONResponse({"detail": f"{what} in {self._limits.answer:g} s"}, status, {"Connection": "close"})
        if is_large:
            refusal = self._too_large()
        if refusal is not None and not started:
            await _refuse(refusal, scope, receive, send, whole=whole)


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send, *, whole: bool) -> None:
    """Answer a request, and read what still comes of it for a while.

    Where a connection is closed on data that nobody has read, it is reset, and a client that is still sending never
    sees why. So the connection is kept until the client has sent all, or has hung up, or the time is over.

    Args:
        response: the answer.
        scope: of the request.
        receive: the rest of the request.
        send: to the client.
        whole: whether nothing more is to come.
    """

    async def send_and_stay(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    await response(scope, receive, send if whole else send_and_stay)
    if whole:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while _has_more(await receive()):
                # one that sends fast must not keep others waiting
                await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_more(message: Message) -> bool:
    return message.get("more_body", False)
