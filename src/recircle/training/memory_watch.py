"""The machine's memory in training on a CPU: who takes all of it is killed by the system, without a word."""

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

SECONDS = 0.1
"""Between two looks; touching a gigabyte takes longer."""

SHARE = 0.03
"""Of the memory, which must stay free."""

_MACHINE = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")

Memory = tuple[int, int]
"""Bytes that are free, and bytes in all."""


@contextmanager
def memory_watched(memory: "Callable[[], Memory | None] | None" = None) -> Iterator[None]:
    """Raise `torch.OutOfMemoryError` inside the block, in the thread that entered it, once memory is nearly used up.

    The system would end the process a moment later, and with it what it had to say. The error comes when the operation
    that is running is done.

    Args:
        memory: tells what is free; None asks the system. Where it returns None, nothing is watched.
    """
    look = memory or machine_memory
    if look() is None:
        yield
        return
    watched, done = threading.get_ident(), threading.Event()

    def watch() -> None:
        while not done.wait(SECONDS):
            found = look()
            if found is not None and found[0] < SHARE * found[1]:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(watched), ctypes.py_object(torch.OutOfMemoryError)
                )
                return

    thread = threading.Thread(target=watch, name="recircle-memory", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def machine_memory() -> Memory | None:
    """Return the bytes that this process can still get, swap included, and those in all; None where nobody says.

    The limits of a container count where they are narrower than the machine's.
    """
    try:
        lines = (line.split() for line in _MACHINE.read_text().splitlines())
        kilobytes = {words[0].rstrip(":"): int(words[1]) for words in lines}
        free = 1024 * (kilobytes["MemAvailable"] + kilobytes["SwapFree"])
        whole = 1024 * (kilobytes["MemTotal"] + kilobytes["SwapTotal"])
    except (OSError, ValueError, KeyError, IndexError):
        return None
    return min((free, whole), _of_group() or (free, whole))


def _of_group() -> Memory | None:
    try:
        limit = int((_GROUP / "memory.max").read_text())
        used = int((_GROUP / "memory.current").read_text())
        lines = (line.split() for line in (_GROUP / "memory.stat").read_text().splitlines())
        # pages of files are given up before anybody is ended
        files = next(int(value) for name, value in lines if name == "inactive_file")
    except (OSError, ValueError, StopIteration):  # no such files, or no limit
        return None
    return limit - used + files, limit
