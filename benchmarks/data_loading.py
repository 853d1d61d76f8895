"""Data loading beside its limit: how many clips a second the loaders give, and how many decoding alone would allow.

What a loader does to a clip is decoding, resizing, cropping (in training augmenting) and making batches; with workers
also the way of the batch from one process to another. Nobody can load faster than the frames decode. The limit is
therefore measured beside each loader, in the same round, and means exactly this:

    the same backend brings the same frames (the indices that the loader asks for, drawn anew each epoch in training) of
    the same clips to RGB of full size, in as many processes as the loader has, and each frame is thrown away as it
    comes. Nothing is resized, cropped, copied, put into a batch or sent; of a job the other process learns one number.

Opening the file and decoding the frames in between belong to decoding, since they are needed to get at the frames.
Worker processes are started where the loader starts them: once in training, for each pass in evaluation.

    python -m benchmarks.data_loading                          # generated clips: H.264 files and folders of JPEGs
    python -m benchmarks.data_loading --manifest clips.csv     # files of your own, as `recircle index` lists them

Without --manifest, clips like those of Something-Something are generated: 320 x 240, 48 frames, 12 a second. They are
written just before, so that the file system's cache holds them: the disk is not measured. Times are medians over
interleaved rounds after one round that is not counted. Nothing here asserts a time.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader, Dataset

from benchmarks.machine import describe, write_json
from recircle import Augmentation, Clip, Manifest, Preprocessing, Sampling, UserError
from recircle.cli.console import print_table
from recircle.decode.frames import Backend, read_frames
from recircle.decode.torchcodec import import_decoders
from recircle.loading.jobs import Item, Job
from recircle.loading.loaders import EvalLoader, TrainLoader
from recircle.loading.options import Loading
from recircle.loading.workers import start_worker
from recircle.views.views import EvalViews, TrainViews

Source = Literal["video", "folder"]
Use = Literal["training", "evaluation"]

SEED = 0


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the table: what is loaded, and how.

    Attributes:
        source: video files or folders of frames.
        backend: what decodes video files; folders of frames are always read by Pillow.
        workers: processes that load; 0 is the process that measures.
        use: the loader: random views for training, or one central view for evaluation.
    """

    source: Source
    backend: Backend
    workers: int
    use: Use


@dataclass(frozen=True, kw_only=True)
class Row(Case):
    """What was measured.

    Attributes:
        loader: clips a second of the loader, the median of the rounds.
        decoding: clips a second of decoding alone, likewise.
        ratio: the median of the rounds' ratios loader / decoding.
        ratios: of each round.
    """

    loader: float
    decoding: float
    ratio: float
    ratios: list[float]


@dataclass(frozen=True)
class DecodingAlone(Dataset[int]):
    """The limit: decodes the frames that a loader would ask for, throws them away and says how many they were."""

    root: Path
    sampling: Sampling
    backend: Backend
    use: Use

    def __getitem__(self, job: Job) -> int:
        """Decode the clips of a job."""
        count = 0
        for item in job.items:
            if self.use == "training":
                rng = np.random.default_rng((SEED, job.epoch, item.row))
                indices = self.sampling.train(item.frame_times, rng)
            else:
                indices = self.sampling.test(item.frame_times, 1)
            wanted = np.unique(indices).tolist()
            count += sum(1 for _ in read_frames(self.root / item.path, wanted, self.backend))
        return count


def measure_all(
    manifests: dict[Source, Manifest], options: argparse.Namespace, report: Callable[[str], None]
) -> list[Row]:
    """Measure each combination of the options, in interleaved rounds."""
    cases = [
        Case(source=source, backend=backend, workers=workers, use=use)
        for source in manifests
        for backend in (options.backends if source == "video" else options.backends[:1])
        for workers in options.workers
        for use in ("training", "evaluation")
    ]
    passes = [_passes(case, manifests[case.source], options) for case in cases]
    times: list[list[tuple[float, float]]] = [[] for _ in cases]
    for epoch in range(options.rounds + 1):
        report(f"round {epoch} of {options.rounds}" + (" (not counted)" if epoch == 0 else ""))
        for (load, decode), seconds in zip(passes, times):
            # in turns, so that neither is always the one that finds the processor as the other left it
            if epoch % 2:
                loading, alone = _timed(load, epoch), _timed(decode, epoch)
            else:
                alone, loading = _timed(decode, epoch), _timed(load, epoch)
            if epoch:
                seconds.append((loading, alone))
    return [_row(case, len(manifests[case.source]), seconds) for case, seconds in zip(cases, times)]


