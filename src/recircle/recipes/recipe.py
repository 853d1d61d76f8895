"""What a recipe is: a row that says what is trained on what, the settings that it shares with others, and its text."""

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recircle.public import public

if TYPE_CHECKING:
    from recircle.training.config import TrainConfig
    from recircle.views.sampling import Sampling

_WIDTH = 116


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What the recipes of a data set have in common.

    Attributes:
        title: what people call it, such as "Something-Something V1".
        folder: how commands call the folder of its clips, such as "SSV1".
        prepare: the command that leaves a manifest there.
        clips: what the figures are of: the "validation" or the "test" clips.
        version: what a manifest has to call its data set, where there are other versions whose results must not stand
            under the names of these recipes, such as "diving48_v1"; None where there is one version only.
    """

    title: str
    folder: str
    prepare: str
    clips: str = "validation"
    version: str | None = None


@dataclass(frozen=True, kw_only=True)
class Printed:
    """What the paper of ARC prints.

    Attributes:
        top1: percent.
        top5: percent, or None.
        where: such as "Tables 1, 2".
        cost: GMACs of a view x views, and parameters, in words.
    """

    top1: float
    where: str
    cost: str
    top5: float | None = None


@public
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run. Called with the path of a manifest, it returns the config of the run.

    Attributes:
        name: what `recircle train` knows it by; its run is written to runs/NAME.
        data: the data set.
        title: the network in words, such as "ARC-TSM-ResNet-18, 8 frames".
        model: the network's name in `list_models()`.
        frames: T of a view.
        settings: makes the config, from the row and the path of the manifest.
        notes: what else to know of the settings; it ends the description.
        stride: the frames of a view are this far apart; None spreads them over the whole clip.
        snippet: consecutive frames at each position.
        weights: what the expected figure rests on, for --model.pretrained, where the recipe itself starts from scratch:
            the name of known weights or of their data set, or the path of a run's weights.
        views: clips x crops of the evaluation, such as "2x1"; None is that of the config.
        paper: what the paper prints of it, or None.
        summary: ends the first line of the description in place of the paper's figure.
        remark: sentences on what to expect, after the paper's figures.
    """

    name: str
    data: DataSet
    title: str
    model: str
    frames: int
    settings: "Callable[[Recipe, Path], TrainConfig]"
    notes: str
    stride: int | None = None
    snippet: int = 1
    weights: str | None = None
    views: str | None = None
    paper: Printed | None = None
    summary: str = ""
    remark: str = ""

    def __call__(self, manifest: Path) -> "TrainConfig":
        """Return the config of the run on the clips of a manifest."""
        return self.settings(self, manifest)

    @property
    def output(self) -> Path:
        """Folder of the run."""
        # the name of a network of another library may be a path
        return Path("runs") / re.sub(r"[^\w.-]+", "_", self.name)

    def sampling(self) -> "Sampling":
        """Return which frames make a view."""
        # here and in the settings, so that listing the recipes does not load torch
        from recircle.views.sampling import Sampling

        if self.stride is None:
            return Sampling(frames=self.frames, snippet=self.snippet)
        return Sampling(frames=self.frames, snippet=self.snippet, mode="dense", stride=self.stride)

    @property
    def headline(self) -> str:
        """What it is, in one line."""
        end = self.summary if self.paper is None else f"{self.paper.top1} % top-1 in the paper ({self.paper.where})"
        return f"{self.data.title}, {self.title}{': ' if end else ''}{end}."

    @property
    def description(self) -> str:
        """The text that `recircle recipes NAME` and `recircle train NAME --help` show."""
        commands = textwrap.indent("\n".join(("Commands:", *self._commands())), "    ").strip()
        expected = textwrap.fill(f"Expected: {self._expected()}", _WIDTH, break_on_hyphens=False)
        parts = [self.headline, commands, expected if self._expected() else "", inspect.cleandoc(self.notes)]
        return "\n\n".join(part for part in parts if part)

    def _commands(self) -> list[str]:
        train = [f"recircle train {self.name} --data {self.data.folder}"]
        if self.weights is not None:
            train.append(f"--model.pretrained {self.weights}")
        line = " ".join(train)
        evaluate = f"recircle eval {self.output}" + (f" --views {self.views}" if self.views else "")
        return [self.data.prepare, line if len(line) <= _WIDTH - 4 else " \\\n    ".join(train), evaluate]

    def _expected(self) -> str:
        if self.paper is None:
            return self.remark
        top5 = "" if self.paper.top5 is None else f", {self.paper.top5} % top-5"
        figures = f"{self.paper.top1} % top-1{top5} on the {self.data.clips} clips; {self.paper.cost}."
        return f"{figures} Not reproduced here. {self.remark}".strip()
