"""`recircle explain`: what a network sees in a clip."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from recircle.cli.arguments import above_zero, call
from recircle.cli.console import err, out, warning

if TYPE_CHECKING:
    from recircle.explain.explain import Explanation


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(explain, "explain", arguments)


def explain(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    clip: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CLIP")],
    *,
    against: Path | None = None,
    layers: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="NAME...")] = None,
    label: Annotated[str | None, tyro.conf.arg(name="class", metavar="NAME")] = None,
    output: Path | None = None,
    seconds: float = 600.0,
    device: str = "auto",
) -> int:
    """Draw where in a clip a network finds evidence for a class, and how the states of its ARC layers evolve.

    Writes activation.png, class activation maps over the frames; activation.webp, one moving picture of the clip, its
    map and its likeliest classes; and for each ARC layer drawn states_LAYER.png and states_LAYER.mp4: the states of its
    steps, averaged over the channels, over the frames. If the clip lies in a folder that is named after a class, that
    is shown as its true class.

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
        clip: a video file, or a folder of images.
        against: another run, such as that of the plain network, whose maps are drawn below.
        layers: ARC layers to draw, by name or by patterns such as "layer4.*"; by default the last of each stage.
        label: the class to look for; by default the one that the run predicts.
        output: folder for the pictures; by default RUN/explained/FOLDER/CLIP.
        seconds: after how long the clip is given up.
        device: auto, cpu, cuda, cuda:1, mps.
    """
    from recircle.explain.explain import explain

    above_zero(seconds=seconds)
    with err.status("looking at the clip"):
        found = explain(
            run, clip, against=against, layers=layers, label=label, output=output, device=device, seconds=seconds
        )
    for line in _findings(found):
        out.print(line)
    if not found.seen.states:
        warning(f"{run} has no ARC layer whose state evolves, so that no states are drawn")
    for path in found.files:
        out.print(str(path))
    return 0


def _findings(found: "Explanation") -> Iterator[str]:
    from recircle.explain.pictures import percent

    yield str(found.clip) + ("" if found.truth is None else f": in truth {found.truth!r}")
    for seen in (found.seen, found.against):
        if seen is not None:
            yield seen.describe()
    farthest = found.seen.farthest()
    if farthest is None:
        return
    moved = [evolution.moved.max() for evolution in found.seen.states.values()]
    yield f"states of {len(moved)} ARC layers moved by {percent(min(moved))} to {percent(max(moved))} of their norm"
    steps = ", ".join(f"X_{step} {percent(share)}" for step, share in enumerate(farthest.moved[1:], 2))
    yield f"farthest in {farthest.layer}: {steps}"
    last = len(farthest.moved)
    for what, channels in (("excited", farthest.excited(last)), ("suppressed", farthest.suppressed(last))):
        if channels:
            yield f"  most {what} channels there: " + ", ".join(f"{c} ({change:+.2g})" for c, change in channels)
