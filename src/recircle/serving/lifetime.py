"""Processes that end with the one that started them, however that ended."""

import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SECONDS = 1.0


def end_with_parent() -> None:
    """End this process, if `multiprocessing` started it, soon after the process that did so is gone."""
    if (parent := multiprocessing.parent_process()) is not None and parent.pid is not None:
        _end_with(parent.pid)


@contextmanager
def forks_end_with_this(*, remove: Path) -> Iterator[None]:
    """In the block, processes that are forked from this one, as LitServe's are, end soon after it.

    Args:
        remove: a folder that they remove then, since this process cannot.
    """
    parent, within = os.getpid(), True

    def watch() -> None:
        if within and os.getppid() == parent:
            _end_with(parent, remove)

    if hasattr(os, "register_at_fork"):
        # there is no way to take this back
        os.register_at_fork(after_in_child=watch)
    try:
        yield
    finally:
        within = False


def _end_with(parent: int, remove: Path | None = None) -> None:
    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS)
        if remove is not None:
            shutil.rmtree(remove, ignore_errors=True)
        # nobody is left who would wait for what this process has to finish
        os._exit(1)

    threading.Thread(target=wait, name="recircle-parent", daemon=True).start()
