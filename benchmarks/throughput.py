"""Clips a second of every registered network, beside what it computes and how near that comes to the machine's limit.

    python -m benchmarks.throughput --output throughput.json
    python -m benchmarks.throughput --models 'tsm_*' 'arc_tsm_*' --device cuda --dtype bf16 --batch 16

The forward pass is that of evaluation, of networks prepared by `recircle.prepare_for_inference`. The last column is
multiply-adds a second of convolutions and matrix products, as a fraction of those of the fastest large matrix product
of the same machine, threads and precision. It can exceed 1 where a convolution algorithm takes fewer multiply-adds than
the definition. Times are medians over rounds after one that is not counted, each network for itself. Nothing here
asserts a time.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.table import Table

from benchmarks.machine import (
    DTYPES,
    check_writable,
    describe,
    interleave,
    matmul_peak,
    run_main,
    settings,
    write_json,
)
from benchmarks.networks import build, inference, random_clips
from recircle import UserError, list_models, measure_cost, prepare_for_inference
from recircle.cli.console import out, print_table, progress
from recircle.evaluation.forward import pick_device


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured of one network.

    Attributes:
        model: its name.
        frames: of a clip.
        size: side of its frames in pixels.
        params: its parameters.
        gmacs: billions of multiply-adds of one clip.
        ms: milliseconds of a batch, the median of the rounds.
        ms_lower: the lower quartile.
        ms_upper: the upper quartile.
        clips_per_s: of the median.
        gmacs_per_s: likewise.
        peak_fraction: of the machine's fastest matrix product.
    """

    model: str
    frames: int
    size: int
    params: int
    gmacs: float
    ms: float
    ms_lower: float
    ms_upper: float
    clips_per_s: float
    gmacs_per_s: float
    peak_fraction: float


def measure(name: str, options: argparse.Namespace, device: torch.device, peak: float) -> Row:
    """Measure one network.

    Args:
        name: of the network.
        options: of the command line.
        device: what computes.
        peak: billions of multiply-adds a second of a matrix product.
    """
    model = build(name, width=options.width).eval()
    frames, size = model.nearest_frames(options.frames), options.size or model.preprocessing.crop_size[0]
    cost = measure_cost(model, frames, size)
    clips = random_clips(options.batch, frames, size, device)
    run = inference(prepare_for_inference(model.to(device)), clips, DTYPES[options.dtype])
    timing = interleave({name: run}, options.rounds, device)[name]
    speed = options.batch / timing.median
    return Row(
        model=name,
        frames=frames,
        size=size,
        params=cost.params,
        gmacs=cost.gmacs,
        **timing.ms,
        clips_per_s=speed,
        gmacs_per_s=cost.gmacs * speed,
        peak_fraction=cost.gmacs * speed / peak,
    )


def find_models(patterns: Sequence[str]) -> list[str]:
    """Return the networks that match any of the patterns, in alphabetical order.

    Raises:
        UserError: a pattern matches none.
    """
    found: set[str] = set()
    for pattern in patterns:
        names = list_models(pattern)
        if not names:
            raise UserError(f"no network's name matches {pattern!r}; `recircle models` lists all")
        found.update(names)
    return sorted(found)


def print_rows(rows: Sequence[Row]) -> None:
    """Print the table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("network", no_wrap=True)
    for column in ("clip", "params [M]", "GMACs", "ms", "quartiles", "clips/s", "GMACs/s", "of the peak"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.model,
            f"{row.frames} x {row.size} px",
            f"{row.params / 1e6:.2f}",
            f"{row.gmacs:.1f}",
            f"{row.ms:.1f}",
            f"{row.ms_lower:.1f} to {row.ms_upper:.1f}",
            f"{row.clips_per_s:.2f}",
            f"{row.gmacs_per_s:.0f}",
            f"{row.peak_fraction:.2f}",
        )
    print_table(table)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description="Clips a second of the registered networks, and the fraction of the machine's limit.",
    )
    add = parser.add_argument
    add("--models", nargs="+", default=["*"], help="names, or patterns such as 'tsm_*'")
    add("--width", type=int, help="channels of the stems; narrower networks for a quick look")
    add("--batch", type=int, default=4, help="clips in a batch")
    add("--frames", type=int, default=8, help="frames of a clip; the next number for a network that cannot take these")
    add("--size", type=int, help="side of the frames in pixels; by default what the network's preprocessing crops")
    add("--rounds", type=int, default=7, help="rounds that count")
    add("--device", choices=["cpu", "cuda"], default="cpu", help="what computes")
    add("--dtype", choices=list(DTYPES), default="fp32", help="precision of the forward pass (autocast)")
    add("--output", type=Path, help="write machine, settings and all figures to this JSON file")
    options = parser.parse_args(arguments)
    if min(options.batch, options.frames, options.size or 1, options.rounds) < 1:
        parser.error("numbers of clips, frames, pixels and rounds must be 1 or more")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON file."""
    options = parse(arguments)
    names = find_models(options.models)
    check_writable(options.output)
    device = pick_device(options.device)
    peak = matmul_peak(device, DTYPES[options.dtype])
    machine = {**describe(device), "peak_gmacs_per_s": peak}
    rows: list[Row] = []
    with progress("networks") as show:
        for name in names:
            show(len(rows), len(names))
            rows.append(measure(name, options, device, peak))
    print_rows(rows)
    out.print(f"batches of {options.batch}, {options.dtype}; medians of {options.rounds} rounds; {machine}")
    if options.output:
        found = {"machine": machine, "settings": settings(options), "rows": [asdict(row) for row in rows]}
        write_json(options.output, {"benchmark": "throughput", **found})


if __name__ == "__main__":
    run_main(main)
