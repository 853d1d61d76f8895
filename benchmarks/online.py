"""What a frame costs: a causal network frame by frame, against a window of frames computed anew for each.

    OMP_NUM_THREADS=1 python -m benchmarks.online --output online.json
    OMP_NUM_THREADS=1 python -m benchmarks.online --width 16 --size 112

For the host, the temporal and the whole layer of ARC: one step of the causal network, the window of the same causal
network, and that of the ordinary one. All are prepared for inference, with random weights, on one video. Times are
medians over interleaved rounds after one that is not counted. Memory: what is kept from frame to frame, and
how much the resident memory of a fresh process grows at the peak of a first pass. Nothing here asserts a time.
"""

import argparse
import ctypes
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from benchmarks.machine import Run, check_writable, describe, interleave, run_main, settings, write_json
from benchmarks.memory import resident
from benchmarks.networks import CLASSES
from recircle import ArcConfig, create_model, prepare_for_inference
from recircle.cli.console import out, print_table, progress

CPU = torch.device("cpu")
NETWORKS = {"host": None, "temporal": ArcConfig.temporal(), "whole": ArcConfig.paper()}
FORMS = ("step", "window", "ordinary window")


def run_of(network: str, form: str, width: int | None, frames: int, size: tuple[int, int]) -> tuple[Run, int]:
    """Return what is timed, and the bytes that are kept from one frame to the next.

    Args:
        network: one of `NETWORKS`.
        form: one of `FORMS`.
        width: channels of the stem; None is the published width.
        frames: of a window.
        size: (height, width) of the frames in pixels.
    """
    arc = NETWORKS[network]
    options: dict[str, Any] = {"arc": arc} if arc is not None else {}
    options |= {"width": width} if width is not None else {}
    name = "tsm_resnet18" if arc is None else "arc_tsm_resnet18"
    model = prepare_for_inference(create_model(name, CLASSES, causal=form != "ordinary window", **options))
    images = torch.randn(1 if form == "step" else frames, 3, *size).contiguous(memory_format=torch.channels_last)
    clips = images.unsqueeze(0)
    if form != "step":

        def window() -> None:
            with torch.inference_mode():
                model(clips)

        # of the window that comes next, the frames that are there already
        return window, (frames - 1) * images[0].numel() * images.element_size()
    with torch.inference_mode():
        state = model.initial_state(1, size)

    def step() -> None:
        nonlocal state
        with torch.inference_mode():
            _, state = model.forward_step(images, state)

    return step, sum(value.numel() * value.element_size() for value in state.values())


def peak_bytes(network: str, form: str, width: int | None, frames: int, size: tuple[int, int]) -> int:
    """Return by how many bytes the memory of a fresh process grows at the peak of one pass, the first at that size."""
    task = (_peak, network, form, width, frames, size)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(*task).result()


def _peak(network: str, form: str, width: int | None, frames: int, size: tuple[int, int]) -> int:
    # so that the code is loaded
    run_of(network, form, width, 2, (32, 32))[0]()
    run, _ = run_of(network, form, width, frames, size)
    with suppress(OSError):
        # so that memory which was freed is not used unseen
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        # makes the high-water mark the memory of this moment
        Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    run()
    return resident("VmHWM") - before


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the figures of each network in each form."""
    rows: list[dict[str, Any]] = []
    for network in NETWORKS:
        made = {form: run_of(network, form, options.width, options.frames, options.size) for form in FORMS}
        with progress(network) as show:
            timings = interleave({form: run for form, (run, _) in made.items()}, options.rounds, CPU, show)
        window = timings["ordinary window"].median
        for form, timing in timings.items():
            peak = peak_bytes(network, form, options.width, options.frames, options.size) if options.memory else None
            rows.append(
                {
                    "network": network,
                    "form": form,
                    **timing.ms,
                    "ratio": timing.median / window,
                    "kept_bytes": made[form][1],
                    "peak_bytes": peak,
                }
            )
    return rows


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.online", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--width", type=int, help="channels of the stem; None is the published width")
    add("--frames", type=int, default=8, help="frames of a window")
    add("--size", nargs="+", type=int, default=[224], help="height and width of the frames in pixels, or one for both")
    add("--rounds", type=int, default=7, help="rounds that count")
    add("--no-memory", dest="memory", action="store_false", help="leave out the peaks of memory")
    add("--output", type=Path, help="write machine, settings and all figures to this JSON file")
    options = parser.parse_args(arguments)
    if min(options.frames, *options.size, options.rounds) < 1:
        parser.error("frames, pixels and rounds must be 1 or more")
    if len(options.size) > 2:
        parser.error("--size takes one number, or height and width")
    options.size = tuple(options.size * 2 if len(options.size) == 1 else options.size)
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON file."""
    options = parse(arguments)
    check_writable(options.output)
    found = {"benchmark": "online", "machine": describe(CPU), "settings": settings(options)}
    found["rows"] = rows = measure(options)
    table = Table(title="for each frame", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in ("network", "form", "ms", "time / ordinary window's", "kept, MB", "peak, MB"):
        table.add_column(column, no_wrap=True)
    for row in rows:
        peak = "" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 1e6:.1f}"
        table.add_row(
            row["network"],
            row["form"],
            f"{row['ms']:.1f}",
            f"{row['ratio']:.3f}",
            f"{row['kept_bytes'] / 1e6:.2f}",
            peak,
        )
    print_table(table)
    out.print(f"medians of {options.rounds} interleaved rounds; {found['machine']}")
    if options.output:
        write_json(options.output, found)


if __name__ == "__main__":
    run_main(main)
