"""Ctrl-C and the signals of a scheduler during training: finish the step, then stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]


class StopRequest:
    """While it is entered, the first Ctrl-C sets `requested` and the second raises `KeyboardInterrupt`.

    SIGTERM, and SIGUSR1, which SLURM sends before the time is over, are a first Ctrl-C however often they come: more
    than one program passes them on. Where nothing can be left half done (`with stop.interruptible():`), the first
    signal raises at once. In a thread other than the main one, where Python lets nobody handle signals, it does
    nothing.

    Attributes:
        requested: whether the run is to stop.
    """

    def __init__(self) -> None:
        self.requested = False
        self._interruptible = False
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Self:
        if self._main:
            self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._main:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let Ctrl-C raise `KeyboardInterrupt` at once inside the block."""
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  (the signature of a handler)
        at_once = self._interruptible or (self.requested and number == signal.SIGINT)
        self.requested = True
        if at_once:
            raise KeyboardInterrupt
