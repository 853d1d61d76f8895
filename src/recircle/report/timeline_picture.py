"""A picture of a video over time: its scores, what was recognised, and what is true."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recircle.explain.figure import WIDTH, add_axes, new_figure, save
from recircle.files import make_folder
from recircle.terminal import visible
from recircle.timelines.segments import Segment, Segmentation
from recircle.timelines.timeline import Timeline

# of the palette of Okabe and Ito, which is told apart with any kind of colour vision
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_OTHERS = "0.6"
_LEFT, _RIGHT = 1.1, 0.25
_SCORES, _BAR, _GAP = 2.2, 0.32, 0.1


def write_timeline_picture(
    path: Path,
    timeline: Timeline,
    segments: Sequence[Segment],
    rules: Segmentation,
    *,
    true: Sequence[Segment] | None = None,
) -> None:
    """Draw a PNG file: probabilities of the classes that last longest, and the segments below.

    Args:
        path: of the file; its folder is made.
        timeline: the scores.
        segments: of them.
        rules: how they came about.
        true: what is true; None where it is not known.

    Raises:
        UserError: matplotlib is not installed, or the file cannot be written.
    """
    rows = [("recognised", segments)] + ([("true", true)] if true is not None else [])
    lasting = {s.label: sum(o.seconds for o in (*segments, *(true or ())) if o.label == s.label) for s in segments}
    shown = sorted(lasting, key=lambda label: -lasting[label])[: len(_COLOURS)]
    colours = dict(zip(shown, _COLOURS))
    height = 0.75 + _SCORES + len(rows) * (_BAR + _GAP) + 0.55
    figure = new_figure(height)
    figure.text(
        0.1 / WIDTH, 1 - 0.25 / height, visible(Path(timeline.video).name), fontsize=12, weight="bold", va="center"
    )
    width = WIDTH - _LEFT - _RIGHT
    axes = add_axes(figure, _LEFT, 0.75, width, _SCORES)
    for label in shown:
        values = np.nan_to_num(timeline.probabilities[:, timeline.labels.index(label)])
        axes.plot(timeline.middles, values, color=colours[label], linewidth=1.2, label=visible(label), clip_on=False)
    if rules.threshold:
        axes.axhline(rules.threshold, color="0.4", linewidth=0.8, linestyle="--")
    axes.set(xlim=(0, timeline.seconds), ylim=(0, 1.02), ylabel="probability")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelbottom=False)
    if shown:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, fontsize=8, frameon=False, borderpad=0)
    top = 0.75 + _SCORES + _GAP
    for number, (title, parts) in enumerate(rows):
        bar = add_axes(figure, _LEFT, top, width, _BAR)
        for part in parts:
            bar.axvspan(part.start, part.end, color=colours.get(part.label, _OTHERS), linewidth=0)
        bar.set(xlim=(0, timeline.seconds), ylim=(0, 1), yticks=[0.5], yticklabels=[title])
        bar.tick_params(length=0, axis="y")
        last = number == len(rows) - 1
        bar.tick_params(axis="x", labelbottom=last, length=3 if last else 0)
        if last:
            bar.set_xlabel("seconds; grey: other classes")
        top += _BAR + _GAP
    make_folder(path.parent)
    save(figure, path)
