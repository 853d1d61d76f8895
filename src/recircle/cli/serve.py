"""`recircle serve`: a run that answers requests over HTTP."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from recircle.cli.arguments import at_least, call
from recircle.cli.console import out
from recircle.errors import UserError
from recircle.serving.limits import Limits

LIMITS = Limits()


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(serve, "serve", arguments)


def serve(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    *,
    host: Literal["127.0.0.1", "0.0.0.0", "::"] = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    batch: int = 8,
    wait: float = 0.02,
    limits: Limits = LIMITS,
    clips: int = 1,
    crops: Literal[1, 3, 10] = 1,
    calibrated: bool = False,
    steps: int | None = None,
    engine: Literal["torch", "onnxruntime", "openvino", "aoti"] = "torch",
    precision: Literal["fp32", "bf16", "fp16", "int8"] = "fp32",
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
) -> int:
    """Answer requests over HTTP: `curl -F clip=@clip.mp4 http://127.0.0.1:8000/predict`.

    The answer is what `recircle predict --json` prints. A clip that cannot be read is 422 with the reason; it is
    decoded in a process of its own, and no path or address of the client's is opened. There are also /health, /metrics
    (for Prometheus), /info, and /docs with the form of requests. SIGTERM and Ctrl-C end it when the requests that are
    there have been answered.

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
        host: 127.0.0.1 for this machine alone, 0.0.0.0 for all that can reach it. There is no password: put a proxy
            before it where that is needed.
        port: where it listens.
        workers: processes that recognise, on each device.
        batch: most clips that pass the network together.
        wait: seconds that a clip waits for others to come, at most.
        limits: what a request may ask for.
        clips: views in time.
        crops: views in space: 1, 3 or 10.
        calibrated: use the temperature that `recircle eval --calibrate` left in the run.
        steps: recursive steps of ARC layers; by default as many as they learned.
        engine: what runs the network: PyTorch, or an exported file in ONNX Runtime, OpenVINO or as machine code (aoti).
            It is the file that `recircle export` left in the run, or else one that is written there.
        precision: fp32; bf16 with torch and openvino, fp16 with torch; int8 with onnxruntime and openvino, of a file
            that `recircle export --precision int8` wrote.
        device: auto, cpu, cuda, mps.
    """
    at_least(1, workers=workers, batch=batch, clips=clips)
    if not wait >= 0:
        raise UserError(f"--wait {wait:g} must be 0 or more")
    if engine != "torch" and device not in ("auto", "cpu"):
        raise UserError(f"--engine {engine} runs on the CPU; leave out --device {device}, or take the engine torch")
    try:
        from recircle.serving.server import serve as start
    except ImportError as error:
        raise UserError(
            f'the service needs packages that are not there ({error}): pip install "recircle[serve]"'
        ) from None
    start(
        run,
        options={"clips": clips, "crops": crops, "calibrated": calibrated, "steps": steps}
        | {"engine": engine, "precision": precision},
        limits=limits,
        host=host,
        port=port,
        workers=workers,
        batch=batch,
        wait=wait,
        accelerator=device if engine == "torch" else "cpu",
        ready=lambda: out.print(f"serving {run} on http://{host}:{port}/predict  (/docs, /health, /metrics)"),
    )
    return 0
