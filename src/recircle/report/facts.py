"""All that a report says about one run, read from its folder."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from recircle.config import parse_json, read_bytes
from recircle.demo.comparison import Comparison
from recircle.errors import UserError
from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.calibration import Calibration
from recircle.evaluation.factors import FactorAccuracy, dive_factors, measure_factors
from recircle.evaluation.families import FamilyMetrics, measure_families
from recircle.evaluation.forward import pick_device
from recircle.evaluation.measure import Metrics, measure
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.provenance import Provenance
from recircle.evaluation.speed import measure_network_speeds
from recircle.models.cost import Cost, measure_cost
from recircle.report.limits import with_brief_names
from recircle.report.markup import count
from recircle.run import ModelSpec, Run
from recircle.training.metrics_log import read_metrics_log

PAIRS = 10
"""Pairs of confused classes that are named."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast a network was on a machine.

    Attributes:
        views_per_second: of the network alone, frames in memory.
        where: device and threads, in words.
    """

    views_per_second: float
    where: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A run, its predictions, and what follows from them.

    Attributes:
        name: what the run is called on the page.
        run: its folder.
        spec: network, classes, preprocessing and sampling.
        config: config.json as it lies there; empty where there is none.
        file: of the predictions.
        predictions: of all its clips, under brief names of the classes.
        metrics: of their labelled clips.
        families: where the classes have families.
        factors: where the classes are dives.
        cost: of one view, of the size that the predictions' protocol names; None where nothing builds the network.
        speed: if it was measured.
        log: the lines of metrics.jsonl.
        calibration: calibration.json, if it is there.
    """

    name: str
    run: Run
    spec: ModelSpec
    config: Mapping[str, Any]
    file: Path
    predictions: Predictions
    metrics: Metrics
    families: FamilyMetrics | None
    factors: tuple[FactorAccuracy, ...] | None
    cost: Cost | None
    speed: Speed | None
    log: Sequence[Mapping[str, Any]]
    calibration: Calibration | None

    @property
    def views(self) -> int:
        """Views of a clip."""
        return self.predictions.logits.shape[1]

    @property
    def gmacs(self) -> float | None:
        """Billions of multiply-adds of all views of a clip, if they are known."""
        return None if self.cost is None else self.cost.gmacs * self.views

    @property
    def clips_per_second(self) -> float | None:
        """Clips, with all their views, that the network takes in a second, if it was measured."""
        return None if self.speed is None else self.speed.views_per_second / self.views


