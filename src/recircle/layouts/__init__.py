"""How data sets lie on disk: one module a layout, which lists the clips without opening them."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from recircle.errors import UserError
from recircle.layouts import (
    csv_list,
    cvat,
    diving48,
    fiftyone,
    finegym,
    folder_per_class,
    frame_folders,
    hf_videofolder,
    hmdb51,
    jester,
    kinetics400,
    label_studio,
    miracl_words,
    segments,
    something_v1,
    something_v2,
    ucf101,
    ut_interaction,
)
from recircle.layouts.parts import ListOptions, Units
from recircle.manifest.manifest import Clip


@dataclass(frozen=True)
class Layout:
    """A way in which a data set lies on disk.

    Attributes:
        about: one line for users.
        matches: tells whether a folder (or a list, which is a file) is laid out so.
        find: lists its clips, with all that names and lists tell; paths are relative to the folder.
    """

    about: str
    matches: Callable[[Path], bool]
    find: Callable[..., list[Clip]]


def _layout(module: ModuleType) -> Layout:
    return Layout((module.__doc__ or "").splitlines()[0], module.matches, module.find)


# what tools for labelling and for sharing data sets write: their finders take `ListOptions` too
_OF_TOOLS = {
    name: _layout(module)
    for name, module in (
        ("label_studio", label_studio),
        ("cvat", cvat),
        ("segments", segments),
        ("fiftyone", fiftyone),
        ("hf_videofolder", hf_videofolder),
    )
}
_FILES = frozenset({"csv_list", "label_studio", "cvat", "segments"})
"""Layouts that are one file; the others are folders."""
_OTHERWISE = {"segments": "csv_list", "fiftyone": "folder_per_class", "hf_videofolder": "folder_per_class"}
"""How else what looks like one of them can be read."""
_IN_FRAMES = frozenset({"segments", "label_studio"})
"""Layouts whose frames may be counted at another rate than the videos'."""


_DATA_SETS = {
    name: _layout(module)
    for name, module in (
        ("something_v1", something_v1),
        ("something_v2", something_v2),
        ("jester", jester),
        ("kinetics400", kinetics400),
        ("miracl_words", miracl_words),
        ("ut_interaction", ut_interaction),
    )
} | {
    name: Layout(*parts) for versions in (diving48, ucf101, hmdb51, finegym) for name, parts in versions.LAYOUTS.items()
}
"""Of one data set each, in one version or split: its name is in each row of the manifest."""

# in the order in which "auto" tries them, if the folder is of no known data set
_ANY_CLIPS = {
    name: _layout(module)
    for name, module in (
        ("csv_list", csv_list),
        ("frame_folders", frame_folders),
        ("folder_per_class", folder_per_class),
    )
}
LAYOUTS = _ANY_CLIPS | _OF_TOOLS | _DATA_SETS


def find_clips(
    folder: Path,
    layout: str = "auto",
    labels: Path | None = None,
    *,
    units: Units | None = None,
    fps: float | None = None,
) -> list[Clip]:
    """List the clips of a data set without opening them.

    Args:
        folder: the data set's folder, or a list of clips.
        layout: a name in `LAYOUTS`, or "auto" for what is recognised, or else a folder a class.
        labels: class names, for a list that gives numbers.
        units: of the starts and ends of parts of videos, for layout segments.
        fps: frames a second by which a list counts frames, where it is not the videos' own.

    Raises:
        UserError: there is no such folder, it does not have this layout or holds no clips, a list is wrong, or "auto"
            finds several versions or splits of a data set, or folders that may be splits or classes.
    """
    if not folder.exists():
        raise UserError(f"{folder}: no such folder or list; give the place of the data set")
    guessed = False
    layout = layout.replace("-", "_")
    if layout == "auto":
        layout, guessed = _recognise(folder), True
    elif layout not in LAYOUTS:
        raise UserError(f"layout={layout!r} is unknown; use one of auto, {', '.join(LAYOUTS)}")
    elif folder.is_file() != (layout in _FILES):
        name = "csv_list" if folder.is_file() else layout
        kind = f"list, which is layout {name}" if folder.is_file() else f"folder, and layout {name} is for a file"
        raise UserError(f"{folder} is a {kind}; use layout auto")
    _check_options(folder, layout, labels, units, fps)
    if layout in _OF_TOOLS:
        clips = _OF_TOOLS[layout].find(folder, ListOptions(labels=labels, units=units, fps=fps))
    elif labels is not None:
        clips = csv_list.find(folder, labels)
    elif guessed and layout == "folder_per_class":
        clips = folder_per_class.find_certain(folder)
    else:
        clips = LAYOUTS[layout].find(folder)
    if not clips:
        raise UserError(f"{folder} holds no videos and no folders of frames; give the place of the data set")
    seen: set[str] = set()
    for clip in clips:
        if clip.name in seen:
            raise UserError(f"{folder}: {clip.name} is listed twice; remove one of the two")
        seen.add(clip.name)
    return [replace(clip, dataset=layout) for clip in clips] if layout in _DATA_SETS else clips


def _recognise(folder: Path) -> str:
    """Return the layout of a folder; between versions or splits of one data set the user has to choose."""
    fitting = [name for name, known in _DATA_SETS.items() if folder.is_dir() and known.matches(folder)]
    if len(fitting) > 1:
        raise UserError(
            f"{folder} can be read in {len(fitting)} ways, whose results must not be mixed; "
            f"choose one, for example --layout {fitting[0]}: {', '.join(fitting)}"
        )
    if fitting:
        return fitting[0]
    for name, known in _OF_TOOLS.items():
        if known.matches(folder):
            other = f"; --layout {_OTHERWISE[name]} reads it otherwise" if name in _OTHERWISE else ""
            warnings.warn(f"{folder} is read as {known.about.partition(':')[0]} (layout {name}){other}", stacklevel=3)
            return name
    return next((name for name, known in _ANY_CLIPS.items() if known.matches(folder)), "folder_per_class")


def _check_options(folder: Path, layout: str, labels: Path | None, units: Units | None, fps: float | None) -> None:
    """Insist that what was said of a list has a meaning in this layout.

    Raises:
        UserError: it has none.
    """
    if labels is not None and layout not in ("csv_list", "segments", "hf_videofolder"):
        raise UserError(f"labels={str(labels)!r} is for lists of clips, and {folder} is not a list; leave it out")
    if units is not None and layout != "segments":
        raise UserError(f"units={units!r} is for layout segments, and {folder} is read as {layout}; leave it out")
    if fps is not None and layout not in _IN_FRAMES:
        raise UserError(f"fps={fps:g} is for layouts segments and label_studio, not for {layout}; leave it out")
