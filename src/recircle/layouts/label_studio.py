"""Label Studio: its JSON export, with regions of TimelineLabels for parts of videos, or Choices for whole ones.

A region's range is in frames, counted from 1 and both included, at the `frameRate` of the project's tag Video, whatever
the video's own rate. The export does not say that rate, so that it is asked for.
"""

import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from recircle.decode.media import is_media
from recircle.decode.part import round_time
from recircle.errors import UserError
from recircle.layouts.label_studio_tasks import FRAME_RATE, seconds_between
from recircle.layouts.list_places import ListPlaces
from recircle.layouts.parts import ListOptions
from recircle.layouts.tables import SPLITS, parse_json
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import read_text

_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of a file that is uploaded to it."""


def matches(path: Path) -> bool:
    """Tell whether a file is JSON of tasks with annotations."""
    if not path.is_file() or path.suffix.lower() != ".json":
        return False
    try:
        tasks = json.loads(read_text(path))
    except (UserError, json.JSONDecodeError, RecursionError):
        return False
    return isinstance(tasks, list) and bool(tasks) and all(_is_task(task) for task in tasks)


def find(path: Path, options: ListOptions) -> list[Clip]:
    """List the parts that are labelled, or the videos where none is.

    Of several annotations of a task the one marked as ground truth counts, or else the one that was changed last.
    `split` and `group` are taken from a task's data, where they are there.

    Raises:
        UserError: it is no such export, nothing is labelled, a region has several labels, or the frame rate is not
            known.
    """
    tasks = parse_json(read_text(path), str(path))
    if not isinstance(tasks, list) or not all(_is_task(task) for task in tasks):
        raise UserError(
            f"{path} is not a list of tasks with annotations; export the project from Label Studio as JSON, which is "
            "not JSON-MIN"
        )
    read = _Export(path, options, ListPlaces(path.parent))
    labelled = [(where, task, result) for where, task in _tasks(path, tasks) if (result := read.result(task, where))]
    timeline = any(region.get("type") == "timelinelabels" for _, _, result in labelled for region in result)
    clips: list[Clip] = []
    for where, task, result in labelled:
        clips += read.parts(task, result, where) if timeline else read.choices(task, result, where)
    read.places.tell(path)
    read.tell(len(tasks))
    if not clips:
        raise UserError(
            f"{path}: none of its {len(tasks)} tasks has a region of TimelineLabels or a choice; label some first"
        )
    return clips


@dataclass
class _Export:
    """Reads tasks, and counts what is left out."""

    path: Path
    options: ListOptions
    places: ListPlaces
    left_out: Counter[str] = field(default_factory=Counter)
    rates: set[float] = field(default_factory=set)

    def result(self, task: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
        """Return the regions of the annotation that counts."""
        done = [one for one in task["annotations"] if isinstance(one, dict) and not one.get("was_cancelled")]
        if not done:
            self.left_out["tasks without an annotation"] += 1
            return []
        if len(done) > 1:
            self.left_out["annotations beside the one of a task that is ground truth or was changed last"] += (
                len(done) - 1
            )
        chosen = max(done, key=lambda one: (bool(one.get("ground_truth")), str(one.get("updated_at", ""))))
        result = chosen.get("result")
        if not isinstance(result, list) or not all(isinstance(region, dict) for region in result):
            raise UserError(f"{where}: its annotation has no list `result`; export the project again as JSON")
        return result

    def parts(self, task: Mapping[str, Any], result: list[Mapping[str, Any]], where: str) -> Iterator[Clip]:
        """Yield the regions of a timeline."""
        for region in result:
            if region.get("type") != "timelinelabels":
                self.left_out[f"results of type {region.get('type')}"] += 1
                continue
            value = region.get("value") or {}
            label = _single(value.get("timelinelabels"), where)
            if not label:
                self.left_out["regions without a label"] += 1
                continue
            rate = self.rate(result, where)
            for span in value.get("ranges") or ():
                first, last = span.get("start"), span.get("end")
                if not all(isinstance(n, int | float) for n in (first, last)) or not 1 <= first <= last:
                    raise UserError(f"{where}: {span!r} are not a first and a last frame, counted from 1; correct them")
                start, end = seconds_between(first, last, rate)
                yield self.clip(task, where, label, round_time(start), round_time(end))

    def choices(self, task: Mapping[str, Any], result: list[Mapping[str, Any]], where: str) -> Iterator[Clip]:
        """Yield a whole video with the choice for it."""
        chosen = []
        for region in result:
            if region.get("type") == "choices":
                chosen.append(_single((region.get("value") or {}).get("choices"), where))
            else:
                self.left_out[f"results of type {region.get('type')}"] += 1
        if len(set(chosen)) > 1:
            raise UserError(
                f"{where}: {' and '.join(map(repr, chosen))} are chosen, and several labels of a clip are not read; "
                "export one group of choices"
            )
        if chosen:
            yield self.clip(task, where, chosen[0])

    def rate(self, result: list[Mapping[str, Any]], where: str) -> float:
        """Return the frames a second by which ranges are counted."""
        rate = self.options.fps or _rate_of_rectangles(result)
        if rate is None:
            raise UserError(
                f"{where}: ranges are in frames at the frameRate of the project's tag Video, which the export does not "
                f"say; give it, for example --fps {FRAME_RATE:g}, which holds where the tag has none"
            )
        self.rates.add(rate)
        return rate

    def clip(self, task: Mapping[str, Any], where: str, label: str, start: float = 0.0, end: float = 0.0) -> Clip:
        """Return a clip of a task's video."""
        data = task["data"]
        split, group = str(data.get("split") or ""), str(data.get("group") or "")
        if split.lower() not in SPLITS:
            split = ""
        return Clip(
            path=self.video(data, task, where),
            start=start,
            end=end,
            label=label,
            split=SPLITS[split.lower()] if split else "",
            group=group,
        )

    def video(self, data: Mapping[str, Any], task: Mapping[str, Any], where: str) -> str:
        """Return the path of a task's video, which is named by an address."""
        values = [data["video"]] if "video" in data else [value for value in data.values() if _is_video(value)]
        if len(values) != 1 or not isinstance(values[0], str) or not values[0]:
            raise UserError(f"{where}: its data names {len(values)} videos; call the one that is meant `video`")
        address = _path_of(values[0])
        upload = task.get("file_upload")
        names = [address, _UPLOADED.sub("", PurePosixPath(address).name), upload if isinstance(upload, str) else ""]
        for name in filter(None, names):
            if found := self.places.find(name, where):
                return found
        return self.places.place(_UPLOADED.sub("", PurePosixPath(address).name))

    def tell(self, tasks: int) -> None:
        """Say what was left out, and by which rate frames are counted."""
        if self.left_out:
            words = ", ".join(f"{count} {what}" for what, count in self.left_out.most_common())
            warnings.warn(f"{self.path}: left out of its {tasks} tasks: {words}", stacklevel=4)
        if self.rates and self.options.fps is None:
            rates = " and ".join(f"{rate:g}" for rate in sorted(self.rates))
            warnings.warn(
                f"{self.path}: ranges are read at {rates} frames a second, as the regions of objects beside them say",
                stacklevel=4,
            )


