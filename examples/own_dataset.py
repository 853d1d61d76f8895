"""Clips from a PyTorch Dataset of one's own: no manifest, and any way of storing and reading them.

    python examples/own_dataset.py                   # on clips that are generated
    python examples/own_dataset.py --data CLIPS      # on yours: one folder of videos a class

An item of the Dataset is a pair: the RGB frames of a clip, of any number and size, here an array [T, H, W, 3] of uint8,
and the number of its class. Resizing, cropping, flips and normalisation are the run's, and the same in training, in
evaluation and in use.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

import recircle

SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm")


class Videos(Dataset[tuple[NDArray[np.uint8], int]]):
    """The videos below one folder a class, read by PyAV: every fourth of each class is held out, or is all there is."""

    def __init__(self, folder: Path, held_out: bool, every: int = 4) -> None:
        # what the labels are called, by their numbers: recircle.train looks for this attribute
        self.classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        self.items: list[tuple[Path, int]] = []
        for number, name in enumerate(self.classes):
            files = sorted(path for path in (folder / name).rglob("*") if path.suffix.lower() in SUFFIXES)
            self.items += [(path, number) for place, path in enumerate(files) if (place % every == 0) == held_out]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int]:
        path, label = self.items[index]
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return np.stack(frames).astype(np.uint8), label


def main(arguments: Sequence[str] | None = None) -> recircle.Run:
    """Train on the Dataset, evaluate, recognise a batch of its clips, and return the run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with one folder of videos a class; by default generated")
    parser.add_argument("--output", type=Path, default=Path("runs/own_dataset"), help="folder of the run")
    parser.add_argument("--network", default="tsm_resnet18", help="one of `recircle models`")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--width", type=int, default=16, help="channels of the first layer")
    parser.add_argument("--pixels", type=int, default=64, help="side of what the network sees")
    parser.add_argument("--per-class", type=int, default=12, help="clips of each class that are generated")
    parser.add_argument("--workers", type=int, default=2, help="processes that read items")
    given = parser.parse_args(arguments)

    folder = given.data or generated(given.output.with_name("videos"), given.per_class, given.pixels)
    train, validation = Videos(folder, held_out=False), Videos(folder, held_out=True)
    run = recircle.train(
        given.network,
        train,
        validation=validation,
        epochs=given.epochs,
        width=given.width,
        resize=given.pixels,
        crop=given.pixels,
        workers=given.workers,
        output=given.output,
    )
    evaluation = recircle.evaluate(run, validation, workers=given.workers)
    print(f"top-1: {evaluation.metrics.top1}")

    some = [validation[number] for number in range(min(4, len(validation)))]
    with recircle.Recognizer.load(run.path) as recognizer:
        for (_, label), found in zip(some, recognizer.batch([clip for clip, _ in some])):
            print(f"{train.classes[label]}: taken for {found.label}, {found.probability:.0%}")
    return run


def generated(folder: Path, per_class: int, pixels: int) -> Path:
    """Generate clips of objects on a table, 24 classes, and return the folder that has one folder a class."""
    from recircle.tabletop import TabletopConfig, generate

    generate(folder, TabletopConfig(train=per_class, test=1, pixels=pixels, frames=16, fps=8))
    return folder / "train"


if __name__ == "__main__":
    main()
