"""`recircle ensemble`: one network out of several that are trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from recircle.cli.arguments import call
from recircle.cli.console import out


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(ensemble, "ensemble", arguments)


def ensemble(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN RUN")],
    *,
    output: Path,
) -> int:
    """Make one run of several of one network at different numbers of frames: it averages their scores.

    The paper's "8+16" is ARC-TSM-ResNet-50 trained with 8 frames and with 16.

    Args:
        runs: folders of the runs.
        output: folder of the new run.
    """
    from recircle.ensemble import make_ensemble

    run = make_ensemble(runs, output)
    spec = run.load_spec()
    out.print(
        f"{run.path}: {spec.model.title}, {len(spec.labels)} classes, clips of {spec.sampling.frames} frames",
    )
    return 0
