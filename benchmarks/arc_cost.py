"""What ARC adds to the network it is put into: time of inference and of a training step, and memory, against n.

    python -m benchmarks.arc_cost --output arc_cost.json --plot arc_cost.png
    python -m benchmarks.arc_cost --only inference --model arc_tsn_resnet50 --host tsn_resnet50 --steps 4
    python -m benchmarks.arc_cost --preset light paper --steps 2 4
    python -m benchmarks.arc_cost --without fusion --steps 4
    python -m benchmarks.arc_cost --only inference --compile --steps 4
    python -m benchmarks.arc_cost --preset temporal light paper --steps 2 4 --larger none --batch 1 --threads 1 2 --aot
    python -m benchmarks.arc_cost --device cuda --dtype bf16 --batch 1 16 --train-batch 16
    python -m benchmarks.arc_cost --device cuda --full --output full.json --plot full.png

With --full everything is measured that matters on a GPU, in the minutes given (see `benchmarks.arc_sweep`).

Times are medians over interleaved rounds after one round that is not counted; beside each ratio of times stands the
ratio of multiply-adds, which is what the layers' arithmetic alone would cost. Nothing here asserts a time.

Inference is the forward pass as evaluation runs it, of the networks as they are and as `recircle.prepare_for_inference`
makes them; with --compile also of these compiled (`torch.compile`, for each size of batch), and with --aot of the files
of `recircle export --format aoti`, which take uint8 frames. With --threads times are measured anew with each number of
threads; files of machine code are compiled with the first, and run with all. A training step is forward,
backward and SGD, weights and frames channels-last. The memory kept is what is alive between the forward pass and the
backward pass beyond parameters, buffers and clips; the peak is that of a whole step, gradients included (on the CPU the
resident memory of a fresh process). MB are 10^6 bytes.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from rich.table import Table
from torch import nn

from benchmarks import arc_sweep
from benchmarks.arc_plot import check_picture, plot
from benchmarks.machine import (
    DTYPES,
    Run,
    check_writable,
    describe,
    interleave,
    matmul_peak,
    run_main,
    settings,
    write_json,
)
from benchmarks.memory import kept_bytes, peak_bytes
from benchmarks.networks import (
    TrainingStep,
    build,
    compiled,
    has_steps,
    inference,
    prepare_for_training,
    random_clips,
)
from recircle import ArcConfig, Cost, UserError, VideoModel, measure_cost, prepare_for_inference
from recircle.arc.config import PRESETS
from recircle.cli.console import out, print_table, progress
from recircle.evaluation.forward import pick_device
from recircle.export import compiled_program
from recircle.export.network import ExportedNetwork, capture
from recircle.export.parity import Logits
from recircle.torch_internals import compiler_errors

PARTS = ("inference", "training", "memory")
FORMS = ("as it is", "prepared", "compiled", "ahead of time")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One of the networks that are compared.

    Attributes:
        role: what it is compared as.
        model: its name.
        steps: n of its ARC layers; None where it has none.
        preset: what they are a variant of, by its name in `ArcConfig`.
    """

    role: Literal["host", "arc", "larger"]
    model: str
    steps: int | None = None
    preset: str = PRESETS[0]

    def __str__(self) -> str:
        if self.steps is None:
            return self.model
        variant = "" if self.preset == PRESETS[0] else f", {self.preset}"
        return f"{self.model}{variant}, n = {self.steps}"


