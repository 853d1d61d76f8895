"""What was recognised so far, kept beside the file that it goes to, so that a killed process goes on where it was."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from recircle.errors import UserError
from recircle.files import atomic_write, make_folder, writing
from recircle.locks import locked

SUFFIX = ".part"
LOCK_SUFFIX = ".lock"

Row = dict[str, Any]


class Journal:
    """Rows of clips, one line of JSON each, written as they come; the first line says what made them.

    A line that a power failure cut short is left out, and its clip recognised again.

    Attributes:
        rows: by the paths of their clips.
    """

    def __init__(self, path: Path, file: IO[bytes], rows: dict[str, Row]) -> None:
        """Go on with an open file; `open_journal` opens it."""
        self._path, self._file, self.rows = path, file, rows

    def add(self, row: Row) -> None:
        """Keep a row; once this returns, killing the process does not lose it.

        Raises:
            UserError: the disk refuses it; what was kept before is still there.
        """
        with writing(self._path):
            self._file.write(_line(row))
            self._file.flush()
        self.rows[row["path"]] = row


@contextmanager
def open_journal(output: Path, settings: Mapping[str, Any], paths: Iterable[Path]) -> Iterator[Journal]:
    """Open the journal of a file of results; it is deleted when the block ends without an error.

    Args:
        output: the file of results, beside which the journal lies.
        settings: what the rows depend on; a journal of others is refused.
        paths: of the clips that are wanted; rows of others are not read.

    Raises:
        UserError: a journal is there that other settings made, or that another process writes; or the disk refuses it.
    """
    path, lock = (output.with_name(output.name + suffix) for suffix in (SUFFIX, LOCK_SUFFIX))
    make_folder(output.parent)
    with locked(lock, f"write {output}"):
        rows = _read(path, output, settings, {str(clip) for clip in paths})
        # written anew, so that nothing follows a line that was cut short
        atomic_write(path, b"".join(_line(row) for row in [{"settings": dict(settings)}, *rows.values()]))
        with writing(path):
            file = path.open("ab")
        # outside, since what else fails in the block is not the journal's fault
        with file:
            yield Journal(path, file, rows)
        path.unlink(missing_ok=True)
    lock.unlink(missing_ok=True)


def _read(path: Path, output: Path, settings: Mapping[str, Any], wanted: set[str]) -> dict[str, Row]:
    if not path.exists():
        return {}
    try:
        lines = [_parsed(line) for line in path.read_bytes().splitlines()]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; delete it, or give another --output") from None
    made_by = (lines[0] or {}).get("settings") if lines else None
    if made_by is None:
        # not even the first line reached the disk
        return {}
    differing = sorted(name for name in {*made_by, *settings} if made_by.get(name) != settings.get(name))
    if differing:
        raise UserError(
            f"{path} is what an earlier call for {output.name} left unfinished, "
            f"with another {' and '.join(differing)}; "
            "repeat that call, or delete the file, or give another --output"
        )
    return {row["path"]: row for row in lines[1:] if row is not None and row.get("path") in wanted}


def _line(row: Row) -> bytes:
    # escaped, so that bytes of a file name which are not UTF-8 come back
    return json.dumps(row).encode() + b"\n"


def _parsed(line: bytes) -> Row | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
