"""Repositories of the Hugging Face hub: how they are named, `hf:OWNER/NAME@REVISION`, and how they come here."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recircle.checksums import SUMS, check_sums
from recircle.errors import UserError
from recircle.files import atomic_write, make_folder, writing

PREFIX = "hf:"
DESCRIPTION, WEIGHTS, TEMPERATURE = "model.json", "model.safetensors", "calibration.json"
"""The files of a run that are in a repository; the last may be missing."""
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?"


@dataclass(frozen=True)
class HubReference:
    """A repository of the hub, at a revision.

    Attributes:
        repository: "OWNER/NAME".
        revision: a branch, a tag or a commit; None is the newest of the branch `main`.
    """

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return PREFIX + self.repository + (f"@{self.revision}" if self.revision else "")

    @property
    def address(self) -> str:
        """Of its page: on huggingface.co, or the hub that the environment variable HF_ENDPOINT names."""
        from huggingface_hub import constants

        return f"{constants.ENDPOINT}/{self.repository}"


def is_reference(text: str | Path) -> bool:
    """Tell whether a word names a repository of the hub rather than a folder: it begins with `hf:`."""
    return str(text).startswith(PREFIX)


def parse_reference(text: str | Path) -> HubReference:
    """Read `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION`; `hf:` may be missing.

    Raises:
        UserError: it is no such name.
    """
    repository, at, revision = str(text).removeprefix(PREFIX).partition("@")
    if not is_repository(repository) or (at and not re.fullmatch(r"[\w.][\w./-]*", revision)):
        raise UserError(
            f"{text} names no repository of the hub; give hf:OWNER/NAME, or hf:OWNER/NAME@REVISION with a branch, a "
            "tag or a commit"
        )
    return HubReference(repository, revision or None)


def is_repository(name: str) -> bool:
    """Tell whether a name is one that a repository of the hub can have: OWNER/NAME."""
    return bool(re.fullmatch(f"{_PART}/{_PART}", name)) and not re.search(r"--|\.\.", name) and len(name) <= 96


def snapshot(reference: HubReference, files: Sequence[str] | None = None) -> Path:
    """Fetch a repository into the cache of huggingface_hub, unless it is there, and return its folder there.

    What was broken off goes on where it was; where the hub cannot be reached, what the cache has of the revision is
    taken. The last part of the folder's path is the commit.

    Args:
        reference: the repository.
        files: patterns of the names of those wanted, such as "*.json"; None is all.

    Raises:
        UserError: there is no such repository or revision, or none that may be read; or the hub cannot be reached, and
            the cache does not have it.
        WriteError: the disk refuses it.
    """
    from huggingface_hub import constants, snapshot_download

    quieten()
    with writing(Path(constants.HF_HUB_CACHE)), hub_errors(reference):
        return Path(
            snapshot_download(
                reference.repository,
                revision=reference.revision,
                allow_patterns=None if files is None else list(files),
            )
        )


def quieten() -> None:
    """Let huggingface_hub draw no progress where nobody sees it move."""
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars

    if constants.HF_HUB_DISABLE_PROGRESS_BARS is None and not sys.stderr.isatty():
        disable_progress_bars()


def fetch_folder(reference: HubReference, files: Sequence[str]) -> Path:
    """Fetch files of a repository, as `snapshot` does, and check those whose checksums its `SHA256SUMS` has.

    Raises:
        UserError: as there; or a file is damaged.
        WriteError: the disk refuses it.
    """
    folder = snapshot(reference, [*files, SUMS])
    check_sums(folder, f"delete {folder.parent.parent}, and {reference} is fetched again")
    return folder


def run_folder(reference: HubReference) -> Path:
    """Return a folder of this machine that is the run which a repository holds; it is made, or found again.

    It lies beside the cache of huggingface_hub, has a name for each commit, and is for what evaluations and reports
    write beside the run. The weights in it are those of the cache.

    Raises:
        UserError: as `snapshot` does; or the repository holds no run, or a file is damaged.
        WriteError: the disk refuses it.
    """
    from huggingface_hub import constants

    described = snapshot(reference, [DESCRIPTION, "config.json", SUMS])
    if not (described / DESCRIPTION).is_file():
        raise UserError(f"{reference} holds no run of recircle: it has no {DESCRIPTION}{_hint(described, reference)}")
    # the same commit, whatever is pushed meanwhile
    there = fetch_folder(HubReference(reference.repository, described.name), [DESCRIPTION, WEIGHTS, TEMPERATURE])
    if not (there / WEIGHTS).is_file():
        raise UserError(f"{reference} holds no weights: it has no {WEIGHTS}; ask who pushed it to push it again")
    owner, _, name = reference.repository.partition("/")
    folder = Path(constants.HF_HUB_CACHE).parent / "recircle" / owner / f"{name}@{there.name[:8]}"
    make_folder(folder)
    with writing(folder):
        for file in (there / DESCRIPTION, there / TEMPERATURE):
            # a temperature that was fitted here stays
            if file.is_file() and not (folder / file.name).is_file():
                atomic_write(folder / file.name, file.read_bytes(), durable=False)
        _link(folder / WEIGHTS, there / WEIGHTS)
    return folder


def _hint(folder: Path, reference: HubReference) -> str:
    """Return what a repository is that is no run, as the end of a sentence."""
    config = folder / "config.json"
    if config.is_file() and '"model_type"' in config.read_text(encoding="utf-8", errors="replace"):
        return f"; it is a network of transformers, which trains as a host by --model.name {reference}"
    return "; give a repository that `recircle push` wrote"


def _link(path: Path, target: Path) -> None:
    """Let a path be another file, by a link or, where there are none, by a copy."""
    target = target.resolve()
    if path.exists() and path.samefile(target):
        return
    # beside it first, since another process may do the same
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    try:
        new.symlink_to(target)
    except OSError:
        shutil.copyfile(target, new)
    new.replace(path)


@contextmanager
def hub_errors(reference: HubReference) -> Iterator[None]:
    """Raise what the hub, or the way there, refuses in the block as one sentence about a repository.

    Raises:
        UserError: see there.
    """
    from huggingface_hub import constants, errors

    where = f"{reference.repository} at {constants.ENDPOINT}"
    login = "log in by `hf auth login`, or set HF_TOKEN"
    try:
        yield
    except UserError:
        raise
    except errors.LocalTokenNotFoundError:
        raise UserError(f"{where} wants to know who you are: {login}") from None
    except errors.GatedRepoError:
        raise UserError(
            f"{where} is open only to who accepts its conditions; accept them on {reference.address}, and {login}"
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            f"there is no repository {where}, or none that you may read; check its name, and for a private one {login}"
        ) from None
    except errors.RevisionNotFoundError:
        raise UserError(
            f"{where} has no revision {reference.revision or 'main'}; its page is {reference.address}"
        ) from None
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise UserError(_offline(reference, error.__cause__)) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        said = error.server_message or error.response.reason_phrase
        cure = login if status in (401, 403) else "try again later"
        raise UserError(f"{where}: the hub answers {status} ({said}); {cure}") from None
    except Exception as error:
        # an upload wraps what broke it off
        problem = error.__cause__ if type(error) is RuntimeError and error.__cause__ is not None else error
        # of the HTTP client, which is another one in other versions of huggingface_hub
        if not type(problem).__module__.startswith(("httpx", "huggingface_hub")):
            raise
        why = str(problem).strip() or type(problem).__name__
        raise UserError(f"the way to {where} broke off ({why}); the same command goes on from there") from None


def _offline(reference: HubReference, cause: BaseException | None) -> str:
    from huggingface_hub import constants, errors

    why = "cannot be reached"
    if constants.is_offline_mode():
        why = "may not be asked, since HF_HUB_OFFLINE is set"
    elif isinstance(cause, errors.HfHubHTTPError):
        why = f"answers {cause.response.status_code}"
    return (
        f"the hub at {constants.ENDPOINT} {why}, and {reference} is not, or not whole, in the cache "
        f"{constants.HF_HUB_CACHE}; go on with a connection, or give a folder that you fetched elsewhere by "
        f"`hf download {reference.repository} --local-dir FOLDER`"
    )
