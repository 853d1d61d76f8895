"""Requests that nobody will answer any more: their worker is lost, or their client has had another answer."""

import asyncio
import logging

from fastapi import HTTPException
from litserve import LitServer
from litserve.utils import LitAPIStatus, WorkerSetupStatus
from starlette.types import ASGIApp, Receive, Scope, Send

from recircle.decode.trim import Trim

_SECONDS = 0.5
_LOG = logging.getLogger(__name__)


class Losses:
    """An ASGI middleware that answers the requests of workers that were lost, and forgets those that were given up.

    LitServe starts another worker for one that is lost, but looks for its requests in the process that starts workers,
    while they are in the one that speaks HTTP, where this runs. A request that is given up there, after the time for an
    answer, stays in its table.
    """

    def __init__(self, app: ASGIApp, *, server: LitServer) -> None:
        """Wrap the application of a server."""
        self._app, self._server = app, server
        self._answered: set[str] = set()
        self._trim = Trim()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand everything on, and look after the requests as long as the application lives."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        task = asyncio.create_task(self._look())
        try:
            await self._app(scope, receive, send)
        finally:
            task.cancel()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS)
            self.forget()
            self._trim()
            if not self._server.response_buffer:
                continue
            try:
                self.answer_lost(await asyncio.to_thread(self._starting))
            except (OSError, EOFError):
                # the process that keeps the queue is gone, and so is the service
                return

    def _starting(self) -> set[int]:
        """Return the numbers of the workers that are not ready."""
        found = self._server.workers_setup_status.items()
        return {int(name.rpartition("_")[2]) for name, status in found if status != WorkerSetupStatus.READY}

    def answer_lost(self, starting: set[int]) -> None:
        """Answer the requests that a worker of these numbers had: it is only just starting, so another had them."""
        waiting = self._server.response_buffer.values()
        lost = [item for item in waiting if item.worker_id in starting and not item.event.is_set()]
        if lost:
            _LOG.warning("a worker was lost with %d requests, which are told so; another one is started", len(lost))
        for item in lost:
            answer = HTTPException(503, "the worker that had the clip is lost; send it again", {"Retry-After": "2"})
            item.response = (answer, LitAPIStatus.ERROR)
            item.event.set()

    def forget(self) -> None:
        """Forget the requests that were answered before the last look and are still there: nobody waits for them."""
        buffer = self._server.response_buffer
        for name in self._answered & buffer.keys():
            del buffer[name]
        self._answered = {name for name, item in buffer.items() if item.event.is_set()}
