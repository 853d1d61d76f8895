"""Ctrl-C during training: finish the step, then stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self


class StopRequest:
    """While it is entered, the first Ctrl-C sets `requested` and the second raises `KeyboardInterrupt`.

    Where nothing can be left half done (`with stop.interruptible():`), the first one raises at once. In a thread
    other than the main one, where Python lets nobody handle signals, it does nothing.

    Attributes:
        requested: whether the run is to stop.
    """

    def __init__(self) -> None:
        self.requested = False
        self._interruptible = False
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Self:
        if self._main:
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._previous)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let Ctrl-C raise `KeyboardInterrupt` at once inside the block."""
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  (the signature of a handler)
        at_once = self.requested or self._interruptible
        self.requested = True
        if at_once:
            raise KeyboardInterrupt
