"""Predictions of every clip by networks that have not seen it: a run's training, repeated once for each fold."""

import json
import shutil
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recircle.config import parse_json, read_bytes
from recircle.errors import UserError
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.provenance import ClipSource
from recircle.files import atomic_write, make_folder
from recircle.loading.options import Loading
from recircle.manifest.holdout import unit_of
from recircle.manifest.manifest import Manifest
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.training.loop import train
from recircle.words import counted

FOLDER = "folds"
"""Of a run, in which the trainings of the folds lie."""

OUT_OF_SAMPLE = "out of sample"
"""What predictions by folds say of their clips, in the place of a split."""

Tell = Callable[[str], object]


@dataclass(frozen=True)
class Folds:
    """The clips of a run, divided.

    Attributes:
        clips: the labelled ones that can be read, of both sides of the run's own division.
        numbers: the fold of each, from 1.
        count: of folds.
    """

    clips: Manifest
    numbers: tuple[int, ...]
    count: int

    def manifest(self, number: int) -> Manifest:
        """Return the clips with a fold held out."""
        clips = (
            replace(clip, split="val" if of == number else "train") for clip, of in zip(self.clips.clips, self.numbers)
        )
        return replace(self.clips, clips=tuple(clips))


def divide_folds(clips: Manifest, count: int, *, seed: int = 0) -> Folds:
    """Divide clips so that each group lies in one fold, and each class in as equal parts as that allows.

    Parts of one video that have no group are a group. Groups are dealt out from the largest on, each to the fold that
    has least of its classes.

    Raises:
        UserError: there are fewer than two folds, or fewer groups than folds.
    """
    if count < 2:
        raise UserError(f"{counted(count, 'fold')}: two or more are needed, 5 is usual")
    units: dict[str, list[int]] = defaultdict(list)
    for row, clip in enumerate(clips.clips):
        units[unit_of(clip)].append(row)
    if len(units) < count:
        what = "groups" if any(clip.group for clip in clips.clips) else "clips"
        raise UserError(f"{len(units)} {what} cannot be divided into {count} folds; ask for fewer")
    order = [sorted(units)[place] for place in np.random.default_rng(seed).permutation(len(units))]
    totals = Counter(clip.label for clip in clips.clips)
    have = [Counter[str]() for _ in range(count)]
    numbers = [0] * len(clips.clips)
    for unit in sorted(order, key=lambda name: -len(units[name])):
        labels = Counter(clips.clips[row].label for row in units[unit])

        def burden(fold: int, labels: Counter[str] = labels) -> tuple[float, int, int]:
            share = sum(have[fold][label] * number / totals[label] for label, number in labels.items())
            return share, have[fold].total(), fold

        chosen = min(range(count), key=burden)
        have[chosen].update(labels)
        for row in units[unit]:
            numbers[row] = chosen + 1
    return Folds(clips, tuple(numbers), count)


def predict_out_of_sample(
    run: Run, count: int, *, seed: int = 0, minutes: float | None = None, progress: bool = True, tell: Tell = print
) -> Predictions:
    """Predict every clip of a run by networks that have not seen it, and write that to RUN/folds/predictions.npz.

    Args:
        run: a finished run, whose settings and clips are taken.
        count: of folds.
        seed: of the division.
        minutes: for all folds together; None trains each for as many epochs as the run had.
        progress: show that of training.
        tell: is told what is done next.

    Raises:
        UserError: the run cannot be repeated, or as for `train_folds`.
    """
    config = run.load_config(TrainConfig)
    spec = run.load_spec()
    if config.data.dataset or config.model.given is not None:
        raise UserError(
            f"{run.path} was trained from Python on a network or a Dataset given as an object, which no file has; "
            "folds need one that a name builds, and clips in files"
        )
    folder, clips = run.path / FOLDER, _clips(config)
    predictions = train_folds(config, clips, count, folder, seed=seed, minutes=minutes, progress=progress, tell=tell)
    if predictions.classes != spec.labels:
        raise UserError(f"{folder} holds predictions of other classes than {run.path} has; remove it")
    predictions.save(predictions_file(run))
    return predictions


