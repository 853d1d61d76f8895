"""Segments and scores as files for other programs: CSV, JSON and WebVTT."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from recircle.files import atomic_write, make_folder
from recircle.manifest.table import write_rows
from recircle.terminal import visible
from recircle.timelines.segments import Segment, Segmentation
from recircle.timelines.timeline import Timeline

COLUMNS: dict[str, type] = {
    "video": str,
    "start": float,
    "end": float,
    "label": str,
    "score": float,
    "repetitions": float,
    "period": float,
}
"""Of the table of segments; the first four are those of a table of true segments."""

# digits of seconds and of probabilities; a frame of 1000 fps lasts longer
_DIGITS = 6


def write_csv(path: Path, videos: Iterable[tuple[str, Sequence[Segment]]]) -> None:
    """Write one row a segment, of all videos.

    Raises:
        UserError: the file cannot be written.
    """
    make_folder(path.parent)
    rows: list[dict[str, Any]] = []
    for video, segments in videos:
        for segment in segments:
            values = dict.fromkeys(COLUMNS) | {"video": video} | _rounded(segment.to_dict())
            rows.append(values)
    write_rows(path, COLUMNS, rows)


def to_dict(timeline: Timeline, segments: Sequence[Segment], rules: Segmentation) -> dict[str, Any]:
    """Return plain values for JSON: what the video is, its segments, and how they came about."""
    return {
        "video": timeline.video,
        "seconds": round(timeline.seconds, _DIGITS),
        "window": timeline.window,
        "stride": timeline.stride,
        "windows": len(timeline),
        "protocol": timeline.provenance.protocol_words,
        "rules": str(rules),
        "notes": list(timeline.notes),
        "segments": [_rounded(segment.to_dict()) for segment in segments],
    }


def write_json(path: Path, timeline: Timeline, segments: Sequence[Segment], rules: Segmentation) -> None:
    """Write what `to_dict` returns, and the probabilities of all classes in each window.

    Raises:
        UserError: the file cannot be written.
    """
    make_folder(path.parent)
    scores = {
        "labels": list(timeline.labels),
        "starts": timeline.starts.round(_DIGITS).tolist(),
        "ends": timeline.ends.round(_DIGITS).tolist(),
        "frames": timeline.frames.tolist(),
        "probabilities": timeline.probabilities.round(_DIGITS).tolist(),
    }
    atomic_write(path, json.dumps({**to_dict(timeline, segments, rules), "scores": scores}) + "\n")


def write_webvtt(path: Path, segments: Sequence[Segment]) -> None:
    """Write a track of cues that players show over the video: the class and its mean probability.

    Raises:
        UserError: the file cannot be written.
    """
    make_folder(path.parent)
    cues = [
        f"{number}\n{_clock(segment.start)} --> {_clock(segment.end)}\n{_text(segment)}\n"
        for number, segment in enumerate(segments, 1)
    ]
    atomic_write(path, "\n".join(["WEBVTT\n", *cues]))


def _text(segment: Segment) -> str:
    label = visible(segment.label).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    times = f", {segment.repetitions.count:.0f} times" if segment.repetitions else ""
    return f"{label} ({100 * segment.score:.0f} %{times})"


def _clock(seconds: float) -> str:
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}.{whole % 1000:03}"


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in values.items()}
