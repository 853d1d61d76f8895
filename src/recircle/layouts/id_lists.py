"""The data sets of 20BN that come as frames: FRAMES/ID/*.jpg and lists of `ID;label`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recircle.errors import UserError
from recircle.layouts.places import add_families
from recircle.layouts.tables import check_label, warn_unlisted
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import read_lines, read_text, split_records

_LATER = {"train": "train", "val": "validation", "test": "test"}
ANSWERS = "test-answers.csv"
"""The labels of the test clips, which today's distributions bring in `labels`."""


@dataclass(frozen=True)
class IdLists:
    """One data set of this kind.

    Attributes:
        frames: the folder of the folders of frames.
        labels: the list of classes.
        lists: the list of each split.
    """

    frames: str
    labels: str
    lists: Mapping[str, str]

    def matches(self, folder: Path) -> bool:
        """Tell whether the folder holds the frames and at least one list."""
        return (folder / self.frames).is_dir() and any(self._list(folder, split).is_file() for split in self.lists)

    def find(self, folder: Path) -> list[Clip]:
        """List the clips of all lists that are there.

        Raises:
            UserError: the frames, the classes or all lists are missing, a list is malformed, or has a class that is
                not in the list of classes.
        """
        labels = read_labels(_first_or_later(folder, self.labels, "labels"))
        if not (folder / self.frames).is_dir():
            raise UserError(f"{folder}: the folder {self.frames}/ is missing; unpack the frames there")
        there = [split for split in self.lists if self._list(folder, split).is_file()]
        if not there:
            names = ", ".join(self.lists.values())
            raise UserError(f"{folder}: no list of clips is there; copy {names} there")
        answers = read_answers(folder, labels)
        clips = [
            Clip(path=f"{self.frames}/{video}", label=label or answers.get(video, ""), split=split)
            for split in there
            for video, label in read_list(self._list(folder, split), labels)
        ]
        on_disk = {
            f"{self.frames}/{entry.name}"
            for entry in (folder / self.frames).iterdir()
            if not entry.name.startswith(".")
        }
        warn_unlisted(folder, on_disk - {clip.path for clip in clips})
        return add_families(folder, clips)

    def _list(self, folder: Path, split: str) -> Path:
        return _first_or_later(folder, self.lists[split], _LATER[split])


def _first_or_later(folder: Path, name: str, later: str) -> Path:
    """Return where a list lies: under its first name, or as `labels/NAME.csv`, as it is handed out today."""
    first, second = folder / name, folder / "labels" / f"{later}.csv"
    return second if second.is_file() and not first.is_file() else first


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
    for record in split_records(read_text(path), path, ";"):
        video, *label = record.fields
        if not video.isdigit():
            raise UserError(
                f"{record.where}: {video!r} is not the number of a video; lines are `ID;label` or, for test, `ID`"
            )
        if len(label) > 1:
            raise UserError(f"{record.where}: {len(record.fields)} fields; lines are `ID;label` or, for test, `ID`")
        rows.append((video, check_label(label[0], known, record.where, path.name) if label else ""))
    return rows


def read_answers(folder: Path, labels: tuple[str, ...]) -> dict[str, str]:
    """Return the labels of test clips by ID, where their list is there."""
    path = folder / "labels" / ANSWERS
    return dict(read_list(path, labels)) if path.is_file() else {}
