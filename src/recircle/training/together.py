"""Several processes that do the same: where one of them cannot, or does something else, all stop and say why."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from accelerate import PartialState
from accelerate.utils import gather_object

from recircle import __version__
from recircle.errors import UserError
from recircle.torch_internals import lost_process
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData
from recircle.training.folder import changes

LOCAL_FIELDS = frozenset({"output", "data.manifest", "data.workers", "data.cache"})
"""Settings that may differ between machines: places, and what changes no clip."""


@contextmanager
def together() -> Iterator[None]:
    """Let a block that fails in one process fail in all of them, which would wait for that one otherwise.

    Raises:
        UserError: another process has failed; it says which, and why. Where it is this one, its own error.
    """
    if PartialState().num_processes == 1:
        yield
        return
    own: BaseException | None = None
    try:
        yield
    except (Exception, SystemExit) as error:
        own = error
    reasons: list[str | None] = gather_object([None if own is None else f"{_here()} stopped: {own}"])
    if own is not None:
        raise own
    for reason in reasons:
        if reason is not None:
            raise UserError(reason)


@contextmanager
def losses_explained(way_on: Callable[[], str]) -> Iterator[None]:
    """Say in a sentence that another process was lost, and how to go on.

    Raises:
        UserError: the connection to another process broke, or nothing came from it for too long.
    """
    try:
        yield
    except RuntimeError as error:
        reason = lost_process(error)
        if reason is None:
            raise
        raise UserError(
            f"{_here()} has lost another process ({reason}): that one was ended, or its machine or the network has "
            f"failed, and what it printed may say more; {way_on()}"
        ) from error


def check_same(config: TrainConfig, data: TrainingData, *, resume: bool) -> None:
    """Insist that all processes are to do the same; all of them must call it.

    Args:
        config: of the run.
        data: its clips.
        resume: whether this process goes on with a run.

    Raises:
        UserError: another one has other settings, other clips, another version of this package, or another folder.
    """
    counts = f"{len(data.train)} to train on, {len(data.val)} to evaluate on"
    mine = (_here(), __version__, config, resume, (counts, data.fingerprint, data.val_fingerprint))
    everyone: list[Any] = gather_object([mine])
    first = everyone[0]
    for here, version, settings, goes_on, clips in everyone:
        if version != first[1]:
            raise UserError(f"{here} has recircle {version}, and {first[0]} has {first[1]}; install the same on both")
        if differing := changes(first[2], settings, LOCAL_FIELDS):
            raise UserError(
                f"{here} was started with other settings than {first[0]} ({', '.join(differing)}); give all machines "
                "the same command"
            )
        if goes_on != first[3]:
            begun, new = (here, first[0]) if goes_on else (first[0], here)
            raise UserError(
                f"{begun} would go on with the run in {settings.output}, where {new} finds none: give all machines the "
                "same folder"
            )
        if clips != first[4]:
            raise UserError(
                f"the clips of {settings.data.manifest} on {here} ({clips[0]}) are not those that {first[0]} reads "
                f"({first[4][0]}): give all machines the same manifest"
            )


def _here() -> str:
    return f"process {PartialState().process_index} on {platform.node()}"
