from collections.abc import Callable
from dataclasses import replace

import pytest

from recircle.config import from_json, to_json
from recircle.evaluation.protocol import Protocol
from recircle.training.config import TrainConfig
from recircle.training.optimiser import Optimiser
from recircle.training.schedule import Schedule


def test_json_round_trip(make_config: Callable[..., TrainConfig]) -> None:
    config = make_config(
        optimiser=Optimiser(kind="adamw", lr=0.001, bias_lr=2.0),
        schedule=Schedule(kind="cosine", warmup=0.5),
        evaluation=Protocol(clips=2, crops=3, fusion="logits"),
        clip_norm=20.0,
        ema=0.999,
        precision="bf16",
        freeze_norms="all_but_first",
        freeze=("conv1", "layer1.0"),
        class_weights="balanced",
        minutes=2.5,
        checkpoint_every=7,
        tracker="tensorboard",
    )
    assert from_json(TrainConfig, to_json(config)) == config
    plain = make_config(schedule=Schedule(milestones=(1, 2)))
    assert from_json(TrainConfig, to_json(plain)) == plain


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"accumulate": 0}, "accumulate=0"),
        ({"keep": 0}, "keep=0"),
        ({"checkpoint_every": 0}, "checkpoint_every=0"),
        ({"seed": -1}, "seed=-1"),
        ({"clip_norm": 0.0}, "clip_norm=0.0"),
        ({"ema": 1.0}, "ema=1.0"),
        ({"label_smoothing": 1.0}, "label_smoothing=1.0"),
        ({"precision": "fp8"}, "precision='fp8'"),
        ({"freeze_norms": "some"}, "freeze_norms='some'"),
        ({"freeze": ("conv1", "")}, "freeze=.* has an empty name"),
        ({"class_weights": "even"}, "class_weights='even'"),
        ({"minutes": 0.0}, "minutes=0.0"),
        ({"schedule": Schedule(warmup=2.0)}, r"schedule.warmup=2 epochs .* epochs=2"),
    ],
)
def test_wrong_values_are_named(make_config: Callable[..., TrainConfig], values: dict, message: str) -> None:
    config = make_config()
    with pytest.raises(ValueError, match=message):
        replace(config, **values)
