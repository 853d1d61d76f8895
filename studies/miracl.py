"""The settings that all trainings on MIRACL words share."""

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

TEST_SPEAKERS = ("F10", "F11", "M04", "M07", "M08")
TRAIN_SPEAKERS = ("F01", "F02", "F04", "F05", "F06", "F07", "F08", "F09", "M01", "M02")
VALIDATION_SPEAKERS = ("F09", "M02")
"""Two of the training speakers; settings are chosen on their clips, by networks that train on the other eight."""

LR, ARC_LR = 0.1, 0.05
"""Of plain networks and of those with ARC: the best of the same three, found by `python -m studies.miracl_settings`."""

EPOCHS = 15
EPOCHS_OF_EQUAL_TIME = 51
"""A step of ARC-TSM took 3.4 times one of TSM in the search for the rates."""


def config(
    manifest: Path,
    model: str,
    *,
    lr: float,
    width: int = 16,
    epochs: int = EPOCHS,
    arc: ArcConfig | None = None,
    groups: tuple[str, ...] = (),
    test_groups: tuple[str, ...] = TEST_SPEAKERS,
) -> TrainConfig:
    """Return the training of one network; only what is given here differs between networks."""
    return TrainConfig(
        model=ModelConfig(name=model, width=width, dropout=0.5, arc=arc),
        data=DataConfig(
            manifest=manifest,
            groups=groups,
            test_groups=test_groups,
            sampling=Sampling(frames=8),
            preprocessing=Preprocessing(resize=(36, 72), crop=(32, 64)),
            augmentation=Augmentation(scales=(1.0, 0.875, 0.75, 0.66)),
            workers=0,
            cache=Path("runs/studies/miracl_cache"),
        ),
        optimiser=Optimiser(lr=lr, weight_decay=5e-3),
        schedule=Schedule(kind="cosine", warmup=1),
        output=Path(),
        epochs=epochs,
        batch_size=16,
        clip_norm=20.0,
        ema=0.99,
        label_smoothing=0.1,
    )
