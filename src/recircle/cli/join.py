"""`recircle join`: trained networks put together as one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from recircle.cli.arguments import call
from recircle.cli.console import out


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(join, "join", arguments)


def join(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN RUN")],
    *,
    output: Path,
) -> int:
    """Put runs of one network at different numbers of frames together as a run that averages their scores.

    The paper's "8+16" is ARC-TSM-ResNet-50 trained with 8 frames and with 16.

    Args:
        runs: folders of the runs.
        output: folder of the new run.
    """
    from recircle.join import join_runs

    run = join_runs(runs, output)
    spec = run.load_spec()
    out.print(
        f"{run.path}: {spec.model.name}, {len(spec.labels)} classes, clips of {spec.sampling.frames} frames",
    )
    return 0
