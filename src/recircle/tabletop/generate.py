"""Writes the benchmark's video files and their manifest."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from recircle.config import parse_json, read_bytes
from recircle.cores import cores
from recircle.errors import UserError
from recircle.files import atomic_write, make_folder, remove_parts
from recircle.manifest.manifest import Clip, Manifest
from recircle.tabletop.actions import CLASSES
from recircle.tabletop.config import SIZES, TabletopConfig, TabletopSize
from recircle.tabletop.encode import encode
from recircle.tabletop.looks import Split
from recircle.tabletop.render import clip_look, render_clip

Progress = Callable[[int, int], object]
"""Called with the clips done and the clips in all."""

_DRAWING = 1
"""Changes with every change of what a seed draws, so that a folder holds the clips of one version only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Task:
    """One clip to be rendered, sent to a worker."""

    output: Path
    config: TabletopConfig
    seed: int
    split: Split
    label: str
    number: int

    @property
    def path(self) -> Path:
        """Relative to the output folder."""
        slug = re.sub(r"[^a-z]+", "-", self.label.lower()).strip("-")
        return Path(self.split, slug, f"{self.number:03d}.mp4")


def generate(
    output: str | Path,
    size: TabletopSize | TabletopConfig,
    *,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Write the generated benchmark: `manifest.csv`, and a video file a clip, `{train,test}/CLASS/NNN.mp4`.

    The frames depend on the size, the seed, the split, the class and the number of the clip, and on nothing else. The
    same benchmark that is there already is read, not written again; one that was cut off is completed.

    Args:
        output: folder, which may exist if it is empty or holds this benchmark.
        size: a name, or the numbers.
        seed: another one gives another benchmark.
        workers: processes; None is one for each core, and one in all for a few clips. More than one start Python anew,
            so a script calls this under `if __name__ == "__main__":`.
        progress: called after each clip.

    Returns:
        The manifest. Each clip's parent is its family, and its group the person who acts; no person is in both splits.

    Raises:
        UserError: the folder holds another benchmark or something else.
        ValueError: the size has no such name, or `workers` is below 1.
    """
    if isinstance(size, str) and size not in SIZES:
        raise ValueError(f"size={size!r} is not one of {', '.join(SIZES)}; give one of these or a TabletopConfig")
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: use 1 or more, or None for one for each core")
    output = Path(output)
    config = SIZES[size] if isinstance(size, str) else size
    _claim(output, config, seed)
    if (manifest := _finished(output)) is not None:
        return manifest
    splits: tuple[tuple[Split, int], ...] = (("train", config.train), ("test", config.test))
    tasks = [
        _Task(output=output, config=config, seed=seed, split=split, label=label, number=number)
        for split, count in splits
        for label in CLASSES
        for number in range(count)
    ]
    clips = []
    for clip in _clips(tasks, workers or _default_workers(len(tasks))):
        clips.append(clip)
        if progress:
            progress(len(clips), len(tasks))
    return Manifest(tuple(clips), output.absolute()).write(output / "manifest.csv")


def _claim(output: Path, config: TabletopConfig, seed: int) -> None:
    """Note in the folder which benchmark it holds, or see that it is this one."""
    note = output / "tabletop.json"
    wanted = {"drawing": _DRAWING, "seed": seed, **asdict(config)}
    if note.is_file():
        try:
            found = parse_json(read_bytes(note), note)
        except UserError:
            found = None
        if found != wanted:
            raise UserError(
                f"{output} holds another tabletop benchmark ({note.name} differs); name another folder, or remove it"
            )
        return
    remove_parts(output)
    if output.is_dir() and any(output.iterdir()):
        raise UserError(f"{output} is not empty and holds no tabletop benchmark; name another folder")
    make_folder(output)
    atomic_write(note, json.dumps(wanted, indent=2) + "\n")


def _finished(output: Path) -> Manifest | None:
    """Return the manifest that is there if all its clips are."""
    if not (output / "manifest.csv").is_file():
        return None
    manifest = Manifest.read(output / "manifest.csv")
    spoilt = [path for clip in manifest.clips if _size(path := manifest.path(clip)) != clip.size]
    for path in spoilt:
        path.unlink(missing_ok=True)
    return None if spoilt else manifest


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _default_workers(clips: int) -> int:
    """Return one for each core, but no more than pay for the time they take to start."""
    return max(1, min(cores(), clips // 200))


def _clips(tasks: list[_Task], workers: int) -> Iterator[Clip]:
    if workers == 1:
        yield from map(_make, tasks)
        return
    # forking a process that has threads, as every one has that imported torch, can hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_make, tasks, chunksize=8)


def _make(task: _Task) -> Clip:
    """Write one clip unless it is there, and return its row."""
    path = task.output / task.path
    config = task.config
    if not path.is_file():
        make_folder(path.parent)
        frames = render_clip(config, task.seed, task.split, task.label, task.number)
        # thousands of files, each of which can be made again: not worth waiting for the disk
        atomic_write(path, lambda part: encode(part, frames, config.fps), durable=False)
    return Clip(
        path=task.path.as_posix(),
        label=task.label,
        parent=CLASSES[task.label].family,
        split=task.split,
        group=clip_look(task.seed, task.split, task.label, task.number).actor,
        frames=config.frames,
        fps=float(config.fps),
        width=config.pixels,
        height=config.pixels,
        size=path.stat().st_size,
    )
