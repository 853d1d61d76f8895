"""Manifests of data sets that are on the disk already."""

from pathlib import Path

from recircle import UserError
from recircle.layouts.index import index_folder


def manifest(data: Path, layout: str, folder: Path) -> Path:
    """Return the manifest of a data set, which is indexed first where it has none.

    Args:
        data: a manifest; or the data set's folder, with its manifest.csv in it or not.
        layout: of the folder, as in `recircle index`.
        folder: for the manifest of a folder that has none, since the data set's own may be read-only.

    Raises:
        UserError: there is no such folder, or it is no such data set.
    """
    if data.is_file():
        return data.absolute()
    if not data.is_dir():
        raise UserError(f"{data} is neither a folder nor a manifest; give the folder of {layout}")
    there = data / "manifest.csv"
    if there.is_file():
        return there.absolute()
    made = folder / f"{layout}.csv"
    if not made.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        index_folder(data, layout=layout, output=made)
    return made.absolute()
