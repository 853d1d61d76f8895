"""What a network says of many clips, as tasks for Label Studio."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from recircle.decode.error import DecodeError
from recircle.decode.part import split_part
from recircle.errors import UserError
from recircle.files import atomic_write, make_folder
from recircle.inference.recognition import Recognition
from recircle.inference.results import result_to_dict
from recircle.layouts.label_studio_tasks import FRAME_RATE, LOCAL_FILES, PredictedPart, labelling_interface, write_tasks


def check_tasks(path: Path, clips: Iterable[Path]) -> None:
    """Insist on a file and on clips that `write_pre_annotations` can write, before the work is done.

    Raises:
        UserError: the suffix is another, the folder cannot be made, or the end of a part is not said.
    """
    if path.suffix.lower() != ".json":
        raise UserError(f"{path}: tasks for Label Studio are written as .json; name the file so")
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the name of a file")
    for clip in clips:
        part = split_part(clip)[1]
        if part is not None and math.isinf(part.end):
            raise UserError(f"{clip}: a region of Label Studio has an end; give the part as #t=START,END")
    make_folder(path.parent)


def write_pre_annotations(
    path: Path,
    results: Iterable[tuple[Path, Recognition | DecodeError]],
    *,
    labels: Sequence[str],
    model_version: str,
    frame_rate: float = FRAME_RATE,
    prefix: str = LOCAL_FILES,
) -> tuple[list[dict[str, Any]], Path]:
    """Write tasks with predictions, and beside them the labelling interface that they are for.

    A part of a video is a region of its timeline, and a whole video has a choice. Clips that cannot be decoded are left
    out.

    Args:
        path: a .json file.
        results: of the clips.
        labels: all classes of the network.
        model_version: what Label Studio calls the network.
        frame_rate: of the project, see `write_tasks`.
        prefix: of addresses, likewise.

    Returns:
        What was recognised, as `result_to_dict` has it, and the file of the labelling interface.

    Raises:
        UserError: a file cannot be written.
    """
    rows: list[dict[str, Any]] = []
    parts: list[PredictedPart] = []
    for clip, result in results:
        rows.append(result_to_dict(clip, result, 1))
        if isinstance(result, DecodeError):
            continue
        video, part = split_part(clip)
        start, end = (part.start, part.end) if part is not None else (0.0, 0.0)
        found = PredictedPart(
            video=video.as_posix(), label=result.label, score=result.probability, start=start, end=end
        )
        parts.append(found)
    write_tasks(path, parts, model_version=model_version, frame_rate=frame_rate, prefix=prefix)
    interface = path.with_suffix(".xml")
    timeline, whole = any(part.end for part in parts), any(not part.end for part in parts)
    atomic_write(interface, labelling_interface(labels, frame_rate, timeline=timeline, whole=whole))
    return rows, interface
