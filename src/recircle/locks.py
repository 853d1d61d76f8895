"""One process at a time."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from recircle.errors import UserError
from recircle.files import WriteError


@contextmanager
def locked(path: Path, work: str) -> Iterator[None]:
    """Hold a lock until the block ends; the system takes it back from a process that is killed.

    Args:
        path: the lock's file. It is made where it is missing, with its folder, and stays.
        work: what two processes must not do at once, for the error: "train the run in runs/a".

    Raises:
        UserError: another process holds it.
        WriteError: the file cannot be written.
    """
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        if not path.exists():
            # it could not even be made, which is tried again like one that is held
            raise WriteError.of(path, errno.ENOENT) from None
        raise UserError(
            f"another process seems to {work}; wait until it ends, or end it (if there is none, delete {path})"
        ) from None
    except OSError as error:
        raise WriteError.of(path, error.errno or errno.EIO) from None
    try:
        yield
    finally:
        lock.release()
