"""`recircle app`: a page on which people show clips to a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from recircle.app.scratch import private_gradio
from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import out
from recircle.errors import UserError
from recircle.serving.limits import Limits

LIMITS = Limits()


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(app, "app", arguments)


def app(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    *,
    host: Literal["127.0.0.1", "0.0.0.0", "::"] = "127.0.0.1",
    port: int = 7860,
    examples: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FILE...")] = (),
    window: float | None = None,
    limits: Limits = LIMITS,
    clips: int = 1,
    crops: Literal[1, 3, 10] = 1,
    calibrated: bool = False,
    steps: int | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
) -> int:
    """Show a page in the browser: upload or record a clip, and see its classes, and where the network looked.

    The classes are those that `recircle predict` prints. Below them are class activation maps and the states of ARC
    layers, as `recircle explain` draws them of one view, and, of a clip that is longer than those of training, what
    happens when. Clips are decoded in a process of their own and deleted after ten minutes; nothing is sent
    elsewhere. SIGTERM and Ctrl-C end it.

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
        host: 127.0.0.1 for this machine alone, 0.0.0.0 for all that can reach it. There is no password: put a proxy
            before it where that is needed.
        port: where it listens.
        examples: video files that are offered; by default some of the clips that training evaluated on.
        window: seconds of a window of the timeline; by default the middle length of the clips that the run was trained
            on.
        limits: of a clip.
        clips: views in time.
        crops: views in space: 1, 3 or 10.
        calibrated: use the temperature that `recircle eval --calibrate` left in the run.
        steps: recursive steps of ARC layers; by default as many as they learned.
        device: auto, cpu, cuda, mps.
    """
    at_least(1, clips=clips)
    if window is not None:
        above_zero(window=window)
    with private_gradio():
        try:
            from recircle.app.server import show
        except ImportError as error:
            raise UserError(
                f'the page needs packages that are not there ({error}): pip install "recircle[app]"'
            ) from None
        show(
            run,
            options={"clips": clips, "crops": crops, "calibrated": calibrated, "steps": steps},
            limits=limits,
            host=host,
            port=port,
            device=device,
            window=window,
            examples=examples,
            loaded=lambda: out.print(f"{run} is shown on http://{host}:{port}/"),
        )
    return 0