def _row(case: Case, clips: int, seconds: Sequence[tuple[float, float]]) -> Row:
    ratios = [alone / loading for loading, alone in seconds]
    return Row(
        **asdict(case),
        loader=clips / statistics.median(loading for loading, _ in seconds),
        decoding=clips / statistics.median(alone for _, alone in seconds),
        ratio=statistics.median(ratios),
        ratios=ratios,
    )


def _passes(
    case: Case, manifest: Manifest, options: argparse.Namespace
) -> tuple[Callable[[int], None], Callable[[int], None]]:
    """Return a pass of the loader over all clips and one of decoding alone, as functions of the epoch."""
    sampling = Sampling(frames=options.frames)
    preprocessing = Preprocessing(resize=options.resize, crop=options.crop)
    loading = Loading(batch_size=options.batch_size, workers=case.workers, backend=case.backend)
    if case.use == "training":
        augmentation = Augmentation(one_resample=options.one_resample)
        views = TrainViews(sampling=sampling, preprocessing=preprocessing, augmentation=augmentation, seed=SEED)
        loader = TrainLoader(manifest, labels=("clip",), views=views, loading=loading)
    else:
        views = EvalViews(sampling=sampling, preprocessing=preprocessing)
        loader = EvalLoader(manifest, labels=("clip",), views=views, loading=loading)
    items = [Item(row, clip.path, clip.frame_times, 0) for row, clip in enumerate(manifest.clips)]
    size = options.batch_size
    groups = [tuple(items[first : first + size]) for first in range(0, len(items), size)]
    jobs: list[Job] = []
    alone: DataLoader[int] = DataLoader(
        DecodingAlone(manifest.root, sampling, case.backend, case.use),
        batch_size=None,
        sampler=jobs,  # the list itself, which each pass fills anew
        num_workers=case.workers,
        persistent_workers=case.use == "training" and case.workers > 0,
        worker_init_fn=start_worker,
    )

    def load(epoch: int) -> None:
        batches = loader.epoch(epoch) if isinstance(loader, TrainLoader) else loader
        rows = sum(len(batch) for batch in batches)
        if rows != len(items):
            raise UserError(f"{len(items) - rows} of {len(items)} clips did not decode; run `recircle index` again")

    def decode(epoch: int) -> None:
        jobs[:] = [Job(epoch, group) for group in groups]
        for _ in alone:
            pass

    return load, decode


def _timed(run: Callable[[int], None], epoch: int) -> float:
    began = time.perf_counter()
    run(epoch)
    return time.perf_counter() - began


def read_manifest(path: Path, clips: int, batch_size: int) -> dict[Source, Manifest]:
    """Return the first usable clips of a manifest by their source, as many as fill whole batches.

    Raises:
        UserError: there are fewer than one batch of either source.
    """
    manifest = Manifest.read(path)
    usable = [replace(clip, label="clip") for clip in manifest.clips if clip.status == "ok" and clip.frames > 0]
    found: dict[Source, Manifest] = {}
    for source in ("video", "folder"):
        kept = [clip for clip in usable if (manifest.root / clip.path).is_dir() == (source == "folder")][:clips]
        kept = kept[: len(kept) - len(kept) % batch_size]
        if kept:
            found[source] = replace(manifest, clips=tuple(kept))
    if not found:
        raise UserError(f"{path} has fewer than {batch_size} clips that decode; make --batch-size smaller")
    return found


def write_clips(root: Path, options: argparse.Namespace) -> dict[Source, Manifest]:
    """Generate clips, each as a video file and as a folder of its frames."""
    root.mkdir(exist_ok=True)
    found: dict[Source, list[Clip]] = {"video": [], "folder": []}
    shared = {"label": "clip", "frames": options.length, "width": options.width, "height": options.height}
    for number in range(options.clips - options.clips % options.batch_size):
        frames = make_frames(number, options.length, options.height, options.width)
        _write_video(root / f"{number:04}.mp4", frames, options.fps)
        found["video"].append(Clip(path=f"{number:04}.mp4", **shared))
        (root / f"{number:04}").mkdir()
        for place, frame in enumerate(frames, 1):
            Image.fromarray(frame).save(root / f"{number:04}" / f"{place:05}.jpg", quality=90)
        found["folder"].append(Clip(path=f"{number:04}", **shared))
    return {source: Manifest(tuple(clips), root) for source, clips in found.items()}


