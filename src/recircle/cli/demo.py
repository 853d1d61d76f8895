"""`recircle demo`: the whole way from nothing to recognised clips."""

from collections.abc import Sequence
from pathlib import Path

from recircle.cli.arguments import call


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(demo, "demo", arguments)


def demo(*, output: Path = Path("runs/demo")) -> int:
    """Generate a small benchmark, train TSM and ARC-TSM on it, compare them, and recognise fresh clips.

    Args:
        output: folder of the ARC-TSM run; the other runs and the clips get folders beside it;
            ready parts of an earlier demo are taken over.
    """
    from recircle.demo.run import run_demo

    run_demo(output)
    return 0