class Comparison:
    """The networks of a command line, and what is measured of them."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Build every network once, so that an option that does not fit is found at the start.

        Raises:
            UserError: a network or the device is not there, or an option does not fit.
        """
        self._options = options
        self.device, self._dtype = pick_device(options.device), DTYPES[options.dtype]
        self._host = Entry(role="host", model=options.host)
        arcs = [
            Entry(role="arc", model=options.model, steps=steps, preset=preset)
            for preset in options.preset
            for steps in options.steps
        ]
        larger = [] if options.larger == "none" else [Entry(role="larger", model=options.larger)]
        self._pair, self._all = [self._host, *arcs], [self._host, *arcs, *larger]
        self._costs = {entry: self._cost(entry) for entry in self._all}
        self._files: dict[Entry, Logits] = {}

    def inference(self) -> list[dict[str, Any]]:
        """Return the milliseconds of a batch of clips, for each size of batch, network and form."""
        networks: dict[tuple[Entry, str], nn.Module] = {}
        for entry in self._all:
            model = self._build(entry).to(self.device).eval()
            prepared = prepare_for_inference(model)
            networks |= {(entry, FORMS[0]): model, (entry, FORMS[1]): prepared}
            if self._options.compile:
                networks[entry, FORMS[2]] = compiled(prepared)
        rows = []
        for batch in self._options.batch:
            clips = self._clips(batch)
            runs = {key: inference(network, clips, self._dtype) for key, network in networks.items()}
            if self._options.compile:
                self._compile({f"{entry}": runs[entry, FORMS[2]] for entry in self._all}, batch)
            if self._options.aot:
                frames = torch.zeros(clips.shape, dtype=torch.uint8)
                runs |= {(entry, FORMS[3]): partial(self._file(entry), frames) for entry in self._all}
            found = self._timed(runs, f"inference, batch of {batch}")
            rows += [{"batch": batch, **row} for row in found]
        return rows

    def training(self) -> list[dict[str, Any]]:
        """Return the milliseconds of a training step of each network."""
        clips = self._clips(self._options.train_batch[0])
        runs: dict[tuple[Entry, str], Run] = {
            (entry, FORMS[0]): TrainingStep(self._build(entry), clips, self._dtype) for entry in self._pair
        }
        return [{"batch": len(clips), **row} for row in self._timed(runs, "training step")]

    def memory(self) -> list[dict[str, Any]]:
        """Return the bytes that each network keeps for the backward pass, and those of a step at its peak."""
        options = self._options
        clips = self._clips(options.train_batch[0])
        kept: dict[Entry, int] = {}
        peak: dict[Entry, int | None] = {}
        with progress("memory") as show:
            for done, entry in enumerate(self._pair):
                show(done, len(self._pair))
                kept[entry] = kept_bytes(prepare_for_training(self._build(entry), self.device), clips, self._dtype)
                peak[entry] = peak_bytes(
                    entry.model,
                    arc=self._arc(entry),
                    width=options.width,
                    batch=options.train_batch[0],
                    frames=options.frames,
                    size=options.size,
                    device=self.device,
                    dtype=self._dtype,
                )
        return [
            {
                **asdict(entry),
                "batch": options.train_batch[0],
                "kept_bytes": kept[entry],
                "kept_ratio": kept[entry] / kept[self._host],
                "peak_bytes": peak[entry],
                "peak_ratio": _ratio(peak[entry], peak[self._host]),
            }
            for entry in self._pair
        ]

    def _file(self, entry: Entry) -> Logits:
        if entry not in self._files:
            size, model = self._options.size, self._build(entry)
            preprocessing = replace(model.preprocessing, resize=size, crop=size)
            with TemporaryDirectory() as folder:
                path = Path(folder) / f"network{compiled_program.SUFFIX}"
                compiled_program.write(capture(ExportedNetwork(model, preprocessing)), {}, path)
                self._files[entry] = compiled_program.load(path)
        return self._files[entry]

    def _compile(self, runs: dict[str, Run], batch: int) -> None:
        with progress(f"compiling, batch of {batch}") as show:
            for done, (name, run) in enumerate(runs.items()):
                show(done, len(runs))
                try:
                    run()
                except compiler_errors() as problem:
                    raise UserError(f"{name} cannot be compiled here: {problem}") from problem

    def _timed(self, runs: dict[tuple[Entry, str], Run], what: str) -> list[dict[str, Any]]:
        names = {f"{entry}, {form}": (entry, form) for entry, form in runs}
        callables = {name: runs[key] for name, key in names.items()}
        with progress(what) as show:
            timings = interleave(callables, self._options.rounds, self.device, show)
        found = {names[name]: timing for name, timing in timings.items()}
        host = self._costs[self._host]
        return [
            {
                **asdict(entry),
                "form": form,
                **timing.ms,
                "ratio": timing.median / found[self._host, form].median,
                "params": self._costs[entry].params,
                "gmacs": self._costs[entry].gmacs,
                "gmacs_ratio": self._costs[entry].gmacs / host.gmacs,
            }
            for (entry, form), timing in found.items()
        ]

    def _build(self, entry: Entry) -> VideoModel:
        return build(entry.model, arc=self._arc(entry), width=self._options.width)

    def _arc(self, entry: Entry) -> ArcConfig | None:
        if entry.steps is None:
            return None
        left_out = {} if self._options.without is None else {self._options.without: False}
        return ArcConfig.preset(entry.preset, steps=entry.steps, **left_out)

    def _cost(self, entry: Entry) -> Cost:
        return measure_cost(self._build(entry).eval(), self._options.frames, self._options.size)

    def _clips(self, batch: int) -> torch.Tensor:
        return random_clips(batch, self._options.frames, self._options.size, self.device)


