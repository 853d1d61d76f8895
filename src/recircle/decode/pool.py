"""Decoding in processes of their own, so that a file which crashes, stalls or floods a decoder costs only itself."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from recircle.decode.error import DecodeError
from recircle.decode.limits import FILE_SECONDS, crashed, too_slow
from recircle.decode.probe import Probe, broken
from recircle.decode.pyav import MAX_PIXELS
from recircle.decode.whole_file import Image, WholeFile
from recircle.errors import UserError

COMMAND = (sys.executable, "-P", "-c", "from recircle.decode.worker import main; main()")

# seconds in which a process must start; importing takes one second, and much longer from a slow disk
_START = 120.0
# bytes of a line of an answer, of which the longest is a verdict with the durations of all frames
_LINE = 2**26
# bytes that the pipe holds; with the usual 64 KiB, the two processes wake each other a hundred times for one frame
_PIPE = 2**20


class DecoderPool:
    """Processes that decode files, started when they are needed and kept for the next file; a context manager.

    Any number of threads may ask, each of which then has a process to itself. The processes are started as commands and
    not through `multiprocessing`, which would run the main script again in each, and do not import torch. They end with
    this object, and with this process, however it ends.

    A file that takes more than `seconds`, more memory than `limits.MEMORY` (on Linux), or ends its process, is a
    `DecodeError`; the next one gets a new process.

    Attributes:
        seconds: after how long a file is given up.
    """

    def __init__(self, *, seconds: float = FILE_SECONDS, command: Sequence[str] | None = None) -> None:
        """Start nothing yet.

        Args:
            seconds: after how long a file is given up.
            command: what to start; for tests.

        Raises:
            ValueError: `seconds` is not above 0.
        """
        if not seconds > 0:
            raise ValueError(f"seconds={seconds} must be above 0")
        self.seconds = seconds
        self._command = tuple(command or COMMAND)
        self._processes = _Processes()
        weakref.finalize(self, self._processes.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies, such as in another process, start processes of their own."""
        return _copy, (self.seconds, self._command)

    def close(self) -> None:
        """End all processes, those that decode too; whoever waits for one gets an error."""
        self._processes.close()

    def start(self, count: int) -> None:
        """Start processes before they are needed, without waiting for them.

        Raises:
            UserError: the system starts no more processes.
        """
        for _ in range(count):
            process = _Process(self._command)
            if self._processes.add(process):
                self._processes.put_back(process)

    def probe(self, path: Path) -> Probe:
        """Return what `recircle.decode.probe.probe` does.

        Raises:
            UserError: the processes do not start.
        """
        try:
            with self._ask(path, {"probe": _name(path)}) as process:
                return process.read_found(path)
        except DecodeError as error:
            return broken(error.reason)

    @contextmanager
    def whole_file(self, path: Path) -> Iterator[WholeFile]:
        """Decode a file or folder to its end; in the block, its frames can be asked for, once.

        Raises:
            DecodeError: it cannot be decoded to its end.
            UserError: the processes do not start.
        """
        with self._ask(path, {"hold": _name(path)}) as process:
            found = process.read_found(path)

            def images(wanted: Sequence[int]) -> Iterator[Image]:
                process.ask({"send": list(wanted), "seconds": self.seconds})
                return process.read_images(path, len(wanted))

            yield WholeFile(found, images)

    @contextmanager
    def select(self, path: Path, wanted: Sequence[int]) -> Iterator[Iterator[Image]]:
        """Decode frames (ascending, each once), one after the other; each is good until the next one is asked for.

        Raises:
            DecodeError: the file cannot be decoded so far, or has fewer frames.
            UserError: the processes do not start.
        """
        with self._ask(path, {"select": _name(path), "indices": list(wanted)}) as process:
            yield process.read_images(path, len(wanted))

    @contextmanager
    def _ask(self, path: Path, request: dict[str, Any]) -> Iterator["_Process"]:
        """Give a process to the block, for one file and no longer than the time for that."""
        process = self._processes.take()
        if process is None:
            process = _Process(self._command)
            if not self._processes.add(process):
                raise DecodeError(path, "not decoded, since it was stopped")
        try:
            process.wait_until_ready()
            with process.limited(self.seconds):
                process.ask(request | {"seconds": self.seconds})
                yield process
        except _EndedError as error:
            process.end()
            if process.late:
                reason = too_slow(self.seconds)
            elif isinstance(error, _GarbledError):
                reason = "the decoder crashed (what it answered is not a frame)"
            else:
                reason = crashed(process.code)
            raise DecodeError(path, reason) from None
        finally:
            # one that has not answered all that it was asked cannot be asked anything else
            if process.idle and not process.late:
                self._processes.put_back(process)
            else:
                self._processes.remove(process)


