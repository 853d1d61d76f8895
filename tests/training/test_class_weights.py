"""Balanced weights: each class counts alike in the loss of an epoch."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st

from recircle.loading.batch import Batch
from recircle.training.class_weights import class_weights, tell_classes
from recircle.training.config import TrainConfig
from recircle.training.learner import Learner


@given(counts=st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any), seed=st.integers(0, 99))
def test_the_mean_loss_is_the_mean_over_classes(counts: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    losses = [torch.rand(count, generator=generator, dtype=torch.float64) for count in counts]
    weights = class_weights(counts)
    weighted = sum(float(weight * loss.sum()) for weight, loss in zip(weights, losses)) / sum(counts)
    of_classes = [float(loss.mean()) for loss in losses if len(loss)]
    assert weighted == pytest.approx(sum(of_classes) / len(of_classes))


def test_the_loss_of_a_step_is_the_weighted_cross_entropy(
    make_config: Callable[..., TrainConfig], make_batch: Callable[..., Batch], accelerator: Accelerator
) -> None:
    config = make_config(freeze_norms="all", label_smoothing=0.1)
    model = config.model.build(3)
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    learner = Learner(model, model.preprocessing, config, accelerator, class_weights=[0.5, 2.0, 1.0])
    model.eval()  # without dropout
    batch = make_batch(4)
    logits = model(model.preprocessing.normalise(batch.frames[:, 0]))
    weights = torch.tensor([0.5, 2.0, 1.0])
    expected = F.cross_entropy(logits, batch.labels, weights, label_smoothing=0.1, reduction="sum").item() / 4
    assert learner.step([batch], step=1, lr=0.1).loss == pytest.approx(expected, rel=1e-5)


def test_unequal_classes_are_told() -> None:
    assert tell_classes({"a": 4, "b": 6, "c": 0}, None) == []
    assert tell_classes({}, None) == []
    (line,) = tell_classes({"a": 1, "b": 30}, None)
    assert line == ("classes are unequal: from 1 clip of 'a' to 30 of 'b'; --class-weights balanced weighs them alike")
    (line,) = tell_classes({"a": 10, "b": 30}, class_weights([10, 30]))
    assert line == "classes weigh alike in the loss: a clip of 'b' counts 0.67, one of 'a' 2"
