"""Looks for actions in long videos with trained networks, for each length of window and each stride."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from recircle import Recognizer, Segmentation, Timeline
from recircle.config import read_json
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.machine import processor
from recircle.explain.heat import import_figure
from recircle.files import atomic_write
from recircle.tabletop import LongConfig, generate_long
from recircle.timelines.evaluation import Judged, TimelineMetrics, evaluate_timelines
from recircle.timelines.truth import read_truth
from studies.pages import markdown
from studies.pictures import ARC, DPI, PLAIN, SHAPES
from studies.summary import Spread
from studies.trial import current_commit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SETTINGS = ((1.0, 0.5), (1.5, 0.5), (2.0, 0.5), (3.0, 0.5), (4.0, 0.5), (2.0, 1.0))
"""Seconds of a window, and from the start of one to the next."""

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(4, 20))
"""Of which the one with the best mean of F1@10, @25 and @50 on the videos of training persons is taken."""

TEST = LongConfig.of("small", videos=4, seconds=60)
CHOICE = LongConfig.of("small", videos=2, seconds=60, split="train", seed=1)
CHOSEN_BY = ("F1@10", "F1@25", "F1@50")
FIGURES = ("frame accuracy", "edit score", "F1@10", "F1@50", "mAP, mean of these")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What one network found with one setting.

    Attributes:
        system: the network.
        seed: of its training.
        window: seconds of a window.
        stride: seconds from the start of one to the next.
        threshold: that was chosen.
        figures: of the test videos, by name.
        low: ends of their intervals over these videos.
        high: likewise.
        videos: how many.
        segments: how many actions happen in them.
        machine: on which.
        commit: of this repository.
        date: when it was done.
    """

    system: str
    seed: int
    window: float
    stride: float
    threshold: float
    figures: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    videos: int
    segments: int
    machine: str
    commit: str
    date: str


@dataclass(frozen=True, kw_only=True)
class Sweeps:
    """All records, as the result file holds them."""

    command: str
    records: tuple[Sweep, ...] = ()

    def write(self, path: Path) -> None:
        """Write a line a record, so that a killed study leaves a whole file."""
        lines = ",\n".join(json.dumps(asdict(record)) for record in self.records)
        atomic_write(path, f'{{"command": {json.dumps(self.command)},\n"records": [\n{lines}\n]}}\n')


def sweep(path: Path, command: str, runs: dict[tuple[str, int], Path], data: Path) -> Sweeps:
    """Do what has no record yet, and write the file after each setting.

    Args:
        path: the result file.
        command: that makes it.
        runs: folders of trained networks, by system and seed.
        data: folder for the long videos.
    """
    found = read_json(Sweeps, path) if path.is_file() else Sweeps(command=command)
    done = {(one.system, one.seed, one.window, one.stride) for one in found.records}
    videos = {config: _videos(data, config) for config in (CHOICE, TEST)}
    for (system, seed), run in runs.items():
        todo = [setting for setting in SETTINGS if (system, seed, *setting) not in done]
        if not todo:
            continue
        with Recognizer.load(run, "cpu") as recognizer:
            for window, stride in todo:
                record = _one(recognizer, videos, system, seed, window, stride)
                found = Sweeps(command=found.command, records=(*found.records, record))
                found.write(path)
                print(f"{system} seed {seed}, {window:g} s each {stride:g} s: F1@50 {record.figures['F1@50']:.1%}")
    return found


def _videos(data: Path, config: LongConfig) -> Path:
    folder = data / f"{config.split}_{config.videos}_{config.seconds:g}"
    return generate_long(folder, config, workers=1)


def _one(
    recognizer: Recognizer, tables: dict[LongConfig, Path], system: str, seed: int, window: float, stride: float
) -> Sweep:
    scored = {config: _scored(recognizer, table, window, stride) for config, table in tables.items()}
    tried = {
        threshold: _judge(scored[CHOICE], tables[CHOICE], threshold, recognizer.labels, resamples=1)
        for threshold in THRESHOLDS
    }
    # of equals, the lowest
    best = max(tried, key=lambda threshold: sum(tried[threshold].figures[name].value for name in CHOSEN_BY))
    found = _judge(scored[TEST], tables[TEST], best, recognizer.labels, resamples=1000)
    return Sweep(
        system=system,
        seed=seed,
        window=window,
        stride=stride,
        threshold=best,
        figures={name: round(found.figures[name].value, 5) for name in FIGURES},
        low={name: round(found.figures[name].low, 5) for name in FIGURES},
        high={name: round(found.figures[name].high, 5) for name in FIGURES},
        videos=found.videos,
        segments=found.segments[0],
        machine=f"{processor()}, {os.cpu_count()} cores, torch {torch.__version__}",
        commit=current_commit(),
        date=datetime.now(UTC).isoformat(timespec="minutes"),
    )