def make_frames(seed: int, count: int, height: int, width: int) -> list[np.ndarray]:
    """Return RGB frames of a textured plane over which the camera moves, with some noise, [H, W, 3]."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    plane = np.asarray(coarse.resize((2 * width, 2 * height), Image.Resampling.BICUBIC)).astype(np.float32)
    noise = rng.normal(0, 4, (height, width, 3)).astype(np.float32)
    ends = rng.uniform(0, 1, (2, 2))
    frames = []
    for place in np.linspace(0, 1, count):
        top, left = ((ends[0] * (1 - place) + ends[1] * place) * (height, width)).astype(int)
        view = plane[top : top + height, left : left + width] + np.roll(noise, rng.integers(width), axis=1)
        frames.append(view.clip(0, 255).astype(np.uint8))
    return frames


def _write_video(path: Path, frames: Sequence[np.ndarray], fps: int) -> None:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base, frame.pts = Fraction(1, fps), number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def loadable(backends: Sequence[Backend], report: Callable[[str], None]) -> list[Backend]:
    """Return the backends that load here, and say which do not.

    Raises:
        UserError: none does.
    """
    kept = list(backends)
    if "torchcodec" in kept:
        try:
            import_decoders()
        except UserError as error:
            kept.remove("torchcodec")
            if not kept:
                raise
            report(f"left out: {error}")
    return kept


def print_rows(rows: Sequence[Row]) -> None:
    """Print the table."""
    table = Table("source", "decoder", "workers", "loader", "clips/s", "decoding alone", "ratio", "lowest to highest")
    for row in rows:
        table.add_row(
            row.source,
            row.backend if row.source == "video" else "pillow",
            str(row.workers),
            row.use,
            f"{row.loader:.1f}",
            f"{row.decoding:.1f}",
            f"{row.ratio:.2f}",
            f"{min(row.ratios):.2f} to {max(row.ratios):.2f}",
        )
    print_table(table)


def machine() -> dict[str, Any]:
    """Describe what the figures depend on."""
    return {**describe(torch.device("cpu")), "av": av.__version__, "pillow": Image.__version__}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.data_loading",
        description="Clips a second of the training and evaluation loaders, beside those of decoding alone.",
    )
    add = parser.add_argument
    add("--manifest", type=Path, help="measure these files instead of generated ones")
    add("--output", type=Path, help="write settings, machine and all rounds to this JSON file")
    add("--backends", nargs="+", choices=["pyav", "torchcodec"], default=["pyav", "torchcodec"],
        help="what decodes video files; one that does not load is left out")  # fmt: skip
    add("--workers", nargs="+", type=int, default=[0, 1, 2], help="numbers of worker processes")
    add("--rounds", type=int, default=5, help="rounds that count")
    add("--clips", type=int, default=32, help="at most so many clips of each source")
    add("--batch-size", type=int, default=8, help="clips in a batch")
    add("--frames", type=int, default=8, help="frames of a view")
    add("--resize", type=int, default=256, help="pixels of the shorter side after resizing")
    add("--one-resample", action="store_true", help="training cuts views from frames of full size and resizes once")
    add("--crop", type=int, default=224, help="side of the view in pixels")
    add("--height", type=int, default=240, help="of generated clips, in pixels")
    add("--width", type=int, default=320, help="of generated clips, in pixels")
    add("--length", type=int, default=48, help="frames of a generated clip")
    add("--fps", type=int, default=12, help="frames a second of generated clips")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or not 1 <= options.batch_size <= options.clips:
        parser.error("--rounds must be 1 or more, and --clips at least --batch-size")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON file."""
    options = parse(arguments)
    console, notes = Console(highlight=False), Console(stderr=True, highlight=False)
    options.backends = loadable(options.backends, notes.print)
    with tempfile.TemporaryDirectory() as folder:
        if options.manifest:
            manifests = read_manifest(options.manifest, options.clips, options.batch_size)
        else:
            manifests = write_clips(Path(folder), options)
        rows = measure_all(manifests, options, notes.print)
    print_rows(rows)
    sizes = ", ".join(f"{len(manifest)} {source} clips" for source, manifest in manifests.items())
    console.print(f"{sizes}; medians of {options.rounds} interleaved rounds; {machine()}", soft_wrap=True)
    if options.output:
        settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
        found = {
            "benchmark": "data_loading",
            "machine": machine(),
            "settings": settings,
            "rows": [asdict(row) for row in rows],
        }
        write_json(options.output, found)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
