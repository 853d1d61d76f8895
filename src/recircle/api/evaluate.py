"""From a run to the predictions and metrics of clips: `recircle.evaluate`, and the command `recircle eval`."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from torch import nn

from recircle.api.data import Clips, Data, clips_to_evaluate
from recircle.api.keywords import check_keywords
from recircle.engines.engine import EngineName, Precision
from recircle.errors import UserError
from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.evaluate import DEFAULT_LOADING, training_protocol
from recircle.evaluation.evaluate import evaluate as evaluate_run
from recircle.evaluation.forward import Forward, pick_device
from recircle.evaluation.hierarchy import Hierarchy, read_hierarchy
from recircle.evaluation.measure import Metrics
from recircle.evaluation.order import Order
from recircle.evaluation.predict import Progress
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.protocol import Fusion, Protocol
from recircle.evaluation.provenance import Provenance
from recircle.evaluation.report import Report, make_report
from recircle.hub import is_reference
from recircle.loading.dataset import is_dataset
from recircle.loading.options import Loading
from recircle.public import public
from recircle.run import Run
from recircle.views.crops import Crops


@public
class EvaluateSettings(TypedDict, total=False):
    """How `recircle.evaluate` runs; none of it is part of the protocol.

    Attributes:
        skip_broken: leave out clips that cannot be decoded, instead of stopping with their list (False).
        resamples: bootstrap resamples of the intervals (1000).
        seed: of the resamples, of shuffled frames and of the halves of `calibrate` (0).
        batch_size: clips decoded together (4).
        workers: processes that decode (2); 0 decodes in this one, which a hostile clip can crash and hold up.
        seconds: after how long a process gives up a clip (300).
        cache: folder in which decoded, resized frames are kept for the next time (None).
        device: "auto", "cpu", "cuda", "cuda:1", "mps" ("auto").
        engine: what runs the network: "torch", "onnxruntime", "openvino", "aoti" ("torch").
        precision: of the forward pass: "fp32", "bf16", "fp16", "int8" ("fp32"); see `Recognizer.load`.
        steps: recursive steps of ARC layers, see `recircle.set_steps` (as many as they learned).
    """

    skip_broken: bool
    resamples: int
    seed: int
    batch_size: int
    workers: int
    seconds: float
    cache: str | Path | None
    device: str
    engine: EngineName
    precision: Precision
    steps: int | None


@public
@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What an evaluation found, and where it is saved.

    Attributes:
        report: the metrics, and what else there is to say.
        predictions: the logits of every view of every clip.
        path: the file of the predictions.
        against: the file of those that they are compared with, if any.
    """

    report: Report
    predictions: Predictions
    path: Path
    against: Path | None = None

    @property
    def metrics(self) -> Metrics:
        """The figures with their intervals, and the confusion matrix."""
        return self.report.metrics


