"""What ARC costs in engines that run exported files, on one thread of a CPU: ONNX Runtime and OpenVINO.

    python -m benchmarks.engines --folder exported --output engines.json
    python -m benchmarks.engines --folder exported --engines onnxruntime openvino --rounds 21

Each network, with weights as training might leave them, is written by the exporter of `recircle export` into the
folder, where a later run finds it again, and for int8 quantised by ONNX Runtime from random clips (static, weights with
a scale for each channel). The times are minima of processor time over rounds by turns, for one clip. OpenVINO gets the
shape of the clip, as it would on a device.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table

from benchmarks.machine import check_writable, describe, run_main, settings, write_json
from benchmarks.networks import build, has_steps
from recircle.arc.config import PRESETS, ArcConfig
from recircle.cli.console import out, print_table, progress
from recircle.errors import UserError
from recircle.export import int8, onnx_model
from recircle.export.network import ExportedNetwork, capture
from recircle.files import atomic_write
from recircle.views.preprocessing import Preprocessing

ENGINES = ("onnxruntime", "onnxruntime-int8", "openvino", "openvino-bf16", "openvino-int8")

Infer = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A network in an engine.

    Attributes:
        ms: the least processor time of a clip.
        ratio: that in units of the host's in the same engine.
    """

    engine: str
    model: str
    ms: float
    ratio: float


def write_network(name: str, path: Path, *, preset: str, steps: int, size: int, width: int | None) -> None:
    """Export a network with drawn matrices, so that none is found to do nothing.

    Raises:
        UserError: there is no such network, or packages are missing.
    """
    torch.manual_seed(0)
    model = build(name, arc=ArcConfig.preset(preset, steps=steps) if has_steps(name) else None, width=width).eval()
    with torch.no_grad():
        for key, value in model.named_parameters():
            if key.endswith(("embedding", "attention", "fusion")):
                value.normal_(0, 0.01)
    program = capture(ExportedNetwork(model, Preprocessing(resize=size, crop=size)))
    atomic_write(path, lambda part: onnx_model.write(program, {}, part))


def load(engine: str, path: Path, clip: np.ndarray) -> Infer:
    """Return the network in a file as a call for one clip.

    Raises:
        UserError: the engine is not installed.
    """
    if engine.startswith("onnxruntime"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda: session.run(["logits"], {"frames": clip})
    try:
        import openvino  # pyright: ignore[reportMissingImports]  (an extra)
    except ImportError as error:
        raise UserError(f'the engine {engine} does not load ({error}): pip install "recircle[openvino]"') from None
    core: Any = openvino.Core()
    model = core.read_model(path)
    model.reshape({"frames": list(clip.shape)})
    precision = "bf16" if engine.endswith("bf16") else "f32"
    hints = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
    request = core.compile_model(model, "CPU", hints).create_infer_request()
    return lambda: request.infer({0: clip})


def measure(options: argparse.Namespace) -> list[Row]:
    """Export what is not there yet, and time all by turns."""
    onnx_model.require()
    names = (options.host, options.model)
    random = np.random.default_rng(0)
    shape = (1, options.frames, 3, options.size, options.size)
    clips = [random.integers(256, size=shape, dtype=np.uint8) for _ in range(2)]
    runs: dict[tuple[str, str], Infer] = {}
    options.folder.mkdir(parents=True, exist_ok=True)
    with progress("exporting and loading") as show:
        for name in names:
            variant = [options.preset, f"n{options.steps}"] if has_steps(name) else []
            kind = [name, *variant, *[f"w{options.width}"] * bool(options.width)]
            path = options.folder / f"{'_'.join([*kind, str(options.size)])}.onnx"
            quantised = path.with_suffix(".int8.onnx")
            if not path.exists():
                write_network(
                    name,
                    path,
                    preset=options.preset,
                    steps=options.steps,
                    size=options.size,
                    width=options.width,
                )
            for engine in options.engines:
                show(len(runs), len(names) * len(options.engines))
                in_int8 = engine.endswith("int8")
                if in_int8 and not quantised.exists():
                    atomic_write(quantised, partial(int8.quantise, path, clips=clips, texts={}))
                runs[engine, name] = load(engine, quantised if in_int8 else path, clips[0])
    least = _least(runs, options.rounds)
    return [
        Row(engine=engine, model=name, ms=1e3 * seconds, ratio=seconds / least[engine, options.host])
        for (engine, name), seconds in least.items()
    ]


def _least(runs: dict[tuple[str, str], Infer], rounds: int) -> dict[tuple[str, str], float]:
    least = dict.fromkeys(runs, float("inf"))
    for turn in range(rounds + 1):
        for key, infer in runs.items():
            began = time.process_time()
            infer()
            if turn:
                least[key] = min(least[key], time.process_time() - began)
    return least


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engines",
        description="A network with ARC and its host in engines for exported files.",
    )
    add = parser.add_argument
    add("--model", default="arc_tsm_resnet18", help="the network with ARC")
    add("--host", default="tsm_resnet18", help="the network that it is compared with")
    add("--steps", type=int, default=4, help="n of the ARC layers")
    add("--preset", choices=PRESETS, default=PRESETS[0], help="the variant of the ARC layers")
    add("--width", type=int, help="channels of the stems; narrower networks for a quick look")
    add("--engines", nargs="+", choices=ENGINES, default=list(ENGINES), help="what runs the files")
    add("--folder", type=Path, required=True, help="where the exported files are, or are written")
    add("--frames", type=int, default=8, help="frames of a clip")
    add("--size", type=int, default=224, help="side of the frames in pixels")
    add("--rounds", type=int, default=11, help="rounds that count")
    add("--output", type=Path, help="write machine, settings and all figures to this JSON file")
    options = parser.parse_args(arguments)
    if min(options.steps, options.frames, options.size, options.rounds) < 1:
        parser.error("numbers of steps, frames, pixels and rounds must be 1 or more")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON file."""
    options = parse(arguments)
    check_writable(options.output)
    machine = {**describe(torch.device("cpu")), "threads": 1}
    rows = measure(options)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, side in (("engine", "left"), ("network", "left"), ("ms", "right"), ("time / host's", "right")):
        table.add_column(column, justify=side, no_wrap=True)  # pyright: ignore[reportArgumentType]
    for row in rows:
        table.add_row(row.engine, row.model, f"{row.ms:.1f}", f"{row.ratio:.2f}")
    print_table(table)
    out.print(f"{options.frames} frames of {options.size} px; minima of {options.rounds} rounds by turns; {machine}")
    if options.output:
        found = {"machine": machine, "settings": settings(options), "rows": [asdict(row) for row in rows]}
        write_json(options.output, {"benchmark": "engines", **found})


if __name__ == "__main__":
    run_main(main)
