"""Whether a file ends before its container says: a download that was cut, of which decoders show what is there."""

import os
import re
from pathlib import Path

from av.error import FFmpegError

from recircle.decode.pyav import Video
from recircle.decode.signatures import open_regular

# frames that may be missing: durations are rounded, and whether the last frame counts is read both ways
_FRAMES = 2.0
# containers whose head states a duration; that of others is found from the last time stamp or guessed from the bit rate
_STATING = frozenset({"matroska", "webm", "mov", "mp4", "flv", "asf", "ivf", "nut"})
# zeros that some programs leave behind the end of a GIF
_PADDING = 1024


def cut_short(video: Video, span: tuple[float, float] | None, fps: float) -> str | None:
    """Return a remark if a file, decoded to its end, declares that it is longer.

    Where the container counts its frames, that is the better witness, and nothing is said here. Else Matroska states
    the duration of the video itself in a tag; where there is none, the duration of the whole file counts, and that may
    be the sound's, so that it is compared with the end of the last packet of any stream.

    A GIF declares nothing, and ends with a mark.

    Args:
        video: the file, decoded to its end.
        span: when the first frame begins and the last one ends, in seconds; None where that is not known.
        fps: frames a second; 0 where not known.
    """
    if video.container.format.name == "gif":
        return None if _ends_as_gif(video) else "the file ends without the mark that ends a GIF"
    if span is None or video.declared or not _STATING & set(video.container.format.name.split(",")):
        return None
    tag = next((value for name, value in video.stream.metadata.items() if name.upper().startswith("DURATION")), "")
    declared = _parse(tag)
    whole = declared is None
    if whole:
        declared = (video.container.duration or 0) / 1e6
    # durations count from the first frame, or from time 0
    began, ended = span
    last = max(ended, ended - began)
    if _falls_short(last, declared, fps) and whole and len(video.container.streams) > 1:
        last = max(last, _last_packet(video))
    if not _falls_short(last, declared, fps):
        return None
    return f"the container declares {declared:.3g} s, frames end at {last:.3g} s"


def _ends_as_gif(video: Video) -> bool:
    try:
        with os.fdopen(open_regular(Path(video.container.name)), "rb") as file:
            file.seek(max(0, video.size - _PADDING))
            return file.read(_PADDING).rstrip(b"\0").endswith(b";")
    except OSError:  # it has gone since it was decoded
        return True


def _falls_short(last: float, declared: float, fps: float) -> bool:
    return declared - last > _FRAMES / (fps or 25.0)


def _parse(duration: str) -> float | None:
    """Return the seconds of "00:01:02.5"; None of anything else."""
    found = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d*)?)", duration.strip("\0 "))
    if not found:
        return None
    hours, minutes, seconds = map(float, found.groups())
    return 3600 * hours + 60 * minutes + seconds


def _last_packet(video: Video) -> float:
    """Return the time at which the last packet of any stream ends, reading the file once more."""
    last = 0.0
    try:
        video.container.seek(0)
        for packet in video.container.demux():
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None and packet.time_base is not None:
                last = max(last, float((time + (packet.duration or 0)) * packet.time_base))
    except FFmpegError:
        return last
    return last
