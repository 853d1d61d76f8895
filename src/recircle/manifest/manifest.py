"""The manifest: a table with one row a clip, which all later steps read instead of searching folders."""

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self, get_args

from recircle.decode.frame_times import FrameTimes
from recircle.decode.part import part_name
from recircle.errors import UserError
from recircle.manifest.table import Row, is_parquet, read_rows, write_rows
from recircle.public import public

Status = Literal["ok", "broken"]
Split = Literal["train", "val", "test"]


@public
@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """One row of a manifest.

    Attributes:
        path: a video file or a folder of frames; with forward slashes, relative to the manifest's folder, or absolute
            where a list names the clip so.
        start: where in its video a clip begins that is a part of it, in seconds after the video's first frame (of a
            folder of frames, the number of the frame, from 0).
        end: where it ends, likewise; 0 for a clip that is a whole file or folder.
        label: the class; empty where it is not known.
        parent: the family (coarse class) of the label, if there is one.
        split: "train", "val", "test", or empty.
        group: what must not be torn apart between splits: a subject, a sequence, a source.
        dataset: the known data set that the clip and its label are of, in its version and split ("diving48_v2",
            "ucf101_split1"); empty for clips of one's own.
        frames: how many frames really decode.
        fps: frames a second; 0 where it is not known, as for a folder of frames.
        width: pixels as displayed, that is, after rotation.
        height: likewise.
        size: bytes on disk, of all images together for a folder of frames.
        status: "ok", or "broken" for a clip that cannot be decoded to its end.
        fault: why a clip is broken; for a clip that is ok, a remark, such as that its container declares more frames.
        durations: how long each frame is shown, in milliseconds, where the frame rate varies: `83.333*12 375*11`; empty
            where it is constant.
    """

    path: str
    start: float = 0.0
    end: float = 0.0
    label: str = ""
    parent: str = ""
    split: str = ""
    group: str = ""
    dataset: str = ""
    frames: int = 0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    size: int = 0
    status: Status = "ok"
    fault: str = ""
    durations: str = ""

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("path is empty; give the clip's path relative to the manifest's folder")
        if self.split not in ("", *get_args(Split)):
            raise ValueError(f"split={self.split!r} is unknown; write {', '.join(get_args(Split))} or leave it empty")
        if self.status not in get_args(Status):
            raise ValueError(f"status={self.status!r} is unknown; write {' or '.join(get_args(Status))}")
        for name in ("start", "end", "frames", "fps", "width", "height", "size"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}={value} must be 0 (not known) or more")
        if (self.start or self.end) and not self.start < self.end:
            raise ValueError(f"start={self.start:g} and end={self.end:g}: a part must end after it begins")
        if self.durations:
            _ = self.frame_times

    @property
    def name(self) -> str:
        """What tells the clip from all others: its path, and behind it the part of it, as in `talk.mp4#t=12.5,17.25`.

        Predictions, logs and reports call it so, and whatever decodes takes it for the clip's path.
        """
        return part_name(self.path, self.start, self.end)

    @property
    def frame_times(self) -> FrameTimes:
        """When the frames are shown.

        Raises:
            ValueError: there are no frames.
        """
        return FrameTimes(self.frames, self.fps, self.durations)


_NUMBERS: dict[str, type] = {
    "start": float,
    "end": float,
    "frames": int,
    "fps": float,
    "width": int,
    "height": int,
    "size": int,
}
COLUMNS = {field.name: _NUMBERS.get(field.name, str) for field in fields(Clip)}
REQUIRED_COLUMNS = ("path", "frames")
_OF_PARTS = ("start", "end")
"""Columns that are written where a clip is a part of its file, so that other tables stay as narrow as they were."""


