"""How data sets lie on disk: one module a layout, which lists the clips without opening them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from recircle.errors import UserError
from recircle.layouts import (
    csv_list,
    diving48,
    finegym,
    folder_per_class,
    frame_folders,
    hmdb51,
    jester,
    kinetics400,
    miracl_words,
    something_v1,
    something_v2,
    ucf101,
    ut_interaction,
)
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
    find: Callable[[Path], list[Clip]]


def _layout(module: ModuleType) -> Layout:
    return Layout((module.__doc__ or "").splitlines()[0], module.matches, module.find)


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
LAYOUTS = _ANY_CLIPS | _DATA_SETS


def find_clips(folder: Path, layout: str = "auto", labels: Path | None = None) -> list[Clip]:
    """List the clips of a data set without opening them.

    Args:
        folder: the data set's folder, or a list of clips.
        layout: a name in `LAYOUTS`, or "auto" for the data set that is recognised, or else a folder a class.
        labels: class names, for a list that gives numbers.

    Raises:
        UserError: there is no such folder, it does not have this layout or holds no clips, a list is wrong, or "auto"
            finds several versions or splits of a data set, or folders that may be splits or classes.
    """
    if not folder.exists():
        raise UserError(f"{folder}: no such folder or list; give the place of the data set")
    guessed = False
    if layout == "auto":
        layout, guessed = _recognise(folder), True
    elif layout not in LAYOUTS:
        raise UserError(f"layout={layout!r} is unknown; use one of auto, {', '.join(LAYOUTS)}")
    elif folder.is_file() != (layout == "csv_list"):
        kind = "list, which is layout csv_list" if folder.is_file() else "folder, and layout csv_list is for a file"
        raise UserError(f"{folder} is a {kind}; use layout auto")
    if labels is not None and layout != "csv_list":
        raise UserError(f"labels={str(labels)!r} is for lists of clips, and {folder} is not a list; leave it out")
    if labels is not None:
        clips = csv_list.find(folder, labels)
    elif guessed and layout == "folder_per_class":
        clips = folder_per_class.find_certain(folder)
    else:
        clips = LAYOUTS[layout].find(folder)
    if not clips:
        raise UserError(f"{folder} holds no videos and no folders of frames; give the place of the data set")
    seen: set[str] = set()
    for clip in clips:
        if clip.path in seen:
            raise UserError(
                f"{folder}: {clip.path} is listed twice; parts of one video are not told apart, "
                "so cut it into one file per clip, or remove one line"
            )
        seen.add(clip.path)
    return [replace(clip, dataset=layout) for clip in clips] if layout in _DATA_SETS else clips


def _recognise(folder: Path) -> str:
    """Return the layout of a folder; between versions or splits of one data set the user has to choose."""
    fitting = [name for name, known in _DATA_SETS.items() if folder.is_dir() and known.matches(folder)]
    if len(fitting) > 1:
        raise UserError(
            f"{folder} can be read in {len(fitting)} ways, whose results must not be mixed; "
            f"choose one, for example --layout {fitting[0]}: {', '.join(fitting)}"
        )
    generic = (name for name, known in _ANY_CLIPS.items() if known.matches(folder))
    return fitting[0] if fitting else next(generic, "folder_per_class")
