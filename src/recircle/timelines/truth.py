"""What is true of videos: a table with the columns video, start, end and label."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from recircle.errors import UserError
from recircle.manifest.text_table import read_table
from recircle.timelines.segments import Segment

COLUMNS = ("video", "start", "end", "label")

# seconds by which segments may overlap: times are written with so many digits
_TOUCH = 1e-3


@dataclass(frozen=True)
class Truth:
    """The true segments of videos.

    Attributes:
        source: the table.
        segments: of each video, by its name in the table; in the order of time.
    """

    source: Path
    segments: Mapping[str, Sequence[Segment]]

    def of(self, video: str | Path) -> Sequence[Segment] | None:
        """Return the segments of a video, None where the table has none of it.

        A name in the table is a path relative to the table's folder; if there is no such one, the file's name counts.

        Raises:
            UserError: two videos of the table have this file name, and neither is at this path.
        """
        path = Path(video).absolute()
        for name, segments in self.segments.items():
            if (self.source.absolute().parent / name).resolve() == path.resolve():
                return segments
        alike = [name for name in self.segments if Path(name).name == path.name]
        if len(alike) > 1:
            raise UserError(f"{self.source} has {alike[0]} and {alike[1]}, and neither is {video}; which is meant?")
        return self.segments[alike[0]] if alike else None


def read_truth(path: Path, labels: Collection[str], background: Collection[str] = ()) -> Truth:
    """Read true segments; times are in seconds after the first frame.

    Args:
        path: a table with a header and the columns `COLUMNS`; others are passed over.
        labels: the classes that there are.
        background: those that mean that nothing happens; their lines count as none.

    Raises:
        UserError: the file is no such table, a time is none, a class is unknown, or segments of a video overlap.
    """
    found: dict[str, list[tuple[Segment, str]]] = {}
    for where, row in read_table(path, COLUMNS).rows():
        if not row["video"]:
            raise UserError(f"{where}: no video is named")
        label = row["label"]
        if label not in labels:
            raise UserError(f"{where}: the class {label!r} is none of the {len(labels)} that the network knows")
        start, end = (_seconds(row[name], name, where) for name in ("start", "end"))
        if end <= start:
            raise UserError(f"{where}: the segment ends at {end:g} s, and begins at {start:g} s; it must end later")
        segments = found.setdefault(row["video"], [])
        if label not in background:
            segments.append((Segment(start=start, end=end, label=label), where))
    for segments in found.values():
        segments.sort(key=lambda one: one[0].start)
        for (before, _), (after, where) in pairwise(segments):
            if after.start < before.end - _TOUCH:
                raise UserError(
                    f"{where}: the segment from {after.start:g} s begins before the last one ends, at "
                    f"{before.end:g} s; one class at a time can be measured"
                )
    return Truth(path, {video: [segment for segment, _ in segments] for video, segments in found.items()})


def _seconds(text: str, name: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UserError(f"{where}: {name} {text!r} is no number of seconds, such as 12.5")
    return value
