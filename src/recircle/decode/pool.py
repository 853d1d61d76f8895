"""Decoding in processes of their own, so that a file which crashes, stalls or floods a decoder costs only itself."""

import os
import sys
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

from recircle.decode.decoder_process import DecoderProcess, EndedError, GarbledError
from recircle.decode.error import DecodeError
from recircle.decode.limits import FILE_SECONDS, crashed, too_slow
from recircle.decode.probe import Probe, broken
from recircle.decode.pyav import count_frames
from recircle.decode.running import Passage, TimedFrame
from recircle.decode.whole_file import Image, WholeFile

COMMAND = (sys.executable, "-P", "-c", "from recircle.decode.worker import main; main()")


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
            process = DecoderProcess(self._command)
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

    def frame_times(self, path: Path) -> tuple[list[float], float]:
        """Return what `recircle.decode.part_frames.frame_times` does; nothing is known where that fails.

        Raises:
            UserError: the processes do not start.
        """
        try:
            with self._ask(path, {"times": _name(path)}) as process:
                return process.read_times(path)
        except DecodeError:
            return [], 0.0

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

    def running(self, path: Path, passage: Passage, *, fps: float = 0.0) -> Iterator[TimedFrame]:
        """Decode a file of any length, as `recircle.decode.running.running_frames` does.

        The image of a frame is good until the next one is asked for. A file that gives no frame for `seconds` is given
        up. What ends in the middle, in this way or another, has a note of that, and the frames before it are good.

        Raises:
            DecodeError: no frame decodes.
            UserError: the processes do not start.
        """
        count = 0
        try:
            with self._ask(path, {"run": _name(path), "fps": fps}, whole=False) as process:
                for frame in process.read_running(path, passage, self.seconds):
                    count += 1
                    yield frame
        except DecodeError as error:
            if not count:
                raise
            passage.notes.append(f"it ends after {count_frames(count)}: {error.reason}")

    @contextmanager
    def _ask(self, path: Path, request: dict[str, Any], *, whole: bool = True) -> Iterator[DecoderProcess]:
        """Give a process to the block, for one file; of a whole one, no longer than the time for that."""
        process = self._processes.take()
        if process is None:
            process = DecoderProcess(self._command)
            if not self._processes.add(process):
                raise DecodeError(path, "not decoded, since it was stopped")
        try:
            process.wait_until_ready()
            with process.limited(self.seconds) if whole else nullcontext():
                process.ask(request | {"seconds": self.seconds})
                yield process
        except EndedError as error:
            process.end()
            if process.late:
                reason = too_slow(self.seconds) if whole else f"no frame comes within {self.seconds:g} seconds"
            elif isinstance(error, GarbledError):
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


class _Processes:
    """The processes of a pool, and which of them have nothing to do."""

    def __init__(self) -> None:
        self._forget()

    def take(self) -> DecoderProcess | None:
        with self._mine():
            while self._idle:
                process = self._idle.pop()
                if process.alive:
                    return process
                self._all.discard(process)
                process.end()
            return None

    def add(self, process: DecoderProcess) -> bool:
        """Note a new process as busy; after `close` it is ended instead."""
        with self._mine():
            if not self._closed:
                self._all.add(process)
                return True
        process.end()
        return False

    def put_back(self, process: DecoderProcess) -> None:
        with self._mine():
            if process in self._all and not self._closed:
                self._idle.append(process)
                return
        process.end()

    def remove(self, process: DecoderProcess) -> None:
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
        self._all: set[DecoderProcess] = set()
        self._idle: list[DecoderProcess] = []
        self._closed = False


def _name(path: Path) -> str:
    """Return a path that is good wherever this process has gone since the other one was started."""
    return str(path.absolute())


def _copy(seconds: float, command: tuple[str, ...]) -> DecoderPool:
    return DecoderPool(seconds=seconds, command=command)
