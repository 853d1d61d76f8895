"""A service in a process of its own, and a client of it that knows HTTP alone."""

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recircle.run import Run


@dataclass
class Service:
    """A service in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    scratch: Path

    def post(self, parts: Sequence[tuple[str, str, bytes]], *, seconds: float = 60) -> tuple[int, dict[str, Any]]:
        """Send a form of (field, file name, content)."""
        body, kind = form(parts)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            # what is refused before its end is still answered, as curl and browsers read it
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", "/predict", body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def file(self, path: Path) -> tuple[int, dict[str, Any]]:
        """Send a video file."""
        return self.post([("clip", path.name, path.read_bytes())])

    def get(self, path: str) -> tuple[int, str]:
        """Ask for a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def form(parts: Sequence[tuple[str, str, bytes]]) -> tuple[bytes, str]:
    """Return (field, file name, content) as the body of a request, and the type of that."""
    boundary = secrets.token_hex(8)
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"'.encode()
        + (f'; filename="{name}"' if name else "").encode()
        + b"\r\n\r\n"
        + content
        + b"\r\n"
        for field, name, content in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@contextmanager
def serving(run: Run, folder: Path, *options: str) -> Iterator[Service]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "recircle.cli.main", "serve", str(run.path), "--port", str(port)]
    environment = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
    printed = folder / "printed.txt"
    with printed.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--device", "cpu", *options], env=environment, start_new_session=True, stdout=file
        )
    service = Service(process, port, folder)
    try:
        for _ in range(600):
            assert process.poll() is None, "the service did not start"
            # said when it answers, and not before
            if f"http://127.0.0.1:{port}/predict" in printed.read_text():
                break
            time.sleep(0.2)
        assert service.get("/health")[0] == 200
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def descendants(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [pid for child in map(int, found) for pid in (child, *descendants(child))]


def command_of(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_bytes().decode()
