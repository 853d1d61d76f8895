"""Trained runs side by side: how often each is right, how often among the siblings alone, and what it costs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from recircle.config import from_json, parse_json, read_bytes
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.estimate import Estimate
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.families import LevelAccuracy, measure_families
from recircle.evaluation.forward import pick_device
from recircle.evaluation.predict import Progress
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.speed import measure_network_speeds
from recircle.loading.options import Loading
from recircle.models.cost import measure_cost
from recircle.run import Run
from recircle.training.metrics_log import read_metrics_log


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One network of a comparison.

    Attributes:
        name: what it is called in the table.
        run: its folder.
        accuracy: share of the clips whose class scores best.
        inside: likewise when only the classes of the clip's true family compete; chance is one over their number.
        params: number of parameters.
        gmacs: billions of multiply-adds of a view.
        clips_per_second: views that the network takes in a second, frames in memory, median.
        training_seconds: time of all optimiser steps, loading included, evaluation not.
    """

    name: str
    run: str
    accuracy: Estimate
    inside: Estimate
    params: int
    gmacs: float
    clips_per_second: float
    training_seconds: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Networks on the same clips.

    Attributes:
        data: which clips, in words.
        clips: their number.
        classes: number of classes.
        chance: expected accuracy of a guess, among all classes.
        inside_chance: likewise, among the classes of the true family.
        resamples: bootstrap resamples of the intervals, which hold for the choice of clips, not of the training's seed.
        device: what the speed was measured on.
        threads: of the CPU, likewise.
        torch: its version.
        entries: the networks.
    """

    data: str
    clips: int
    classes: int
    chance: float
    inside_chance: float
    resamples: int
    device: str
    threads: int
    torch: str
    entries: tuple[Entry, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def load(cls, path: Path) -> "Comparison":
        """Read a comparison.json of this version or an earlier one.

        Raises:
            UserError: the file is missing or has other fields.
        """
        return from_json(cls, json.dumps(_renamed(parse_json(read_bytes(path), path))), source=path)

    def table(self) -> Table:
        """Return the table to print; it fits into 80 columns."""
        table = Table(
            title=f"{self.clips} test clips of {self.classes} classes", title_justify="left", box=None, pad_edge=False
        )
        table.add_column("network", no_wrap=True)
        for title in ("accuracy %", "inside %", "params", "GMACs", "clips/s", "training"):
            table.add_column(title, justify="right", no_wrap=True)
        for entry in self.entries:
            table.add_row(
                entry.name,
                _percent(entry.accuracy),
                _percent(entry.inside),
                f"{entry.params / 1e6:.2f} M",
                f"{entry.gmacs:.3f} x 1",
                f"{entry.clips_per_second:.0f}",
                f"{entry.training_seconds:.0f} s",
            )
        table.add_row("chance", f"{100 * self.chance:.1f}         ", f"{100 * self.inside_chance:.1f}         ")
        return table

    def legend(self) -> str:
        """Return what the columns mean, in words."""
        return (
            f"[95 % bootstrap interval over the clips], one training run each. inside: only the classes of the true "
            f"family compete. GMACs: of a view x views of a clip. clips/s: the network alone on {self.device} with "
            f"{self.threads} threads. training: all steps with loading, evaluation not counted."
        )


_EARLIER = {"in_family": "inside", "chance_in_family": "inside_chance"}
"""Fields of earlier versions, and what they are called now."""


def _renamed(content: Any) -> Any:
    if isinstance(content, list):
        return [_renamed(item) for item in content]
    if isinstance(content, dict):
        return {_EARLIER.get(name, name): _renamed(value) for name, value in content.items()}
    return content


def _percent(estimate: Estimate) -> str:
    interval = f"[{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"
    return f"{100 * estimate.value:.1f} {interval:>8}"


def compare(
    runs: Mapping[str, Run], *, workers: int = 1, resamples: int = 1000, progress: Progress | None = None
) -> Comparison:
    """Evaluate runs that were trained on the same manifest, save their predictions, and measure what they cost.

    Args:
        runs: trained runs by the names to show.
        workers: processes that decode.
        resamples: of the intervals.
        progress: called with (clips done, clips in all) of each run in turn.

    Raises:
        UserError: a run is not complete, or its clips are gone.
    """
    device = pick_device()
    loading, bootstrap = Loading(batch_size=16, workers=workers), Bootstrap(resamples=resamples)
    speeds = measure_network_speeds(list(runs.values()), device)
    entries: list[Entry] = []
    predictions: Predictions | None = None
    level: LevelAccuracy | None = None
    for (name, run), speed in zip(runs.items(), speeds):
        predictions, metrics = evaluate(run, loading=loading, bootstrap=bootstrap, progress=progress)
        predictions.save(run.predictions_path / "comparison.npz")
        level = measure_families(predictions, bootstrap=bootstrap).levels[0]
        spec = run.load_spec()
        cost = measure_cost(run.load_model(), spec.sampling.frames, spec.preprocessing.crop)
        entries.append(
            Entry(
                name=name,
                run=str(run.path),
                accuracy=metrics.top1,
                inside=level.inside,
                params=cost.params,
                gmacs=cost.gmacs,
                clips_per_second=speed,
                training_seconds=training_seconds(run),
            )
        )
    assert predictions is not None
    assert level is not None
    return Comparison(
        data=predictions.data,
        clips=len(predictions.labelled()),
        classes=len(predictions.classes),
        chance=1 / len(predictions.classes),
        inside_chance=level.inside_chance,
        resamples=resamples,
        device=str(device),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        entries=tuple(entries),
    )


def training_seconds(run: Run) -> float:
    """Return how long the optimiser steps of a run took, from its metrics.jsonl."""
    steps = (line for line in read_metrics_log(run.metrics_path) if line["kind"] == "train")
    return sum(line["clips"] / line["clips_per_s"] for line in steps)
