"""From a folder of clips to a manifest: `recircle.index` and the command of that name."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from recircle.errors import UserError
from recircle.layouts.index import index_folder
from recircle.manifest.holdout import HeldOut, hold_out
from recircle.manifest.label_checks import warn_labels
from recircle.manifest.manifest import Manifest
from recircle.public import public


@public
def index(
    folder: str | Path,
    *,
    output: str | Path | None = None,
    layout: str = "auto",
    labels: str | Path | None = None,
    holdout: float | None = None,
    units: Literal["seconds", "frames"] | None = None,
    fps: float | None = None,
    divide_videos: bool = False,
    workers: int | None = None,
    seconds: float = 600.0,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Find the clips of a folder, decode each once, and write a manifest of them, as `recircle index` does.

    Broken clips are rows of the manifest too, with their fault; training and evaluation know what to do with them.

    Args:
        folder: videos or folders of frames, for example one folder a class; or a list of clips (.csv, .txt).
        output: the manifest to write, .csv or .parquet; None is manifest.csv in the folder.
        layout: how the folder is laid out, which for a known data set is its name, version and split; "auto" finds out.
        labels: class names for lists that give numbers: one a line, a table of numbers and names, or JSON.
        holdout: share of the clips to hold out for validation, in (0, 1), where the layout has no splits; whole groups
            where there are any, else of each class.
        units: whether the starts and ends of parts of videos are seconds or frames, where the list does not say.
        fps: frames a second by which a list counts frames, where it is not the videos' own.
        divide_videos: let parts of one video lie on both sides of a division; by default they stay together.
        workers: processes that decode; None takes one a core, 0 decodes in this one, unprotected.
        seconds: after how long a clip is given up as broken.
        progress: called with (clips done, clips in all) after each.

    Returns:
        The manifest as it was written, which `recircle.train` and `recircle.evaluate` take.

    Raises:
        UserError: there is no such folder, it does not have this layout or holds no clips, a list is wrong, an argument
            is out of range, or the output cannot be written.
    """
    folder = Path(folder)
    if workers is not None and workers < 0:
        raise UserError(f"workers={workers} must be 0 (decode in this process) or more, or None for one a core")
    if not seconds > 0:
        raise UserError(f"seconds={seconds:g} must be above 0")
    if fps is not None and not fps > 0:
        raise UserError(f"fps={fps:g} must be above 0")
    if holdout is not None and not 0 < holdout < 1:
        raise UserError(f"holdout={holdout:g} must lie between 0 and 1, such as 0.2")
    target = Path(output) if output is not None else index_output(folder)
    if folder.is_file() and target.exists() and target.samefile(folder):
        raise UserError(f"{folder} is the list itself and would be overwritten; give another output")
    manifest = index_folder(
        folder,
        layout=layout,
        output=target,
        labels=labels,
        units=units,
        fps=fps,
        divide_videos=divide_videos,
        workers=workers,
        seconds=seconds,
        progress=progress,
    )
    if holdout is not None and any(clip.status == "ok" for clip in manifest.clips):
        manifest = hold_out(manifest, holdout).write(target)
        for sentence in HeldOut.of(manifest, holdout).warnings():
            warnings.warn(sentence, stacklevel=2)
    warn_labels(target, manifest)
    return manifest


def index_output(folder: Path) -> Path:
    """Return where the manifest of a folder, or of a list of clips, is written by default."""
    return (folder.parent if folder.is_file() else folder) / "manifest.csv"
