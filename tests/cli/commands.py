"""Every command that writes, each as small as it can be, for tests that let the disk or the process fail."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from recircle.recipes import registry
from recircle.tabletop import SIZES, TabletopConfig
from tests.cli.test_train import TINY
from tests.small_run import write_clips


def know_tiny(patch: pytest.MonkeyPatch) -> None:
    """Make the recipe `tiny` the only one, and the benchmark tiny too."""
    patch.setattr(registry, "_recipes", lambda: {TINY.name: TINY})
    patch.setattr(registry, "warn_from_scratch", lambda *_: None)
    patch.setattr(registry, "check_version", lambda *_: None)
    generate = sys.modules["recircle.tabletop.generate"]
    smallest = TabletopConfig(train=1, test=1, pixels=32, frames=8, fps=5)
    patch.setattr(generate, "SIZES", {**SIZES, "tiny": smallest})


@dataclass(frozen=True)
class Place:
    """A folder with clips and a trained, evaluated run in it.

    Attributes:
        root: the folder; clips/, run/ and what the commands write are below it.
    """

    root: Path

    def command(self, name: str) -> list[str]:
        """Return a command line that does all its work in this process."""
        run, clips, clip = (str(self.root / place) for place in ("run", "clips", "clips/lift/val"))
        return {
            "index": ["index", clips, "--workers", "1", "--output", str(self.root / "clips" / "again.csv")],
            "train": ["train", "tiny", "--data", clips, "--epochs", "2", "--output", str(self.root / "new")],
            "resume": ["train", "--resume", run, "--epochs", "3"],
            "eval": ["eval", run, "--workers", "0", "--calibrate", "--split", "all"],
            "cache": ["eval", run, "--workers", "0", "--cache", str(self.root / "cache")],
            "fewshot": [
                *("fewshot", run, "--data", clips, "--ways", "2", "--episodes", "2", "--workers", "0"),
                *("--cache", str(self.root / "cache")),
            ],
            "explain": ["explain", run, clip],
            "report": ["report", run, "--no-clips", "--resamples", "2"],
            "export": ["export", run, "--format", "torch"],
            "tabletop": ["tabletop", "--output", str(self.root / "table"), "--size", "tiny", "--workers", "1"],
        }[name]


COMMANDS = ("index", "train", "resume", "eval", "cache", "fewshot", "explain", "report", "export", "tabletop")
"""Those that write files. The others print only; see the test of outputs that nothing takes."""


def contents(root: Path) -> dict[str, bytes]:
    """Return the files of a folder by their paths, without the locks and the logs that only grow."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in (".lock", "metrics.jsonl")
    }


def write_place(root: Path) -> Place:
    """Write the clips, and train and evaluate the run; `know_tiny` comes first."""
    from recircle.cli.main import main

    clips = write_clips(root / "clips").root
    assert main(["train", "tiny", "--data", str(clips), "--epochs", "2", "--output", str(root / "run")]) == 0
    assert main(["eval", str(root / "run"), "--workers", "0", "--calibrate", "--split", "all"]) == 0
    return Place(root)