@public
def evaluate(
    run: str | Path | Run,
    data: Data | None = None,
    *,
    model: nn.Module | None = None,
    classes: Sequence[str] | None = None,
    split: str | None = None,
    clips: int | None = None,
    crops: Crops | None = None,
    fusion: Fusion | None = None,
    order: Literal["shuffled", "reversed", "single"] | None = None,
    hierarchy: str | Path | None = None,
    against: str | Path | Run | None = None,
    calibrate: bool = False,
    name: str | None = None,
    progress: Progress | None = None,
    **settings: Unpack[EvaluateSettings],
) -> Evaluation:
    """Run a trained network over labelled clips, save its predictions and measure them, as `recircle eval` does.

    Args:
        run: the run, its folder, or `hf:OWNER/NAME` of one that was pushed.
        data: a manifest, as a file, its folder, or what `recircle.index` returned; or a Dataset of (frames, label), as
            `recircle.train` takes it; None takes the manifest that the run was trained with.
        model: a network like the one that `recircle.train` was given as an object, see `Run.load_model`.
        classes: names of a Dataset's labels, in the order of their numbers; None takes its attribute `classes`, or else
            the run's.
        split: "train", "val", "test" or "all"; None takes the clips that training evaluated on.
        clips: views in time; None, as for crops and fusion, takes what training evaluated with.
        crops: views in space: 1, 3 or 10.
        fusion: mean of the views' "softmax", or of their "logits".
        order: show the network the frames in another order, or the middle one in the place of all.
        hierarchy: table of classes and their families, CSV or JSON; None takes the families of the run, if any.
        against: compare with the predictions of this file, or with those of the same name of this run.
        calibrate: fit a temperature on half of the clips, try it on the others, and save it with the run.
        name: the predictions go to RUN/predictions/NAME.npz; None is a name made of data and views.
        progress: called with (clips done, clips in all) after each batch.
        **settings: how it runs; `EvaluateSettings` lists them.

    Raises:
        UserError: files are missing; an argument is unknown, wrong or does not go with another; no clip has a class
            that the run knows; clips cannot be decoded and `skip_broken` is off.
    """
    given = check_keywords("evaluate", EvaluateSettings, settings)
    if calibrate and order is not None:
        raise UserError("calibrate is for frames as they are; leave out order")
    against = against.path if isinstance(against, Run) else against
    if against is not None and not is_reference(against) and not Path(against).exists():
        raise UserError(f"{against} is not there to compare with; give a run or a file of predictions")
    opened = Run.open(run.path if isinstance(run, Run) else run)
    levels = read_hierarchy(Path(hierarchy), opened.load_spec().labels) if hierarchy is not None else None
    protocol = override(training_protocol(opened), clips=clips, crops=crops, fusion=fusion)
    loading, forward, bootstrap = _how(given, order)
    if is_dataset(data) and split is not None:
        raise UserError(
            "split= is for a manifest; of a Dataset all clips are evaluated, so give the part that is meant"
        )
    chosen = Clips()
    if data is not None:
        chosen = clips_to_evaluate(data, opened.load_spec().labels, classes=classes)
    elif classes is not None:
        raise UserError("classes= goes with a Dataset to evaluate on")
    predictions, metrics = evaluate_run(
        opened,
        manifest=chosen.manifest,
        model=model,
        dataset=chosen.dataset,
        split=split,
        protocol=protocol,
        skip_broken=given.get("skip_broken", False),
        loading=loading,
        forward=forward,
        bootstrap=bootstrap,
        progress=progress,
    )
    path = opened.predictions_path / f"{name or default_name(predictions.provenance)}.npz"
    # of the same name, but apart from those that count
    path = path.parent / order / path.name if order is not None else path
    predictions.save(path)

    return _report(predictions, metrics, path, opened, levels, against, calibrate, bootstrap)


