"""Parts of long videos: a list of `video,start,end,label`, in seconds or frames, each line a clip that is not cut."""

import re
import warnings
from pathlib import Path

from recircle.errors import UserError
from recircle.layouts import csv_list
from recircle.layouts.columns import roles_of
from recircle.layouts.parts import ListOptions
from recircle.manifest.manifest import Clip

_HEAD = 4096


def matches(path: Path) -> bool:
    """Tell whether a file lists several parts of one video, which no list of whole clips does."""
    if not path.is_file() or not _may_name_parts(path):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            columns = csv_list.read_columns(path)
        except UserError:
            return False
    if columns.of_manifest or not columns.roles.keys() >= {"start", "end"}:
        return False
    paths = [columns.value(record, "path") for record in columns.table.records]
    return len(set(paths)) < len(paths)


def _may_name_parts(path: Path) -> bool:
    """Tell whether the beginning of a list has a word for a start, so that it is worth reading to the end."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    if path.suffix.lower() == ".parquet":
        return True
    words = re.split(r"[^\w ]+", head.decode(errors="replace"))
    return any(role == "start" for word in words for role, _ in roles_of(word))


def find(path: Path, options: ListOptions) -> list[Clip]:
    """List the parts.

    Columns may have other names, as in any list of clips. Times are seconds or clock times (`1:02.5`); where both
    columns hold whole numbers and are not called after a unit, `options.units` has to say which is meant. Frames are
    counted from 0, the last one included. A line without start and end is a whole video.

    Raises:
        UserError: as for a list of clips; or it is not clear what the numbers mean, or a part ends before it begins.
    """
    return csv_list.find(path, options.labels, parts=options)
