"""MIRACL-VC1 words: clips/SPEAKER_CLASS_INSTANCE/*.jpg and labels.csv, split by speaker."""

from pathlib import Path

from recircle.layouts.tables import warn_unlisted
from recircle.manifest.manifest import Clip
from recircle.manifest.text_table import has_columns, read_table

TEST_SPEAKERS = ("F10", "F11", "M04", "M07", "M08")
_COLUMNS = ("clip", "speaker", "label_name", "frames")


def matches(folder: Path) -> bool:
    """Tell whether the folder holds the clips and their list."""
    return (folder / "clips").is_dir() and has_columns(folder / "labels.csv", _COLUMNS)


def find(folder: Path) -> list[Clip]:
    """List the clips; the group is the speaker, and five speakers are the test split.

    Raises:
        UserError: the list is malformed.
    """
    clips = [
        Clip(
            path=f"clips/{row['clip']}",
            label=row["label_name"],
            group=row["speaker"],
            split="test" if row["speaker"] in TEST_SPEAKERS else "train",
            frames=int(row["frames"]) if row["frames"].isdigit() else 0,
        )
        for _, row in read_table(folder / "labels.csv", _COLUMNS).rows()
    ]
    on_disk = {f"clips/{entry.name}" for entry in (folder / "clips").iterdir() if not entry.name.startswith(".")}
    warn_unlisted(folder, on_disk - {clip.path for clip in clips})
    return clips
