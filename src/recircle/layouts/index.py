"""From a folder of videos or frame folders to a manifest, with each clip decoded once."""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

from recircle.cores import cores
from recircle.decode.limits import FILE_SECONDS
from recircle.decode.media import kind_of, look
from recircle.decode.part_frames import frame_times
from recircle.decode.pool import DecoderPool
from recircle.decode.probe import Probe, probe
from recircle.layouts import find_clips
from recircle.layouts.counts import warn_incomplete
from recircle.layouts.parts import NumberedClip, Units, group_by_video, warn_overlaps, with_seconds
from recircle.manifest.manifest import Clip, Manifest, check_output

Progress = Callable[[int, int], None]
T = TypeVar("T")


def index_folder(
    folder: str | Path,
    *,
    layout: str = "auto",
    output: str | Path | None = None,
    labels: str | Path | None = None,
    units: Units | None = None,
    fps: float | None = None,
    divide_videos: bool = False,
    workers: int | None = None,
    seconds: float = FILE_SECONDS,
    progress: Progress | None = None,
) -> Manifest:
    """List the clips of a data set, decode each of them once, and record what they hold.

    A clip that is damaged, crashes its decoder, takes too long, or is named by a list but missing, gets the status
    "broken" and a fault; it never ends the run. Rows come in the same order each time. Where fewer or more clips of a
    known data set can be read than a complete copy has, a warning names both numbers.

    Args:
        folder: the data set's folder; or a list of clips (.csv, .txt).
        layout: how the data set is laid out, one of `recircle.layouts.LAYOUTS`; "auto" finds out.
        output: where to write the manifest (.csv or .parquet), if anywhere.
        labels: class names for lists that give numbers, in a form that `ClassList` reads: one a line, a table, or JSON.
        units: of the starts and ends of parts of videos, where the list does not say.
        fps: frames a second by which a list counts frames, where it is not the videos' own.
        divide_videos: let parts of one video be divided; else they are of one group, where the list has no groups.
        workers: how many processes decode; None takes one a core, 0 decodes in this one, unprotected.
        seconds: after how long a clip is given up.
        progress: called with (clips done, clips in all) after each; a video of which the frames are counted first is
            one more.

    Returns:
        The manifest, relative to the folder of `output`, or else to the data set's folder.

    Raises:
        UserError: there is no such folder, it does not have this layout or holds no clips, a list is wrong, or the
            output cannot be written.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 (resolve() would follow links)
    if output is not None:
        check_output(output)
    listed = find_clips(folder, layout, Path(labels) if labels is not None else None, units=units, fps=fps)
    root = folder.parent if folder.is_file() else folder
    videos = list(dict.fromkeys(clip.path for clip in listed if isinstance(clip, NumberedClip)))
    with _Workers(workers, seconds, progress, len(videos) + len(listed)) as ask:
        found = ask.all([root / video for video in videos], frame_times, DecoderPool.frame_times)
        times = {video: known for video, known in zip(videos, found) if not (root / video).is_dir()}
        clips = group_by_video(folder, with_seconds(listed, times), divide=divide_videos)
        verdicts = ask.all([root / clip.name for clip in clips], probe, DecoderPool.probe)
    rows = tuple(_merge(clip, root / clip.path, verdict) for clip, verdict in zip(clips, verdicts))
    manifest = Manifest(rows, root)
    if output is not None:
        manifest = manifest.write(output)
    warn_incomplete(folder, rows)
    warn_overlaps(folder, rows)
    _warn_counts(folder, clips, rows)
    return manifest


class _Workers:
    """Processes that decode one file after the other; a context manager.

    Args:
        workers: how many; None takes one a core, 0 decodes in this process.
        seconds: after how long a file is given up.
        progress: told after each file.
        total: how many files there will be.
    """

    def __init__(self, workers: int | None, seconds: float, progress: Progress | None, total: int) -> None:
        self._count = cores() if workers is None else workers
        self._decoders = DecoderPool(seconds=seconds)
        self._progress, self._total, self._done = progress, total, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoders.close()

    def all(self, paths: Sequence[Path], here: Callable[[Path], T], there: Callable[[DecoderPool, Path], T]) -> list[T]:
        """Return the answer for each path.

        Args:
            paths: the files.
            here: answers in this process.
            there: answers in another one.
        """
        if not self._count or not paths:
            return [self._told(here(path)) for path in paths]
        answers: dict[int, T] = {}
        threads = ThreadPoolExecutor(min(self._count, len(paths)), thread_name_prefix="probe")
        try:
            tasks = {threads.submit(there, self._decoders, path): number for number, path in enumerate(paths)}
            for task in as_completed(tasks):
                answers[tasks[task]] = self._told(task.result())
        except BaseException:
            # who is left early must not wait for files that nobody wants to know about
            threads.shutdown(wait=False, cancel_futures=True)
            self._decoders.close()
            raise
        finally:
            threads.shutdown()
        return [answers[number] for number in range(len(paths))]

    def _told(self, answer: T) -> T:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)
        return answer


def _merge(clip: Clip, path: Path, verdict: Probe) -> Clip:
    fault = verdict.fault or ""
    if verdict.status == "ok" and clip.frames not in (0, verdict.frames):
        remark = f"the list says {clip.frames} frames, {verdict.frames} decode"
        fault = f"{fault}; {remark}" if fault else remark
    return replace(
        clip,
        frames=verdict.frames,
        fps=verdict.fps or clip.fps,
        width=verdict.width,
        height=verdict.height,
        size=_size(path),
        status=verdict.status,
        fault=fault,
        durations=verdict.durations,
    )


def _warn_counts(place: Path, clips: Sequence[Clip], rows: Sequence[Clip]) -> None:
    """Say that the counts of frames in a list are those of hardly any clip, so that they may mean something else."""
    pairs = [(clip, row) for clip, row in zip(clips, rows) if clip.frames and row.status == "ok"]
    wrong = [(clip, row) for clip, row in pairs if clip.frames != row.frames]
    if len(wrong) > 0.5 * len(pairs):
        clip, row = wrong[0]
        warnings.warn(
            f"{place}: the list gives {len(wrong)} of {len(pairs)} clips another number of frames than they have, such "
            f"as {clip.frames} for {clip.path}, of which {row.frames} decode; if these numbers are labels, give each "
            "clip one, as several are not read",
            stacklevel=3,
        )


def _size(path: Path) -> int:
    """Return the bytes of a file, or of the frames in a folder."""
    try:
        if kind_of(path) != "frames":
            return path.stat().st_size
        return sum((path / name).stat().st_size for name in look(path).images)
    except OSError:
        return 0
