"""Something-Something V1: 20bn-something-something-v1/ID/*.jpg and lists of `ID;label`."""

from pathlib import Path

from recircle.data.layouts.tables import check_label, read_lines, warn_unlisted
from recircle.data.manifest import Clip
from recircle.errors import UserError

FRAMES = "20bn-something-something-v1"
LABELS = "something-something-v1-labels.csv"
LISTS = {
    "train": "something-something-v1-train.csv",
    "val": "something-something-v1-validation.csv",
    "test": "something-something-v1-test.csv",
}


def matches(folder: Path) -> bool:
    """Tell whether the folder holds the frames and at least one list."""
    return (folder / FRAMES).is_dir() and any((folder / name).is_file() for name in LISTS.values())


def find(folder: Path) -> list[Clip]:
    """List the clips of all lists that are there.

    Raises:
        UserError: a list is malformed, or has a class that is not in the list of classes.
    """
    labels = read_labels(folder / LABELS)
    clips = [
        Clip(path=f"{FRAMES}/{video}", label=label, split=split)
        for split, name in LISTS.items()
        if (folder / name).is_file()
        for video, label in read_list(folder / name, labels)
    ]
    on_disk = {f"{FRAMES}/{entry.name}" for entry in (folder / FRAMES).iterdir() if not entry.name.startswith(".")}
    warn_unlisted(folder, on_disk - {clip.path for clip in clips})
    return clips


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the classes, one a line, in the file's order, which is that of published checkpoints' outputs."""
    return tuple(line for _, line in read_lines(path))


def read_list(path: Path, labels: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (ID, label) of each line; the label is empty in the test list, which has none.

    Raises:
        UserError: a class is not in `labels`.
    """
    known = set(labels)
    rows = []
    for where, line in read_lines(path):
        video, separator, label = line.partition(";")
        if not video.isdigit():
            raise UserError(f"{where}: {video!r} is no number of a video; lines are `ID;label` or, for test, `ID`")
        rows.append((video, check_label(label, known, where, LABELS) if separator else ""))
    return rows
