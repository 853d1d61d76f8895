"""`recircle report`: what is known of runs, as one HTML page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from recircle.cli.arguments import at_least, call
from recircle.cli.console import err, out


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(report, "report", arguments)


def report(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN [RUN...]")],
    *,
    output: Path | None = None,
    predictions: str | None = None,
    data: Path | None = None,
    clips: int = 12,
    no_clips: bool = False,
    measure: bool = False,
    resamples: int = 1000,
    seed: int = 0,
) -> int:
    """Write what is known of runs as one HTML page, which needs neither other files nor a network.

    Accuracy and cost, confusions by family, reliability, training, the clips that are most confidently wrong, and of
    several runs the paired comparison of each with the first. It is made from predictions that `recircle eval` saved.

    Args:
        runs: folders of runs.
        output: the page; by default report.html in the first run's folder.
        predictions: NAME of RUN/predictions/NAME.npz; by default the newest of each run.
        data: manifest, or its folder, where the clips are now; by default the one that was evaluated, of which only
            clips in its own folder are shown then.
        clips: how many of the most confidently wrong clips to show.
        no_clips: name those clips, but do not decode and show them.
        measure: measure how fast the networks are here; otherwise it is read from comparison.json, if there is one.
        resamples: bootstrap resamples of the intervals.
        seed: of the resamples.
    """
    from recircle.errors import UserError
    from recircle.evaluation.bootstrap import Bootstrap
    from recircle.manifest.find import find_manifest
    from recircle.report import write_report

    at_least(1, resamples=resamples, clips=clips)
    at_least(0, seed=seed)
    if not runs:
        raise UserError("give the folder of a run, or of several")
    with err.status("reading the runs"):
        path = write_report(
            runs,
            output,
            predictions=predictions,
            data=find_manifest(data) if data is not None else None,
            clips=None if no_clips else clips,
            timed=measure,
            bootstrap=Bootstrap(resamples=resamples, seed=seed),
        )
    size = path.stat().st_size
    out.print(f"{path}: {size / 1e6:.1f} MB")
    return 0
