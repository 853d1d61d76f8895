"""Which manifest a fit trains on, and the `recircle index` that writes it where it is not there yet."""

import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recircle.errors import UserError
from recircle.layouts import find_clips
from recircle.layouts.parts import Units
from recircle.manifest.manifest import Clip, Manifest
from recircle.manifest.table import is_manifest


@dataclass(frozen=True)
class Source:
    """Where the clips of a fit come from.

    Attributes:
        manifest: the file.
        index: the arguments of the `recircle index` that writes it; empty where it is there.
        remark: what to know of it, or "".
    """

    manifest: Path
    index: tuple[str, ...] = ()
    remark: str = ""


def find_source(
    clips: Path,
    *,
    holdout: float,
    layout: str | None = None,
    labels: Path | None = None,
    units: Units | None = None,
    fps: float | None = None,
    divided: bool = False,
) -> Source:
    """Return the manifest of clips, or how it is written.

    A manifest with splits is taken as it is. What has no splits gets them: whole groups are held out where there are
    any, else a share of each class.

    Args:
        clips: a folder, a list or a manifest, as `recircle index` takes them.
        holdout: the share to hold out.
        layout: as for `recircle index`.
        labels: likewise.
        units: likewise.
        fps: likewise.
        divided: which clips are held out is said elsewhere, so that no splits are needed.

    Raises:
        UserError: there are no clips, or what is there cannot be read.
    """
    if not clips.exists():
        raise UserError(f"{clips} is not there; give a folder of clips, a list of them, or a manifest")
    manifest = _manifest_at(clips)
    if manifest is not None:
        return _taken(manifest, Manifest.read(manifest).clips, holdout, divided=divided)
    target = clips / "manifest.csv" if clips.is_dir() else clips.with_name(f"{clips.stem}-clips.csv")
    if target.is_file() and is_manifest(target):
        return _taken(target, Manifest.read(target).clips, holdout, divided=divided)
    words = ["index", str(clips)]
    if layout is not None:
        words += ["--layout", layout]
    if labels is not None:
        words += ["--labels", str(labels)]
    if units is not None:
        words += ["--units", units]
    if fps is not None:
        words += ["--fps", f"{fps:g}"]
    with warnings.catch_warnings():
        # the command itself tells them
        warnings.simplefilter("ignore")
        found = find_clips(clips, layout or "auto", labels, units=units, fps=fps)
    if not divided and not _has_splits(found):
        words += ["--holdout", f"{holdout:g}"]
    if not clips.is_dir():
        words += ["--output", str(target)]
    return Source(target, tuple(words))


def check_classes(manifest: Path, clips: Iterable[Clip]) -> None:
    """Insist on classes that can be learnt and told apart on other clips.

    Raises:
        UserError: they cannot.
    """
    counts = Counter(clip.label for clip in clips if clip.label and clip.status == "ok")
    if not counts:
        raise UserError(
            f"{manifest}: no clip that can be read has a label; put the clips of each class into a folder of their "
            "own, or index a list of clips and labels"
        )
    if len(counts) == 1:
        raise UserError(f"{manifest} has the one class {next(iter(counts))!r}; a network tells two or more apart")
    several = sum(count > 1 for count in counts.values())
    if several < 2:
        raise UserError(
            f"{manifest}: {'no class has' if not several else 'only one class has'} two clips or more that can be "
            "read, and a class needs one to learn from and another to be tested on; add clips"
        )


def _manifest_at(clips: Path) -> Path | None:
    """Return the manifest that a path is, or that lies in a folder."""
    if clips.is_dir():
        names = (clips / "manifest.csv", clips / "manifest.parquet")
        return next((name for name in names if name.is_file()), None)
    if clips.suffix.lower() == ".parquet":
        try:
            Manifest.read(clips)
        except UserError:
            return None
        return clips
    return clips if clips.suffix.lower() == ".csv" and is_manifest(clips) else None


def _taken(manifest: Path, clips: Iterable[Clip], holdout: float, *, divided: bool) -> Source:
    remark = f"{manifest} is taken as it is; remove it where clips were added since, and they are indexed again"
    if divided or _has_splits(clips):
        return Source(manifest, remark=remark)
    target = manifest.with_name(f"{manifest.stem}-holdout.csv")
    if target.is_file() and is_manifest(target):
        return Source(target, remark=f"{target} is taken as it is, with the clips that it holds out")
    words = ("index", str(manifest), "--holdout", f"{holdout:g}", "--output", str(target))
    return Source(target, words, f"{manifest} holds no clips out, so a copy that does is written")


def _has_splits(clips: Iterable[Clip]) -> bool:
    return any(clip.split not in ("", "train") for clip in clips)
