"""`recircle tabletop`: write the generated benchmark to a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import out, progress
from recircle.errors import UserError
from recircle.words import counted


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(tabletop, "tabletop", arguments)


def tabletop(
    *,
    output: Path,
    size: Literal["tiny", "small", "full"] = "small",
    seed: int = 0,
    workers: int = 2,
    long: float | None = None,
    videos: int = 4,
) -> int:
    """Generate the benchmark: video files of objects on a table, 24 classes in 6 families, and their manifest.

    With --long, generate long videos of many actions with pauses between, and the table of what happens when.

    Args:
        output: folder to write; the manifest is OUTPUT/manifest.csv, with --long the table OUTPUT/truth.csv.
        size: tiny is for tests, small trains in minutes on a CPU, full has a few thousand clips.
        seed: the same seed gives the same files.
        workers: processes that draw and encode; by default one a core.
        long: minutes of each long video, which shows things, tables and people that the training clips do not.
        videos: how many long videos.
    """
    from recircle.tabletop import LongConfig, generate, generate_long

    at_least(0, seed=seed)
    if workers is not None:
        at_least(1, workers=workers)
    if long is not None:
        at_least(1, videos=videos)
        above_zero(long=long)
        try:
            config = LongConfig.of(size, videos=videos, seconds=60 * long, seed=seed)
        except ValueError as error:
            raise UserError(f"--long {long:g}: {error}") from None
        with progress("generating") as show:
            truth = generate_long(output, config, workers=workers, progress=show)
        out.print(f"{counted(videos, 'video')} of {long:g} minutes each; what happens when: {truth}")
        return 0
    with progress("generating") as show:
        manifest = generate(output, size, seed=seed, workers=workers, progress=show)
    out.print(f"{len(manifest)} clips of {len(manifest.labels)} classes: {output / 'manifest.csv'}")
    return 0
