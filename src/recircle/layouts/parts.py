"""Parts of videos as lists give them: in seconds or by numbers of frames, and what is said of them."""

import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from recircle.decode.part import round_time
from recircle.manifest.manifest import Clip
from recircle.words import counted

Units = Literal["seconds", "frames"]


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """What a user may have to say of a list.

    Attributes:
        labels: class names, for a list that gives numbers.
        units: whether the parts of videos are given in seconds or in frames; None where the list says.
        fps: frames a second by which a list counts frames; None for each video's own.
    """

    labels: Path | None = None
    units: Units | None = None
    fps: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberedClip(Clip):
    """A part of a video of which a list gives the frames: `start` and `end` are numbers, from 0, the end not included.

    Its seconds are known when the video has been decoded.
    """

    @property
    def name(self) -> str:
        """The path, and the frames behind it."""
        return f"{self.path}#frames={self.start:g},{self.end:g}"

    def in_seconds(self, times: Sequence[float], fps: float) -> Clip:
        """Return the clip by its times.

        Args:
            times: when each frame of the video begins and the last one ends, as far as it can be decoded.
            fps: frames a second, for frames beyond those.
        """

        def time(number: float) -> float:
            if number < len(times):
                return times[int(number)]
            beyond = number - max(0, len(times) - 1)
            return (times[-1] if times else 0.0) + beyond / (fps or 25.0)

        return self.as_clip(round_time(time(self.start)), round_time(time(self.end)))

    def as_clip(self, start: float, end: float) -> Clip:
        """Return an ordinary clip that begins and ends then."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(Clip)}
        values |= {"start": start, "end": end}
        return Clip(**values)


def with_seconds(clips: Sequence[Clip], times: Mapping[str, tuple[Sequence[float], float]]) -> list[Clip]:
    """Return clips of which none is numbered.

    Args:
        clips: some of which may be.
        times: of the videos of these by their paths, see `NumberedClip.in_seconds`; of folders of frames, which know no
            seconds, there are none.
    """
    return [
        clip
        if not isinstance(clip, NumberedClip)
        else clip.in_seconds(*times[clip.path])
        if clip.path in times
        else clip.as_clip(clip.start, clip.end)
        for clip in clips
    ]


def group_by_video(place: Path, clips: Sequence[Clip], *, divide: bool) -> list[Clip]:
    """Return clips whose parts of one video are of one group, so that no division comes between them.

    Args:
        place: the list, for what is said.
        clips: of which those that have a group keep it.
        divide: let parts of one video be divided: each gets a group of its own.
    """
    without = [clip for clip in clips if clip.end and not clip.group]
    if not without:
        return list(clips)
    if divide:
        how = "each a group of its own, so that parts of one video may lie on both sides of a division"
    else:
        videos = len({clip.path for clip in without})
        how = f"grouped by their {counted(videos, 'video')}, so that no division comes between the parts of one"
    warnings.warn(
        f"{place}: {counted(len(without), 'part')} of videos {'is' if len(without) == 1 else 'are'} {how}", stacklevel=3
    )
    return [
        replace(clip, group=clip.name if divide else clip.path) if clip.end and not clip.group else clip
        for clip in clips
    ]


def warn_overlaps(place: Path, clips: Sequence[Clip]) -> None:
    """Say how many parts begin before another part of the same video has ended."""
    videos: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.end and clip.status == "ok":
            videos[clip.path].append(clip)
    overlapping = [
        (before, after)
        for parts in videos.values()
        for before, after in pairwise(sorted(parts, key=lambda clip: (clip.start, clip.end)))
        if after.start < before.end
    ]
    if overlapping:
        before, after = overlapping[0]
        warnings.warn(
            f"{place}: {len(overlapping)} of {sum(map(len, videos.values()))} parts begin before the one ahead of them "
            f"has ended, such as {after.name} ({after.label}) after {before.name} ({before.label}); frames that they "
            "share belong to both",
            stacklevel=3,
        )
