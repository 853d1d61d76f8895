"""Clips that lie outside of a manifest's folder: often meant so, and reported, since they were chosen by who wrote it.

What is looked at is the path as it is written. A link inside the folder that leads elsewhere counts as inside: links to
other disks are common, and who can write into the folder could as well put the file there.
"""

import os
import re
import warnings
from pathlib import Path

from recircle.manifest.manifest import Clip, Manifest


def leads_out(path: str, root: Path) -> bool:
    """Tell whether a path of a manifest, or one like it, leads out of the manifest's folder."""
    if re.match(r"[A-Za-z]:[\\/]|\\\\", path) and os.name != "nt":
        return True  # of a Windows machine
    # a path without links: what the file system makes of them does not count
    inside = os.path.relpath(os.path.normpath(os.path.join(root, path)), root)  # noqa: PTH118
    return inside == ".." or inside.startswith("../")


def clips_outside(manifest: Manifest) -> list[Clip]:
    """Return the clips whose paths lead out of the manifest's folder."""
    return [clip for clip in manifest.clips if leads_out(clip.path, manifest.root)]


def warn_outside(place: str | Path, manifest: Manifest) -> None:
    """Say how many clips lie outside of the manifest's folder.

    Args:
        place: the manifest's file.
        manifest: it, or a part of it.
    """
    outside = clips_outside(manifest)
    if outside:
        warnings.warn(
            f"{place}: {len(outside)} of {len(manifest)} clips lie outside of its folder, such as "
            f"{outside[0].path}; they are read there",
            stacklevel=3,
        )
