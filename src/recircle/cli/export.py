"""`recircle export`: a run as one file for other programs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from recircle.cli.arguments import call
from recircle.cli.console import err, out


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(export, "export", arguments)


def export(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    *,
    format: Literal["onnx", "torch", "aoti"] = "onnx",  # noqa: A002  (the option's name)
    output: Path | None = None,
    online: bool = False,
) -> int:
    """Write a run's network as one file that runs without recircle: uint8 frames [B, T, 3, H, W] in, logits [B, K] out.

    Normalisation is inside; labels, preprocessing and sampling are in the file's metadata under "model.json". B and T
    are free. The file is read back and compared with the run's network before it is put in its place.

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
        format: onnx, for ONNX Runtime and others; torch, a file of torch.export; aoti, machine code for computers like
            this one, which takes minutes to compile here and nothing to start.
        output: the file; by default model.onnx, model.pt2 or model.aoti.pt2 in the run's folder, or with --online
            model.online.onnx and so on.
        online: of a causal network (--model.causal), write what runs frame by frame: a frame and a state in, logits of
            the video so far and the next state out.
    """
    from recircle.export import export_run

    with err.status("reading the run") as status:
        exported = export_run(run, format, output, online=online, stage=status.update)
    height, width = exported.size
    parity = exported.parity
    shapes = ", ".join(f"{batch} x {frames}" for batch, frames in parity.shapes)
    out.print(f"{exported.path}: {exported.path.stat().st_size / 1e6:.1f} MB")
    if exported.state:
        numbers = sum(math.prod(entry.shape) for entry in exported.state.values())
        out.print(
            f"frames uint8 [B, 3, {height}, {width}] and a state of {len(exported.state)} tensors, {numbers:,} numbers "
            f"a video (state.json in the file) -> logits float32 [B, {exported.classes}] and the next state"
        )
    else:
        out.print(f"frames uint8 [B, T, 3, {height}, {width}] -> logits float32 [B, {exported.classes}]")
    out.print(
        f"read back and compared with the run on random clips (B x T: {shapes}): logits differ by "
        f"{parity.difference:.1e} at most, and by {parity.spread:.1e} between clips",
    )
    return 0
