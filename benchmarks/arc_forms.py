"""What each fast form of the ARC layer gains on the clock of a whole network, over the general form.

    OMP_NUM_THREADS=1 python -m benchmarks.arc_forms --output forms.json
    OMP_NUM_THREADS=1 python -m benchmarks.arc_forms --width 16 --size 32 64 --train-batch 16 --rounds 15

The forms compute the same; a network is timed with all of them and with some switched off, by turns. Times are medians
over interleaved rounds after one round that is not counted. Networks without gradients are prepared for inference, with
random weights. Nothing here asserts a time.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from rich.table import Table
from torch import nn

from benchmarks.machine import Run, check_writable, describe, interleave, run_main, settings, write_json
from benchmarks.networks import TrainingStep, build, inference
from recircle import ArcConfig, prepare_for_inference
from recircle.arc import functional, module
from recircle.cli.console import out, print_table, progress

NETWORK = "arc_tsm_resnet18"
CPU = torch.device("cpu")

CASES: Mapping[tuple[str, bool], Sequence[tuple[str, tuple[str, ...]]]] = {
    ("paper", False): (("general", ("superposes", "evolves_in_place")), ("in place", ())),
    ("light", False): (
        ("general", ("evolves_in_place", "takes_short_steps")),
        ("in place", ("takes_short_steps",)),
        ("short steps", ()),
    ),
    ("temporal", False): (
        ("general", ("superposes", "evolves_in_place", "takes_short_steps")),
        ("in place", ("superposes", "takes_short_steps")),
        ("short steps", ("superposes",)),
        ("sum of convolutions", ()),
    ),
    ("paper", True): (("general", ("only_attends", "recomputes")), ("recomputed", ())),
    ("light", True): (
        ("general", ("only_attends", "recomputes")),
        ("recomputed", ("only_attends",)),
        ("attention only", ()),
    ),
    ("temporal", True): (
        ("general", ("only_attends", "recomputes")),
        ("recomputed", ("only_attends",)),
        ("attention only", ()),
    ),
}
"""By preset, and whether with gradients: the forms, and what is switched off so that each is the one that is chosen."""


@contextmanager
def without(names: Sequence[str]) -> Iterator[None]:
    """Switch forms off by the functions that tell whether they know a variant."""
    with ExitStack() as stack:
        for name in names:
            place = module if name == "superposes" else functional
            stack.enter_context(patch.object(place, name, lambda *_: False))
        yield


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the milliseconds of each form, and their ratio to those of the general one."""
    rows: list[dict[str, Any]] = []
    for (preset, training), forms in CASES.items():
        for steps in options.steps:
            runs = {form: _run(preset, steps, off, options, training=training) for form, off in forms}
            what = "a training step" if training else "inference, prepared"
            with progress(f"{preset}, n = {steps}, {what}") as show:
                timings = interleave(runs, options.rounds, CPU, show)
            general = timings["general"].median
            rows += [
                {"preset": preset, "steps": steps, "what": what, "form": form, **t.ms, "ratio": t.median / general}
                for form, t in timings.items()
            ]
    return rows


def _run(preset: str, steps: int, off: Sequence[str], options: argparse.Namespace, *, training: bool) -> Run:
    batch = options.train_batch if training else 1
    images = torch.randn(batch * options.frames, 3, *options.size).contiguous(memory_format=torch.channels_last)
    clips = images.unflatten(0, (batch, options.frames))
    network: nn.Module = build(NETWORK, arc=ArcConfig.preset(preset, steps=steps), width=options.width)
    with without(off):
        step = TrainingStep(network, clips, torch.float32) if training else None
        plain = inference(prepare_for_inference(network), clips, torch.float32) if step is None else step

    def run() -> None:
        with without(off):
            plain()

    return run


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.arc_forms", description=f"What each form of the ARC layer gains in {NETWORK}."
    )
    add = parser.add_argument
    add("--steps", nargs="+", type=int, default=[2, 4], help="numbers of steps, n")
    add("--width", type=int, help="channels of the stem; None is the published width")
    add("--frames", type=int, default=8, help="frames of a clip")
    add("--size", nargs="+", type=int, default=[224], help="height and width of the frames in pixels, or one for both")
    add("--train-batch", type=int, default=2, help="clips in a training step")
    add("--rounds", type=int, default=5, help="rounds that count")
    add("--output", type=Path, help="write machine, settings and all figures to this JSON file")
    options = parser.parse_args(arguments)
    if min(*options.steps, options.frames, *options.size, options.train_batch, options.rounds) < 1:
        parser.error("numbers of steps, frames, pixels, clips and rounds must be 1 or more")
    if len(options.size) > 2:
        parser.error("--size takes one number, or height and width")
    options.size = options.size * 2 if len(options.size) == 1 else options.size
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON file."""
    options = parse(arguments)
    check_writable(options.output)
    found = {"benchmark": "arc_forms", "machine": describe(CPU), "settings": settings(options)}
    found["rows"] = rows = measure(options)
    table = Table(title=NETWORK, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in ("preset", "n", "what", "form", "ms", "time / general form's"):
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(
            row["preset"], str(row["steps"]), row["what"], row["form"], f"{row['ms']:.1f}", f"{row['ratio']:.3f}"
        )
    print_table(table)
    out.print(f"medians of {options.rounds} interleaved rounds; {found['machine']}")
    if options.output:
        write_json(options.output, found)


if __name__ == "__main__":
    run_main(main)
