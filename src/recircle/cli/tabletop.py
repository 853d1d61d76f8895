"""`recircle tabletop`: write the generated benchmark to a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from recircle.cli.arguments import at_least, call
from recircle.cli.console import out, progress


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(tabletop, "tabletop", arguments)


def tabletop(*, output: Path, size: Literal["tiny", "small", "full"] = "small", seed: int = 0, workers: int = 2) -> int:
    """Generate the benchmark: video files of objects on a table, 24 classes in 6 families, and their manifest.

    Args:
        output: folder to write; the manifest is OUTPUT/manifest.csv.
        size: tiny is for tests, small trains in minutes on a CPU, full has a few thousand clips.
        seed: the same seed gives the same files.
        workers: processes that draw and encode; by default one a core.
    """
    from recircle.tabletop import generate

    at_least(0, seed=seed)
    if workers is not None:
        at_least(1, workers=workers)

    with progress("generating") as show:
        manifest = generate(output, size, seed=seed, workers=workers, progress=show)
    out.print(f"{len(manifest)} clips of {len(manifest.labels)} classes: {output / 'manifest.csv'}")
    return 0
