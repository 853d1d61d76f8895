"""Batches from processes that a clip may kill: the clip is left out of its batch, and loading goes on from there."""

import errno
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from recircle.decode.limits import (
    CLIP_SECONDS,
    crashed,
    exit_name,
    is_out_of_memory,
    limit_memory,
    limit_time,
    too_slow,
)
from recircle.errors import UserError
from recircle.loading.batch import Batch
from recircle.loading.jobs import BatchMaker, Item, Job
from recircle.loading.workers import UNSENT, keep_garbage_from_workers, start_worker
from recircle.torch_internals import end_workers, unwatch_workers, worker_processes

# what a decoder that a file has led astray dies of; who wants to end a process sends it another signal
_CRASHES = tuple(
    -getattr(signal, name)
    for name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")
    if hasattr(signal, name)
)
# how torch and the system say that no shared memory, or no file handle, is left
_NO_ROOM = re.compile(r"shared memory|No space left on device|/torch_\d+|Bus error")
_NO_HANDLES = re.compile(r"Too many open files|received \d+ items of ancdata")
_FEWER = "use fewer processes (--data.workers in training, --workers elsewhere; 0 decodes without any)"


class LoadingError(UserError):
    """The processes that decode cannot go on, and no clip is to blame."""


class GuardedLoader:
    """Makes the batches of jobs in worker processes, in order.

    A clip at which a process crashes, or which takes longer than `seconds`, is listed as broken in its batch, then and
    whenever it comes again. Batches depend on their jobs alone, so that those which the processes had made and not
    handed over are made again: all are what they would be if the clip had failed to decode.

    Without workers clips are decoded in this process, which they can crash and hold up.
    """

    def __init__(
        self,
        maker: BatchMaker,
        *,
        workers: int,
        persistent: bool,
        pin_memory: bool,
        seconds: float = CLIP_SECONDS,
    ) -> None:
        """Start nothing yet.

        Args:
            maker: makes a batch from a job.
            workers: how many processes; 0 makes batches in this one.
            persistent: keep the processes for further jobs.
            pin_memory: yield batches in page-locked memory.
            seconds: after how long a process gives up a clip.

        Raises:
            ValueError: `seconds` is not above 0.
        """
        if not seconds > 0:
            raise ValueError(f"seconds={seconds} must be above 0")
        self._maker, self._workers, self._pin_memory, self._seconds = maker, workers, pin_memory, seconds
        self._persistent = persistent and workers > 0
        self._kept: _Source | None = None
        self._faults: dict[int, str] = {}

    def run(self, jobs: Sequence[Job]) -> Iterator[Batch]:
        """Yield the batch of each job.

        Raises:
            LoadingError: processes are killed or do not start, or memory, shared memory or file handles are used up.
            UserError: the maker's.
        """
        source = self._kept or self._make_source()
        self._kept = source if self._persistent else None
        done = 0
        while done < len(jobs):
            source.jobs.jobs = [self._without_faults(job) for job in jobs[done:]]
            try:
                source.start()
            except Exception as error:
                source = self._recover(source, error, jobs)
                continue
            while done < len(jobs):
                try:
                    batch = next(source.batches)
                except Exception as error:
                    source = self._recover(source, error, jobs)
                    break
                done += 1
                yield batch
        if not self._persistent:
            source.close()

    def _make_source(self) -> "_Source":
        if self._workers:
            _check_handles(self._workers)
        try:
            notes = torch.multiprocessing.get_context().RawArray("q", max(1, self._workers))
        except OSError as error:
            raise _explained(error) from None
        jobs = _Jobs()
        loader: DataLoader[Batch] = DataLoader(
            _Watched(self._maker, notes, self._seconds) if self._workers else self._maker,
            batch_size=None,
            sampler=jobs,
            num_workers=self._workers,
            persistent_workers=self._persistent,
            pin_memory=self._pin_memory,
            worker_init_fn=start_worker,
            # without a generator of its own it draws from the global one, and a resumed run would see other numbers
            generator=torch.Generator(),
        )
        return _Source(loader, jobs, notes)

    def _without_faults(self, job: Job) -> Job:
        if not any(item.row in self._faults for item in job.items):
            return job
        return replace(job, items=tuple(replace(i, fault=self._faults.get(i.row, "")) for i in job.items))

    def _recover(self, source: "_Source", error: Exception, jobs: Sequence[Job]) -> "_Source":
        """Return new processes after a clip has ended one; raise whatever else has happened."""
        if isinstance(error, UserError):
            # from a worker it comes with the traceback, of which the message is the end
            text = str(error).rpartition(f"{UserError.__module__}.UserError: ")[2].strip()
            raise UserError(text) from None
        if not self._workers:
            raise error
        ended = source.ended()
        self._kept = None
        source.close()
        if not ended:
            raise _explained(error) from error.__cause__
        items = {item.row: item for job in jobs for item in job.items}
        left_out = {item.row for job in source.jobs.jobs for item in job.items if item.fault}
        for row, code in ended:
            fault = self._fault(code)
            if row < 0 or row in left_out or fault is None:
                raise LoadingError(_blame(code, items.get(row)))
            self._faults[row] = fault
        source = self._make_source()
        self._kept = source if self._persistent else None
        return source

    def _fault(self, code: int) -> str | None:
        """Return what is wrong with the clip at which a process ended so, or None if that is not the clip's fault."""
        if code in _CRASHES:
            return crashed(code)
        return too_slow(self._seconds) if code == -getattr(signal, "SIGALRM", 0) else None