def train_folds(
    config: TrainConfig,
    clips: Manifest,
    count: int,
    folder: Path,
    *,
    seed: int = 0,
    minutes: float | None = None,
    progress: bool = True,
    tell: Tell = print,
) -> Predictions:
    """Train a network for each fold, on the clips of the other folds, and predict those of the fold with it.

    What is finished is not done again, and a training that was stopped goes on. Checkpoints of finished folds are
    deleted.

    Args:
        config: of each training; its clips and its output do not count.
        clips: labelled ones that can be read.
        count: of folds.
        folder: for the trainings.
        seed: of the division.
        minutes: for all folds together; None trains each for as many epochs as the config says.
        progress: show that of training.
        tell: is told what is done next.

    Raises:
        UserError: the clips cannot be divided so, the folds were begun with another division or on other clips, or as
            for training and evaluation.
    """
    folds = divide_folds(clips, count, seed=seed)
    _check_same(folder, folds, seed)
    found: list[Predictions] = []
    for number in range(1, count + 1):
        saved = folder / f"fold{number}.npz"
        if not saved.is_file():
            held = folds.numbers.count(number)
            tell(f"fold {number} of {count}: {counted(held, 'clip')} held out, {len(folds.numbers) - held} to train on")
            share = None if minutes is None else minutes / count
            _train_fold(config, folds, number, folder, minutes=share, progress=progress)
        found.append(Predictions.load(saved))
    source = ClipSource(manifest=str(config.data.manifest), datasets=clips.datasets, split=OUT_OF_SAMPLE)
    return join_predictions(found, source)


def predictions_file(run: Run) -> Path:
    """Return where the predictions of a run's folds lie, if there are any."""
    return run.path / FOLDER / "predictions.npz"


def join_predictions(parts: Sequence[Predictions], source: ClipSource) -> Predictions:
    """Return the predictions of all clips of the parts, under the protocol of the first."""
    return replace(
        parts[0],
        logits=np.concatenate([part.logits for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        paths=tuple(path for part in parts for path in part.paths),
        left_out=tuple(path for part in parts for path in part.left_out),
        provenance=replace(parts[0].provenance, clips=source),
    )


def _clips(config: TrainConfig) -> Manifest:
    manifest = Manifest.read(config.data.manifest).check_found(config.data.manifest)
    sides = config.data.split(manifest)
    names = {clip.name for side in sides for clip in side.clips if clip.label and clip.status == "ok"}
    return replace(manifest, clips=tuple(clip for clip in manifest.clips if clip.name in names))


def _check_same(folder: Path, folds: Folds, seed: int) -> None:
    """Note the division, or insist that it is the one that was begun with."""
    file = folder / "folds.json"
    clips = {clip.name: [number, clip.label] for clip, number in zip(folds.clips.clips, folds.numbers)}
    here = {"folds": folds.count, "seed": seed, "clips": clips}
    if file.is_file():
        there = parse_json(read_bytes(file), file)
        if not isinstance(there, dict) or there != here:
            begun = there.get("folds") if isinstance(there, dict) else "other"
            differs = "on other clips or labels" if begun == folds.count else f"with {begun} folds"
            raise UserError(f"{folder} was begun {differs}; remove it to begin anew, or ask for what is there")
        return
    make_folder(folder)
    atomic_write(file, json.dumps(here) + "\n")


def _train_fold(
    config: TrainConfig, folds: Folds, number: int, folder: Path, *, minutes: float | None, progress: bool
) -> None:
    """Train without a fold and save what the network says of it."""
    manifest = folder / f"fold{number}.csv"
    moved = folds.manifest(number).write(manifest)
    data = replace(config.data, manifest=manifest, train_split="train", val_split="val", groups=(), test_groups=())
    own = replace(config, data=data, output=folder / f"fold{number}", minutes=minutes)
    resume = Run(own.output).config_path.is_file()
    views = config.evaluation.views
    loading = Loading(
        batch_size=max(1, config.batch_size // views),
        workers=config.data.workers,
        cache=config.data.cache,
        backend=config.data.backend,
    )
    with warnings.catch_warnings():
        # of a manifest in the run's folder, which nobody but this function has written
        warnings.filterwarnings("ignore", message=".* lie outside of its folder")
        run = train(own, resume=resume, progress=progress)
        predictions, _ = evaluate(run, skip_broken=True, loading=loading)
    # by the names that the run's own manifest has
    names = {clip.name: known.name for clip, known in zip(moved.clips, folds.clips.clips)}
    predictions = replace(
        predictions,
        paths=tuple(names[path] for path in predictions.paths),
        left_out=tuple(names[path] for path in predictions.left_out),
    )
    predictions.save(folder / f"fold{number}.npz")
    shutil.rmtree(run.checkpoints_path, ignore_errors=True)
