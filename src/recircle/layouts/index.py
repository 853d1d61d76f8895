"""From a folder of videos or frame folders to a manifest, with each clip decoded once."""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from recircle.cores import cores
from recircle.decode.limits import FILE_SECONDS
from recircle.decode.media import kind_of, look
from recircle.decode.pool import DecoderPool
from recircle.decode.probe import Probe, probe
from recircle.layouts import find_clips
from recircle.layouts.counts import warn_incomplete
from recircle.manifest.manifest import Clip, Manifest, check_output

Progress = Callable[[int, int], None]


def index_folder(
    folder: str | Path,
    *,
    layout: str = "auto",
    output: str | Path | None = None,
    labels: str | Path | None = None,
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
        workers: how many processes decode; None takes one a core, 0 decodes in this one, unprotected.
        seconds: after how long a clip is given up.
        progress: called with (clips done, clips in all) after each.

    Returns:
        The manifest, relative to the folder of `output`, or else to the data set's folder.

    Raises:
        UserError: there is no such folder, it does not have this layout or holds no clips, a list is wrong, or the
            output cannot be written.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 (resolve() would follow links)
    if output is not None:
        check_output(output)
    clips = find_clips(folder, layout, Path(labels) if labels is not None else None)
    root = folder.parent if folder.is_file() else folder
    paths = [root / clip.name for clip in clips]
    verdicts = _probe_all(paths, workers, seconds, progress)
    rows = tuple(_merge(clip, root / clip.path, verdict) for clip, verdict in zip(clips, verdicts))
    manifest = Manifest(rows, root)
    if output is not None:
        manifest = manifest.write(output)
    warn_incomplete(folder, rows)
    _warn_counts(folder, clips, rows)
    return manifest


def _probe_all(paths: list[Path], workers: int | None, seconds: float, progress: Progress | None) -> list[Probe]:
    verdicts: dict[int, Probe] = {}

    def record(number: int, verdict: Probe) -> None:
        verdicts[number] = verdict
        if progress is not None:
            progress(len(verdicts), len(paths))

    workers = cores() if workers is None else workers
    if workers == 0:
        for number, path in enumerate(paths):
            record(number, probe(path))
    elif paths:
        threads = ThreadPoolExecutor(min(workers, len(paths)), thread_name_prefix="probe")
        with DecoderPool(seconds=seconds) as decoders:
            try:
                tasks = {threads.submit(decoders.probe, path): number for number, path in enumerate(paths)}
                for task in as_completed(tasks):
                    record(tasks[task], task.result())
            finally:
                # who is left early must not wait for files that nobody wants to know about
                threads.shutdown(wait=False, cancel_futures=True)
                decoders.close()
                threads.shutdown()
    return [verdicts[number] for number in range(len(paths))]


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
