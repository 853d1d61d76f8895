"""Probing in processes of their own, so that a file which crashes or hangs a decoder costs one verdict, not the run."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Self

from recircle.data.probe import Probe, broken

COMMAND = (sys.executable, "-P", "-c", "from recircle.data.probe_worker import main; main()")


class ProbePool:
    """Processes that probe clips; a context manager, which ends them.

    They are started as commands and not through `multiprocessing`, which would run the main script again in each.

    Args:
        workers: how many processes.
        seconds: after how long a clip is given up.
        command: what to start; for tests.
    """

    def __init__(self, workers: int, *, seconds: float, command: Sequence[str] | None = None) -> None:
        self._seconds = seconds
        self._command = command or COMMAND
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="probe")
        self._local = threading.local()
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            for worker in self._workers:
                worker.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def probe(self, paths: Sequence[Path]) -> Iterator[tuple[int, Probe]]:
        """Probe clips; yields (position in `paths`, verdict) as they come.

        Raises:
            RuntimeError: the processes do not start at all.
        """
        tasks = {self._threads.submit(self._probe_one, path): number for number, path in enumerate(paths)}
        for task in as_completed(tasks):
            yield tasks[task], task.result()

    def _probe_one(self, path: Path) -> Probe:
        worker = getattr(self._local, "worker", None)
        if worker is None or not worker.alive:
            with self._lock:
                if self._closed:
                    return broken("not probed")
                if worker is not None:
                    self._workers.remove(worker)
                    worker.close()
                worker = _Worker(self._command)
                self._workers.append(worker)
            self._local.worker = worker
            worker.wait_until_ready()
        return worker.probe(path, self._seconds)


class _Worker:
    def __init__(self, command: Sequence[str]) -> None:
        self.alive = True
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            # the same modules as here are found there; "" is the folder where this process was started
            env={**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def wait_until_ready(self) -> None:
        if self._answers.readline().strip() != b"ready":
            self.kill()
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(f"a process that probes clips does not start: {lines[-1] if lines else 'no message'}")

    def probe(self, path: Path, seconds: float) -> Probe:
        timer = threading.Timer(seconds, self._process.kill)
        timer.start()
        try:
            self._requests.write(json.dumps(str(path)).encode() + b"\n")
            self._requests.flush()
            answer = self._answers.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            late = not timer.is_alive()
            timer.cancel()
        if answer.endswith(b"\n"):
            self.alive = not late
            return Probe(**json.loads(answer))
        self.kill()
        if late:
            return broken(f"decoding does not end within {seconds:g} seconds")
        return broken(f"the decoder crashed (exit status {self._process.returncode})")

    def kill(self) -> None:
        self.alive = False
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        for pipe in (self._requests, self._answers, self._errors):
            with suppress(BrokenPipeError):  # a request that no one read
                pipe.close()
