"""Memory that was freed goes back to the system."""

import ctypes
import sys
import time

_SECONDS = 1.0


class Trim:
    """Gives back the memory that this process has freed, when called, but at most once a second.

    The C library of most Linux systems keeps what is freed for the next time. A process that decodes files of all sizes
    then grows for thousands of files, up to several times of what the largest one takes. Elsewhere nothing is done.
    """

    def __init__(self) -> None:
        self._last = 0.0
        # musl has no such function, and gives memory back by itself
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None

    def __call__(self) -> None:
        """Give it back, unless that was done within the last second."""
        if self._trim is not None and time.monotonic() - self._last >= _SECONDS:
            self._trim(ctypes.c_size_t(0))
            self._last = time.monotonic()
