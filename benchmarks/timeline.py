"""A long video over time: seconds, memory, and clips a second beside `predict` on the same windows cut beforehand.

    python -m benchmarks.timeline --minutes 15 120 --folder runs/timeline --output timeline.json

The video is generated (`recircle tabletop --long`), and the network is small, with drawn weights: what is measured is
the way of the frames, not what they are taken for. Each length is measured in a process of its own, whose peak memory
is that of the whole command with the process that decodes. Then some of its windows are cut into files, and the same
recogniser gets those. Where other programs run too, seconds of the processor say more than those of the clock. Nothing
here asserts a time.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from benchmarks.machine import check_writable, describe, run_main, write_json
from recircle import Preprocessing, Recognizer, Sampling, UserError, create_model
from recircle.cli.console import out, print_table, progress
from recircle.decode.running import Passage, running_frames
from recircle.tabletop import CLASSES, LongConfig, generate_long
from recircle.tabletop.encode import encode

WINDOW, STRIDE = 2.0, 0.5


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured of one way.

    Attributes:
        what: the way, in words.
        minutes: of the video.
        clips: windows, or files of one window each.
        seconds: by the clock.
        cpu_seconds: of the processor, of this process and of those that decoded.
        clips_per_s: by the clock.
        clips_per_cpu_s: by the processor.
        memory_mb: the most that this process held, and the one that decodes, together.
        memory_at_first_mb: this process before the first frame.
    """

    what: str
    minutes: float
    clips: int
    seconds: float
    cpu_seconds: float
    clips_per_s: float
    clips_per_cpu_s: float
    memory_mb: float
    memory_at_first_mb: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the lengths, print a table and write a JSON file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.timeline", description=(__doc__ or "").partition("\n")[0]
    )
    add = parser.add_argument
    add("--minutes", type=float, nargs="+", default=[15.0], help="lengths of the videos")
    add("--folder", type=Path, default=Path("runs/timeline"), help="where videos are, or are generated")
    add("--model", default="tsm_resnet18", help="network")
    add("--width", type=int, default=8, help="channels of its first stage")
    add("--pixels", type=int, default=64, help="side of what it sees")
    add("--cut", type=int, default=1000, help="windows that are cut into files for predict")
    add("--output", type=Path, help="JSON file")
    add("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(asdict(measure(options.measure, options.minutes[0], options))))
        return
    if options.output is not None:
        check_writable(options.output)
    rows: list[Row] = []
    for minutes in options.minutes:
        prepare(options.folder, minutes, options.cut)
        rows += [in_process(what, minutes, options) for what in ("timeline", "predict")]
    show(rows)
    if options.output is not None:
        settings = {"window": WINDOW, "stride": STRIDE, "model": options.model, "width": options.width}
        settings |= {"pixels": options.pixels, "frames": 8}
        machine = describe(torch.device("cpu"))
        write_json(options.output, {"machine": machine, "settings": settings, "rows": [asdict(row) for row in rows]})


def prepare(folder: Path, minutes: float, cut: int) -> None:
    """Generate a video and cut windows of it into files, unless they are there."""
    video = folder_of(folder, minutes) / "000.mp4"
    with progress(f"generating {minutes:g} minutes"):
        generate_long(video.parent, LongConfig.of("small", videos=1, seconds=60 * minutes), workers=1)
    windows = video.parent.with_name(f"{video.parent.name}_windows")
    windows.mkdir(exist_ok=True)
    if len(list(windows.iterdir())) >= cut:
        return
    frames, first = [], 0.0
    passage = Passage()
    for frame in running_frames(video, passage):
        frames.append(frame.image.copy())
        count = round(WINDOW * passage.fps)
        if len(frames) == count:
            number = round(first / STRIDE)
            encode(windows / f"{number:05}.mp4", np.stack(frames), round(passage.fps))
            if len(list(windows.iterdir())) >= cut:
                return
            frames = frames[round(STRIDE * passage.fps) :]
            first += STRIDE


def folder_of(folder: Path, minutes: float) -> Path:
    """Return where the video of a length is."""
    return folder / f"{minutes:g}_minutes"


def in_process(what: str, minutes: float, options: argparse.Namespace) -> Row:
    """Measure in a process of its own, whose memory nothing else has touched."""
    words = ["--minutes", str(minutes), "--folder", str(options.folder), "--model", options.model]
    words += ["--width", str(options.width), "--pixels", str(options.pixels), "--measure", what]
    done = subprocess.run([sys.executable, "-m", "benchmarks.timeline", *words], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"measuring {what} of {minutes:g} minutes failed: {done.stderr.strip().splitlines()[-1]}")
    return Row(**json.loads(done.stdout))


def measure(what: str, minutes: float, options: argparse.Namespace) -> Row:
    """Measure one way in this process."""
    folder = folder_of(options.folder, minutes)
    torch.manual_seed(0)
    model = create_model(options.model, num_classes=len(CLASSES), width=options.width)
    preprocessing = Preprocessing(resize=options.pixels, crop=options.pixels)
    with Recognizer(
        model, tuple(CLASSES), sampling=Sampling(frames=8), preprocessing=preprocessing, device="cpu"
    ) as rec:
        rec(np.zeros((16, 80, 80, 3), np.uint8))  # what is made once is made
        memory = _peak(resource.RUSAGE_SELF)
        wall, cpu = time.perf_counter(), _cpu()
        if what == "timeline":
            clips = len(rec.timeline(folder / "000.mp4", window=WINDOW, stride=STRIDE))
        else:
            files = sorted(folder.with_name(f"{folder.name}_windows").iterdir())
            clips = sum(1 for _ in rec.many(files))
        wall = time.perf_counter() - wall
    cpu = _cpu() - cpu
    return Row(
        what="timeline, windows of one file" if what == "timeline" else "predict, a file for each window",
        minutes=minutes,
        clips=clips,
        seconds=round(wall, 1),
        cpu_seconds=round(cpu, 1),
        clips_per_s=round(clips / wall, 1),
        clips_per_cpu_s=round(clips / cpu, 1),
        memory_mb=round(_peak(resource.RUSAGE_SELF) + _peak(resource.RUSAGE_CHILDREN)),
        memory_at_first_mb=round(memory),
    )


def _peak(who: int) -> float:
    """Return the most memory that this process, or the largest of those it started, has held, in millions of bytes."""
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def _cpu() -> float:
    """Return the seconds of the processor of this process and those that it started and that have ended."""
    return sum(
        one.ru_utime + one.ru_stime for one in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def show(rows: Sequence[Row]) -> None:
    """Print what was measured."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("minutes", "way", "clips", "s", "CPU s", "clips/s", "clips/CPU s", "peak MB", "MB before"):
        table.add_column(title, justify="left" if title == "way" else "right")
    for row in rows:
        table.add_row(
            f"{row.minutes:g}",
            row.what,
            f"{row.clips}",
            f"{row.seconds:.1f}",
            f"{row.cpu_seconds:.1f}",
            f"{row.clips_per_s:.1f}",
            f"{row.clips_per_cpu_s:.1f}",
            f"{row.memory_mb:.0f}",
            f"{row.memory_at_first_mb:.0f}",
        )
    print_table(table)
    out.print(f"windows of {WINDOW:g} s, each {STRIDE:g} s; 8 frames of each pass the network")


if __name__ == "__main__":
    run_main(main)