def _with_threads(counts: Sequence[int], measure: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    before, rows = torch.get_num_threads(), []
    try:
        for threads in counts:
            torch.set_num_threads(threads)
            rows += [{"threads": threads, **row} for row in measure()]
    finally:
        torch.set_num_threads(before)
    return rows


def kept_growth(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return how the memory kept grows from the smallest n to the largest; None where there is only one n.

    Of several variants it is the first that counts.
    """
    arcs = [row for row in rows if row["role"] == "arc"]
    kept = {row["steps"]: row["kept_bytes"] for row in arcs if row["preset"] == arcs[0]["preset"]}
    least, most = min(kept), max(kept)
    return None if least == most else {"from": least, "to": most, "ratio": kept[most] / kept[least]}


def print_times(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print a table of times."""
    columns = ("threads", "clips", "network", "form", "ms", "quartiles", "time / host's", "GMACs / host's")
    table = _table(title, *columns, left=("network", "form"))
    for row in rows:
        table.add_row(
            str(row["threads"]),
            str(row["batch"]),
            _name(row),
            row["form"],
            f"{row['ms']:.1f}",
            f"{row['ms_lower']:.1f} to {row['ms_upper']:.1f}",
            f"{row['ratio']:.2f}",
            f"{row['gmacs_ratio']:.2f}",
        )
    print_table(table)


def print_memory(rows: Sequence[dict[str, Any]]) -> None:
    """Print the table of memory."""
    columns = ("clips", "network", "kept [MB]", "kept / host's", "peak of a step [MB]", "peak / host's")
    table = _table("memory of a training step", *columns, left=("network",))
    for row in rows:
        peak, ratio = row["peak_bytes"], row["peak_ratio"]
        table.add_row(
            str(row["batch"]),
            _name(row),
            f"{row['kept_bytes'] / 1e6:.1f}",
            f"{row['kept_ratio']:.2f}",
            "-" if peak is None else f"{peak / 1e6:.1f}",
            "-" if ratio is None else f"{ratio:.2f}",
        )
    print_table(table)
    if growth := kept_growth(rows):
        out.print(f"kept with n = {growth['to']} / kept with n = {growth['from']}: {growth['ratio']:.3f}")


def _table(title: str, *columns: str, left: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right", no_wrap=True)
    return table


def _name(row: dict[str, Any]) -> str:
    return str(Entry(role=row["role"], model=row["model"], steps=row["steps"], preset=row["preset"]))


def _pixels(size: int | tuple[int, int]) -> str:
    return str(size) if isinstance(size, int) else f"{size[0]} x {size[1]}"


def _ratio(value: int | None, host: int | None) -> float | None:
    return value / host if value is not None and host else None


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.arc_cost",
        description="Time and memory of a network with ARC beside those of its host, against the number of steps n.",
    )
    add = parser.add_argument
    add("--model", default="arc_tsm_resnet18", help="the network with ARC")
    add("--host", default="tsm_resnet18", help="the network that it is compared with")
    add("--larger", default="tsm_resnet50", help="a larger network to compare inference with, or none")
    add("--steps", nargs="+", type=int, default=[2, 4, 8], help="numbers of steps, n")
    add("--preset", nargs="+", choices=PRESETS, default=[PRESETS[0]], help="variants of the layer, by name")
    add("--without", choices=["attention", "fusion"], help="leave out this half of the recursion")
    add("--width", type=int, help="channels of the stems; narrower networks for a quick look")
    add("--batch", nargs="+", type=int, help="clips in a batch of inference; by default 1 and 4, with --full 1 to 128")
    add("--train-batch", nargs="+", type=int, help="clips in a training step; by default 2, with --full 8 and 32")
    add("--frames", type=int, default=8, help="frames of a clip")
    add("--size", nargs="+", type=int, default=[224], metavar="PIXELS", help="side of the frames, or height and width")
    add("--rounds", type=int, default=11, help="rounds that count")
    add("--device", choices=["cpu", "cuda"], default="cpu", help="what computes")
    add("--dtype", choices=list(DTYPES), default="fp32", help="precision of the forward passes (autocast)")
    add("--compile", action="store_true", help="time compiled inference too; compiling takes minutes")
    add("--aot", action="store_true", help="time files of machine code too; compiling each takes minutes")
    add("--threads", nargs="+", type=int, help="numbers of threads to time with, one after the other")
    add("--only", choices=PARTS, help="measure only this")
    add("--full", action="store_true", help="whole and light beside the host: each precision, mode and batch")
    add("--minutes", type=float, default=8.0, help="with --full: start nothing new after so long")
    add("--output", type=Path, help="write machine, settings and all figures to this JSON file")
    add("--plot", type=Path, help="draw time and memory against n into this picture")
    options = parser.parse_args(arguments)
    if options.full and options.only == "memory":
        parser.error("--full measures times; leave it out to measure memory")
    options.batch = options.batch or (list(arc_sweep.INFERENCE_BATCHES) if options.full else [1, 4])
    options.train_batch = options.train_batch or (arc_sweep.TRAINING_BATCHES if options.full else [2])
    options.threads = options.threads or [torch.get_num_threads()]
    counts = (
        *options.threads,
        *options.steps,
        *options.batch,
        *options.train_batch,
        options.frames,
        *options.size,
        options.rounds,
    )
    if min(counts) < 1:
        parser.error("numbers of steps, clips, frames, pixels, threads and rounds must be 1 or more")
    if len(options.size) > 2:
        parser.error("--size takes one side, or height and width")
    options.size = options.size[0] if len(options.size) == 1 else tuple(options.size)
    if not options.full and len(options.train_batch) > 1:
        parser.error("give one --train-batch; only --full takes several")
    if min(options.train_batch) * options.frames < 2:
        parser.error("batch norm needs two frames or more in a training step; raise --train-batch or --frames")
    if options.aot and (options.device, options.dtype) != ("cpu", "fp32"):
        parser.error("--aot is for fp32 on the CPU; leave it out, or --device and --dtype")
    if len(options.threads) > 1 and (options.full or options.plot):
        parser.error("give one number of --threads with --full and with --plot")
    options.steps, options.preset = sorted(set(options.steps)), list(dict.fromkeys(options.preset))
    if len(options.preset) > 1 and options.plot:
        parser.error("a picture shows one variant against n; give one --preset with --plot")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables, write the JSON file and draw the picture."""
    options = parse(arguments)
    if not has_steps(options.model):
        raise UserError(
            f"--model {options.model} has no ARC layers; give one that has, such as those of `recircle models 'arc_*'`"
        )
    check_writable(options.output, options.plot)
    if options.plot:
        check_picture(options.plot)
    if options.aot:
        compiled_program.require()
    if options.full:
        torch.set_num_threads(options.threads[0])
        sweep(options)
        return
    comparison = Comparison(options)
    machine = describe(comparison.device)
    machine["threads"] = options.threads if len(options.threads) > 1 else options.threads[0]
    machine["peak_gmacs_per_s"] = matmul_peak(comparison.device, DTYPES[options.dtype])
    found: dict[str, Any] = {"benchmark": "arc_cost", "machine": machine, "settings": settings(options)}
    if options.only in (None, "inference"):
        found["inference"] = _with_threads(options.threads, comparison.inference)
        print_times("inference", found["inference"])
    if options.only in (None, "training"):
        found["training"] = _with_threads(options.threads, comparison.training)
        print_times("training step", found["training"])
    if options.only in (None, "memory"):
        found["memory"] = comparison.memory()
        found["kept_growth"] = kept_growth(found["memory"])
        print_memory(found["memory"])
    out.print(
        f"{options.frames} frames of {_pixels(options.size)} px; medians of {options.rounds} rounds by turns; {machine}"
    )
    if options.output:
        write_json(options.output, found)
    if options.plot:
        plot(options.plot, found)


def sweep(options: argparse.Namespace) -> None:
    """Measure what --full does, print the tables, write the JSON file and draw the picture."""
    device = pick_device(options.device)
    whole = arc_sweep.Sweep(options, device)
    rows, machine = whole.measure(), describe(device)
    arc_sweep.print_rows(rows)
    out.print(
        f"{options.frames} frames of {_pixels(options.size)} px; medians of rounds by turns; {whole.speeds}; {machine}"
    )
    if options.output:
        found = {"machine": machine, "settings": settings(options), "speeds": whole.speeds}
        write_json(options.output, {"benchmark": "arc_cost --full", **found, "rows": [asdict(row) for row in rows]})
    if options.plot:
        arc_sweep.draw(options.plot, rows)


if __name__ == "__main__":
    run_main(main)
