"""The start and the end of a loader's worker processes."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from types import TracebackType

UNSENT = 74
"""Exit status of a worker that cannot send its batch, since shared memory or file handles are used up."""


@contextmanager
def keep_garbage_from_workers() -> Iterator[None]:
    """Let no forked worker collect what this process left behind.

    Decoders and encoders own threads, which do not exist in a forked process; whoever frees one there waits for them
    for ever. What is frozen at the fork stays uncollected in the worker.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def start_worker(worker: int) -> None:  # noqa: ARG001  (torch passes the worker's number)
    """Leave signals to whom they are for.

    Ctrl-C reaches every process of the terminal, and what `torchrun` passes on reaches every one of the parent's group,
    which workers leave: the parent ends them. The signals of a decoder that crashes and of the alarm that ends a clip
    end the worker, whatever the parent does at them, and the parent says why.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    for name in ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGALRM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    if hasattr(signal, "SIGALRM"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    sys.excepthook = _report_unless_parent_left
    # a batch that cannot be sent is dropped otherwise, and the parent waits for it for ever
    Queue._on_queue_feeder_error = staticmethod(_end_unsent)  # pyright: ignore[reportAttributeAccessIssue]


def _end_unsent(error: BaseException, item: object) -> None:  # noqa: ARG001  (the signature that queues call)
    os._exit(UNSENT)


def _report_unless_parent_left(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    # a parent that is interrupted while it takes over a batch breaks the connection
    if not issubclass(kind, ConnectionError):
        sys.__excepthook__(kind, error, trace)