def _is_task(task: object) -> bool:
    return isinstance(task, dict) and isinstance(task.get("data"), dict) and isinstance(task.get("annotations"), list)


def _tasks(path: Path, tasks: list[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, task in enumerate(tasks, 1):
        yield f"{path}, task {task.get('id', number)}", task


def _single(labels: object, where: str) -> str:
    if labels in (None, []):
        return ""
    if not isinstance(labels, list) or len(labels) != 1 or not isinstance(labels[0], str):
        raise UserError(f"{where}: {labels!r} are several labels of one region, which are not read; give it one")
    return labels[0]


def _rate_of_rectangles(result: list[Mapping[str, Any]]) -> float | None:
    """Return the rate that regions of objects say, by their counts of frames and seconds."""
    for region in result:
        value = region.get("value") or {}
        count, seconds = value.get("framesCount"), value.get("duration")
        if isinstance(count, int | float) and isinstance(seconds, int | float) and count > 1 and seconds > 0:
            return round(count / seconds, 3)
    return None


def _is_video(value: object) -> bool:
    return isinstance(value, str) and is_media(_path_of(value))


def _path_of(address: str) -> str:
    """Return the path that an address of Label Studio leads to: of its own storage, a bucket, or the web."""
    parts = urlsplit(address)
    if "d" in (query := parse_qs(parts.query)):
        return query["d"][0]
    if parts.scheme in ("http", "https", "s3", "gs", "azure-blob") or address.startswith("/data/"):
        return unquote(parts.path)
    return address
