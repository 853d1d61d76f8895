"""The pictures of Fig. 3 and Fig. 4 of the paper: evolving states, and class activation maps of networks compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from recircle.explain.activation import ClassActivation
from recircle.explain.figure import (
    GAP,
    LEFT,
    MARGIN,
    WIDTH,
    add_axes,
    draw_scale,
    draw_share,
    new_figure,
    number_columns,
    row_height,
    row_width,
    show_rows,
    text_height,
    write,
)
from recircle.explain.heat import (
    CHANGE_COLOURS,
    EVIDENCE_COLOURS,
    STATE_COLOURS,
    evidence_heat,
    moments,
    value_heat,
)
from recircle.explain.states import StateEvolution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 8
_NUMBERS = 0.2


@dataclass(frozen=True, kw_only=True)
class Strip:
    """What one network sees in a clip.

    Attributes:
        frames: the view of the clip that it took, RGB.
        activation: of that view.
        title: a sentence on the network and what it predicts.
    """

    frames: UInt8[np.ndarray, "T H W 3"]
    activation: ClassActivation
    title: str


def draw_activation(strips: Sequence[Strip], title: str) -> "Figure":
    """Draw the frames of a clip, and below them the maps of one network or several.

    Each network's evidence is shown as a share of its own most in all frames, since logits of networks cannot be
    compared. What speaks against the class is not shown.

    Args:
        strips: of each network; the frames on top are the first's.
        title: above all.

    Raises:
        UserError: matplotlib is not installed.
    """
    width = WIDTH - LEFT - 0.75
    length = len(strips[0].frames)
    # the text above a row, its label, its images, and the number of frames they are from where that is to be said
    rows: list[tuple[str, str, UInt8[np.ndarray, "N H W 3"], int | None]] = [
        (title, "frames", strips[0].frames[moments(_COLUMNS, length)], length)
    ]
    for strip in strips:
        picked, maps = moments(_COLUMNS, len(strip.frames)), strip.activation.maps
        heat = evidence_heat(strip.frames[picked], maps[picked], strip.activation.most)
        rows.append((strip.title, "evidence", heat, None if len(strip.frames) == length else len(strip.frames)))
    heights = [row_height(images, width) for _, _, images, _ in rows]
    texts = [text_height(text) for text, *_ in rows]
    figure = new_figure(sum(heights) + sum(texts) + sum(_NUMBERS for *_, count in rows if count) + MARGIN)
    top = 0.0
    for index, ((text, label, images, count), height, above) in enumerate(zip(rows, heights, texts)):
        write(figure, text, top, bold=index == 0)
        top += above
        shown = show_rows(figure, [images], [label], top, height)
        if index > 0:
            draw_share(add_axes(figure, WIDTH - 0.68, top, 0.12, height), EVIDENCE_COLOURS)
        top += height
        if count:
            number_columns(shown, moments(_COLUMNS, count), count)
            top += _NUMBERS
    return figure


def draw_evolution(evolution: StateEvolution, frames: UInt8[np.ndarray, "T H W 3"], title: str) -> "Figure":
    """Draw the states of a layer over the frames of a clip: one row a step, in one scale of colours.

    A last row shows where the last state is above or below X_1. Beside them stand how far each state has moved from
    X_1, and the channels that the last state has most more or less of, at each step.

    Args:
        evolution: of the layer.
        frames: the view of the clip that the network took, RGB.
        title: above all.

    Raises:
        UserError: matplotlib is not installed.
    """
    maps = evolution.maps
    steps, length = maps.shape[:2]
    columns = moments(_COLUMNS, length)
    picked = [(2 * column + 1) * len(frames) // (2 * length) for column in columns]
    shown, limits = frames[picked], state_limits(evolution)
    change = maps[-1] - maps[0]
    most = max(float(np.percentile(np.abs(change), 99)), 1e-6 * float(np.abs(maps).max()))
    rows = [
        shown,
        *(value_heat(shown, maps[j, columns], limits, STATE_COLOURS) for j in range(steps)),
        value_heat(shown, change[columns], (-most, most), CHANGE_COLOURS),
    ]
    labels = ["frames", *(_state(j) for j in range(1, steps + 1)), f"{_state(steps)} - {_state(1)}"]

    each = row_height(shown, 7.7)
    height = len(rows) * (each + GAP) - GAP
    top = text_height(title)
    body = max(height + 0.85, 4.2)
    figure = new_figure(top + body)
    write(figure, title, 0, bold=True)

    number_columns(show_rows(figure, rows, labels, top, each), picked, len(frames))
    half = max((row_width(shown, each) - 0.6) / 2, 1.9)
    low = top + height + 0.38
    draw_scale(add_axes(figure, LEFT, low, half, 0.1), STATE_COLOURS, limits, "state, mean over the channels")
    change_axes = add_axes(figure, LEFT + half + 0.6, low, half, 0.1)
    draw_scale(change_axes, CHANGE_COLOURS, (-most, most), f"{labels[-1]}, mean over the channels")

    left = LEFT + 2 * half + 0.6 + 1.0
    wide = min(WIDTH - MARGIN - left, 4.0)
    high = (body - 1.35) / 2
    _draw_moved(add_axes(figure, left, top + 0.3, wide, high), evolution)
    _draw_channels(add_axes(figure, left, top + high + 1.0, wide, high), evolution)
    return figure


def state_limits(evolution: StateEvolution) -> tuple[float, float]:
    """Return the lowest and the highest value that colours tell apart, the same for all steps."""
    low, high = np.percentile(evolution.maps, [1, 99])
    return float(low), float(high)


def percent(share: float) -> str:
    """Return a share in per cent, in two digits where it is small; what is below 0.005 % is 0."""
    return f"{100 * share:.0f} %" if share >= 0.0995 or share < 5e-5 else f"{100 * share:.2g} %"


def _state(step: int) -> str:
    return f"$X_{{{step}}}$"


def _draw_moved(axes: "Axes", evolution: StateEvolution) -> None:
    steps = range(1, len(evolution.moved) + 1)
    bars = axes.bar(steps, 100 * evolution.moved, color="#31688e", width=0.65)
    axes.bar_label(bars, [percent(share) for share in evolution.moved], fontsize=8, padding=2)
    axes.set_ylim(0, 125 * max(float(evolution.moved.max()), 1e-6))
    axes.set_xticks(steps, [_state(j) for j in steps], fontsize=9)
    axes.set_yticks([])
    axes.set_title(f"relative distance from {_state(1)}", fontsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_channels(axes: "Axes", evolution: StateEvolution) -> None:
    """Draw a table of the most excited and the most suppressed channels by steps."""
    steps = len(evolution.moved)
    channels = [c for c, _ in evolution.excited(steps)] + [c for c, _ in reversed(evolution.suppressed(steps))]
    axes.set_title(f"mean change of channels from {_state(1)}", fontsize=9)
    if not channels:
        axes.axis("off")
        axes.text(0.5, 0.5, "none has changed", ha="center", va="center", fontsize=9, transform=axes.transAxes)
        return
    table = evolution.changes[1:, channels].T
    most = float(np.abs(table).max())
    axes.imshow(table, cmap=CHANGE_COLOURS, vmin=-most, vmax=most, aspect="auto")
    axes.set_xticks(range(steps - 1), [_state(j) for j in range(2, steps + 1)], fontsize=9)
    axes.set_yticks(range(len(channels)), [f"channel {c}" for c in channels], fontsize=7)
    axes.tick_params(length=0)
    if steps > 5:
        return  # the cells are too narrow for numbers
    for (row, column), value in np.ndenumerate(table):
        colour = "white" if abs(value) > 0.75 * most else "black"
        axes.text(column, row, f"{value:+.2g}", ha="center", va="center", fontsize=7, color=colour)
