"""The service: workers that recognise, and a process that speaks HTTP."""

import os
import signal
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from litserve import LitServer

from recircle.errors import UserError
from recircle.inference.recognizer import Recognizer
from recircle.serving.gate import Gate
from recircle.serving.limits import Limits
from recircle.serving.worker import PATH, RecognitionAPI, Served

HOSTS = ("127.0.0.1", "0.0.0.0", "::")


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
    loaded: Callable[[], object] = lambda: None,
) -> None:
    """Answer requests until this process is told to end (SIGTERM, SIGINT); those that are there are answered first.

    Args:
        run: the folder of the run.
        options: of `Recognizer.load`, without the device.
        limits: of a request.
        host: one of `HOSTS`.
        port: 1024 to 65535.
        workers: processes that recognise, on each device.
        batch: most clips that pass the network together.
        wait: seconds that a clip waits for others, at most.
        accelerator: auto, cpu, cuda or mps.
        loaded: called when the run has been found good.

    Raises:
        UserError: the run cannot be loaded, or the port is taken.
    """
    _check_free(host, port)
    # once here, where what is wrong with it becomes one sentence
    with Recognizer.load(run, "cpu", **options) as recognizer:
        metadata = {"run": run.resolve().name, "labels": list(recognizer.labels), **recognizer.settings}
    loaded()
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
        signal.signal(signal.SIGTERM, _end_by(os.getpid()))
        server.run(host=host, port=port, num_api_servers=1, log_level="warning", generate_client_file=False)


def _check_free(host: str, port: int) -> None:
    """Insist on a port that nobody listens on.

    Raises:
        UserError: somebody does, or the system does not allow it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise UserError(f"--port {port} of {host} cannot be listened on: {error.strerror}; give another") from None


def _end_by(process: int) -> Callable[[int, FrameType | None], None]:
    """Return a signal handler by which the process that started the service ends it, and one that it forked itself."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  (what a handler gets)
        if os.getpid() != process:
            raise SystemExit(0)
        raise KeyboardInterrupt

    return end
