"""Does ARC help on these clips? A network with and without it, under the same settings, over several seeds.

    python examples/arc_ablation.py                  # on clips that are generated
    python examples/arc_ablation.py --data CLIPS     # on yours: a manifest, or one folder of videos a class

A single run says little: of the difference between two networks much is chance of the initial weights and of the order
of the clips. The pairs share both, and the interval of their mean difference is over the seeds. What it does not say:
that the same holds on other clips, or with settings that were chosen for each network by itself.
"""

import argparse
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import recircle

QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""97.5 % of Student's t lie below, for 1 to 9 degrees of freedom."""


def main(arguments: Sequence[str] | None = None) -> tuple[float, float, float]:
    """Train all, print a table, and return the mean difference of top-1 and the ends of its 95 % interval."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of clips, or a manifest; by default clips are generated")
    parser.add_argument("--output", type=Path, default=Path("runs/ablation"), help="folder of the runs")
    parser.add_argument("--network", default="tsm_resnet18", help="a network of which there is arc_NETWORK too")
    parser.add_argument("--seeds", type=int, default=3, choices=range(2, 11), metavar="2..10")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--width", type=int, default=16, help="channels of the first layer")
    parser.add_argument("--pixels", type=int, default=64, help="side of what the networks see")
    parser.add_argument("--per-class", type=int, default=10, help="clips of each class that are generated")
    parser.add_argument("--workers", type=int, default=2, help="processes that decode")
    given = parser.parse_args(arguments)

    data = given.data or generated(given.output / "clips", given.per_class, given.pixels)
    accuracies: dict[str, list[float]] = {given.network: [], f"arc_{given.network}": []}
    for seed in range(given.seeds):
        for name, found in accuracies.items():
            output = given.output / f"{name}_seed{seed}"
            run = recircle.train(
                name,
                data,
                seed=seed,
                epochs=given.epochs,
                width=given.width,
                resize=given.pixels,
                crop=given.pixels,
                workers=given.workers,
                output=output,
                # a finished run is left as it is, and one that was interrupted goes on
                resume=recircle.Run(output).config_path.exists(),
            )
            top1 = recircle.evaluate(run, workers=given.workers).metrics.top1
            print(f"{name}, seed {seed}: top-1 {top1} (bootstrap over the clips)")
            found.append(top1.value)

    for name, found in accuracies.items():
        print(f"{name}: {statistics.mean(found):.1%} on average of {len(found)} seeds")
    plain, arc = accuracies.values()
    mean, low, high = interval([b - a for a, b in zip(plain, arc)])
    print(f"ARC gains {100 * mean:.1f} points, 95 % interval {100 * low:.1f} to {100 * high:.1f} (t, over the seeds)")
    return mean, low, high


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean, and the ends of its 95 % interval by Student's t."""
    mean = statistics.mean(differences)
    half = QUANTILES[len(differences) - 2] * statistics.stdev(differences) / math.sqrt(len(differences))
    return mean, mean - half, mean + half


def generated(folder: Path, per_class: int, pixels: int) -> Path:
    """Generate clips of objects on a table, 24 classes, and return their folder."""
    from recircle.tabletop import TabletopConfig, generate

    generate(folder, TabletopConfig(train=per_class, test=max(1, per_class // 2), pixels=pixels, frames=16, fps=8))
    return folder


if __name__ == "__main__":
    main()
