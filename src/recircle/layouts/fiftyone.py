"""FiftyOne: an export of videos with classifications or temporal detections, labels.json or samples.json beside data/.

`labels.json` is what its types of datasets for classification and temporal detection write, `samples.json` that of
`FiftyOneDataset`. The support of a detection is in frames from 1, both included; timestamps are seconds.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recircle.decode.part import round_time
from recircle.errors import UserError
from recircle.layouts.list_places import ListPlaces
from recircle.layouts.parts import ListOptions, NumberedClip
from recircle.layouts.tables import SPLITS, read_json
from recircle.manifest.manifest import Clip

_LABELS, _SAMPLES = "labels.json", "samples.json"
_KINDS = ("Classification", "TemporalDetection", "TemporalDetections")


def matches(folder: Path) -> bool:
    """Tell whether a folder holds an export: data/ and labels.json, or samples.json and metadata.json."""
    if (folder / _SAMPLES).is_file() and (folder / "metadata.json").is_file():
        return True
    if not ((folder / _LABELS).is_file() and (folder / "data").is_dir()):
        return False
    try:
        content = read_json(folder / _LABELS)
    except UserError:
        return False
    return isinstance(content, dict) and isinstance(content.get("labels"), dict) and "classes" in content


def find(folder: Path, options: ListOptions) -> list[Clip]:
    """List the videos with their classes, or their temporal detections as parts.

    Raises:
        UserError: there is no such export, it is malformed, or samples have several fields of labels.
    """
    del options
    export = _Export(folder, ListPlaces(folder / "data"))
    if (folder / _SAMPLES).is_file():
        clips = list(export.of_samples(read_json(folder / _SAMPLES)))
    elif (folder / _LABELS).is_file():
        clips = list(export.of_labels(read_json(folder / _LABELS)))
    else:
        raise UserError(
            f"{folder}: neither {_LABELS} nor {_SAMPLES} is there; give the folder that FiftyOne exported to"
        )
    export.places.tell(folder)
    without = sum(not clip.label for clip in clips)
    if without:
        warnings.warn(f"{folder}: {without} of its {len(clips)} videos have no label", stacklevel=2)
    return clips


@dataclass
class _Export:
    folder: Path
    places: ListPlaces

    def of_labels(self, content: Any) -> Iterator[Clip]:
        """Yield the clips of labels.json."""
        where = str(self.folder / _LABELS)
        labels = content.get("labels") if isinstance(content, dict) else None
        if not isinstance(labels, dict):
            raise UserError(f"{where}: an object with `classes` and `labels` is wanted, as FiftyOne exports it")
        classes = content.get("classes")
        for name, value in labels.items():
            clip = Clip(path=self.path(name, where))
            yield from self.labelled(clip, value, f"{where}, {name!r}", classes)

    def of_samples(self, content: Any) -> Iterator[Clip]:
        """Yield the clips of samples.json."""
        where = str(self.folder / _SAMPLES)
        samples = content.get("samples") if isinstance(content, dict) else None
        if not isinstance(samples, list) or not all(isinstance(s, dict) and s.get("filepath") for s in samples):
            raise UserError(f"{where}: an object with `samples`, each with a `filepath`, is wanted")
        fields = Counter(
            name
            for sample in samples
            for name, value in sample.items()
            if isinstance(value, dict) and str(value.get("_cls")) in _KINDS
        )
        if len(fields) > 1:
            raise UserError(
                f"{where}: samples have {len(fields)} fields of labels ({', '.join(sorted(fields))}), and one is read; "
                "export with that alone"
            )
        for number, sample in enumerate(samples, 1):
            at = f"{where}, sample {number}"
            tags = [SPLITS[str(tag).lower()] for tag in sample.get("tags") or () if str(tag).lower() in SPLITS]
            clip = Clip(path=self.path(str(sample["filepath"]), at), split=tags[0] if len(set(tags)) == 1 else "")
            value = sample.get(next(iter(fields), ""))
            detections = value.get("detections") if isinstance(value, dict) else None
            yield from self.labelled(clip, value if detections is None else detections, at, None)

    def path(self, name: str, where: str) -> str:
        """Return the path of a video, which the export names by its name in data/ or by a path."""
        for text in (name, name.removeprefix("data/")):
            if found := self.places.find(text, where):
                return found if found.startswith("/") else f"data/{found}"
        placed = self.places.place(name.removeprefix("data/"))
        return placed if placed.startswith("/") else f"data/{placed}"

    def labelled(self, clip: Clip, value: Any, where: str, classes: Sequence[str] | None) -> Iterator[Clip]:
        """Yield a video with its class, or its detections."""
        if value is None or value == []:
            yield clip
        elif isinstance(value, list):
            for detection in value:
                yield _part(clip, detection, _class(detection, where, classes), where)
        elif isinstance(value, dict) and (value.get("support") or value.get("timestamps")):
            yield _part(clip, value, _class(value, where, classes), where)
        else:
            yield replace(clip, label=_class(value, where, classes))


def _class(value: Any, where: str, classes: Sequence[str] | None) -> str:
    """Return the class of a label, which is a name, a number, or an object that has one of them."""
    target = value.get("label") if isinstance(value, Mapping) else value
    if isinstance(target, str):
        return target
    if isinstance(target, int) and isinstance(classes, list) and 0 <= target < len(classes):
        return str(classes[target])
    raise UserError(f"{where}: the label {target!r} is neither the name of a class nor a number of one in `classes`")


def _part(clip: Clip, detection: Any, label: str, where: str) -> Clip:
    times, frames = (detection.get(name) if isinstance(detection, dict) else None for name in ("timestamps", "support"))
    for pair, least in ((times, 0), (frames, 1)):
        if pair is None:
            continue
        if not (
            isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(n, int | float) for n in pair)
            and least <= pair[0]
        ):
            raise UserError(f"{where}: {pair!r} is not the start and the end of a detection")
    if times is not None and times[0] < times[1]:
        return replace(clip, start=round_time(times[0]), end=round_time(times[1]), label=label)
    if frames is not None and frames[0] <= frames[1]:
        return NumberedClip(
            path=clip.path, start=float(frames[0] - 1), end=float(frames[1]), label=label, split=clip.split
        )
    raise UserError(f"{where}: a detection has no support or timestamps, or ends before it begins; correct it")
