"""`recircle eval`: the accuracy of a run, with its protocol and its interval."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.table import Table

from recircle.cli.arguments import above_zero, at_least, call, find_manifest
from recircle.cli.console import out, plain, print_json, print_table, progress
from recircle.errors import UserError

if TYPE_CHECKING:
    from recircle.evaluation.protocol import Protocol
    from recircle.evaluation.provenance import Provenance
    from recircle.evaluation.report import Report


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(evaluate, "eval", arguments)


def evaluate(
    run: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")] = None,
    *,
    data: Path | None = None,
    split: str | None = None,
    clips: int | None = None,
    crops: Literal[1, 3, 10] | None = None,
    views: str | None = None,
    fusion: Literal["logits", "softmax"] | None = None,
    order: Literal["shuffled", "reversed", "single"] | None = None,
    skip_broken: bool = False,
    hierarchy: Path | None = None,
    against: Path | None = None,
    calibrate: bool = False,
    name: str | None = None,
    from_: Annotated[Path | None, tyro.conf.arg(name="from")] = None,
    resamples: int = 1000,
    seed: int = 0,
    json: bool = False,
    batch_size: int = 4,
    workers: int = 2,
    seconds: float = 300.0,
    cache: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
    device: str = "auto",
    precision: Literal["fp32", "bf16"] = "fp32",
) -> int:
    """Run a trained network over labelled clips, save its predictions, and print the metrics that follow from them.

    Args:
        run: folder of the run.
        data: manifest, or its folder; by default the one that the run was trained with.
        split: train, val, test or all; by default the clips that training evaluated on.
        clips: views in time; by default, as for crops and fusion, what training evaluated with.
        crops: views in space: 1, 3 or 10.
        views: clips and crops in one word, such as 10x3 (10 clips of 3 crops); 2 is 2 clips of 1 crop.
        fusion: mean of the views' softmax, or of their logits.
        order: show the network the frames in another order, or the middle one in the place of all; with --against RUN
            the change of its own accuracy is printed too. The predictions go to RUN/predictions/ORDER/NAME.npz.
        skip_broken: leave out clips that cannot be decoded, instead of stopping with their list.
        hierarchy: CSV table of classes and their families (and larger groups, in further columns) or JSON object of the
            same; by default the families that the run has from its manifest, if any.
        against: compare with the predictions of this file, or with those of the same name of this run, clip by clip.
        calibrate: fit a temperature on half of the clips, try it on the others, and save it as RUN/calibration.json.
        name: the predictions go to RUN/predictions/NAME.npz; by default a name made of data and views.
        from_: do not run anything; print the metrics of this file of predictions.
        resamples: bootstrap resamples of the intervals.
        seed: of the resamples, of shuffled frames and of the halves of --calibrate.
        json: print one JSON object, with the confusion matrix.
        batch_size: clips decoded together.
        workers: processes that decode; 0 decodes in this one, which a hostile clip can crash and hold up.
        seconds: after how long a process gives up a clip.
        cache: folder in which decoded, resized frames are kept for the next time, as by --data.cache of training.
        device: auto, cpu, cuda, cuda:1, mps.
        precision: of the forward pass.
    """
    from recircle.evaluation.evaluate import evaluate as evaluate_run
    from recircle.evaluation.evaluate import training_protocol
    from recircle.evaluation.hierarchy import read_hierarchy
    from recircle.evaluation.predictions import Predictions
    from recircle.evaluation.report import make_report
    from recircle.run import Run

    at_least(1, resamples=resamples, batch_size=batch_size)
    at_least(0, seed=seed, workers=workers)
    above_zero(seconds=seconds)
    check_together(run, from_, order, calibrate=calibrate)
    opened = Run.open(run) if run is not None else None
    resampling = {"resamples": resamples, "seed": seed}
    if against is not None and not against.exists():
        raise UserError(f"--against {against} is not there; give a run or a file of predictions")
    if from_ is not None:
        path, predictions, metrics = from_, Predictions.load(from_), None
        levels = read_hierarchy(hierarchy, predictions.classes) if hierarchy is not None else None
        if opened is not None and predictions.classes != opened.load_spec().labels:
            raise UserError(f"{path} is not of the classes of {opened.path}; give the run that it is of")
    else:
        assert opened is not None
        levels = read_hierarchy(hierarchy, opened.load_spec().labels) if hierarchy is not None else None
        protocol = override(training_protocol(opened), clips, crops, views, fusion)
        with progress("evaluating") as show:
            predictions, metrics = evaluate_run(
                opened,
                manifest=find_manifest(data) if data is not None else None,
                split=split,
                protocol=protocol,
                skip_broken=skip_broken,
                batch_size=batch_size,
                workers=workers,
                seconds=seconds,
                cache=cache,
                device=device,
                precision=precision,
                order=order or "as is",
                **resampling,
                progress=show,
            )
        path = opened.predictions_path / f"{name or default_name(predictions.provenance)}.npz"
        # of the same name, but apart from those that count
        path = path.parent / order / path.name if order is not None else path
        predictions.save(path)

    other = find_predictions(against, path) if against is not None else None
    report = make_report(
        predictions,
        metrics,
        hierarchy=levels,
        against=Predictions.load(other) if other is not None else None,
        with_calibration=calibrate,
        **resampling,
    )
    if report.calibration is not None and opened is not None:
        report.calibration.save(opened.calibration_path)
    if json:
        print_json(report.to_dict())
        return 0
    show_report(report)
    if report.calibration is not None and opened is not None:
        out.print(f"temperature saved: {opened.calibration_path}")
    if other is not None:
        out.print(f"compared with: {other}")
    out.print(f"predictions: {path}")
    return 0


def check_together(run: Path | None, from_: Path | None, order: str | None, *, calibrate: bool) -> None:
    """Insist on options that make sense together.

    Raises:
        UserError: they do not.
    """
    if run is None and from_ is None:
        raise UserError("give the folder of a run, or --from PREDICTIONS.npz")
    if order is not None and from_ is not None:
        raise UserError("--order runs the network, which --from does not; give the run alone")
    if calibrate and run is None:
        raise UserError("--calibrate saves the temperature with the run; give its folder before --from")
    if calibrate and order is not None:
        raise UserError("--calibrate is for frames as they are; leave out --order")


def find_predictions(against: Path, path: Path) -> Path:
    """Return the file of predictions to compare those at `path` with: the one given, or that of the same name of a run.

    Raises:
        UserError: the run has none of that name, or it is the same file.
    """
    if not against.is_dir():
        return against
    from recircle.run import Run

    found = Run(against).predictions_path / path.name
    if not found.is_file():
        raise UserError(
            f"{found} is not there to compare {path} with; evaluate {against} with the same options first, or give a "
            "file of its predictions"
        )
    if found.resolve() == path.resolve():
        raise UserError(f"{found} cannot be compared with itself; give another run or file, or an --order")
    return found


def override(
    protocol: "Protocol", clips: int | None, crops: Literal[1, 3, 10] | None, views: str | None, fusion: str | None
) -> "Protocol":
    """Return the protocol with what was given on the command line.

    Raises:
        UserError: the views contradict, or are not such as 2, 10x3.
    """
    changes: dict[str, object] = {}
    if views is not None:
        if clips is not None or crops is not None:
            raise UserError("--views says clips and crops at once; give it, or --clips and --crops")
        first, _, second = views.partition("x")
        if not (first.isdecimal() and (second or "1").isdecimal()):
            raise UserError(f"--views {views} is not such as 2 (clips) or 10x3 (clips x crops)")
        clips, changes["crops"] = int(first), int(second or 1)
    given = {"clips": clips, "crops": crops, "fusion": fusion}
    changes |= {field: value for field, value in given.items() if value is not None}
    try:
        return replace(protocol, **changes)
    except ValueError as problem:
        raise UserError(str(problem)) from None


def default_name(provenance: "Provenance") -> str:
    """Return a file name that tells evaluations of other clips (a manifest and its part), views or precision apart."""
    clips, protocol = provenance.clips, provenance.protocol
    assert clips is not None
    assert protocol is not None
    path = Path(clips.manifest)
    # the name manifest.csv says nothing; its folder's does
    origin = path.stem if path.stem != "manifest" else path.resolve().parent.name
    views = f"{protocol.clips}x{protocol.crops}"
    precision = [provenance.precision] if provenance.precision not in (None, "fp32") else []
    return "-".join([origin, clips.part.replace(" ", "-"), views, protocol.fusion, *precision])


def show_report(report: "Report") -> None:
    """Print the figures, each with its interval, chance and its protocol, and what else there is to say."""
    from recircle.evaluation.lines import figures, report_lines

    metrics = report.metrics
    out.print(f"{metrics.data}: {metrics.clips} clips of {len(report.classes)} classes")
    if metrics.left_out:
        out.print(f"clips left out, since they cannot be decoded: {metrics.left_out}", style="red")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("metric", "%", f"{metrics.level:.0%} interval", "chance", "protocol"):
        table.add_column(title, no_wrap=True)
    for title, figure, chance in figures(report):
        interval = f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"
        table.add_row(plain(title), f"{100 * figure.value:.1f}", interval, f"{100 * chance:.1f}", metrics.protocol)
    print_table(table)
    out.print(f"intervals: percentile bootstrap, {metrics.resamples} resamples, seed {metrics.seed}")
    for line in report_lines(report):
        out.print(line)
