"""`recircle index`: a folder of clips becomes a manifest."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.table import Table

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import error, out, plain, print_table, progress
from recircle.errors import UserError

if TYPE_CHECKING:
    from recircle.manifest.manifest import Manifest

SHOWN = 5
"""Faults, and remarks, that the summary spells out."""


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(index, "index", arguments)


def index(
    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")],
    *,
    output: Path | None = None,
    layout: str = "auto",
    labels: Path | None = None,
    units: Literal["seconds", "frames"] | None = None,
    fps: float | None = None,
    holdout: float | None = None,
    divide_videos: bool = False,
    workers: int | None = None,
    seconds: float = 600.0,
) -> int:
    """Find the clips of a folder, decode each once, and write a manifest of them.

    Broken clips are rows of the manifest too, with their fault; training and evaluation know what to do with them, so
    they do not make this command fail. Where not a single clip can be read, the manifest is written and the exit code
    is 1.

    Args:
        folder: videos or folders of frames, for example one folder a class; a list of clips (.csv, .txt); a list of
            parts of videos; or what Label Studio, CVAT, FiftyOne or a Hugging Face video folder hold.
        output: the manifest to write, .csv or .parquet; by default manifest.csv in the folder.
        layout: how the folder is laid out, which for a known data set is its name, version and split; auto finds out
            where it can, and a wrong name lists the known ones.
        labels: class names for lists that give numbers: one a line, a table of numbers and names, or JSON; numbers in
            it count, and lines without numbers are counted from 0.
        units: whether the starts and ends of parts of videos (--layout segments) are seconds or frames, where the names
            of their columns do not say.
        fps: frames a second by which the list counts frames, where it is not the videos' own: that of the project, for
            --layout label-studio.
        holdout: share of the clips to hold out for validation, such as 0.2, where the layout has no splits; whole
            groups where there are any, else of each class.
        divide_videos: let parts of one video lie on both sides of a division; by default all parts of a video stay
            together.
        workers: processes that decode; by default one a core.
        seconds: after how long a clip is given up as broken.
    """
    from recircle.api.index import index as index_clips
    from recircle.api.index import index_output
    from recircle.manifest.holdout import HeldOut

    if workers is not None:
        at_least(1, workers=workers)
    above_zero(seconds=seconds, **({} if fps is None else {"fps": fps}))
    if holdout is not None and not 0 < holdout < 1:
        raise UserError(f"--holdout {holdout:g} must lie between 0 and 1, such as 0.2")
    output = output or index_output(folder)
    with progress("indexing") as show:
        manifest = index_clips(
            folder,
            output=output,
            layout=layout,
            labels=labels,
            units=units,
            fps=fps,
            divide_videos=divide_videos,
            holdout=holdout,
            workers=workers,
            seconds=seconds,
            progress=show,
        )
    unusable = all(clip.status == "broken" for clip in manifest.clips)
    print_table(summary(manifest))
    if holdout is not None and not unusable:
        out.print(HeldOut.of(manifest, holdout).describe())
    out.print(f"manifest: {output}")
    if unusable:
        error(f"none of the clips in {folder} can be read: there is nothing to train on, only the list of the faults")
        return 1
    return 0


def summary(manifest: "Manifest") -> Table:
    """Return the table of what a manifest holds."""
    from recircle.manifest.outside import clips_outside

    clips = manifest.clips
    broken = [clip for clip in clips if clip.status == "broken"]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    if manifest.datasets:
        table.add_row("data set", plain(", ".join(manifest.datasets)))
    table.add_row("clips", str(len(clips)))
    table.add_row("classes", str(len(manifest.labels)))
    for split, count in sorted(Counter(clip.split for clip in clips if clip.split).items()):
        table.add_row(f"split {split}", str(count))
    outside = clips_outside(manifest)
    if outside:
        table.add_row(plain(f"clips outside of {manifest.root}"), str(len(outside)))
    without = sum(not clip.label for clip in clips)
    if without:
        table.add_row("clips without a label", str(without))
    table.add_row("frames", str(sum(clip.frames for clip in clips if clip.status == "ok")))
    table.add_row("broken clips", str(len(broken)), style="red" if broken else None)
    _add_commonest(table, [clip.fault for clip in broken])
    notes = [clip.fault for clip in clips if clip.status == "ok" and clip.fault]
    if notes:
        table.add_row("clips with a remark", str(len(notes)))
        _add_commonest(table, notes)
    return table


def _add_commonest(table: Table, texts: Sequence[str]) -> None:
    """Add a row for each of the commonest texts, and how many clips have another."""
    commonest = Counter(texts).most_common(SHOWN)
    for text, count in commonest:
        table.add_row(plain(f"  {text}"), str(count))
    others = len(texts) - sum(count for _, count in commonest)
    if others:
        table.add_row("  others, which the manifest has in its column fault", str(others))
