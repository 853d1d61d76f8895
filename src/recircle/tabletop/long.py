"""Long videos of many actions: one after the other, with pauses between, and a table of what happens when."""

import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recircle.config import parse_json, read_bytes
from recircle.cores import cores
from recircle.errors import UserError
from recircle.files import atomic_write, make_folder, remove_parts
from recircle.tabletop.actions import CLASSES
from recircle.tabletop.config import SIZES, TabletopConfig, TabletopSize
from recircle.tabletop.encode import encode
from recircle.tabletop.generate import Progress
from recircle.tabletop.looks import Split
from recircle.tabletop.render import Scene

NOTE = "tabletop_long.json"
"""Beside the videos: what they were made from."""

TRUTH = "truth.csv"
"""Beside the videos: what happens when, with the columns video, start, end and label."""

_DRAWING = 1
"""Changes with every change of what a seed draws."""

# an action takes so much of a clip's time, and things stand still for so much of it before and after
_SPEEDS = (0.8, 1.25)
_PAUSES = (0.1, 0.8)
# numbers of clips that a benchmark of any size does not have, so that no long video shows one of its clips
_FIRST_NUMBER = 1_000_000


@dataclass(frozen=True, kw_only=True)
class LongConfig:
    """What the long videos are.

    Attributes:
        videos: how many.
        seconds: of each; the last action is not cut off, so that a video ends with a pause.
        pixels: height and width of a frame.
        frames: of an action at its usual speed.
        fps: frames a second.
        split: whose shapes, patterns, colours, tables and people are shown.
        seed: another one gives other videos.
    """

    videos: int
    seconds: float
    pixels: int
    frames: int
    fps: int
    split: Split = "test"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.videos < 1:
            raise ValueError(f"videos={self.videos} must be 1 or more")
        least = 4 * self.frames / self.fps
        if not least <= self.seconds < float("inf"):
            raise ValueError(f"seconds={self.seconds:g}: the shortest video with a few actions has {least:g}")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must be 0 or more")

    @classmethod
    def of(
        cls, size: TabletopSize | TabletopConfig, *, videos: int, seconds: float, split: Split = "test", seed: int = 0
    ) -> "LongConfig":
        """Return videos of the pixels, the rate and the usual length of actions of a benchmark's size."""
        numbers = SIZES[size] if isinstance(size, str) else size
        return cls(
            videos=videos,
            seconds=seconds,
            pixels=numbers.pixels,
            frames=numbers.frames,
            fps=numbers.fps,
            split=split,
            seed=seed,
        )


@dataclass(frozen=True)
class _Shot:
    """One action of a video.

    Attributes:
        label: its class.
        number: of the clip that is drawn.
        before: frames in which all stands still as it is before the action.
        acting: frames of the action.
        after: frames in which all stays as it is after it.
    """

    label: str
    number: int
    before: int
    acting: int
    after: int


def generate_long(
    output: str | Path, config: LongConfig, *, workers: int | None = None, progress: Progress | None = None
) -> Path:
    """Write videos in which one action follows the other, and the table of what happens when.

    Between two actions the things stand still, then other things are there. The frames depend on the config alone.
    Videos that are there already are not written again. Of a video no more than a few frames are held in memory.

    Args:
        output: folder, which may exist if it is empty or holds these videos.
        config: what they are.
        workers: processes, of which each makes a video at a time; None is one for each core.
        progress: called after each video.

    Returns:
        The table of what happens when, OUTPUT/truth.csv.

    Raises:
        UserError: the folder holds other videos or something else.
    """
    output = Path(output)
    _claim(output, config)
    numbers = range(config.videos)
    rows: list[tuple[str, float, float, str]] = []
    for done, made in enumerate(_made(output, config, min(workers or cores(), config.videos)), 1):
        rows += made
        if progress:
            progress(done, len(numbers))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("video", "start", "end", "label"))
    table.writerows((video, f"{start:.6g}", f"{end:.6g}", label) for video, start, end, label in rows)
    atomic_write(output / TRUTH, text.getvalue())
    return output / TRUTH


def _made(output: Path, config: LongConfig, workers: int) -> Iterator[list[tuple[str, float, float, str]]]:
    tasks = [(output, config, number) for number in range(config.videos)]
    if workers == 1:
        yield from map(_make, tasks)
        return
    # forking a process that has threads, as every one has that imported torch, can hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_make, tasks)


def _make(task: tuple[Path, LongConfig, int]) -> list[tuple[str, float, float, str]]:
    """Write one video unless it is there, and return its rows of the table."""
    output, config, number = task
    name = f"{number:03d}.mp4"
    shots = list(_shots(config, number))
    path = output / name
    if not path.is_file():
        atomic_write(path, lambda part: encode(part, _frames(config, shots), config.fps), durable=False)
    rows: list[tuple[str, float, float, str]] = []
    frame = 0
    for shot in shots:
        start = frame + shot.before
        rows.append((name, start / config.fps, (start + shot.acting) / config.fps, shot.label))
        frame = start + shot.acting + shot.after
    return rows


def _shots(config: LongConfig, video: int) -> Iterator[_Shot]:
    """Draw the actions of a video, as many as begin and end in its time."""
    rng = np.random.default_rng((config.seed, video, _DRAWING))
    left, number = round(config.seconds * config.fps), _FIRST_NUMBER * (video + 1)
    labels = list(CLASSES)
    while True:
        before, after = (max(1, round(float(pause) * config.frames)) for pause in rng.uniform(*_PAUSES, 2))
        acting = round(float(rng.uniform(*_SPEEDS)) * config.frames)
        shot = _Shot(labels[int(rng.integers(len(labels)))], number, before, acting, after)
        if before + acting + after > left:
            return
        left, number = left - before - acting - after, number + 1
        # what no action fits into is a longer pause after the last one
        fits = left >= round((_SPEEDS[1] + 2 * _PAUSES[1]) * config.frames) + 1
        yield shot if fits else _Shot(shot.label, shot.number, before, acting, after + left)
        if not fits:
            return


def _frames(config: LongConfig, shots: list[_Shot]) -> Iterator[NDArray[np.uint8]]:
    for shot in shots:
        drawn = TabletopConfig(train=1, test=1, pixels=config.pixels, frames=max(8, shot.acting), fps=config.fps)
        scene = Scene.draw(drawn, config.seed, config.split, shot.label, shot.number)
        count = len(scene.shake)
        for early in range(shot.before, 0, -1):
            yield scene.moment(0.0, _there_and_back(early, count))
        for number in range(shot.acting):
            yield scene.moment(number / max(1, shot.acting - 1), number)
        for late in range(shot.after):
            yield scene.moment(1.0, _there_and_back(count + late, count))


def _there_and_back(number: int, count: int) -> int:
    """Return a number from 0 to count - 1, going up and down: a camera that goes on swaying."""
    place = number % (2 * count)
    return min(place, 2 * count - 1 - place)


def _claim(output: Path, config: LongConfig) -> None:
    """Note in the folder which videos it holds, or see that it is these."""
    note = output / NOTE
    wanted = {"drawing": _DRAWING, **asdict(config)}
    if note.is_file():
        try:
            found = parse_json(read_bytes(note), note)
        except UserError:
            found = None
        if found != wanted:
            raise UserError(f"{output} holds other long videos ({NOTE} differs); name another folder, or remove it")
        return
    remove_parts(output)
    if output.is_dir() and any(output.iterdir()):
        raise UserError(f"{output} is not empty and holds no long videos; name another folder")
    make_folder(output)
    atomic_write(note, json.dumps(wanted, indent=2) + "\n")
