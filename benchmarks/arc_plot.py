"""The picture of what ARC costs: time and memory against n, as multiples of the host's."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recircle import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def import_figure() -> "type[Figure]":
    """Return matplotlib's figure, which draws without a display.

    Raises:
        UserError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError("--plot needs matplotlib; `pip install recircle[plot]`, or leave --plot out") from None
    return Figure


def check_picture(path: Path) -> None:
    """Make sure, before anything is measured, that a picture can be drawn.

    Raises:
        UserError: matplotlib is not installed, or cannot write this kind of file.
    """
    known = import_figure()().canvas.get_supported_filetypes()
    if path.suffix[1:] not in known:
        raise UserError(f"--plot {path} cannot be drawn; name a .png, .svg or .pdf file")


def plot(path: Path, found: dict[str, Any]) -> None:
    """Draw a panel of times and one of memory, whichever was measured.

    Args:
        path: of the picture; its suffix names the format.
        found: what `benchmarks.arc_cost` writes to its JSON file.

    Raises:
        UserError: matplotlib is not installed.
    """
    panels = [("time", _times(found)), ("memory", _memory(found))]
    panels = [(what, lines) for what, lines in panels if lines]
    figure = import_figure()(figsize=(4.2 * len(panels), 3.4), layout="constrained")
    options = found["settings"]
    for number, (what, lines) in enumerate(panels, 1):
        axes: Axes = figure.add_subplot(1, len(panels), number)
        for label, points in lines:
            axes.plot([n for n, _ in points], [ratio for _, ratio in points], marker="o", markersize=4, label=label)
        axes.axhline(1, linestyle="--", color="0.4", zorder=1, label=options["host"])
        axes.set_xscale("log", base=2)
        axes.set_xticks(options["steps"], [str(n) for n in options["steps"]], minor=False)
        axes.set_xlabel("steps n")
        axes.set_ylabel(f"{what} / host's")
        # room for the legend above the lines
        axes.set_ylim(0, 1.6 * max(1.0, *(ratio for _, points in lines for _, ratio in points)))
        axes.set_title(f"{what} of {options['model']}", fontsize="medium")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", loc="upper left")
    figure.savefig(path, dpi=160)


Line = tuple[str, Sequence[tuple[int, float]]]


def _times(found: dict[str, Any]) -> list[Line]:
    """Return the training step, and inference of the smallest batch in each form."""
    options, inference = found["settings"], found.get("inference", [])
    lines = [(f"training step, batch of {options['train_batch'][0]}", _points(found.get("training", []), "ratio"))]
    for form in dict.fromkeys(row["form"] for row in inference):
        batch = min(options["batch"])
        rows = [row for row in inference if row["form"] == form and row["batch"] == batch]
        lines.append((f"inference, batch of {batch}, {form}", _points(rows, "ratio")))
    return [(label, points) for label, points in lines if points]


def _memory(found: dict[str, Any]) -> list[Line]:
    rows = found.get("memory", [])
    lines = [("kept for backward", _points(rows, "kept_ratio")), ("peak of a step", _points(rows, "peak_ratio"))]
    return [(label, points) for label, points in lines if points]


def _points(rows: Sequence[dict[str, Any]], field: str) -> list[tuple[int, float]]:
    return [(row["steps"], row[field]) for row in rows if row["role"] == "arc" and row[field] is not None]
