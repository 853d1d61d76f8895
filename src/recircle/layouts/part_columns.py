"""The columns of a list that say from when to when a part of a video lasts, and in which unit."""

import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from recircle.decode.part import read_time, round_time
from recircle.errors import UserError
from recircle.layouts.columns import Columns, plain_name, roles_of
from recircle.layouts.parts import ListOptions, NumberedClip
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import Record

_TIME = "a time, such as 62.5 or 1:02.5"
Kind = Literal["seconds", "milliseconds", "frames"]


@dataclass(frozen=True)
class PartColumns:
    """The columns `start` and `end`.

    Attributes:
        columns: of the list.
        kind: what the numbers are.
        fps: frames a second by which frames are counted; None for each video's own.
        told: whether the unit was said, by the user or by the names of the columns.
    """

    columns: Columns
    kind: Kind
    fps: float | None
    told: bool

    @classmethod
    def of(cls, columns: Columns, options: ListOptions) -> "PartColumns | None":
        """Find out what the columns mean; None for a manifest that has none.

        Raises:
            UserError: there are none, or it is not clear.
        """
        source = columns.table.source
        if not columns.roles.keys() >= {"start", "end"}:
            if columns.of_manifest:
                return None
            _refuse_other_values(columns)
            raise UserError(
                f"{source}: a column of starts and one of ends, which hold seconds, clock times such as 1:02.5 or "
                f"numbers of frames, are not both there (found: {', '.join(columns.table.names) or 'no header'}); "
                "write the header video,start,end,label"
            )
        named = _named(columns)
        if named and options.units and (named == "frames") != (options.units == "frames"):
            raise UserError(f"{source}: by their names the columns hold {named}, and --units says {options.units}")
        kind = named or options.units or _seen(columns)
        if kind is None:
            raise UserError(
                f"{source}: the starts and ends are whole numbers, which may be seconds or frames; say --units seconds "
                "or --units frames, or call the columns start_seconds and end_seconds, or start_frame and end_frame"
            )
        if options.fps is not None and kind != "frames":
            raise UserError(f"{source}: its times are {kind}, for which no frame rate is needed; leave out --fps")
        return cls(columns, kind, options.fps, told=bool(named or options.units))

    def part_of(self, clip: Clip, record: Record) -> Clip:
        """Return the part of a clip that a record gives; the clip where it gives none.

        Raises:
            UserError: it is not a time or a number of a frame, or the part ends before it begins.
        """
        texts = self.columns.value(record, "start"), self.columns.value(record, "end")
        if not any(texts) or (self.columns.of_manifest and not any(map(read_time, texts))):
            return clip
        start, end = (self._number(text, record) for text in texts)
        end += self.kind == "frames"
        if not start < end:
            raise UserError(
                f"{record.where}: the part ends at {texts[1]}, which is not after its start at {texts[0]}; correct one "
                "of the two"
            )
        if self.kind == "frames" and self.fps is None:
            return _numbered(clip, start, end)
        scale = {"seconds": 1.0, "milliseconds": 1000.0, "frames": self.fps or 1.0}[self.kind]
        return replace(clip, start=round_time(start / scale), end=round_time(end / scale))

    def tell(self, place: Path) -> None:
        """Say how the numbers are read."""
        if self.columns.of_manifest:
            return
        if self.kind == "frames":
            rate = "at each video's own rate" if self.fps is None else f"at {self.fps:g} frames a second"
            how = f"frames, counted from 0 {rate}, the last one included"
        else:
            how = f"{self.kind} after the first frame"
        seen = "" if self.told else ", as some are written so"
        warnings.warn(f"{place}: starts and ends are read as {how}{seen}", stacklevel=4)

    def _number(self, text: str, record: Record) -> float:
        value = read_time(text)
        if value is None or (self.kind == "frames" and not value.is_integer()):
            wanted = "the number of a frame" if self.kind == "frames" else _TIME
            raise UserError(f"{record.where}: {text!r} is not {wanted}; correct it")
        return value


def _refuse_other_values(columns: Columns) -> None:
    """Raise a `UserError` at the first field that is no time, of a column that should hold some by its name."""
    table = columns.table
    for column, name in enumerate(table.names):
        if any(role in ("start", "end") for role, _ in roles_of(name)):
            for record in table.records:
                if read_time(record.fields[column]) is None:
                    raise UserError(f"{record.where}: {record.fields[column]!r} is not {_TIME}; correct it")


def _named(columns: Columns) -> Kind | None:
    """Return the unit that the names of the columns say."""
    names = [plain_name(columns.table.names[columns.roles[role]]) for role in ("start", "end")]
    if all("frame" in name for name in names):
        return "frames"
    if all(name.endswith("ms") for name in names):
        return "milliseconds"
    if all("sec" in name for name in names):
        return "seconds"
    return None


def _seen(columns: Columns) -> Kind | None:
    """Return seconds where a time is written as no number of a frame is."""
    values = (columns.value(record, role) for record in columns.table.records for role in ("start", "end"))
    return "seconds" if any(re.search("[.:]", value) for value in values) else None


def _numbered(clip: Clip, start: float, end: float) -> Clip:
    return NumberedClip(
        path=clip.path,
        start=start,
        end=end,
        label=clip.label,
        parent=clip.parent,
        split=clip.split,
        group=clip.group,
        dataset=clip.dataset,
    )
