"""Checksums of files: as publishers give them, and as a folder has them of its own files."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recircle.errors import UserError
from recircle.files import atomic_write

SUMS = "SHA256SUMS"
"""The file of a folder that has the SHA-256 of its others, as `sha256sum --check` reads it."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Checksum:
    """What the bytes of a file must give.

    Attributes:
        algorithm: "sha256", or "git", that of a file's content in a git repository.
        digest: in hexadecimal; of a SHA-256 the first digits are enough, as in names of files.
    """

    algorithm: Literal["sha256", "git"]
    digest: str

    def __str__(self) -> str:
        cut = "..." if self.algorithm == "sha256" and len(self.digest) < 64 else ""
        return f"{'SHA-256' if self.algorithm == 'sha256' else 'git SHA-1'} {self.digest}{cut}"

    def matches(self, path: Path) -> bool:
        """Tell whether a file has it."""
        return (sha256_of(path) if self.algorithm == "sha256" else _git_blob(path)).startswith(self.digest)


def sha256(digest: str) -> Checksum:
    """Return a SHA-256 of which all or the first digits are known."""
    return Checksum("sha256", digest)


def git_blob(digest: str) -> Checksum:
    """Return the name that git gives to a file's content."""
    return Checksum("git", digest)


def from_name(file: str) -> Checksum:
    """Return the SHA-256 whose first digits end the name of a file, as in `resnet18-f37072fd.pth`.

    Raises:
        ValueError: the name has none.
    """
    found = re.search(r"-([0-9a-f]{8,})\.\w+$", file)
    if found is None:
        raise ValueError(f"the name {file} ends in no checksum")
    return sha256(found[1])


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git_blob(path: Path) -> str:
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_sums(folder: Path, files: Iterable[str]) -> Path:
    """Write the SHA-256 of files of a folder into its `SHA256SUMS`.

    Raises:
        WriteError: the disk refuses it.
    """
    lines = (f"{sha256_of(folder / name)}  {name}\n" for name in sorted(files))
    atomic_write(folder / SUMS, "".join(lines))
    return folder / SUMS


def check_sums(folder: Path, cure: str) -> None:
    """Insist that the files of a folder have the checksums in its `SHA256SUMS`; files it does not name may be there.

    Args:
        folder: without such a file, all is well. Files that it names and that are not there are not asked for.
        cure: what to do about a damaged file.

    Raises:
        UserError: one differs, or the list is no such list.
    """
    sums = folder / SUMS
    if not sums.is_file():
        return
    for line in sums.read_text(encoding="utf-8", errors="replace").splitlines():
        found = re.fullmatch(r"([0-9a-f]{64}) [ *]([^/\\]+)", line)
        if found is None:
            raise UserError(f"{sums} is damaged: {line[:80]!r} is no SHA-256 and the name of a file; {cure}")
        digest, path = found[1], folder / found[2]
        if path.is_file() and sha256_of(path) != digest:
            raise UserError(f"{path} is damaged: its SHA-256 is not the one in {SUMS}; {cure}")