def _scored(recognizer: Recognizer, table: Path, window: float, stride: float) -> list[Timeline]:
    paths = sorted(table.parent.glob("*.mp4"))
    return [recognizer.timeline(path, window=window, stride=stride, batch_size=8) for path in paths]


def _judge(
    timelines: Sequence[Timeline], table: Path, threshold: float, labels: Sequence[str], resamples: int
) -> TimelineMetrics:
    truth = read_truth(table, labels)
    rules = Segmentation(threshold=threshold)
    judged = [
        Judged(video=one.video, seconds=one.seconds, predicted=one.segments(rules), true=truth.of(one.video) or ())
        for one in timelines
    ]
    return evaluate_timelines(judged, bootstrap=Bootstrap(resamples=resamples))


def blocks(found: Sweeps, systems: Sequence[str]) -> dict[str, str]:
    """Return the table of the sweep: of each network and setting, the figures as means over the seeds."""
    heads = ["system", "window, s", "stride, s", "seeds", "thresholds", *(f"{name} (%)" for name in FIGURES)]
    lines: list[list[str]] = []
    for window, stride in SETTINGS:
        for system in systems:
            rows = [r for r in found.records if (r.system, r.window, r.stride) == (system, window, stride)]
            if not rows:
                continue
            thresholds = sorted({f"{row.threshold:g}" for row in rows})
            figures = [str(Spread.of([row.figures[name] for row in rows])) for name in FIGURES]
            lines.append([system, f"{window:g}", f"{stride:g}", f"{len(rows)}", ", ".join(thresholds), *figures])
    return {"windows": markdown(heads, lines)}


def draw(found: Sweeps, systems: Sequence[str], path: Path) -> None:
    """Draw F1@50 and mAP against the length of the window, at the stride that most windows have.

    Dots are seeds. Intervals of few seeds may be longer than the picture is high.

    Raises:
        UserError: matplotlib is not installed.
    """
    picture = import_figure()(figsize=(8.4, 3.4), layout="constrained")
    axes: Sequence[Axes] = picture.subplots(1, 2)
    for axis, name in zip(axes, ("F1@50", "mAP, mean of these")):
        highest = 0.0
        for place, system in enumerate(systems):
            rows = [row for row in found.records if row.system == system and row.stride == SETTINGS[0][1]]
            windows = sorted({row.window for row in rows})
            spreads = [Spread.of([row.figures[name] for row in rows if row.window == window]) for window in windows]
            colour = ARC if system.startswith("ARC") else PLAIN
            beside = [window + 0.05 * (place - 0.5) for window in windows]
            for middle, spread in zip(beside, spreads):
                axis.scatter([middle] * len(spread.values), [100 * one for one in spread.values], s=14, color=colour)
            highest = max([highest, *(100 * value for spread in spreads for value in spread.values)])
            low = [100 * (one.mean - (one.mean if one.low is None else one.low)) for one in spreads]
            high = [100 * ((one.mean if one.high is None else one.high) - one.mean) for one in spreads]
            axis.errorbar(
                beside,
                [100 * one.mean for one in spreads],
                yerr=[low, high],
                color=colour,
                fmt=f"{SHAPES[colour]}-",
                markersize=5,
                capsize=3,
                linewidth=1.2,
                label=system,
            )
        axis.set(xlabel="window (s)", ylabel=f"{name.removesuffix(', mean of these')} (%)")
        axis.set_ylim(0, 1.3 * highest or 1)
        axis.grid(visible=True, color="0.9")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize=8)
    atomic_write(path, lambda part: picture.savefig(part, format="png", dpi=DPI))
