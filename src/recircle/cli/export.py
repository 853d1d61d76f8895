"""`recircle export`: a run as one file for other programs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from recircle.cli.arguments import call
from recircle.cli.console import err, out
from recircle.errors import UserError


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(export, "export", arguments)


def export(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    *,
    format: Literal["onnx", "torch", "aoti", "executorch"] = "onnx",  # noqa: A002  (the option's name)
    output: Path | None = None,
    clips: int | None = None,
    frames: int | None = None,
    online: bool = False,
    steps: int | None = None,
    precision: Literal["fp32", "int8"] = "fp32",
    calibrate: Annotated[Path | None, tyro.conf.arg(metavar="MANIFEST|CLIPS")] = None,
) -> int:
    """Write a run's network as one file that runs without recircle: uint8 frames [B, T, 3, H, W] in, logits [B, K] out.

    Normalisation is inside; labels, preprocessing and sampling are in the file's metadata under "model.json". B and T
    are free unless they are given. The file is read back and compared with the run's network before it is put in its
    place.

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
        format: onnx, for ONNX Runtime and others; torch, a file of torch.export; aoti, machine code for computers like
            this one, which takes minutes to compile here and nothing to start; executorch, for phones and small
            devices.
        output: the file; by default model.onnx, model.pt2, model.aoti.pt2 or model.pte in the run's folder, or with
            --online model.online.onnx and so on, with --steps 2 model.n2.onnx.
        clips: B, as a number in the file, for devices that want to know every shape; 1 for executorch, if not given.
        frames: T, likewise; for executorch as many as the run samples, if not given.
        online: of a causal network (--model.causal), write what runs frame by frame: a frame and a state in, logits of
            the video so far and the next state out.
        steps: recursive steps of ARC layers; by default as many as they learned.
        precision: int8 writes RUN/model.int8.onnx (with --steps 2 model.n2.int8.onnx), in whole numbers whose ranges
            come from clips, and measures its accuracy beside that of the run on the clips that training held out.
        calibrate: the clips that give the ranges: a manifest, whose training clips are taken, or clips; by default the
            training clips of the run. 64 of them are enough.
    """
    if precision == "int8":
        if format != "onnx" or online:
            raise UserError("--precision int8 is for ONNX files of whole clips; leave out --format and --online")
        return _export_int8(run, output, calibrate, clips, frames, steps)
    if calibrate is not None:
        raise UserError(f"--calibrate {calibrate} is for --precision int8; give both")
    from recircle.export import export_run

    with err.status("reading the run") as status:
        exported = export_run(
            run, format, output, clips=clips, frames=frames, online=online, steps=steps, stage=status.update
        )
    parity = exported.parity
    shapes = ", ".join(dict.fromkeys(f"{many} x {length}" for many, length in parity.shapes))
    out.print(f"{exported.path}: {exported.path.stat().st_size / 1e6:.1f} MB")
    if exported.state:
        numbers = sum(math.prod(entry.shape) for entry in exported.state.values())
        height, width = exported.shape.size
        out.print(
            f"frames uint8 [B, 3, {height}, {width}] and a state of {len(exported.state)} tensors, {numbers:,} numbers "
            f"a video (state.json in the file) -> logits float32 [B, {exported.classes}] and the next state"
        )
    else:
        batch = exported.shape.clips or "B"
        out.print(f"frames uint8 {exported.shape} -> logits float32 [{batch}, {exported.classes}]")
    out.print(
        f"read back and compared with the run on random clips (B x T: {shapes}): logits differ by "
        f"{parity.difference:.1e} at most, and by {parity.spread:.1e} between clips",
    )
    return 0


def _export_int8(
    run: Path,
    output: Path | None,
    calibrate: Path | None,
    clips: int | None,
    frames: int | None,
    steps: int | None,
) -> int:
    from recircle.evaluation.lines import comparison_lines
    from recircle.inference.int8 import export_int8
    from recircle.run import Run

    with err.status("reading the run") as status:
        written = export_int8(
            run, output, calibrate=calibrate, clips=clips, frames=frames, steps=steps, stage=status.update
        )
    size = written.path.stat().st_size
    out.print(f"{written.path}: {size / 1e6:.1f} MB ({written.bytes_before / 1e6:.1f} MB in fp32)")
    batch, classes = written.shape.clips or "B", len(Run.open(run).load_spec().labels)
    out.print(f"frames uint8 {written.shape} -> logits float32 [{batch}, {classes}]")
    out.print(f"calibrated on {written.calibrated_on} {written.source}")
    if written.paired is None:
        out.print(f"its accuracy was not measured: {written.unmeasured}")
        return 0
    out.print(f"top-1 of {written.paired.clips} held-out clips: {written.before} before, {written.after} in int8")
    out.print(next(comparison_lines(written.paired)))
    return 0
