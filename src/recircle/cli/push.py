"""`recircle push`: a run to a repository of the hub."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from recircle.cli.arguments import call
from recircle.cli.console import err, out
from recircle.errors import UserError

if TYPE_CHECKING:
    from recircle.push import Pushed


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(push, "push", arguments)


def push(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    repository: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OWNER/NAME")],
    *,
    licence: str | None = None,
    predictions: str | None = None,
    private: bool = False,
    tag: str | None = None,
    dry_run: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
) -> int:
    """Give a run to others: upload its weights, what belongs to them, and a card made from its evaluation.

    The card has each figure with its protocol and interval, families, clips left out, accuracy with shuffled frames,
    cost, and how to use it; nothing in it names a place on this machine. Every command that takes a RUN then takes
    hf:OWNER/NAME, and hf:OWNER/NAME@REVISION. Log in once by `hf auth login`, or set HF_TOKEN.

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
        repository: on the hub; it is made if it is not there.
        licence: of the weights, such as mit or cc-by-4.0; in a terminal it is asked for.
        predictions: NAME of RUN/predictions/NAME.npz that the card is made from; by default the newest.
        private: make a new repository private.
        tag: a name for this revision, such as v1.
        dry_run: write the files to this folder, and upload nothing.
    """
    from recircle.hub import parse_reference
    from recircle.push import push_run, write_folder
    from recircle.run import Run

    reference = parse_reference(repository)
    if reference.revision is not None:
        raise UserError(f"{repository}: a push makes a revision; name it by --tag {reference.revision}")
    opened = Run.open(run)
    if licence is None:
        licence = _asked() if sys.stdin.isatty() and err.is_terminal else ""
    if dry_run is not None:
        _tell(write_folder(opened, dry_run, reference, licence=licence, predictions=predictions))
        out.print(f"written: {dry_run}; nothing was uploaded")
        return 0
    pushed = push_run(opened, reference, licence=licence, predictions=predictions, private=private, tag=tag)
    _tell(pushed)
    out.print(f"pushed: {reference.address}, commit {pushed.commit}")
    out.print(f"use: recircle predict {reference}@{tag or pushed.commit} CLIPS")
    return 0


def _asked() -> str:
    err.print("licence of the weights, such as mit or cc-by-4.0 (Enter: not stated): ", end="")
    return sys.stdin.readline().strip()


def _tell(pushed: "Pushed") -> None:
    out.print(f"files: {', '.join(pushed.files)}")
    for line in pushed.missing:
        out.print(f"not in the card, {line}")
