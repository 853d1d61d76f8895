"""What trained runs cost in the engines of small devices, on one thread of a CPU: time, size and accuracy.

    python -m benchmarks.devices runs/host runs/light runs/whole --output devices.json

Each run is written as files for one clip of its own length (model.onnx and model.int8.onnx in its folder, where a later
call finds them again), and evaluated by each engine on the clips that its training held out. The times are minima of
processor time over rounds by turns, for one clip. Accuracies are given as the difference to PyTorch in fp32, with its
paired bootstrap interval.
"""

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.table import Table

from benchmarks.machine import check_writable, describe, run_main, settings, write_json
from recircle.cli.console import out, print_table, progress
from recircle.engines.engine import Engine, EngineName, Precision
from recircle.engines.load import load_engine
from recircle.evaluation.comparison import compare_paired
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.predictions import Predictions
from recircle.export import export_run
from recircle.inference.int8 import export_int8
from recircle.run import Run
from recircle.views.views import EvalViews

WAYS: tuple[tuple[EngineName, Precision], ...] = (
    ("torch", "fp32"),
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A run in an engine.

    Attributes:
        ms: the least processor time of a clip.
        ratio: that in units of the first run's in the same engine.
        megabytes: of the file.
        top1: on the clips that training held out.
        difference: to the same run in PyTorch and fp32, with the ends of its interval.
    """

    run: str
    engine: EngineName
    precision: Precision
    ms: float
    ratio: float
    megabytes: float
    top1: float
    difference: tuple[float, float, float]


def measure(runs: Sequence[Run], rounds: int, *, accuracy: bool) -> list[Row]:
    """Export what is not there yet, evaluate, and time all by turns."""
    engines: dict[tuple[int, EngineName, Precision], Engine] = {}
    files: dict[tuple[int, EngineName, Precision], Path] = {}
    with progress("exporting, loading and evaluating") as show:
        found: dict[tuple[int, EngineName, Precision], Predictions] = {}
        for number, run in enumerate(runs):
            spec = run.load_spec()
            frames = spec.sampling.frames
            plain, small = run.path / "model.onnx", run.path / "model.int8.onnx"
            if not plain.exists():
                export_run(run.path, clips=1, frames=frames)
            if not small.exists():
                export_int8(run.path, clips=1, frames=frames)
            views = EvalViews(sampling=spec.sampling, preprocessing=spec.preprocessing)
            for name, precision in WAYS:
                show(len(engines), len(runs) * len(WAYS))
                key = (number, name, precision)
                engines[key] = load_engine(
                    name,
                    run,
                    run.load_model(),
                    spec,
                    views=views,
                    device=torch.device("cpu"),
                    precision=precision,
                )
                files[key] = run.weights_path if name == "torch" else small if precision == "int8" else plain
                if accuracy:
                    found[key], _ = evaluate(run, engine=engines[key], skip_broken=True)
    least = dict.fromkeys(engines, float("inf"))
    clips = {
        n: torch.randint(256, (1, *EvalViews(sampling=s.sampling, preprocessing=s.preprocessing).shape)).byte()
        for n, s in enumerate(run.load_spec() for run in runs)
    }
    for turn in range(rounds + 1):
        for key, engine in engines.items():
            began = time.process_time()
            engine(clips[key[0]])
            if turn:
                least[key] = min(least[key], time.process_time() - began)
    rows: list[Row] = []
    for key, seconds in least.items():
        number, name, precision = key
        nothing = float("nan")
        top1, difference = nothing, (nothing, nothing, nothing)
        if accuracy:
            compared = compare_paired(found[key], found[number, "torch", "fp32"])
            change = compared.difference
            top1, difference = compared.accuracy, (change.value, change.low, change.high)
        rows.append(
            Row(
                run=runs[number].path.name,
                engine=name,
                precision=precision,
                ms=1e3 * seconds,
                ratio=seconds / least[0, name, precision],
                megabytes=files[key].stat().st_size / 1e6,
                top1=top1,
                difference=difference,
            )
        )
    return rows


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.devices", description="Trained runs in the engines of small devices."
    )
    add = parser.add_argument
    add(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="folders of runs; the others are compared with the first",
    )
    add("--no-accuracy", action="store_true", help="time only")
    add("--rounds", type=int, default=11, help="rounds that count")
    add("--output", type=Path, help="write machine, settings and all figures to this JSON file")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("the number of rounds must be 1 or more")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON file."""
    options = parse(arguments)
    check_writable(options.output)
    torch.set_num_threads(1)
    machine = {**describe(torch.device("cpu")), "threads": 1}
    with warnings.catch_warnings():
        # of clips that lie outside of their manifest's folder
        warnings.simplefilter("ignore", UserWarning)
        rows = measure([Run.open(run) for run in options.runs], options.rounds, accuracy=not options.no_accuracy)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("run", "engine", "precision", "ms", "time / first's", "MB", "top-1 %", "difference [points]"):
        table.add_column(column, justify="left" if column in ("run", "engine", "precision") else "right", no_wrap=True)
    for row in rows:
        change, low, high = (100 * value for value in row.difference)
        shown = f"{change:+.1f} [{low:+.1f}, {high:+.1f}]"
        figures = (f"{row.ms:.1f}", f"{row.ratio:.2f}", f"{row.megabytes:.2f}", f"{100 * row.top1:.1f}", shown)
        table.add_row(row.run, row.engine, row.precision, *figures)
    print_table(table)
    out.print(f"one clip; minima of {options.rounds} rounds by turns; {machine}")
    if options.output:
        written = {"machine": machine, "settings": settings(options), "rows": [asdict(row) for row in rows]}
        write_json(options.output, {"benchmark": "devices", **written})


if __name__ == "__main__":
    run_main(main)
