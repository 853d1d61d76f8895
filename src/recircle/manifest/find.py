"""Which file is meant by a manifest, its folder, or a manifest that was read."""

from pathlib import Path

from recircle.errors import UserError
from recircle.manifest.manifest import Manifest

_NAMES = ("manifest.csv", "manifest.parquet")


def find_manifest(path: Path) -> Path:
    """Return the manifest at a path, which may be the folder that it lies in.

    Raises:
        UserError: there is none; the message says how to write one.
    """
    if path.is_dir():
        for name in _NAMES:
            if (path / name).is_file():
                return path / name
        raise UserError(f"{path} has no manifest; write one with `recircle index {path}`")
    if not path.is_file():
        raise UserError(f"{path} is not there; give a manifest, which `recircle index FOLDER` writes")
    return path


def has_manifest(folder: Path) -> bool:
    """Tell whether a manifest lies in a folder."""
    return any((folder / name).is_file() for name in _NAMES)


def manifest_file(data: str | Path | Manifest) -> Path:
    """Return the file of the clips that a caller names: a manifest, the folder it lies in, or one that was read.

    Raises:
        UserError: there is none, or these clips are not in a file.
    """
    if not isinstance(data, Manifest):
        return find_manifest(Path(data))
    if data.file is None:
        raise UserError(
            "these clips are not those of a file, which a run has to remember; write them first: "
            "data = data.write('clips.csv')"
        )
    return find_manifest(data.file)
