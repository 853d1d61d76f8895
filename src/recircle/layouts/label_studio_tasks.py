"""Predictions as tasks that Label Studio imports: pre-annotations of whole videos and of parts of them.

The form is that of its pages on tasks, predictions and the tags TimelineLabels and Choices. A range of a timeline is in
frames that are counted from 1, both ends included, at the rate that the tag Video names (`frameRate`, 24 by default),
whatever the video's own.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from recircle.files import atomic_write, make_folder

FRAME_RATE = 24.0
"""Frames a second that Label Studio counts by where its labelling interface does not name a `frameRate`."""

LOCAL_FILES = "/data/local-files/?d="
"""How Label Studio addresses files of its local storage."""

VIDEO, TIMELINE, CHOICE = "video", "timeline", "choice"
"""Names of the tags in the labelling interface, see `labelling_interface`."""

# a part of a frame by which a moment may miss the start of one
_NEAR = 0.02


@dataclass(frozen=True, kw_only=True)
class PredictedPart:
    """What is predicted of a video, or of a part of it.

    Attributes:
        video: path of the file, relative to the folder that Label Studio serves.
        label: the class.
        score: its probability.
        start: seconds after the first frame.
        end: likewise; 0 where the whole video is meant.
    """

    video: str
    label: str
    score: float
    start: float = 0.0
    end: float = 0.0


def write_tasks(
    path: Path,
    parts: Iterable[PredictedPart],
    *,
    model_version: str,
    frame_rate: float = FRAME_RATE,
    prefix: str = LOCAL_FILES,
) -> int:
    """Write one task a video, with one prediction of all its parts, in one step.

    The score of a prediction is the lowest of its parts, so that Label Studio shows doubtful videos first where it
    orders by score.

    Args:
        path: a .json file; its folder is made.
        parts: what is predicted; videos come in the order of their first parts.
        model_version: what Label Studio calls the model.
        frame_rate: the `frameRate` of the project.
        prefix: what stands before a video's path in its address.

    Returns:
        How many tasks were written.

    Raises:
        UserError: the file cannot be written.
        ValueError: `frame_rate` is not above 0, or a part ends before it begins.
    """
    if not frame_rate > 0:
        raise ValueError(f"frame_rate={frame_rate}: give frames a second, above 0")
    results: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        of_video = results.setdefault(part.video, [])
        of_video.append(_result(part, f"part{len(of_video) + 1}", frame_rate))
    tasks = [
        {
            "data": {VIDEO: f"{prefix}{video}"},
            "predictions": [
                {"model_version": model_version, "score": min(one["score"] for one in result), "result": result}
            ],
        }
        for video, result in results.items()
    ]
    make_folder(path.parent)
    atomic_write(path, json.dumps(tasks, indent=1) + "\n")
    return len(tasks)


def labelling_interface(
    labels: Sequence[str], frame_rate: float = FRAME_RATE, *, timeline: bool, whole: bool | None = None
) -> str:
    """Return the labelling interface (XML) that tasks of these classes are for.

    Args:
        labels: the classes.
        frame_rate: as given to `write_tasks`.
        timeline: whether parts of videos are labelled.
        whole: whether whole videos are; None where parts are not.
    """
    lines: list[str] = []
    if timeline:
        lines += _control("TimelineLabels", "Label", TIMELINE, labels)
    if whole or (whole is None and not timeline):
        lines += _control("Choices", "Choice", CHOICE, labels)
    video = f'  <Video name="{VIDEO}" value="${VIDEO}" frameRate="{frame_rate:g}"/>'
    return "\n".join(("<View>", *lines, video, "</View>", ""))


def _control(tag: str, child: str, name: str, labels: Sequence[str]) -> list[str]:
    values = [f"    <{child} value={quoteattr(label)}/>" for label in labels]
    return [f'  <{tag} name="{name}" toName="{VIDEO}">', *values, f"  </{tag}>"]


def frames_between(start: float, end: float, frame_rate: float) -> tuple[int, int]:
    """Return the first and the last frame, counted from 1, of a part that lasts from `start` to `end` seconds."""
    first = math.floor(start * frame_rate + _NEAR) + 1
    return first, max(first, math.ceil(end * frame_rate - _NEAR))


def seconds_between(first: float, last: float, frame_rate: float) -> tuple[float, float]:
    """Return when a part begins and ends, of which Label Studio says the first and the last frame."""
    return (first - 1) / frame_rate, last / frame_rate


def _result(part: PredictedPart, name: str, frame_rate: float) -> dict[str, Any]:
    if not part.end:
        value: dict[str, Any] = {"choices": [part.label]}
        return {"id": name, "from_name": CHOICE, "to_name": VIDEO, "type": "choices", "value": value} | _score(part)
    if not 0 <= part.start < part.end:
        raise ValueError(f"the part of {part.video} from {part.start} s to {part.end} s ends before it begins")
    first, last = frames_between(part.start, part.end, frame_rate)
    value = {"ranges": [{"start": first, "end": last}], "timelinelabels": [part.label]}
    return {"id": name, "from_name": TIMELINE, "to_name": VIDEO, "type": "timelinelabels", "value": value} | _score(
        part
    )


def _score(part: PredictedPart) -> dict[str, float]:
    return {"score": round(part.score, 6)}
