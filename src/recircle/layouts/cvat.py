"""CVAT: its XML for video 1.1, whose tracks are parts of a video, or for images 1.1, whose tags are.

A track lasts from its first shape until it is marked as outside; tags of a label on frames that follow each other are
one part. Frames are those of the video, from 0.
"""

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from recircle.errors import UserError
from recircle.layouts.list_places import ListPlaces
from recircle.layouts.parts import ListOptions, NumberedClip
from recircle.layouts.tables import SPLITS
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import read_text

_SHAPES = frozenset({"box", "polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton"})
_HEAD = 4096


@dataclass(frozen=True)
class _Task:
    """A video in CVAT.

    Attributes:
        path: of the video.
        step: each which frame of it is in the task.
        split: that its subset says, or "".
    """

    path: str
    step: int
    split: str


def matches(path: Path) -> bool:
    """Tell whether a file is CVAT's XML, by its beginning."""
    if not path.is_file() or path.suffix.lower() != ".xml":
        return False
    try:
        with path.open("rb") as file:
            return b"<annotations>" in file.read(_HEAD)
    except OSError:
        return False


def find(path: Path, options: ListOptions) -> list[Clip]:  # noqa: ARG001  (as the other lists have it)
    """List the tracks, or the tags, as parts of their videos.

    Raises:
        UserError: it is no such file, names no video, or has neither tracks nor tags.
    """
    root = _parse(path)
    places = ListPlaces(path.parent)
    tasks = _tasks(path, root, places)
    clips = [
        NumberedClip(path=task.path, start=float(first), end=float(end), label=label, split=task.split)
        for label, task, first, end in (*_tracks(path, root, tasks), *_tags(path, root, tasks))
    ]
    if not clips:
        raise UserError(f"{path} has neither tracks nor tags; export the task from CVAT as `CVAT for video 1.1`")
    places.tell(path)
    _tell(path, root)
    repeated = [name for name, count in Counter(clip.name for clip in clips).items() if count > 1]
    if repeated:
        warnings.warn(
            f"{path}: {len(repeated)} parts are there more than once, as of several objects at the same time "
            f"({repeated[0]}); each counts once",
            stacklevel=2,
        )
    return _once(path, clips)


def _once(path: Path, clips: Sequence[Clip]) -> list[Clip]:
    kept: dict[str, Clip] = {}
    for clip in clips:
        before = kept.setdefault(clip.name, clip)
        if before.label != clip.label:
            raise UserError(
                f"{path}: {clip.name} has the labels {before.label!r} and {clip.label!r}, and several labels of a part "
                "are not read; give it one"
            )
    return list(kept.values())


def _parse(path: Path) -> Element:
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UserError(f"{path} declares entities, which CVAT's files do not; export it again")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise UserError(f"{path} is not XML: {error}; export it again") from None
    if root.tag != "annotations":
        raise UserError(f"{path} is not an export of CVAT, since its root is <{root.tag}>, not <annotations>")
    return root


def _tasks(path: Path, root: Element, places: ListPlaces) -> dict[str, _Task]:
    """Return the videos by the ids of their tasks; of an export of a single one by "" too."""
    meta = root.find("meta")
    elements = [] if meta is None else [element for element in meta.iter() if element.tag in ("task", "job")]
    found: dict[str, _Task] = {}
    for element in elements:
        number = element.findtext("id", "")
        source = element.findtext("source") or (meta.findtext("source") if meta is not None else None)
        if not source:
            raise UserError(f"{path}: task {number} names no <source>; add the file name of its video there")
        place = places.find(source, f"{path}, task {number}") or places.place(source)
        subset = element.findtext("subset", "").lower()
        found[number] = _Task(place, _step(element.findtext("frame_filter", "")), SPLITS.get(subset, ""))
    if len(found) == 1:
        found[""] = next(iter(found.values()))
    if not found:
        raise UserError(f"{path}: its <meta> describes no task; export it from CVAT as `CVAT for video 1.1`")
    return found


def _step(text: str) -> int:
    """Return each which frame a task has, from "step=5"."""
    _, equals, number = text.partition("step=")
    return max(1, int(number)) if equals and number.strip().isdigit() else 1


def _task_of(path: Path, element: Element, tasks: dict[str, _Task]) -> _Task:
    number = element.get("task_id", "")
    if number not in tasks:
        raise UserError(f"{path}: a <{element.tag}> is of task {number or 'unknown'}, which <meta> does not describe")
    return tasks[number]


def _tracks(path: Path, root: Element, tasks: dict[str, _Task]) -> Iterator[tuple[str, _Task, int, int]]:
    """Yield the label, the task, the first frame and the one after the last of each stretch of a track."""
    for track in root.iter("track"):
        task, label = _task_of(path, track, tasks), track.get("label", "")
        shapes = sorted(
            (_frame(path, shape, "frame"), shape.get("outside") == "1") for shape in track if shape.tag in _SHAPES
        )
        first: int | None = None
        last = 0
        for frame, outside in shapes:
            if outside and first is not None:
                yield label, task, first, frame
                first = None
            elif not outside:
                first, last = frame if first is None else first, frame
        if first is not None:
            yield label, task, first, last + task.step


def _tags(path: Path, root: Element, tasks: dict[str, _Task]) -> Iterator[tuple[str, _Task, int, int]]:
    frames: dict[tuple[_Task, str], list[int]] = defaultdict(list)
    for image in root.iter("image"):
        for tag in image.iter("tag"):
            frames[_task_of(path, image, tasks), tag.get("label", "")].append(_frame(path, image, "id"))
    for (task, label), numbers in frames.items():
        first = before = min(numbers)
        for frame in (*sorted(set(numbers))[1:], None):
            if frame is None or frame > before + task.step:
                yield label, task, first, before + task.step
                first = frame or 0
            before = frame or 0


def _frame(path: Path, element: Element, name: str) -> int:
    text = element.get(name, "")
    if not text.isdigit():
        raise UserError(f"{path}: a <{element.tag}> has {name}={text!r}, which is not the number of a frame")
    return int(text)


def _tell(path: Path, root: Element) -> None:
    attributes = {
        attribute.get("name", "")
        for parent in ("track", "image")
        for e in root.iter(parent)
        for attribute in e.iter("attribute")
    }
    if attributes:
        warnings.warn(
            f"{path}: classes are the labels of tracks and tags; their attributes ({', '.join(sorted(attributes))}) "
            "are not used",
            stacklevel=3,
        )