@public
@dataclass(frozen=True)
class Manifest:
    """The clips of a data set.

    Attributes:
        clips: the rows, each name once.
        root: the folder that the paths are relative to; where a manifest file lies, this is its folder.
        file: where exactly these clips were read or written; None for others, such as a selection of them.
    """

    clips: tuple[Clip, ...]
    root: Path
    file: Path | None = field(default=None, init=False, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.clips)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a manifest from a .csv or .parquet file.

        `path` and `frames` are needed, the other columns may be missing.

        Raises:
            UserError: the file is missing, is not a table, lacks a column or has an unknown one, or a row is wrong
                or names a clip again; the message names the file, the line, the field and the remedy.
        """
        path = Path(path)
        clips: dict[str, Clip] = {}
        for where, row in read_rows(path, REQUIRED_COLUMNS, tuple(COLUMNS)):
            clip = _parse_row(row, where)
            if clip.name in clips:
                raise UserError(f"{where}: path {clip.name!r} is there already; remove one of the two rows")
            clips[clip.name] = clip
        return cls(tuple(clips.values()), _absolute(path.parent))._of(path)

    def write(self, path: str | Path) -> Self:
        """Write a .csv or .parquet file, in one step: a reader finds the old content or the new, never a part.

        Returns:
            The manifest as it lies there: its root is the file's folder, and its paths are relative to that.

        Raises:
            UserError: the suffix is neither, the folder cannot be written, or pyarrow is missing for .parquet.
        """
        path = Path(path)
        moved = self.relative_to(path.parent)
        parts = any(clip.end for clip in moved.clips)
        columns = {name: kind for name, kind in COLUMNS.items() if parts or name not in _OF_PARTS}
        write_rows(path, columns, [asdict(clip) for clip in moved.clips])
        return replace(moved)._of(path)

    def _of(self, path: Path) -> Self:
        object.__setattr__(self, "file", _absolute(path))
        return self

    def relative_to(self, folder: str | Path) -> Self:
        """Return the same clips with paths that are relative to another folder; absolute ones stay as they are."""
        root = _absolute(Path(folder))
        if root == self.root:
            return self
        clips = tuple(
            clip if os.path.isabs(clip.path) else replace(clip, path=relative_path(self.path(clip), root))  # noqa: PTH117
            for clip in self.clips
        )
        return replace(self, clips=clips, root=root)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The classes that occur, sorted, each once; the empty label is none."""
        return tuple(sorted({clip.label for clip in self.clips if clip.label}))

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """The known data sets, with version and split, that clips are of, sorted; none for clips of one's own."""
        return tuple(sorted({clip.dataset for clip in self.clips if clip.dataset}))

    @cached_property
    def families(self) -> dict[str, str]:
        """The parent of each label that has one.

        Raises:
            UserError: clips of one label have different parents.
        """
        families: dict[str, str] = {}
        for clip in self.clips:
            if clip.label and clip.parent:
                known = families.setdefault(clip.label, clip.parent)
                if known != clip.parent:
                    raise UserError(
                        f"label {clip.label!r} has two parents, {known!r} and {clip.parent!r} (at {clip.name}); "
                        "write the same parent in all rows of a label"
                    )
        return families

    def select(self, split: str | None = None, groups: Sequence[str] = ()) -> Self:
        """Return the clips of a split and of the groups that match any of the patterns.

        Args:
            split: keep this split; None keeps all.
            groups: shell patterns such as "set1/*" or "F*"; none keeps all groups.
        """
        clips = tuple(
            clip
            for clip in self.clips
            if (split is None or clip.split == split)
            and (not groups or any(fnmatchcase(clip.group, pattern) for pattern in groups))
        )
        return replace(self, clips=clips)

    def path(self, clip: Clip) -> Path:
        """Return where a clip lies, which for a part is the file that it is a part of."""
        return self.root / clip.path

    def address(self, clip: Clip) -> Path:
        """Return what decodes to a clip: where it lies, with the part of it behind that."""
        return self.root / clip.name

    def check_found(self, source: str | Path) -> Self:
        """Return the manifest if a clip that could be decoded when it was written is there still.

        All clips are looked for only where none of the first ones is there.

        Args:
            source: the manifest's file, for the error.

        Raises:
            UserError: not one is there, so that the manifest or the clips must have been moved.
        """
        readable = [clip for clip in self.clips if clip.status == "ok"]
        if readable and not any(self.path(clip).exists() for clip in readable):
            raise UserError(
                f"{source}: none of its {len(readable)} clips is there, looked for at {self.path(readable[0])} first; "
                "if the manifest was moved, put it back, and if the clips were, run `recircle index` where they are"
            )
        return self


def check_output(path: str | Path) -> None:
    """Raise a `UserError` if no manifest can be written under this name, before the work of making one is done."""
    is_parquet(Path(path))


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links)


def relative_path(path: Path, root: Path) -> str:
    """Return a path relative to a folder, with forward slashes; absolute where no relative one leads there."""
    absolute = _absolute(path)
    try:
        return Path(os.path.relpath(absolute, root)).as_posix()
    except ValueError:  # another drive
        return absolute.as_posix()


def _parse_row(row: Row, where: str) -> Clip:
    values: dict[str, Any] = {}
    for name, value in row.items():
        if name in _NUMBERS:
            values[name] = _parse_number(name, value, where)
        elif value is not None:
            values[name] = str(value)
            if name != "path" and not _is_unicode(values[name]):
                raise UserError(f"{where}: {name}={value!a} is not UTF-8; save the table in that encoding")
    if values.get("path"):
        values["path"] = PurePosixPath(values["path"]).as_posix()
    try:
        return Clip(**values)
    except (ValueError, TypeError) as error:
        raise UserError(f"{where}: {error}") from None


def _parse_number(name: str, value: Any, where: str) -> float:
    kind = _NUMBERS[name]
    if value in ("", None):
        return kind(0)
    try:
        number = kind(value)
        if number != float(value):
            raise ValueError
    except (ValueError, OverflowError):
        wanted = "a whole number" if kind is int else "a number"
        raise UserError(f"{where}: {name}={value!r} is not {wanted}; correct it, or run `recircle index`") from None
    return number


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
