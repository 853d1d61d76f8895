"""UT-Interaction, segmented: set1/ and set2/ with one AVI a clip, and labels.csv."""

from pathlib import Path

from recircle.decode.media_search import find_media
from recircle.errors import UserError
from recircle.layouts.tables import warn_unlisted
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import has_columns, read_table

_COLUMNS = ("path", "set", "sequence", "label_name", "frames")


def matches(folder: Path) -> bool:
    """Tell whether the folder holds the list."""
    return has_columns(folder / "labels.csv", _COLUMNS)


def find(folder: Path) -> list[Clip]:
    """List the clips; the group is set and sequence ("set1/01" to "set2/20"), since sequences are left out in turn.

    Raises:
        UserError: the list is malformed.
    """
    clips = []
    for where, row in read_table(folder / "labels.csv", _COLUMNS).rows():
        if not row["sequence"].isdigit():
            raise UserError(f"{where}: sequence={row['sequence']!r} is not a number; correct the line")
        clips.append(
            Clip(
                path=row["path"],
                label=row["label_name"],
                group=f"set{row['set']}/{int(row['sequence']):02d}",
                frames=int(row["frames"]) if row["frames"].isdigit() else 0,
            )
        )
    warn_unlisted(folder, {found.path for found in find_media(folder)} - {clip.path for clip in clips})
    return clips
