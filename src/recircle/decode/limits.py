"""What decoding one clip may cost, where the system can hold a process to it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = 2**32
"""Bytes that a process may take for one clip, beyond what it has already: 4 GiB, enough for the 17 frames that a
decoder may need at once of the largest size that is read. Linux holds processes to it."""

FILE_SECONDS = 600.0
"""After how long a whole file is given up, unless told otherwise."""

CLIP_SECONDS = 300.0
"""After how long a loader's worker gives up one clip, unless told otherwise: half of what the processes of a run that
is trained by several wait for each other."""


@contextmanager
def limit_memory(more: int = MEMORY) -> Iterator[None]:
    """Hold this process to its present data and `more` bytes in the block; what asks for more gets a `MemoryError`.

    Where the system has no such limit, nothing happens.
    """
    if sys.platform != "linux":  # others have the number and do not keep to it
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = _data_bytes() + more
    soft = min([wanted, *(limit for limit in before if limit != resource.RLIM_INFINITY)])
    resource.setrlimit(resource.RLIMIT_DATA, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@contextmanager
def limit_time(seconds: float) -> Iterator[None]:
    """End this process by SIGALRM if the block takes longer.

    The system does it, also where a decoder holds the interpreter or waits for a disk. On systems without alarms
    nothing happens.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def too_slow(seconds: float) -> str:
    """Return the reason of a clip that takes longer than it may."""
    return f"decoding does not end within {seconds:g} seconds (--seconds, or --data.seconds, allows more)"


def too_large() -> str:
    """Return the reason of a clip that does not fit into memory."""
    return f"decoding needs more memory than there is, or than the {MEMORY / 2**30:g} GiB that a clip may take"


def crashed(code: int) -> str:
    """Return the reason of a clip whose decoder ended its process, by the process's exit code."""
    if code == -signal.SIGKILL:
        return "the process that decoded it was killed (did memory run out?)"
    return f"the decoder crashed ({exit_name(code)})"


def exit_name(code: int) -> str:
    """Return an exit code as `subprocess` and `multiprocessing` give it, in words."""
    with suppress(ValueError):
        if code < 0:
            return signal.Signals(-code).name
    return f"exit status {code}"


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that no memory is left; torch has no class of its own for that."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("allocate memory" in str(error) or "not enough memory" in str(error))
    )


def _data_bytes() -> int:
    """Return what the limit counts already; the memory of a parent counts in a forked process."""
    pages = Path("/proc/self/statm").read_text().split()[5]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
