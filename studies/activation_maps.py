"""Which stage's maps show where something is: evidence of a network of Tabletop, against where things move.

    python -m studies.activation_maps RUN

The clips are drawn, so it is known where they change: there the frames of one without the camera's tremor and without
noise differ. For each stage it is measured which share of the evidence for the predicted class lies there, and how
alike the evidence is to that of the same network with all its weights shuffled (Spearman's rank correlation of the
signed maps), which should be 0. Beside HiResCAM's maps, whose gradient keeps its sign, stand LayerCAM's.
"""

import argparse
import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, UInt8
from torch import Tensor

from benchmarks.machine import describe, run_main, write_json
from recircle.evaluation.predict import evaluation_mode
from recircle.explain.sanity import rank_correlation, shuffle_weights
from recircle.explain.stages import Maps, maps_and_logits
from recircle.models.base import VideoModel
from recircle.run import ModelSpec, Run
from recircle.tabletop import CLASSES
from recircle.tabletop.render import Scene
from recircle.views.cut import frame_views
from recircle.views.views import EvalViews
from studies.command import ROOT
from studies.pages import write_block
from studies.tabletop import SIZE

PATH = ROOT / "docs" / "figures" / "activation_maps.json"
PAGE = ROOT / "docs" / "activation.md"
CLIPS, SHUFFLED = 72, 6
_STEP = 12

METHODS: dict[str, Callable[[Tensor], Tensor]] = {
    "signed gradient (HiResCAM)": lambda gradient: gradient,
    "positive gradient (LayerCAM)": lambda gradient: gradient.clamp(min=0),
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What was found of one stage.

    Attributes:
        method: how gradient and maps are brought together.
        places: of its maps, along the shorter side.
        on_moving: share of the evidence that lies on what moves, mean over the clips.
        shuffled: rank correlation with maps of shuffled weights, mean.
    """

    method: str
    places: int
    on_moving: float
    shuffled: float


@dataclass(frozen=True, kw_only=True)
class Found:
    """All stages.

    Attributes:
        network: its name and width.
        clips: that were measured; of fewer of them the weights were shuffled too.
        right: share that the network recognises.
        area: share of the pixels on which something moves, what chance would give.
        machine: what ran it.
        stages: from the deepest.
    """

    network: str
    clips: int
    right: float
    area: float
    machine: dict[str, Any]
    stages: tuple[Stage, ...]


def clip_and_moving(
    label: str, number: int, spec: ModelSpec
) -> tuple[UInt8[Tensor, "T 3 h w"], Bool[np.ndarray, "T h w"]]:
    """Return the view that a network takes of a drawn clip, and on which of its pixels something moves."""
    scene = Scene.draw(SIZE, 0, "test", label, number)
    still = replace(scene, shake=np.zeros_like(scene.shake), grain=np.zeros_like(scene.grain))
    frames, clean = (np.stack([one.frame(t) for t in range(SIZE.frames)]) for one in (scene, still))
    changed = np.abs(np.diff(clean.astype(int), axis=0)).max(-1) > _STEP
    moving = np.zeros(clean.shape[:3], bool)
    moving[1:] |= changed
    moving[:-1] |= changed
    views = EvalViews(sampling=spec.sampling, preprocessing=spec.preprocessing)
    white = np.repeat(moving[..., None], 3, -1).astype(np.uint8) * 255
    seen, where = (frame_views(torch.from_numpy(one.copy()).movedim(-1, -3), views)[0] for one in (frames, white))
    return seen, where.float().mean(1).numpy() > 127


def measure(run: Run, clips: int = CLIPS, shuffled: int = SHUFFLED) -> Found:
    """Measure the stages of a network.

    Args:
        run: of one trained on Tabletop.
        clips: one of each class after the other.
        shuffled: on the first so many, the weights are shuffled too.
    """
    model, spec = run.load_model(torch.device("cpu")), run.load_spec()
    labels, generator = list(CLASSES), torch.Generator().manual_seed(0)
    sides = [1, 3, 5, 14]
    on_moving: dict[tuple[str, int], list[float]] = {}
    alike: dict[tuple[str, int], list[float]] = {}
    areas, right = [], []
    for number in range(clips):
        label = labels[number % len(labels)]
        seen, moving = clip_and_moving(label, number // len(labels), spec)
        clip = spec.preprocessing.normalise(seen)
        areas.append(float(moving.mean()))
        other = copy.deepcopy(model)
        if number < shuffled:
            shuffle_weights(other, generator)
        for cells in sides:
            found, target = _evidence(model, clip, cells)
            there, _ = _evidence(other, clip, cells, target) if number < shuffled else ({}, 0)
            for method, maps in found.items():
                key = method, min(maps.shape[1:])
                large = F.interpolate(maps[None, None], size=moving.shape, mode="trilinear")[0, 0].clamp(min=0).numpy()
                on_moving.setdefault(key, []).append(float(large[moving].sum() / max(large.sum(), 1e-12)))
                if there:
                    alike.setdefault(key, []).append(rank_correlation(maps.numpy(), there[method].numpy()))
            if cells == 1:
                right.append(spec.labels[target] == label)
    stages = [
        Stage(method=method, places=places, on_moving=fmean(values), shuffled=fmean(alike[method, places]))
        for (method, places), values in sorted(
            on_moving.items(), key=lambda item: (list(METHODS).index(item[0][0]), item[0][1])
        )
    ]
    return Found(
        network=f"{spec.model.name}, width {spec.model.width}",
        clips=clips,
        right=fmean(right),
        area=fmean(areas),
        machine=describe(torch.device("cpu")),
        stages=tuple(stages),
    )


def _evidence(model: VideoModel, clip: Tensor, cells: int, target: int | None = None) -> tuple[dict[str, Tensor], int]:
    """Return the evidence by each method, and the class that it is for."""
    with evaluation_mode(model):
        (maps,), logits = maps_and_logits(model, clip[None], cells)
        target = int(logits.argmax()) if target is None else target
        (gradient,) = torch.autograd.grad(logits[target], maps.values)
    return {
        method: Maps(maps.values, maps.channel).evidence(form(gradient)) for method, form in METHODS.items()
    }, target


def to_markdown(found: Found) -> str:
    """Return the table of the page."""
    lines = [
        "| maps | places | evidence on what moves | against chance | rank correlation, weights shuffled |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {stage.method} | {stage.places} x {stage.places} | {100 * stage.on_moving:.1f} % | "
            f"x {stage.on_moving / found.area:.2f} | {stage.shuffled:+.2f} |"
            for stage in found.stages
        ),
    ]
    return "\n".join(lines) + (
        f"\n\n{found.network}, {found.clips} test clips of which it recognises {100 * found.right:.0f} %; "
        f"things move on {100 * found.area:.1f} % of the pixels. PyTorch {found.machine['torch']}, "
        f"{found.machine['date'][:10]}."
    )


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.activation_maps", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("run", type=Path, help="folder of a run of Tabletop, of a network with one trunk")
    parser.add_argument("--clips", type=int, default=CLIPS, help="test clips to measure")
    options = parser.parse_args()
    if options.clips < SHUFFLED:
        parser.error(f"--clips {options.clips}: use {SHUFFLED} or more")
    found = measure(Run.open(options.run), options.clips)
    write_json(PATH, asdict(found))
    write_block(PAGE, "stages", to_markdown(found))
    print(to_markdown(found))


if __name__ == "__main__":
    run_main(main)
