"""One network trained once: what is to be done, what came of it, and the doing."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import torch

from recircle import Run, TrainConfig, measure_cost
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.families import measure_families
from recircle.evaluation.forward import Forward
from recircle.evaluation.machine import processor
from recircle.evaluation.metrics import in_top_k
from recircle.evaluation.predictions import Predictions
from recircle.loading.options import Loading
from recircle.training.loop import train
from recircle.training.metrics_log import read_metrics_log


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One network to be trained once, and tested on the clips that its config holds out.

    Attributes:
        system: what the tables call it.
        seed: of everything random.
        fold: the part of the data that is held out; "" where there is one division only.
        config: the whole training; its output and seed are set here.
        steps: numbers of recursive steps that the trained network is tested with too, beside its own.
    """

    system: str
    seed: int
    fold: str = ""
    config: TrainConfig
    steps: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[str, int, str]:
        """What no two trials of a study share."""
        return self.system, self.seed, self.fold

    @property
    def folder(self) -> str:
        """A name for its run's folder."""
        return folder_of(self.system, self.seed, self.fold)


def folder_of(system: str, seed: int, fold: str = "") -> str:
    """Return the name of a trial's folder."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", f"{system} {fold} seed {seed}").strip("-")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What came of a trial; the result file holds one for each.

    Attributes:
        system: as in the trial.
        seed: likewise.
        fold: likewise.
        top1: share of the test clips whose class scores best.
        inside: the same where only the classes of the clip's true family compete; None where there are no families.
        right: for each test clip, in the order of their paths, whether its class scores best: "1" or "0".
        train_loss: mean of the last epoch.
        clips_seen: clips that passed the network in training.
        seconds: what the optimiser steps take, loading included and evaluation not: their number times their median,
            so that moments in which the machine did something else do not count.
        params: number of parameters.
        gmacs: billions of multiply-adds of a view.
        settings: what was trained how.
        machine: on which.
        threads: of PyTorch.
        commit: of this repository.
        date: when it was finished.
        right_with: `right` again with other numbers of recursive steps, where the trial asks for them.
    """

    system: str
    seed: int
    fold: str
    top1: float
    inside: float | None
    right: str
    train_loss: float
    clips_seen: int
    seconds: float
    params: int
    gmacs: float
    settings: dict[str, Any]
    machine: str
    threads: int
    commit: str
    date: str
    right_with: dict[int, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int, str]:
        """That of its trial."""
        return self.system, self.seed, self.fold


def run_trial(trial: Trial, runs: Path, commit: str) -> Record:
    """Train, go on with a run that was cut off, and test.

    Args:
        trial: what to do.
        runs: folder for the runs.
        commit: to be noted.

    Raises:
        UserError: as `recircle.training.loop.train` and `recircle.evaluation.evaluate.evaluate`.
    """
    config = replace(trial.config, output=runs / trial.folder, seed=trial.seed)
    run = train(config, resume=Run(config.output).config_path.is_file(), progress=False)
    return record(trial, run, config, commit)


def record(trial: Trial, run: Run, config: TrainConfig, commit: str) -> Record:
    """Test what was trained, and say what came of it.

    A finished run keeps its weights and its metrics; its checkpoints, three times as large as the weights each, go.

    Args:
        trial: what was done.
        run: its run.
        config: its training as it went, which may have been shorter than that of the trial.
        commit: to be noted.

    Raises:
        UserError: as `recircle.evaluation.evaluate.evaluate`.
    """
    shutil.rmtree(run.checkpoints_path, ignore_errors=True)
    loading, bootstrap = Loading(batch_size=16, cache=config.data.cache), Bootstrap(resamples=2)
    predictions, metrics = evaluate(run, loading=loading, bootstrap=bootstrap)
    others = {
        steps: evaluate(run, loading=loading, bootstrap=bootstrap, forward=Forward(steps=steps))[0]
        for steps in trial.steps
    }
    spec = run.load_spec()
    grouped = any(name in predictions.families for name in predictions.classes)
    inside = measure_families(predictions, bootstrap=bootstrap).levels[0].inside.value if grouped else None
    steps = [line for line in read_metrics_log(run.metrics_path) if line["kind"] == "train"]
    cost = measure_cost(spec.model.build(len(spec.labels)), spec.sampling.frames, spec.preprocessing.crop_size)
    last = [line["loss"] for line in steps if line["epoch"] == config.epochs]
    return Record(
        system=trial.system,
        seed=trial.seed,
        fold=trial.fold,
        top1=metrics.top1.value,
        inside=inside,
        right=_right(predictions),
        train_loss=round(sum(last) / len(last), 4),
        clips_seen=sum(line["clips"] for line in steps),
        seconds=round(len(steps) * median(line["clips"] / line["clips_per_s"] for line in steps), 1),
        params=cost.params,
        gmacs=round(cost.gmacs, 5),
        settings={
            "model": asdict(config.model),
            "epochs": config.epochs,
            "batch_size": config.batch_size,
            "optimiser": asdict(config.optimiser),
            "one_resample": config.data.augmentation.one_resample,
        },
        machine=f"{processor()}, {os.cpu_count()} cores, torch {torch.__version__}, Python {platform.python_version()}",
        threads=torch.get_num_threads(),
        commit=commit,
        date=datetime.now(UTC).isoformat(timespec="minutes"),
        right_with={steps: _right(found) for steps, found in others.items()},
    )


def _right(predictions: Predictions) -> str:
    right = in_top_k(predictions.scores(), predictions.labels, 1)
    by_path = sorted(range(len(predictions)), key=lambda row: predictions.paths[row])
    return "".join("1" if right[row] else "0" for row in by_path)


def current_commit() -> str:
    """Return the commit that is checked out, with a "+" where the package differs from it; "unknown" without git."""
    root = Path(__file__).resolve().parents[1]
    command = ["git", "-C", str(root)]
    try:
        short = subprocess.run([*command, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*command, "status", "--porcelain", "src"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return short.stdout.strip() + ("+" if changed.stdout.strip() else "")
