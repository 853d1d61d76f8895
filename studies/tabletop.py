"""The clips and the settings that all studies on the generated benchmark share."""

from dataclasses import replace
from pathlib import Path

from recircle import (
    ArcConfig,
    Augmentation,
    DataConfig,
    ModelConfig,
    Optimiser,
    Preprocessing,
    Sampling,
    Schedule,
    TrainConfig,
)
from recircle.tabletop import SIZES, TabletopConfig, generate

SIZE = TabletopConfig(train=SIZES["full"].train, test=SIZES["full"].test, pixels=80, frames=16, fps=8)
"""As many clips as "full" has, with the small frames of "small", since the networks see 56 pixels."""

FEW = replace(SIZE, train=15)
"""So few clips to learn from that no network is near to knowing all."""

FEW_EPOCHS = 20
"""Epochs of the plain host on few clips: the shortest after which twice as many gain less than five points."""

WIDE = 32
"""Channels in the stem from which on arithmetic takes most of the time, and calls less."""

VALIDATION_ACTORS = ("dawit", "emre")
"""Two of the five training persons; settings are chosen on their clips, by networks that train on the other three."""


EPOCHS = 3
LR = 0.06
"""Found by `python -m studies.tabletop_settings`, which tried the same rates for TSM and for ARC-TSM."""


def clips(folder: Path) -> Path:
    """Return the manifest of the clips, which are drawn first where they are not there."""
    generate(folder, SIZE)
    return folder.absolute() / "manifest.csv"


def few_clips(folder: Path) -> Path:
    """Return the manifest of few clips, which lie beside the others."""
    beside = folder.with_name(f"{folder.name}_few")
    generate(beside, FEW)
    return beside.absolute() / "manifest.csv"


def config(
    manifest: Path,
    model: str,
    *,
    width: int,
    epochs: int = EPOCHS,
    lr: float = LR,
    arc_lr: float = 1.0,
    arc: ArcConfig | None = None,
    frames: int = 8,
    crop: int = 56,
    groups: tuple[str, ...] = (),
    test_groups: tuple[str, ...] = (),
) -> TrainConfig:
    """Return the training of one network; only what is given here differs between networks."""
    return TrainConfig(
        model=ModelConfig(name=model, width=width, dropout=0.0, arc=arc),
        data=DataConfig(
            manifest=manifest,
            val_split="test",
            groups=groups,
            test_groups=test_groups,
            sampling=Sampling(frames=frames),
            preprocessing=Preprocessing(resize=crop + 8, crop=crop),
            augmentation=Augmentation(scales=(1.0, 0.875), max_distort=0),
            workers=0,
            cache=manifest.parent.with_name(f"{manifest.parent.name}_cache"),
        ),
        optimiser=Optimiser(lr=lr, arc_lr=arc_lr, weight_decay=5e-4),
        schedule=Schedule(kind="cosine", warmup=0.5),
        output=Path(),
        epochs=epochs,
        batch_size=32,
        clip_norm=20.0,
    )
