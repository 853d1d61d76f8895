"""A folder of small clips, their manifest, and a run of a small network with random weights."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from recircle.arc.step_statistics import keep_step_statistics
from recircle.loading.options import Loading
from recircle.manifest.manifest import Clip, Manifest
from recircle.models.registry import ModelConfig
from recircle.run import ModelSpec, Run
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling

LABELS = ("lift", "push left", "push right")
SPEC = ModelSpec(
    model=ModelConfig(name="tsm_resnet18", width=8),
    labels=LABELS,
    families={"push left": "push", "push right": "push"},
    preprocessing=Preprocessing(resize=36, crop=32),
    sampling=Sampling(frames=4),
)


IN_PROCESS = Loading(batch_size=4)
"""Clips are decoded in the process of the test."""


def write_frames(folder: Path, frames: int, seed: int, size: tuple[int, int] = (40, 56)) -> Path:
    """Write a folder of noisy images, `size` = (height, width)."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for number in range(frames):
        Image.fromarray(rng.integers(256, size=(*size, 3), dtype=np.uint8)).save(folder / f"{number:03}.png")
    return folder


def write_clips(folder: Path, splits: tuple[str, ...] = ("train", "val")) -> Manifest:
    """Write one folder of frames for each label and split, and manifest.csv."""
    clips: list[Clip] = []
    for split in splits:
        for label in LABELS:
            path = f"{label}/{split}"
            write_frames(folder / path, 5 + len(clips), seed=len(clips))
            clips.append(
                Clip(
                    path=path,
                    label=label,
                    parent=SPEC.families.get(label, ""),
                    split=split,
                    frames=5 + len(clips),
                    width=56,
                    height=40,
                )
            )
    return Manifest(tuple(clips), folder).write(folder / "manifest.csv")


def write_run(path: Path, spec: ModelSpec = SPEC) -> Run:
    """Save a network whose classifier is large enough to tell clips apart; there is no config.json."""
    torch.manual_seed(3)
    model = spec.model.build(len(spec.labels))
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    if spec.drawn_steps:
        keep_step_statistics(model, spec.drawn_steps)
    run = Run.create(path)
    run.save_model(model, spec)
    return run
