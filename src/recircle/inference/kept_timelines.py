"""Timelines that are kept in a folder, so that what is there is not made again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from recircle.errors import UserError
from recircle.evaluation.provenance import Provenance
from recircle.inference.over_time import size_of
from recircle.inference.recognizer import Recognizer
from recircle.timelines.timeline import Timeline

SUFFIX = ".timeline.npz"


def names_of(videos: Sequence[Path]) -> list[str]:
    """Return what the files of each video are called: its own name.

    Raises:
        UserError: two videos have the same name, or one is named twice.
    """
    names: dict[str, Path] = {}
    for video in videos:
        name = video.absolute().name
        if name in names:
            raise UserError(
                f"{names[name]} and {video} have the same name, by which their files are called; give them separately, "
                "each with an --output of its own"
            )
        names[name] = video
    return list(names)


def kept_timeline(
    path: Path,
    recognizer: Recognizer,
    video: Path,
    *,
    window: float,
    stride: float,
    fps: float = 0.0,
    batch_size: int = 1,
    progress: Callable[[float, float], object] | None = None,
) -> tuple[Timeline, bool]:
    """Return the timeline of a video: from a file if it was made in the same way, else it is made and kept there.

    Args:
        path: of the file.
        recognizer: whose timelines they are.
        video: the video.
        window: see `Recognizer.timeline`.
        stride: likewise.
        fps: likewise.
        batch_size: likewise.
        progress: likewise.

    Returns:
        The timeline, and whether it was there.

    Raises:
        DecodeError: the video cannot be used.
        UserError: the file cannot be written, or what `Recognizer.timeline` says.
    """
    if path.is_file():
        try:
            kept = Timeline.load(path)
        except UserError:  # damaged, or of another version: it is made again
            kept = None
        if kept is not None and _is_of(kept, recognizer, video, window, stride):
            return kept, True
    timeline = recognizer.timeline(
        video, window=window, stride=stride, fps=fps, batch_size=batch_size, progress=progress
    )
    timeline.save(path)
    return timeline, False


def _is_of(kept: Timeline, recognizer: Recognizer, video: Path, window: float, stride: float) -> bool:
    return (
        (kept.window, kept.stride, kept.network) == (window, stride, recognizer.digest)
        and (kept.size, Path(kept.video).absolute()) == (size_of(video), video.absolute())
        and (kept.labels, kept.temperature) == (recognizer.labels, recognizer.temperature)
        and _way(kept.provenance) == _way(recognizer.provenance)
    )


def _way(provenance: Provenance) -> Provenance:
    """Return how a network is run, whatever the machine and the version."""
    return replace(provenance, machine=None, recircle="")
