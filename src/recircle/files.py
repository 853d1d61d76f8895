"""Files that are there whole or not at all, and what a disk refuses, as a sentence."""

import errno
import hashlib
import os
import re
import secrets
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recircle.errors import UserError

_PART = re.compile(r"\..*\.(?P<host>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}\.part")
_IN_WORDS = re.compile(r"\b(?:os error|errno) (\d+)\b", re.IGNORECASE)

_REMEDIES = {
    errno.ENOSPC: "free some space, or choose another place",
    errno.EDQUOT: "your quota is used up: free some of it, or choose another place",
    errno.EFBIG: "files may not be that large there: raise the limit (`ulimit -f`), or choose another place",
    errno.EROFS: "choose another place",
    errno.EACCES: "change its permissions or those of its folder, or choose another place",
    errno.EPERM: "it or its folder is protected: lift that (permissions, `chattr -i`), or choose another place",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`), or use fewer workers",
    errno.ENFILE: "this machine has too many files open: end other programs, or use fewer workers",
    errno.ENOENT: "its folder is not there (any more); make it, or choose another place",
    errno.ESTALE: "the file system has gone away; mount it again, or choose another place",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EEXIST: "something that is not a folder has this name; choose another place",
    errno.ENOTDIR: "a part of this path is a file; choose another place",
}


class WriteError(UserError):
    """A disk refuses a file: it is full or read-only, the permission or a file handle is missing, the folder is gone.

    What lay under the name before is still there.
    """

    @classmethod
    def of(cls, path: str | Path, number: int) -> "WriteError":
        """Return the error about a file from the number that the system gave, one of the module `errno`."""
        return cls(f"{path} cannot be written: {os.strerror(number)}; {remedy(number)}")


def remedy(number: int) -> str:
    """Return what helps against an error of the system, one of the module `errno`."""
    return _REMEDIES.get(number, "choose another place")


def system_error(error: BaseException) -> int | None:
    """Return the number of the system's error that an error reports, and None if it reports none.

    Libraries report a full disk in errors of their own, with the number in words or in the error they were raised from.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OSError) and link.errno is not None:
            return link.errno
        if not isinstance(link, UserError) and (found := _number_in(str(link))) is not None:
            return found
        link = link.__cause__
    return None


def _number_in(message: str) -> int | None:
    if found := _IN_WORDS.search(message):
        return int(found[1])
    return next((number for number in _REMEDIES if os.strerror(number) in message), None)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Raise what a disk refuses in the block as a `WriteError` about `path`; all other errors pass.

    Raises:
        WriteError: see there.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        number = system_error(error)
        # a library that tidies up after a refused write may fail again, in words that do not tell
        if number is None and error.__context__ is not None:
            number = system_error(error.__context__)
        if number is None:
            raise
        raise WriteError.of(path, number) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        WriteError: it cannot be made.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def atomic_write(path: Path, content: bytes | str | Callable[[Path], object], *, durable: bool = True) -> None:
    """Write a file so that a reader, or a crash at any moment, finds the old content or the new, never a part.

    A new file has the permissions that the umask gives; one that is there keeps its own, and one that may not be
    written is refused, as ordinary writing would do. A link is followed. What killed processes of this machine have
    left half written in the folder is removed.

    Args:
        path: the file; its folder must exist.
        content: the bytes or text (written as UTF-8; bytes of a file name that are not UTF-8 stay what they are), or a
            function that writes them to the path it is given.
        durable: wait until the content is on the disk. Without it the content of a file may be lost when the machine
            (not the process) crashes soon after.

    Raises:
        WriteError: the disk refuses it, or something else than a file has this name; what was there is untouched.
    """
    with writing(path):
        target = path.resolve() if path.is_symlink() else path
        mode = _mode_of(target)
        # beside the target, since a rename is atomic within one file system only
        temporary = target.with_name(_part_name(target.name))
        try:
            with temporary.open("xb"):
                plain = temporary.stat().st_mode
            if callable(content):
                content(temporary)
            else:
                temporary.write_bytes(content.encode(errors="surrogateescape") if isinstance(content, str) else content)
            # a writer may have made the file anew, with permissions of its own
            temporary.chmod(stat.S_IMODE(plain if mode is None else mode))
            if durable:
                _sync(temporary)
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        if durable and os.name == "posix":
            _sync(target.parent)
    remove_parts(target.parent)


def remove_parts(folder: Path) -> None:
    """Remove what processes of this machine that have ended have left half written in a folder."""
    if os.name != "posix":
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _PART.fullmatch(entry.name)
            if found and found["host"] == _host() and not _is_running(int(found["process"])):
                with suppress(OSError):
                    Path(entry.path).unlink()


def _part_name(name: str) -> str:
    # cut, since a name may be as long as the file system allows already
    return f".{name[:40]}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.part"


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _mode_of(path: Path) -> int | None:
    """Return the permissions of the file that is to be replaced, or None if there is none.

    Raises:
        WriteError: it is not a file.
        PermissionError: it may not be written.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        kind = "folder" if stat.S_ISDIR(mode) else "device or pipe"
        raise WriteError(f"{path} cannot be written: it is a {kind}; give the name of a file")
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return mode


def _sync(path: Path) -> None:
    """Force a file's content, or a folder's entries, to the disk."""
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
