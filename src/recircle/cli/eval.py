"""`recircle eval`: the accuracy of a run, with its protocol and its interval."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.table import Table

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import out, plain, print_json, print_table, progress
from recircle.errors import UserError

if TYPE_CHECKING:
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
    engine: Literal["torch", "onnxruntime", "openvino", "aoti"] = "torch",
    precision: Literal["fp32", "bf16", "fp16", "int8"] = "fp32",
    steps: int | None = None,
) -> int:
    """Run a trained network over labelled clips, save its predictions, and print the metrics that follow from them.

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
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
        against: compare with the predictions of this file, or with those of the same name of this run, clip by clip; in
            fewer steps, or by another engine or precision, also with those of the same run as it is.
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
        engine: what runs the network: PyTorch, or an exported file in ONNX Runtime, OpenVINO or as machine code.
        precision: of the forward pass; int8 is of a file that `recircle export --precision int8` wrote.
        steps: recursive steps of ARC layers; by default as many as they learned.
    """
    from recircle.api.evaluate import evaluate as evaluate_run
    from recircle.api.evaluate import evaluate_saved
    from recircle.evaluation.bootstrap import Bootstrap
    from recircle.hub import is_reference
    from recircle.run import Run

    at_least(1, resamples=resamples, batch_size=batch_size)
    at_least(0, seed=seed, workers=workers)
    above_zero(seconds=seconds)
    check_together(run, from_, order, calibrate=calibrate)
    if against is not None and not is_reference(against) and not against.exists():
        raise UserError(f"--against {against} is not there; give a run or a file of predictions")
    opened = Run.open(run) if run is not None else None
    if from_ is not None:
        evaluation = evaluate_saved(
            from_,
            opened,
            hierarchy=hierarchy,
            against=against,
            calibrate=calibrate,
            bootstrap=Bootstrap(resamples=resamples, seed=seed),
        )
    else:
        assert opened is not None
        clips, crops = count_views(views, clips, crops)
        with progress("evaluating") as show:
            evaluation = evaluate_run(
                opened,
                data,
                split=split,
                clips=clips,
                crops=crops,
                fusion=fusion,
                order=order,
                hierarchy=hierarchy,
                against=against,
                calibrate=calibrate,
                name=name,
                progress=show,
                skip_broken=skip_broken,
                resamples=resamples,
                seed=seed,
                batch_size=batch_size,
                workers=workers,
                seconds=seconds,
                cache=cache,
                device=device,
                engine=engine,
                precision=precision,
                steps=steps,
            )
    report = evaluation.report
    if json:
        print_json(report.to_dict())
        return 0
    show_report(report)
    if report.calibration is not None and opened is not None:
        out.print(f"temperature saved: {opened.calibration_path}")
    if evaluation.against is not None:
        out.print(f"compared with: {evaluation.against}")
    out.print(f"predictions: {evaluation.path}")
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


def count_views(
    views: str | None, clips: int | None = None, crops: Literal[1, 3, 10] | None = None
) -> tuple[int | None, Any]:
    """Return how many clips and crops were asked for on the command line, None where that is left to the run.

    Raises:
        UserError: the views contradict, or are not such as 2, 10x3.
    """
    if views is None:
        return clips, crops
    if clips is not None or crops is not None:
        raise UserError("--views says clips and crops at once; give it, or --clips and --crops")
    first, _, second = views.partition("x")
    if not (first.isdecimal() and (second or "1").isdecimal()):
        raise UserError(f"--views {views}: give the number of clips, such as 2, or clips x crops, such as 10x3")
    return int(first), int(second or 1)


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
