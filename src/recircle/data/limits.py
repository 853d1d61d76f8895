"""What decoding one clip may cost, where the system can hold a process to it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = 2**32
"""Bytes that a process which decodes may take, beyond what a loader's worker has when it starts: 4 GiB, which hold the
17 frames that a decoder may need of the largest size that is read. Linux holds processes to it."""

FILE_SECONDS = 600.0
"""After how long a whole file is given up, unless told otherwise."""

CLIP_SECONDS = 300.0
"""After how long a loader's worker gives up one clip, unless told otherwise: half of what the processes of a run that
is trained by several wait for each other."""


def limit_memory(more: int = MEMORY) -> None:
    """Hold this process to its present data and `more` bytes; what asks for more gets a `MemoryError`.

    Where the system has no such limit, nothing happens.
    """
    if sys.platform != "linux":  # others have the number and do not keep to it
        return
    import resource

    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = _data_bytes() + more
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


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
    return f"decoding does not end within {seconds:g} seconds (--seconds allows more)"


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


def _data_bytes() -> int:
    """Return what the limit counts already; the memory of a parent counts in a forked process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0
