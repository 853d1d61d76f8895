"""`recircle predict`: the classes of new clips."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.table import Table

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import error, out, plain, print_json, print_table
from recircle.errors import UserError

if TYPE_CHECKING:
    from recircle.decode.frames import DecodeError
    from recircle.inference.recognition import Recognition


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(predict, "predict", arguments)


def predict(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    files: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILES...")],
    *,
    top: int = 5,
    clips: int = 1,
    crops: Literal[1, 3, 10] = 1,
    calibrated: bool = False,
    json: bool = False,
    workers: int = 2,
    seconds: float = 600.0,
    device: str = "auto",
) -> int:
    """Recognise video files and folders of frames.

    A file that cannot be decoded, or crashes the process that decodes it, takes more than 4 GiB there or too long, is
    reported in its place and the others go on; the exit code is then 1.

    Args:
        run: folder of the run.
        files: video files, or folders of images that are one clip each.
        top: how many classes to show of each clip.
        clips: views in time.
        crops: views in space: 1, 3 or 10.
        calibrated: use the temperature that `recircle eval --calibrate` left in the run.
        json: print one JSON object a line for each file: path, label, probability, top, protocol; or path and error.
        workers: processes that decode ahead.
        seconds: after how long a file is given up.
        device: auto, cpu, cuda, cuda:1, mps.
    """
    from recircle.inference.recognizer import Recognizer

    at_least(1, top=top, clips=clips, workers=workers)
    above_zero(seconds=seconds)
    if not files:
        raise UserError("give at least one video file or folder of frames after the run")
    recognizer = Recognizer.load(run, device, clips=clips, crops=crops, calibrated=calibrated, seconds=seconds)
    results = recognizer.many(files, workers=workers)
    broken = _print_json(results, top) if json else _print_table(results, top)
    if broken and not json:
        error(f"{broken} of {len(files)} files cannot be decoded")
    return 1 if broken else 0


def _print_json(results: "Iterable[tuple[Path, Recognition | DecodeError]]", top: int) -> int:
    """Print each result as soon as it is there; return the number of broken files."""
    from recircle.decode.frames import DecodeError

    broken = 0
    for path, result in results:
        if isinstance(result, DecodeError):
            broken += 1
            print_json({"path": str(path), "error": result.reason})
        else:
            print_json({"path": str(path), **result.to_dict(top)})
    return broken


def _print_table(results: "Iterable[tuple[Path, Recognition | DecodeError]]", top: int) -> int:
    from recircle.decode.frames import DecodeError

    broken, protocol = 0, ""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("file", overflow="fold")
    table.add_column("%", justify="right", no_wrap=True)
    table.add_column("class")
    for path, result in results:
        if isinstance(result, DecodeError):
            broken += 1
            table.add_row(plain(path), "", plain(f"cannot be decoded: {result.reason}"), style="red")
            continue
        protocol = result.protocol
        for place, (label, probability) in enumerate(result.top(top)):
            table.add_row(plain(path) if place == 0 else "", f"{100 * probability:.1f}", plain(label))
    print_table(table)
    if protocol:
        out.print(f"protocol: {protocol}")
    return broken
