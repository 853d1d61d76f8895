"""The layout of pictures: rows of frames, scales of colours and lines of text, placed by inches."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from recircle.explain.heat import import_figure
from recircle.files import atomic_write
from recircle.terminal import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, DPI = 12.0, 100
"""All pictures are 1200 pixels wide, and as high as their rows."""

LEFT, MARGIN, GAP = 0.85, 0.2, 0.04
_LINE, _HIGHEST = 0.21, 1.7


def new_figure(height: float) -> "Figure":
    """Return an empty figure.

    Raises:
        UserError: matplotlib is not installed.
    """
    return import_figure()(figsize=(WIDTH, height), facecolor="white")


def save(figure: "Figure", path: Path) -> Path:
    """Write a picture as a PNG file and return its path."""
    atomic_write(path, lambda part: figure.savefig(part, format="png", dpi=DPI))
    return path


def add_axes(figure: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """Add axes by inches from the left and the top."""
    total = figure.get_figheight()
    return figure.add_axes((left / WIDTH, 1 - (top + height) / total, width / WIDTH, height / total))


def row_height(images: UInt8[np.ndarray, "N H W 3"], width: float) -> float:
    """Return the height of a row of frames that fit in a width and are not too high."""
    count, h, w = images.shape[:3]
    return min((width - (count - 1) * GAP) / count * h / w, _HIGHEST)


def row_width(images: UInt8[np.ndarray, "N H W 3"], height: float) -> float:
    """Return the width of a row of frames of a height."""
    count, h, w = images.shape[:3]
    return count * height * w / h + (count - 1) * GAP


def show_rows(
    figure: "Figure", rows: Sequence[UInt8[np.ndarray, "N H W 3"]], labels: Sequence[str], top: float, each: float
) -> "Axes":
    """Show rows of frames as one image, with a label before each.

    Args:
        figure: to draw in.
        rows: of frames of one size.
        labels: of the rows.
        top: where the first begins.
        each: height of a row.
    """
    h = rows[0].shape[1]
    axes = add_axes(figure, LEFT, top, row_width(rows[0], each), len(rows) * (each + GAP) - GAP)
    gap = max(round(GAP * h / each), 1)
    axes.imshow(mosaic(rows, gap), aspect="auto", interpolation="antialiased")
    axes.set_yticks([row * (h + gap) + (h - 1) / 2 for row in range(len(rows))], labels, fontsize=10)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return axes


def number_columns(axes: "Axes", picked: Sequence[int], count: int) -> None:
    """Write below each column of frames which of the clip's it is."""
    each = (axes.get_xlim()[1] + 0.5) / len(picked)
    ticks = [(column + 0.5) * each - 0.5 for column in range(len(picked))]
    axes.set_xticks(ticks, [f"{index + 1} of {count}" for index in picked], fontsize=8)


def mosaic(rows: Sequence[UInt8[np.ndarray, "N H W 3"]], gap: int) -> UInt8[np.ndarray, "h w 3"]:
    """Put rows of images of one size into one, on white."""
    n, h, w, _ = rows[0].shape
    whole = np.full((len(rows) * (h + gap) - gap, n * (w + gap) - gap, 3), 255, np.uint8)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            top, left = row * (h + gap), column * (w + gap)
            whole[top : top + h, left : left + w] = image
    return whole


def draw_scale(axes: "Axes", colours: str, limits: tuple[float, float], label: str) -> None:
    """Draw a horizontal scale of colours; values that are all the same have one tick."""
    low, high = limits
    extent: Any = (0, 1, 0, 1)
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=colours, aspect="auto", extent=extent)
    axes.set_xticks([0, 0.5, 1], [f"{value:.3g}" for value in (low, (low + high) / 2, high)], fontsize=8)
    axes.set_yticks([])
    axes.tick_params(length=2, pad=2)
    axes.set_xlabel(label, fontsize=8, labelpad=1)


def draw_share(axes: "Axes", colours: str) -> None:
    """Draw a vertical scale of colours from none to most."""
    axes.imshow(np.linspace(0, 1, 256)[:, None], cmap=colours, aspect="auto", origin="lower")
    axes.set_xticks([])
    axes.set_yticks([0, 255], ["none", "most"], fontsize=8)
    axes.tick_params(length=2, left=False, labelleft=False, right=True, labelright=True)


def text_height(text: str) -> float:
    """Return the height that a text takes above a row, with some room on both sides."""
    return _LINE * sum(len(_wrap(paragraph)) for paragraph in text.split("\n")) + 0.2


def write(figure: "Figure", text: str, top: float, *, bold: bool = False) -> None:
    """Write the text above a row, its first paragraph bold if asked."""
    y = top + 0.12
    for number, paragraph in enumerate(text.split("\n")):
        weight = "bold" if bold and number == 0 else "normal"
        for line in _wrap(paragraph):
            place = MARGIN / WIDTH, 1 - y / figure.get_figheight()
            # names of classes may hold a dollar sign, which does not begin a formula
            figure.text(*place, line, va="top", fontsize=10, fontweight=weight, parse_math=False)
            y += _LINE


def _wrap(paragraph: str) -> list[str]:
    """Break a paragraph into lines that fit the width, bold ones too."""
    return textwrap.wrap(visible(paragraph), 120) or [""]
