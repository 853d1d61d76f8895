"""`recircle folds`: predictions of every clip of a run by networks that have not seen it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import out


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(folds, "folds", arguments)


def folds(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    *,
    folds: int = 5,
    minutes: float | None = None,
    seed: int = 0,
) -> int:
    """Train a run's network again for each fold of its clips, and predict the fold with it.

    The clips of both sides of the run's division are divided anew, whole groups into one fold where there are any.
    `recircle suspects RUN` ranks them by these predictions. If it was stopped, the same command goes on.

    Args:
        run: folder of a finished run, whose settings are taken.
        folds: how many.
        minutes: about how long all of it may take, shared by the folds; by default each trains for as many epochs as
            the run.
        seed: of the division.
    """
    from recircle.evaluation.metrics import top_k_accuracy
    from recircle.run import Run
    from recircle.training.folds import predict_out_of_sample, predictions_file

    at_least(2, folds=folds)
    at_least(0, seed=seed)
    if minutes is not None:
        above_zero(minutes=minutes)
    opened = Run.open(run)
    found = predict_out_of_sample(opened, folds, seed=seed, minutes=minutes, tell=out.print)
    known = found.measurable()
    top1 = top_k_accuracy(known.scores(), known.labels)
    out.print(f"top-1 {top1:.1%} of {len(known)} clips, each by a network that had not seen it")
    out.print(f"predictions: {predictions_file(opened)}")
    out.print(f"next: recircle suspects {run}")
    return 0
