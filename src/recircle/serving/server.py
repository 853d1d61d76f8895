"""The service: workers that recognise, and a process that speaks HTTP."""

import http.client
import multiprocessing
import multiprocessing.connection
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

from fastapi.exceptions import RequestValidationError
from litserve import LitServer

from recircle.errors import UserError
from recircle.inference.recognizer import Recognizer
from recircle.serving.gate import Gate
from recircle.serving.lifetime import forks_end_with_this
from recircle.serving.limits import Limits
from recircle.serving.losses import Losses
from recircle.serving.openapi import describe
from recircle.serving.ports import check_port
from recircle.serving.upload import refuse_form
from recircle.serving.worker import PATH, RecognitionAPI, Served


def serve(
    run: Path,
    *,
    options: Mapping[str, Any],
    limits: Limits,
    host: str,
    port: int,
    workers: int,
    batch: int,
    wait: float,
    accelerator: str,
    ready: Callable[[], object] = lambda: None,
) -> None:
    """Answer requests until this process is told to end (SIGTERM, SIGINT); those that are there are answered first.

    Args:
        run: the folder of the run.
        options: of `Recognizer.load`, without the device.
        limits: of a request.
        host: 127.0.0.1, 0.0.0.0 or ::.
        port: in `ports.PORTS`.
        workers: processes that recognise, on each device.
        batch: most clips that pass the network together.
        wait: seconds that a clip waits for others, at most.
        accelerator: auto, cpu, cuda or mps.
        ready: called, in a thread, when the service answers.

    Raises:
        UserError: the run cannot be loaded, the port is out of range or taken, or the process that speaks HTTP was
            lost.
    """
    check_port(host, port)
    # once here, where what is wrong with it becomes one sentence
    with Recognizer.load(run, "cpu", **options) as recognizer:
        metadata = {"run": run.resolve().name, "labels": list(recognizer.labels), **recognizer.settings}
    with tempfile.TemporaryDirectory(prefix="recircle-serve-") as scratch:
        served = Served(
            run=run,
            options=options,
            limits=limits,
            batch=batch,
            wait=wait,
            workers=workers,
            scratch=Path(scratch),
        )
        server = LitServer(
            RecognitionAPI(served),
            accelerator=accelerator,  # pyright: ignore[reportArgumentType]
            workers_per_device=workers,
            # a request that is answered with 504 is not begun any more
            timeout=limits.answer,
            restart_workers=True,
            model_metadata=metadata,
            middlewares=[(Gate, {"limits": limits, "path": PATH})],
        )
        server.app.add_middleware(Losses, server=server)
        server.app.add_exception_handler(RequestValidationError, refuse_form)
        describe(server.app, PATH)
        end = _End()
        threading.Thread(target=_await_answers, args=(host, port, ready), name="recircle-ready", daemon=True).start()
        with forks_end_with_this(remove=Path(scratch)):
            server.run(host=host, port=port, num_api_servers=1, log_level="warning", generate_client_file=False)
    if end.is_lost:
        raise UserError("the process of the service that speaks HTTP was lost; start it again")


class _End:
    """Ends the service: on a signal, and when the process that speaks HTTP is lost, which LitServe does not watch.

    Attributes:
        is_lost: whether the latter was the reason.
    """

    def __init__(self) -> None:
        self.is_lost = False
        self._process = os.getpid()
        self._is_wanted = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)
        threading.Thread(target=self._watch, name="recircle-http", daemon=True).start()

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  (what a handler gets)
        if os.getpid() != self._process:
            # in a process that was forked from this one
            raise SystemExit(0)
        self._is_wanted = True
        raise KeyboardInterrupt

    def _watch(self) -> None:
        while (process := _http_process()) is None:
            time.sleep(1)
        # not `join`, after which LitServe could not ask for its state any more
        multiprocessing.connection.wait([process.sentinel])
        if not self._is_wanted:
            self.is_lost = True
            os.kill(self._process, signal.SIGTERM)


def _await_answers(host: str, port: int, ready: Callable[[], object]) -> None:
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    while not _answers(address, port):
        time.sleep(0.2)
    ready()


def _answers(address: str, port: int) -> bool:
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _http_process() -> BaseProcess | None:
    return next((one for one in multiprocessing.active_children() if one.name.startswith("LitServer-")), None)