class _EndedError(Exception):
    """A process has ended."""


class _GarbledError(_EndedError):
    """What a process answers is not an answer: a file has written over its memory, or taken it over."""


class _Processes:
    """The processes of a pool, and which of them have nothing to do."""

    def __init__(self) -> None:
        self._forget()

    def take(self) -> "_Process | None":
        with self._mine():
            while self._idle:
                process = self._idle.pop()
                if process.alive:
                    return process
                self._all.discard(process)
                process.end()
            return None

    def add(self, process: "_Process") -> bool:
        """Note a new process as busy; after `close` it is ended instead."""
        with self._mine():
            if not self._closed:
                self._all.add(process)
                return True
        process.end()
        return False

    def put_back(self, process: "_Process") -> None:
        with self._mine():
            if process in self._all and not self._closed:
                self._idle.append(process)
                return
        process.end()

    def remove(self, process: "_Process") -> None:
        with self._mine():
            self._all.discard(process)
        process.end()

    def close(self) -> None:
        with self._mine():
            self._closed = True
            everyone = list(self._all)
            self._all.clear()
            self._idle.clear()
        for process in everyone:
            process.kill()
        for process in everyone:
            process.end()

    def _mine(self) -> threading.Lock:
        # in a forked process the lock may be held by a thread that is not there, and the others are not its children
        if self._owner != os.getpid():
            idle, self._theirs = self._idle, self._all
            self._forget()
            for process in idle:
                process.end()
        return self._lock

    def _forget(self) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._all: set[_Process] = set()
        self._idle: list[_Process] = []
        self._closed = False


class _Process:
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
        except _EndedError:
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
        try:
            timer.start()
        except RuntimeError as error:
            raise UserError(
                f"no thread can be started to watch over decoding ({error}); close other programs"
            ) from None
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # what it does, it does to this file and not to the next

    def ask(self, request: dict[str, Any]) -> None:
        self.idle = False
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
        except (OSError, ValueError):
            raise _EndedError from None

    def read_found(self, path: Path) -> Probe:
        """Read a verdict."""
        answer = self._read_answer(path)
        try:
            found = Probe(**answer["found"])
        except (KeyError, TypeError, ValueError):
            raise _GarbledError from None
        self.idle = True
        return found

    def read_images(self, path: Path, count: int) -> Iterator[Image]:
        """Read frames; they share one memory, in which the next one takes the place of the last."""
        for _ in range(count):
            yield self._read_image(self._read_answer(path).get("shape"))
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
            raise _GarbledError if len(line) == _LINE else _EndedError
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise _GarbledError
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
            raise _GarbledError
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
                raise _EndedError
            filled += got
        return np.frombuffer(self._buffer, np.uint8).reshape(shape)


def _name(path: Path) -> str:
    """Return a path that is good wherever this process has gone since the other one was started."""
    return str(path.absolute())


def _environment() -> dict[str, str]:
    # the same modules as here are found there; "" is the folder where this process was started
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    # numpy would start a thread a core, for matrices that are never multiplied
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _copy(seconds: float, command: tuple[str, ...]) -> DecoderPool:
    return DecoderPool(seconds=seconds, command=command)
