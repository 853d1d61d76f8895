"""A network of one's own, with ARC layers, trained on clips, evaluated, and used.

    python examples/own_network.py                   # on clips that are generated
    python examples/own_network.py --data CLIPS      # on yours: one folder of videos a class

The network is any PyTorch module for images; `recircle.convert` turns its convolutions into ARC layers, and
`recircle.FrameModel` makes it one for clips, in which their attention sees which frames belong together. Its function
is registered, so that the commands know the run too: `recircle eval RUN --import own_network`, in this folder.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from torch import nn

import recircle


def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Return two 3x3 convolutions."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


@recircle.register_model
def small_arc(num_classes: int, width: int = 16, steps: int = 2) -> recircle.FrameModel:
    """A small network for images, with ARC in all its 3x3 convolutions but the first."""
    net = nn.Sequential(
        block(3, width, 2),
        block(width, 2 * width, 2),
        block(2 * width, 4 * width, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, num_classes),
    )
    return recircle.FrameModel(recircle.convert(net, steps))


def main(arguments: Sequence[str] | None = None) -> recircle.Run:
    """Train, evaluate and use the network, and return its run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of clips, or a manifest; by default clips are generated")
    parser.add_argument("--output", type=Path, default=Path("runs/own_network"), help="folder of the run")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--width", type=int, default=16, help="channels of the first layers")
    parser.add_argument("--pixels", type=int, default=64, help="side of what the network sees")
    parser.add_argument("--per-class", type=int, default=10, help="clips of each class that are generated")
    parser.add_argument("--workers", type=int, default=2, help="processes that decode")
    given = parser.parse_args(arguments)

    print(recircle.arc_report(small_arc(2, given.width).net))
    data = given.data or generated(given.output.with_name("clips"), given.per_class, given.pixels)
    run = recircle.train(
        small_arc,
        data,
        epochs=given.epochs,
        width=given.width,
        resize=given.pixels,
        crop=given.pixels,
        workers=given.workers,
        output=given.output,
    )
    evaluation = recircle.evaluate(run, workers=given.workers)
    print(f"top-1: {evaluation.metrics.top1}")

    clip = evaluation.predictions.paths[0]
    manifest = recircle.Manifest.read(run.load_config(recircle.DataConfig, "data").manifest)
    with recircle.Recognizer.load(run.path) as recognizer:
        print(f"{clip}: {recognizer(manifest.root / clip)}")
    return run


def generated(folder: Path, per_class: int, pixels: int) -> Path:
    """Generate clips of objects on a table, 24 classes, and return their folder."""
    from recircle.tabletop import TabletopConfig, generate

    generate(folder, TabletopConfig(train=per_class, test=max(1, per_class // 2), pixels=pixels, frames=16, fps=8))
    return folder


if __name__ == "__main__":
    main()
