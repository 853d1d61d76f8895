"""One process that decodes files: it is asked on its input, answers on its output, and is ended where it is late."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recircle.decode.error import DecodeError
from recircle.decode.probe import Probe
from recircle.decode.pyav import MAX_PIXELS
from recircle.decode.running import Passage, TimedFrame
from recircle.decode.whole_file import Image
from recircle.errors import UserError

# seconds in which a process must start; importing takes one second, and much longer from a slow disk
_START = 120.0
# bytes of a line of an answer, of which the longest is a verdict with the durations of all frames
_LINE = 2**26
# bytes that the pipe holds; with the usual 64 KiB, the two processes wake each other a hundred times for one frame
_PIPE = 2**20


class EndedError(Exception):
    """A process has ended."""


class GarbledError(EndedError):
    """What a process answers is not an answer: a file has written over its memory, or taken it over."""


class DecoderProcess:
    """One process; used by one thread at a time, except for `kill`.

    Attributes:
        idle: it has answered all that it was asked.
        late: it has been ended since its time was up.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.idle, self.late = True, False
        self._ready = self._ended = False
        self._owner = os.getpid()
        self._buffer = bytearray()
        try:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives until the process is ready)
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    env=_environment(),
                    # the signals of a terminal are for the process that asks, and the terminal is not for a decoder
                    start_new_session=True,
                )
            except BaseException:
                self._errors.close()
                raise
        except OSError as error:
            raise UserError(
                f"no process to decode files in can be started: {error.strerror or error}; close other programs, or "
                "raise the limits of open files and processes (ulimit -n, ulimit -u)"
            ) from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        with suppress(ImportError, AttributeError, OSError):
            import fcntl

            fcntl.fcntl(self._answers, fcntl.F_SETPIPE_SZ, _PIPE)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def code(self) -> int:
        """How it ended."""
        return self._process.wait()

    def wait_until_ready(self) -> None:
        """Wait for the end of its imports.

        Raises:
            UserError: it does not start.
        """
        if self._ready:
            return
        try:
            with self.limited(_START):
                self._ready = "ready" in self._read_line()
        except EndedError:
            self.kill()
            self._process.wait()
            self.idle = False
            why = "it was stopped"
            with suppress(ValueError, OSError):  # closed by another thread that ends everything
                self._errors.seek(0)
                lines = self._errors.read().decode(errors="replace").strip().splitlines()
                why = lines[-1] if lines else "it gives no message"
            raise UserError(f"a process to decode files in does not start: {why}") from None
        self._errors.close()

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """End the process if the block takes longer."""

        def give_up() -> None:
            self.late = True
            self.kill()

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        _start(timer)
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # what it does, it does to this file and not to the next

    @contextmanager
    def _watched(self, seconds: float) -> Iterator["_Watch"]:
        """Have one thread end the process if a frame takes longer; a timer for each costs more than the frame."""
        watch = _Watch()

        def look() -> None:
            while not watch.over.wait(min(1.0, seconds / 4)):
                since = watch.since
                if since is not None and time.monotonic() - since > seconds:
                    self.late = True
                    self.kill()
                    return

        thread = threading.Thread(target=look, daemon=True)
        _start(thread)
        try:
            yield watch
        finally:
            watch.over.set()
            thread.join()

    def ask(self, request: dict[str, Any]) -> None:
        """Send a request, which it answers next.

        Raises:
            EndedError: it has ended.
        """
        self.idle = False
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
        except (OSError, ValueError):
            raise EndedError from None

    def read_found(self, path: Path) -> Probe:
        """Read the verdict on a file.

        Raises:
            DecodeError: the file cannot be decoded.
            EndedError: the process has ended, or answers something else.
        """
        answer = self._read_answer(path)
        try:
            found = Probe(**answer["found"])
        except (KeyError, TypeError, ValueError):
            raise GarbledError from None
        self.idle = True
        return found

    def read_times(self, path: Path) -> tuple[list[float], float]:
        """Read when the frames of a file begin and the last one ends, and frames a second.

        Raises:
            DecodeError: the file cannot be decoded.
            EndedError: the process has ended, or answers something else.
        """
        answer = self._read_answer(path)
        try:
            found = [float(time) for time in answer["times"]], float(answer["fps"])
        except (KeyError, TypeError, ValueError):
            raise GarbledError from None
        self.idle = True
        return found

    def read_images(self, path: Path, count: int) -> Iterator[Image]:
        """Read frames; they share one memory, in which the next one takes the place of the last.

        Raises:
            DecodeError: the file cannot be decoded so far, or has fewer frames.
            EndedError: the process has ended, or answers something else.
        """
        for _ in range(count):
            yield self._read_image(self._read_answer(path).get("shape"))
        self.idle = True

    def read_running(self, path: Path, passage: Passage, seconds: float) -> Iterator[TimedFrame]:
        """Read the frames of a file as they come; the image of one is good until the next one is asked for.

        Args:
            path: of the file.
            passage: is filled on the way.
            seconds: after how long without a frame the file is given up.

        Raises:
            DecodeError: no frame decodes.
            EndedError: the process has ended, or answers something else.
        """
        with self._watched(seconds) as watch:
            while True:
                watch.since = time.monotonic()
                answer = self._read_answer(path)
                if "ended" in answer:
                    break
                image = self._read_image(answer.get("shape"))
                watch.since = None  # whoever takes the frame may be slow
                try:
                    passage.fps, passage.declared = float(answer["fps"]), float(answer["declared"])
                    end = answer["end"]
                    frame = TimedFrame(image, float(answer["time"]), None if end is None else float(end))
                except (KeyError, TypeError, ValueError):
                    raise GarbledError from None
                yield frame
        passage.notes += map(str, answer["ended"])
        self.idle = True

    def kill(self) -> None:
        """End it at once; from any thread."""
        if self._owner == os.getpid():
            self._process.kill()

    def end(self) -> None:
        """End it, and give back what it holds here."""
        if self._ended:
            return
        self._ended = True
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
        else:
            self._process.returncode = 0  # of a process that forked; it is not ours to wait for
        for pipe in (self._requests, self._answers, self._errors):
            with suppress(OSError, ValueError):  # a request that no one read
                pipe.close()

    def _read_answer(self, path: Path) -> dict[str, Any]:
        answer = self._read_line()
        if "fault" in answer:
            self.idle = True
            raise DecodeError(path, str(answer["fault"]))
        return answer

    def _read_line(self) -> dict[str, Any]:
        try:
            line = self._answers.readline(_LINE)
        except (OSError, ValueError):
            line = b""
        if not line.endswith(b"\n"):
            raise GarbledError if len(line) == _LINE else EndedError
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise GarbledError
        return answer

    def _read_image(self, shape: Any) -> Image:
        fits = (
            isinstance(shape, list)
            and len(shape) == 3
            and all(isinstance(side, int) and side > 0 for side in shape)
            and shape[0] * shape[1] <= MAX_PIXELS
            and shape[2] == 3
        )
        if not fits:
            raise GarbledError
        size = shape[0] * shape[1] * 3
        if len(self._buffer) != size:
            self._buffer = bytearray(size)
        view, filled = memoryview(self._buffer), 0
        while filled < size:
            try:
                got = self._answers.readinto(view[filled:])  # pyright: ignore[reportAttributeAccessIssue]
            except (OSError, ValueError):
                got = 0
            if not got:
                raise EndedError
            filled += got
        return np.frombuffer(self._buffer, np.uint8).reshape(shape)


@dataclass
class _Watch:
    """Since when a frame is waited for, if one is; and whether no more will be."""

    since: float | None = None
    over: threading.Event = field(default_factory=threading.Event)


def _start(thread: threading.Thread) -> None:
    try:
        thread.start()
    except RuntimeError as error:
        raise UserError(f"no thread can be started to watch over decoding ({error}); close other programs") from None


def _environment() -> dict[str, str]:
    # the same modules as here are found there; "" is the folder where this process was started
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    # numpy would start a thread a core, for matrices that are never multiplied
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
