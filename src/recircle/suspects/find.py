"""The suspects of a run: doubtful labels from predictions out of sample, and near-duplicates across its division."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recircle.decode.pool import DecoderPool
from recircle.errors import UserError
from recircle.evaluation.predictions import Predictions
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Clip, Manifest
from recircle.run import Run
from recircle.suspects.duplicates import near_duplicates, read_thumbnails
from recircle.suspects.labels import doubt_labels
from recircle.training.folds import OUT_OF_SAMPLE, predictions_file
from recircle.words import counted

_MANY = 0.25
"""Share of labels taken for wrong from which it is the networks that are doubted."""


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A clip whose label is doubtful.

    Attributes:
        clip: its name.
        label: as the manifest has it.
        likely: the likeliest other class.
        confidence: probability of the label.
        likely_confidence: of the other class.
        suspected: whether confident learning takes the label for wrong.
    """

    clip: str
    label: str
    likely: str
    confidence: float
    likely_confidence: float
    suspected: bool


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """Two clips that show nearly the same, one to train on and one to evaluate on.

    Attributes:
        clip: name of the one to evaluate on.
        label: its class.
        other: name of the one to train on.
        other_label: its class.
        distance: see `recircle.suspects.duplicates`.
    """

    clip: str
    label: str
    other: str
    other_label: str
    distance: float


@dataclass(frozen=True, kw_only=True)
class Suspects:
    """What `find_suspects` found.

    Attributes:
        doubts: all clips that were looked at, the most doubtful first.
        duplicates: the closest first.
        source: which predictions the doubts come from, in words.
        estimated: how many of the labels are wrong, as confident learning estimates.
        all_clips: whether every clip of the run was predicted out of sample.
        compared: how many clips of each side were compared to find duplicates; None where that was left out.
    """

    doubts: tuple[Doubt, ...]
    duplicates: tuple[Duplicate, ...]
    source: str
    estimated: float
    all_clips: bool
    compared: tuple[int, int] | None

    @property
    def weak(self) -> str:
        """What to know where so many labels are taken for wrong that it is rather the networks that are; or ""."""
        agree = sum(doubt.confidence > doubt.likely_confidence for doubt in self.doubts) / len(self.doubts)
        if len(self.suspected) <= _MANY * len(self.doubts):
            return ""
        return (
            f"the networks agree with {agree:.0%} of the labels, so that most of what is taken for wrong is their own "
            "error; the order still holds, its beginning above all, and longer training tells more"
        )

    @property
    def suspected(self) -> tuple[Doubt, ...]:
        """The clips whose label is taken for wrong."""
        return tuple(doubt for doubt in self.doubts if doubt.suspected)


def find_suspects(
    run: Run,
    *,
    manifest: Path | None = None,
    duplicates: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Suspects:
    """Rank the clips of a run by how doubtful their labels are, and find near-duplicates across its division.

    Args:
        run: a run with predictions of its folds (RUN/folds), or else of the clips that it held out.
        manifest: where the clips are now; None is where training had them.
        duplicates: look for near-duplicates, for which a few frames of every clip are decoded.
        progress: of that, called with (clips done, clips in all).

    Raises:
        UserError: there are no such predictions, or the manifest cannot be read; the message says what to do.
    """
    predictions = out_of_sample(run).measurable()
    table, train, val = _sides(run, manifest)
    doubts = _doubts(predictions, {clip.name: clip.label for clip in table.clips})
    pairs: tuple[Duplicate, ...] = ()
    if duplicates:
        pairs = _duplicates(table, train, val, progress)
    clips = predictions.provenance.clips
    return Suspects(
        doubts=doubts[0],
        duplicates=pairs,
        source=predictions.data,
        estimated=doubts[1],
        all_clips=clips is not None and clips.split == OUT_OF_SAMPLE,
        compared=(len(train), len(val)) if duplicates else None,
    )


def out_of_sample(run: Run) -> Predictions:
    """Return predictions of clips by networks that have not seen them: of the folds, or of the clips held out.

    Raises:
        UserError: there are none.
    """
    if predictions_file(run).is_file():
        return Predictions.load(predictions_file(run))
    files = sorted(run.predictions_path.glob("*.npz"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        found = Predictions.load(file)
        clips = found.provenance.clips
        if clips is not None and clips.split == "held out" and found.provenance.order in (None, "as is"):
            return found
    raise UserError(
        f"{run.path} has no predictions of clips that its network was not trained on: `recircle folds {run.path}` "
        f"makes them of all clips, and `recircle eval {run.path}` of those that were held out"
    )


def _sides(run: Run, manifest: Path | None) -> tuple[Manifest, list[Clip], list[Clip]]:
    """Return the manifest, and its readable clips with a label on both sides of the run's division."""
    config = run.load_config(DataConfig, "data")
    if config.dataset:
        raise UserError(f"{run.path} was trained on a Dataset, {config.dataset}, whose clips are not in files")
    table = Manifest.read(manifest or config.manifest).check_found(manifest or config.manifest)
    train, val = (
        [clip for clip in side.clips if clip.label and clip.status == "ok" and clip.frames]
        for side in config.split(table)
    )
    return table, train, val


def _doubts(predictions: Predictions, labels: dict[str, str]) -> tuple[tuple[Doubt, ...], float]:
    """Return the doubts by the labels that the manifest has now, which may have been mended since."""
    classes = {name: number for number, name in enumerate(predictions.classes)}
    known = [row for row, path in enumerate(predictions.paths) if labels.get(path) in classes]
    scores = predictions.scores()[known]
    finite = np.isfinite(scores).all(axis=1).reshape(-1)
    rows, scores = [row for row, keep in zip(known, finite) if keep], scores[finite]
    if not rows:
        raise UserError("none of the predicted clips is in the manifest with a class that the run knows; give --data")
    numbers = np.array([classes[labels[predictions.paths[row]]] for row in rows])
    found = doubt_labels(scores, numbers)
    ordered = tuple(
        Doubt(
            clip=predictions.paths[rows[place]],
            label=predictions.classes[numbers[place]],
            likely=predictions.classes[found.likely[place]],
            confidence=float(found.confidence[place]),
            likely_confidence=float(found.confidence[place] - found.margin[place]),
            suspected=bool(found.suspected[place]),
        )
        for place in found.order
    )
    return ordered, found.estimated


def _duplicates(
    table: Manifest, train: list[Clip], val: list[Clip], progress: Callable[[int, int], None] | None
) -> tuple[Duplicate, ...]:
    both = [(table.address(clip), clip) for clip in (*val, *train)]
    with DecoderPool() as decoders:
        found = read_thumbnails(both, decoders, progress)
    pairs = near_duplicates(found[: len(val)], found[len(val) :])
    return tuple(
        Duplicate(
            clip=val[pair.first].name,
            label=val[pair.first].label,
            other=train[pair.second].name,
            other_label=train[pair.second].label,
            distance=pair.distance,
        )
        for pair in pairs
    )


def describe(found: Suspects) -> list[str]:
    """Return what was looked at and found, as sentences."""
    count = len(found.suspected)
    lines = [
        f"{found.source}: {counted(count, 'label')} of {len(found.doubts)} {'is' if count == 1 else 'are'} probably "
        f"wrong; confident learning estimates that {found.estimated:.0f} are"
    ]
    if found.weak:
        lines.append(found.weak)
    if found.compared is not None:
        train, val = found.compared
        pairs = counted(len(found.duplicates), "pair")
        lines.append(f"{pairs} of near-duplicates between {val} clips to evaluate on and {train} to train on")
    return lines
