"""`recircle eval`: the accuracy of a run, with its protocol and its interval."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.table import Table

from recircle.cli.arguments import at_least, call, find_manifest
from recircle.cli.console import out, print_json, print_table, progress
from recircle.errors import UserError

if TYPE_CHECKING:
    from recircle.evaluation.measure import Metrics
    from recircle.evaluation.predictions import Predictions
    from recircle.evaluation.protocol import Protocol


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
    skip_broken: bool = False,
    name: str | None = None,
    from_: Annotated[Path | None, tyro.conf.arg(name="from")] = None,
    resamples: int = 1000,
    seed: int = 0,
    json: bool = False,
    batch_size: int = 4,
    workers: int = 2,
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
        skip_broken: leave out clips that cannot be decoded, instead of stopping with their list.
        name: the predictions go to RUN/predictions/NAME.npz; by default a name made of data and views.
        from_: do not run anything; print the metrics of this file of predictions.
        resamples: bootstrap resamples of the intervals.
        seed: of the resamples.
        json: print one JSON object, with the confusion matrix.
        batch_size: clips decoded together.
        workers: processes that decode.
        device: auto, cpu, cuda, cuda:1, mps.
        precision: of the forward pass.
    """
    from recircle.evaluation.evaluate import evaluate as evaluate_run
    from recircle.evaluation.evaluate import training_protocol
    from recircle.evaluation.measure import measure
    from recircle.evaluation.predictions import Predictions
    from recircle.run import Run

    at_least(1, resamples=resamples, batch_size=batch_size)
    at_least(0, seed=seed, workers=workers)
    if from_ is not None:
        path, predictions = from_, Predictions.load(from_)
        metrics = measure(predictions, resamples=resamples, seed=seed)
    elif run is not None:
        opened = Run.open(run)
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
                device=device,
                precision=precision,
                resamples=resamples,
                seed=seed,
                progress=show,
            )
        path = opened.predictions_path / f"{name or default_name(predictions.data, protocol, precision)}.npz"
        predictions.save(path)
    else:
        raise UserError("give the folder of a run, or --from PREDICTIONS.npz")
    if json:
        print_json({**asdict(metrics), "confusion": metrics.confusion.tolist(), "classes": predictions.classes})
    else:
        show_metrics(metrics, predictions)
        out.print(f"predictions: {path}", markup=False)
    return 0


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


def default_name(data: str, protocol: "Protocol", precision: str) -> str:
    """Return a file name that tells evaluations of other clips (a manifest and its part), views or precision apart."""
    manifest, _, part = data.rpartition(", ")
    path = Path(manifest)
    # the name manifest.csv says nothing; its folder's does
    origin = path.stem if path.stem != "manifest" else path.resolve().parent.name
    views = f"{protocol.clips}x{protocol.crops}"
    return "-".join([origin, *part.split(), views, protocol.fusion, *([precision] if precision != "fp32" else [])])


def show_metrics(metrics: "Metrics", predictions: "Predictions") -> None:
    """Print the figures, each with its interval and its protocol, and the most frequent confusions."""
    from recircle.evaluation.measure import most_confused

    out.print(f"{metrics.data}: {metrics.clips} clips of {len(predictions.classes)} classes", markup=False)
    if predictions.left_out:
        out.print(
            f"clips left out, since they cannot be decoded: {len(predictions.left_out)}", style="red", markup=False
        )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("metric", "%", f"{metrics.level:.0%} interval", "protocol"):
        table.add_column(title, no_wrap=True)
    figures = {"top-1": metrics.top1, "top-5": metrics.top5, "mean class": metrics.mean_class}
    for title, figure in figures.items():
        interval = f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"
        table.add_row(title, f"{100 * figure.value:.1f}", interval, metrics.protocol)
    print_table(table)
    out.print(f"intervals: percentile bootstrap, {metrics.resamples} resamples, seed {metrics.seed}", markup=False)
    confused = most_confused(metrics.confusion)
    if confused:
        out.print("most confused (true, taken for, clips):")
    for true, predicted, count in confused:
        out.print(f"  {predictions.classes[true]}, {predictions.classes[predicted]}, {count}", markup=False)