class _Jobs(Sampler[Job]):
    """The jobs at hand; exchanged from one run to the next, so that workers can stay alive."""

    def __init__(self) -> None:
        self.jobs: Sequence[Job] = ()

    def __iter__(self) -> Iterator[Job]:
        return iter(self.jobs)

    def __len__(self) -> int:
        return len(self.jobs)


@dataclass(frozen=True)
class _Watched(Dataset[Batch]):
    """Makes batches in a worker, and leaves a note of the clip at hand; a clip that takes too long ends the worker.

    Attributes:
        maker: makes the batches.
        notes: for each worker the row of its clip and 1, or 0; memory that all processes share.
        seconds: that a clip may take.
    """

    maker: BatchMaker
    notes: Any
    seconds: float

    def __getitem__(self, index: Job) -> Batch:
        return self.maker.make(index, self._clip)

    @contextmanager
    def _clip(self, row: int) -> Iterator[None]:
        info = get_worker_info()
        assert info is not None
        self.notes[info.id] = row + 1
        try:
            with limit_time(self.seconds), limit_memory():
                yield
        finally:
            self.notes[info.id] = 0


class _Source:
    """A DataLoader, and what is needed to find out how its processes end.

    torch tells of the death of a worker, but not how it died, and by a signal handler that may interrupt whatever this
    process does, a step of the optimiser too.

    Attributes:
        jobs: what it is to do.
        batches: what comes of it, after `start`.
    """

    def __init__(self, loader: "DataLoader[Batch]", jobs: _Jobs, notes: Any) -> None:
        self._loader, self.jobs, self._notes = loader, jobs, notes
        self.batches: Any = iter(())

    def start(self) -> None:
        """Start the processes, or give new jobs to those that are there."""
        with keep_garbage_from_workers():
            self.batches = iter(self._loader)
        # death is noticed when a batch is waited for, within seconds, and nowhere else
        unwatch_workers(self.batches)

    def ended(self) -> list[tuple[int, int]]:
        """Return the row that each process was at which has ended, -1 for none, and its exit code."""
        codes: list[int | None] = []
        # the connection may break some moments before the process is gone
        for _ in range(10):
            codes = [worker.exitcode for worker in worker_processes(self._iterator)]
            if any(code is not None for code in codes):
                break
            time.sleep(0.1)
        return [(self._notes[number] - 1, code) for number, code in enumerate(codes) if code is not None]

    def close(self) -> None:
        """End the processes; one that is in the middle of a clip has a few seconds for that."""
        end_workers(self._iterator)

    @property
    def _iterator(self) -> Any:
        # where the processes are kept, starting may fail after they have started
        return getattr(self._loader, "_iterator", None) or self.batches


def _blame(code: int, item: Item | None) -> str:
    """Return in words how a process ended that no clip has ended."""
    at = f" while it decoded {item.path}" if item is not None else ""
    if code == -getattr(signal, "SIGKILL", 0):
        return f"a process that decodes was killed{at}, most likely because memory ran out; {_FEWER} or smaller batches"
    if code == -getattr(signal, "SIGBUS", 0):
        return _no_room()
    if code == UNSENT:
        return f"a batch cannot be handed over: no file handles are left (ulimit -n), or {_no_room()}"
    return f"a process that decodes ended{at} ({exit_name(code)}); {_FEWER} to see why"


def _check_handles(workers: int) -> None:
    """Find out that there are too few file handles before a batch gets lost for want of one.

    Raises:
        LoadingError: there are.
    """
    with suppress(ImportError, OSError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # each worker takes four, and each of the two batches that it makes ahead four more
        needed = sum(1 for _ in Path("/dev/fd").iterdir()) + 12 * workers + 16
        if limit != resource.RLIM_INFINITY and limit < needed:
            raise LoadingError(f"{limit} file handles are too few, {needed} are needed; raise ulimit -n, or {_FEWER}")


def _handles_are_used_up() -> bool:
    """Tell whether no file can be opened; `tempfile`, for one, says then that there is no folder for it."""
    try:
        with Path(os.devnull).open("rb"):
            return False
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)


def _no_room() -> str:
    size = "the shared memory in which batches are handed over"
    with suppress(OSError):
        usage = shutil.disk_usage("/dev/shm")
        size += f" (/dev/shm, {usage.total / 2**20:.0f} MiB, {usage.free / 2**20:.0f} of them free)"
    return f"{size} is full; make it larger (docker run --shm-size=8g), or {_FEWER} or smaller batches"


def _explained(error: Exception) -> Exception:
    """Return an error that means that something is used up as a sentence, and others as they are."""
    text = str(error)
    number = getattr(error, "errno", None)
    if number in (errno.EMFILE, errno.ENFILE) or _NO_HANDLES.search(text) or _handles_are_used_up():
        return LoadingError(
            f"no file handles are left to take over batches; raise their number (ulimit -n), or {_FEWER}"
        )
    if _NO_ROOM.search(text):
        return LoadingError(_no_room())
    if number in (errno.ENOMEM, errno.EAGAIN) or is_out_of_memory(error):
        return LoadingError(
            f"memory or the number of processes does not suffice to decode; {_FEWER} or smaller batches"
        )
    return error