def evaluate_saved(
    path: Path,
    run: Run | None = None,
    *,
    hierarchy: str | Path | None = None,
    against: str | Path | None = None,
    calibrate: bool = False,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Evaluation:
    """Measure predictions that were saved; nothing is run.

    Args:
        path: the file of predictions.
        run: the run that they are of, where a temperature is to be saved with it.
        hierarchy: see `evaluate`, like what follows.
        against: see `evaluate`.
        calibrate: see `evaluate`.
        bootstrap: of the intervals; its seed also chooses the halves of `calibrate`.

    Raises:
        UserError: a file is missing, or the run has other classes.
    """
    predictions = Predictions.load(path)
    levels = read_hierarchy(Path(hierarchy), predictions.classes) if hierarchy is not None else None
    if run is not None and predictions.classes != run.load_spec().labels:
        raise UserError(f"{path} is not of the classes of {run.path}; give the run that it is of")
    return _report(predictions, None, path, run, levels, against, calibrate, bootstrap)


def _how(given: Mapping[str, Any], order: Order | None) -> tuple[Loading, Forward, Bootstrap]:
    """Return how clips are read, how the network is run and how intervals are found.

    Raises:
        UserError: a setting is out of range, or there is no such device.
    """

    def some(*names: str) -> dict[str, Any]:
        return {name: given[name] for name in names if name in given}

    try:
        loading = replace(DEFAULT_LOADING, **some("batch_size", "workers", "seconds"))
        bootstrap = Bootstrap(**some("resamples", "seed"))
        elsewhere = given.get("engine", "torch") != "torch" and given.get("device", "auto") == "auto"
        device = pick_device("cpu" if elsewhere else given.get("device", "auto"))
        forward = Forward(
            device=device, **some("engine", "precision", "steps"), order=order or "as is", order_seed=bootstrap.seed
        )
    except ValueError as problem:
        raise UserError(str(problem)) from None
    cache = given.get("cache")
    return replace(loading, cache=Path(cache) if cache is not None else None), forward, bootstrap


def _report(
    predictions: Predictions,
    metrics: Metrics | None,
    path: Path,
    run: Run | None,
    levels: Hierarchy | None,
    against: str | Path | None,
    calibrate: bool,
    bootstrap: Bootstrap,
) -> Evaluation:
    """Say all that predictions at `path` say, and save the temperature where one is fitted."""
    other = find_predictions(Path(against), path, predictions) if against is not None else None
    report = make_report(
        predictions,
        metrics,
        hierarchy=levels,
        against=Predictions.load(other) if other is not None else None,
        with_calibration=calibrate,
        bootstrap=bootstrap,
    )
    if report.calibration is not None and run is not None:
        report.calibration.save(run.calibration_path)
    return Evaluation(report=report, predictions=predictions, path=path, against=other)


def override(protocol: Protocol, **given: Any) -> Protocol:
    """Return the protocol with those of its fields that are given, which are not None.

    Raises:
        UserError: one has a wrong value.
    """
    try:
        return replace(protocol, **{name: value for name, value in given.items() if value is not None})
    except (ValueError, TypeError) as problem:
        raise UserError(str(problem)) from None


def find_predictions(against: Path, path: Path, predictions: Predictions) -> Path:
    """Return the file to compare the predictions at `path` with: the one given, or that of the same name of a run.

    Where that would be the file itself, and it is of fewer steps or another engine or precision, it is that of the run
    as it is.

    Raises:
        UserError: the run has other classes, or no predictions of that name; or it is the same file.
    """
    if is_reference(against):
        against = Run.open(against).path
    if not against.is_dir():
        return against
    run = Run(against)
    found = run.predictions_path / path.name
    if not found.is_file():
        if run.spec_path.is_file() and (apart := set(run.load_spec().labels) ^ set(predictions.classes)):
            raise UserError(
                f"{against} cannot be compared with {path}: {sorted(apart)[0]!r} is a class of one of them only, and "
                "networks are compared on the same clips of the same classes"
            )
        source = predictions.provenance.clips
        data = f" --data {shlex.quote(source.manifest)}" if source is not None else ""
        raise UserError(
            f"{found} is not there to compare {path} with; evaluate the other run on the same clips first, `recircle "
            f"eval {shlex.quote(str(against))}{data} --name {shlex.quote(path.stem)}` with the same --split and "
            "--views, or give a file of its predictions"
        )
    if found.resolve() == path.resolve():
        return _as_it_is(path, predictions.provenance)
    return found


def _as_it_is(path: Path, provenance: Provenance) -> Path:
    """Return the predictions of the same run with all its steps, by PyTorch in fp32, beside those that were not.

    Raises:
        UserError: these are such, or there are no others.
    """
    usual = replace(provenance, steps=None, engine="torch", precision="fp32")
    known = provenance.clips is not None and provenance.protocol is not None
    if not known or replace(provenance, precision=provenance.precision or "fp32") == usual:
        raise UserError(f"{path} cannot be compared with itself; give another run or file, or an --order")
    beside = path.with_name(f"{default_name(usual)}.npz")
    if not beside.is_file():
        raise UserError(
            f"{beside} is not there to compare {path} with; evaluate the run as it is on the same clips first, without "
            "--steps, --engine and --precision, or give a file of predictions"
        )
    return beside


LONGEST_ORIGIN = 150
"""Bytes of a manifest's name that are in the name of the predictions."""


def default_name(provenance: Provenance) -> str:
    """Return a file name that tells evaluations of other clips (a manifest and its part), views, steps... apart."""
    clips, protocol = provenance.clips, provenance.protocol
    assert clips is not None
    assert protocol is not None
    path = Path(clips.manifest)
    # the name manifest.csv says nothing; its folder's does
    origin = path.stem if path.stem != "manifest" else path.resolve().parent.name
    # of the longest names that file systems take, with what follows, only the beginning fits
    if len(os.fsencode(origin)) > LONGEST_ORIGIN:
        origin = os.fsencode(origin)[:LONGEST_ORIGIN].decode(errors="ignore")
    views = f"{protocol.clips}x{protocol.crops}"
    precision = [provenance.precision] if provenance.precision not in (None, "fp32") else []
    steps = [] if provenance.steps is None else [f"n{provenance.steps}"]
    engine = [] if provenance.engine == "torch" else [provenance.engine]
    return "-".join([origin, clips.part.replace(" ", "-"), views, protocol.fusion, *engine, *precision, *steps])
