"""The figures of the README, all of which stand between markers: its plot, from records that are in this repository.

    python -m studies.readme                      # writes them anew
    python -m studies.readme --picture RUN        # makes the moving picture anew, with a network of Tabletop

The plot needs what `python -m studies.inference_time` has measured. A test fails where the README says something else.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import run_main
from recircle.explain import explain
from recircle.files import atomic_write
from recircle.tabletop import TabletopConfig
from recircle.tabletop.encode import encode
from recircle.tabletop.render import render_clip
from studies import tabletop_hosts
from studies.command import ROOT
from studies.inference_time import SHOWN, InferenceTimes
from studies.pages import write_block
from studies.pictures import scatter
from studies.results import Results
from studies.summary import Row, summarise

README = ROOT / "README.md"
PLOT = ROOT / "docs" / "images" / "accuracy.png"
PICTURE = ROOT / "docs" / "images" / "recognition.webp"

CLIP = TabletopConfig(train=1, test=1, pixels=240, frames=32, fps=12)
"""The clip of the moving picture is larger than those that networks train on, so that one sees more."""
LABEL, SEED = "pouring something into a glass until it overflows", 5


def blocks() -> dict[str, str]:
    """Return what stands between the markers of the README, by their names."""
    return {"plot": plot_words(*plotted())}


def plotted() -> tuple[tuple[Row, ...], InferenceTimes]:
    """Return the systems of the plot under the names that it has for them, and how long they take."""
    rows = summarise(Results.read(tabletop_hosts.STUDY.path).records, list(SHOWN))
    return tuple(replace(row, system=SHOWN[row.system]) for row in rows), InferenceTimes.read()


def draw(path: Path = PLOT) -> None:
    """Draw the plot."""
    rows, times = plotted()
    scatter(
        rows,
        path,
        figure="top1",
        x="clip",
        title="24 fine-grained actions (Tabletop)",
        measured={SHOWN[row.system]: row.ms for row in times.rows},
    )


def plot_words(rows: tuple[Row, ...], times: InferenceTimes) -> str:
    """Return the plot with its numbers in words, for those who do not see it, and what it is of."""
    ms = {SHOWN[row.system]: row for row in times.rows}
    points = "; ".join(
        f"{row.system}: {100 * row.top1.mean:.1f} % in {ms[row.system].ms:.1f} ms"
        for row in sorted(rows, key=lambda row: row.top1.mean)
    )
    seeds = {row.system: row.repetitions for row in rows}
    most = max(seeds.values())
    fewer = [f"{count} for {name}" for name, count in seeds.items() if count < most]
    machine, where = times.machine, PLOT.relative_to(ROOT).as_posix()
    return (
        f"![Accuracy against milliseconds. {points}]({where})\n\n"
        f"Mean of {most} seeds ({', '.join(fewer)}) with its 95 % interval, from "
        f"[a study](docs/studies/tabletop_hosts.md). Time for one clip on one thread of an {machine['processor']}, "
        f"PyTorch {machine['torch']}, median of {times.rounds} (`{times.command}`, {machine['date'][:10]})."
    )


def make_picture(run: Path, path: Path = PICTURE) -> None:
    """Make the moving picture: a clip that was never trained on, as a network sees it.

    Raises:
        UserError: the run is none.
    """
    with TemporaryDirectory() as folder:
        clip = Path(folder, LABEL, "clip.mp4")
        clip.parent.mkdir()
        encode(clip, render_clip(CLIP, SEED, "test", LABEL, 0), CLIP.fps)
        found = explain(run, clip, output=Path(folder, "pictures"))
        made = next(file for file in found.files if file.name == "activation.webp")
        atomic_write(path, made.read_bytes())


def main() -> None:
    """Write what stands between the markers, and draw the plot."""
    parser = argparse.ArgumentParser(prog="python -m studies.readme", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--picture", type=Path, metavar="RUN", help="make the moving picture anew with this run")
    options = parser.parse_args()
    if options.picture is not None:
        make_picture(options.picture)
    for name, text in blocks().items():
        write_block(README, name, text)
    draw()


if __name__ == "__main__":
    run_main(main)