def read_facts(
    runs: Sequence[Path],
    *,
    predictions: str | None = None,
    timed: bool = False,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> list[Facts]:
    """Read runs.

    Args:
        runs: their folders.
        predictions: the name of the predictions, RUN/predictions/NAME.npz; None takes the newest of each run.
        timed: measure how fast the networks are; otherwise it is read from comparison.json where one is.
        bootstrap: of the intervals.

    Raises:
        UserError: a run is there twice, is none, has no predictions, or holds a damaged file.
    """
    opened = [Run.open(path) for path in runs]
    if len({run.path.resolve() for run in opened}) < len(opened):
        raise UserError("the same run is there twice; give each run once")
    files = [find_predictions(run, predictions) for run in opened]
    loaded = [Predictions.load(file) for file in files]
    speeds = measure_speeds(opened) if timed else [known_speed(run) for run in opened]
    facts: list[Facts] = []
    for name, run, file, part, speed in zip(names_of(opened), opened, files, loaded, speeds):
        spec = run.load_spec()
        if part.classes != spec.labels:
            raise UserError(f"{file} is not of the classes of {run.path}; evaluate it again with `recircle eval`")
        part = with_brief_names(part)
        try:
            measured = _measure(part, bootstrap)
        except UserError as error:
            raise UserError(f"{file}: {error}") from None
        facts.append(
            Facts(
                name=name,
                run=run,
                spec=spec,
                config=_read_config(run),
                file=file,
                predictions=part,
                **measured,
                cost=cost_of(spec, part.provenance),
                speed=speed,
                log=read_metrics_log(run.metrics_path),
                calibration=Calibration.load(run.calibration_path) if run.calibration_path.is_file() else None,
            )
        )
    return facts


def _measure(predictions: Predictions, bootstrap: Bootstrap) -> dict[str, Any]:
    families = any(name in predictions.families for name in predictions.classes)
    dives = dive_factors(predictions.classes) is not None
    return {
        "metrics": measure(predictions, bootstrap),
        "families": measure_families(predictions, pairs=PAIRS, bootstrap=bootstrap) if families else None,
        "factors": measure_factors(predictions, bootstrap) if dives else None,
    }


def find_predictions(run: Run, name: str | None = None) -> Path:
    """Return the newest predictions of a run, or those of a name.

    Raises:
        UserError: there are none.
    """
    folder = run.predictions_path
    files = sorted(folder.glob("*.npz"), key=lambda file: (file.stat().st_mtime_ns, file.name))
    if name is None:
        if not files:
            raise UserError(f"{run.path} has no predictions to report; make some with `recircle eval {run.path}`")
        return files[-1]
    file = folder / (name if name.endswith(".npz") else f"{name}.npz")
    if not file.is_file():
        there = ", ".join(sorted(file.stem for file in files)) or "none"
        raise UserError(
            f"{file} is not there; {run.path} has {there}; make them with `recircle eval {run.path} --name {name}`"
        )
    return file


def names_of(runs: Sequence[Run]) -> list[str]:
    """Return what to call each run: its folder's name, or the whole path where two share it."""
    names = [run.path.resolve().name for run in runs]
    return [name if names.count(name) == 1 else str(run.path) for name, run in zip(names, runs)]


def cost_of(spec: ModelSpec, provenance: Provenance | None = None) -> Cost | None:
    """Return the cost of one view; None for a network that was given as an object, which nothing builds.

    Args:
        spec: of the run.
        provenance: of its predictions. Views of several crops are larger than those of training; None takes these.
    """
    if spec.model.given is not None:
        return None
    size = (provenance and provenance.view) or spec.preprocessing.crop
    with torch.device("meta"):
        model = spec.model.build_empty(len(spec.labels))
    return measure_cost(model.eval(), spec.sampling.frames, size)


def measure_speeds(runs: Sequence[Run]) -> list[Speed]:
    """Measure how fast networks are, taking turns."""
    device = pick_device()
    where = _machine(str(device), torch.get_num_threads())
    return [Speed(views_per_second=speed, where=where) for speed in measure_network_speeds(runs, device)]


def known_speed(run: Run) -> Speed | None:
    """Return the speed of a run in a comparison.json, its own or that of a run beside it; None where there is none.

    Warns:
        UserWarning: a comparison.json cannot be read.
    """
    folder = run.path.resolve()
    for path in (folder / "comparison.json", *sorted(folder.parent.glob("*/comparison.json"))):
        if not path.is_file():
            continue
        try:
            comparison = Comparison.load(path)
        except UserError as error:
            warnings.warn(f"the speeds in {path} are left out: {error}", stacklevel=2)
            continue
        for entry in comparison.entries:
            # by name, since the folders may have moved together
            if Path(entry.run).name == folder.name:
                where = _machine(comparison.device, comparison.threads)
                return Speed(views_per_second=entry.clips_per_second, where=where)
    return None


def _machine(device: str, threads: int) -> str:
    return f"{device} with {count(threads, 'thread')}"


def _read_config(run: Run) -> Mapping[str, Any]:
    if not run.config_path.is_file():
        return {}
    content = parse_json(read_bytes(run.config_path), run.config_path)
    if not isinstance(content, dict):
        raise UserError(f"{run.config_path} is not a training config; it holds no JSON object")
    return content
