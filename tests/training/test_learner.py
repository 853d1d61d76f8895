import re
from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor

from recircle.arc import ArcLayer
from recircle.errors import UserError
from recircle.loading.batch import Batch
from recircle.models.registry import ModelConfig
from recircle.training.config import TrainConfig
from recircle.training.devices import accelerated
from recircle.training.learner import Learner
from recircle.training.optimiser import Optimiser

MakeConfig = Callable[..., TrainConfig]
MakeBatch = Callable[..., Batch]
MakeLearner = Callable[..., Learner]

PLAIN = Optimiser(lr=1.0, momentum=0.0, nesterov=False, weight_decay=0.0)
STILL = {"model": ModelConfig(name="tsm_resnet18", width=8, dropout=0.0), "freeze_norms": "all"}


def build(config: TrainConfig, accelerator: Accelerator) -> Learner:
    """Return a learner; equal configs give equal ones."""
    torch.manual_seed(config.seed)
    model = config.model.build(3)
    # the classifier starts near zero; the tests are about gradients that are not
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    assert config.data.preprocessing is not None
    learner = Learner(model, config.data.preprocessing, config, accelerator)
    learner.train_mode()
    return learner


@pytest.fixture
def make_learner(make_config: MakeConfig, accelerator: Accelerator) -> MakeLearner:
    """Return a function from changes of the config to a learner."""
    return lambda **changes: build(make_config(**({"optimiser": PLAIN} | changes)), accelerator)


def weights(learner: Learner) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in learner.model.parameters()])


def joined(first: Batch, second: Batch) -> Batch:
    frames, labels = torch.cat([first.frames, second.frames]), torch.cat([first.labels, second.labels])
    return Batch(frames=frames, labels=labels, rows=torch.arange(len(labels)))


def test_passes_of_unequal_size_make_the_step_of_one_batch(make_learner: MakeLearner, make_batch: MakeBatch) -> None:
    first, second = make_batch(3, seed=1), make_batch(1, seed=2)
    parts, whole = make_learner(**STILL), make_learner(**STILL)
    before = weights(whole)
    results = [parts.step([first, second], step=1, lr=0.1), whole.step([joined(first, second)], step=1, lr=0.1)]
    assert [result.clips for result in results] == [4, 4]
    assert results[0].loss == pytest.approx(results[1].loss, rel=1e-5)
    assert results[0].grad_norm == pytest.approx(results[1].grad_norm, rel=1e-4)
    torch.testing.assert_close(weights(parts), weights(whole), rtol=1e-4, atol=1e-5)
    assert not torch.equal(weights(whole), before)


def test_loss_is_the_smoothed_cross_entropy(make_learner: MakeLearner, make_batch: MakeBatch) -> None:
    learner, batch = make_learner(**STILL, label_smoothing=0.1), make_batch(4)
    preprocessing = learner.model.preprocessing
    logits = learner.model(preprocessing.normalise(batch.frames[:, 0]))
    expected = F.cross_entropy(logits, batch.labels, label_smoothing=0.1).item()
    assert learner.step([batch], step=1, lr=0.1).loss == pytest.approx(expected, rel=1e-5)


def test_a_pass_without_clips_is_left_out(make_learner: MakeLearner, make_batch: MakeBatch) -> None:
    one, both = make_learner(**STILL), make_learner(**STILL)
    assert one.step([make_batch(2)], step=1, lr=0.1) == both.step([make_batch(2), make_batch(0)], step=1, lr=0.1)
    assert torch.equal(weights(one), weights(both))


def test_a_step_without_clips_changes_nothing(make_learner: MakeLearner, make_batch: MakeBatch) -> None:
    learner = make_learner()
    before = weights(learner)
    assert learner.step([make_batch(0), make_batch(0)], step=1, lr=0.1).clips == 0
    assert torch.equal(weights(learner), before)


def test_the_gradient_is_clipped_to_its_norm(make_learner: MakeLearner, make_batch: MakeBatch) -> None:
    free, clipped = make_learner(**STILL), make_learner(**STILL, clip_norm=0.25)
    before = weights(free)
    norms = [learner.step([make_batch(4)], step=1, lr=1.0).grad_norm for learner in (free, clipped)]
    assert norms[0] == pytest.approx(norms[1])
    assert norms[0] > 0.25
    # plain SGD at rate 1 moves by the gradient
    assert (weights(free) - before).norm().item() == pytest.approx(norms[0], rel=1e-3)
    assert (weights(clipped) - before).norm().item() == pytest.approx(0.25, rel=1e-3)


def test_bf16_runs_on_the_cpu_and_keeps_float32_weights(make_config: MakeConfig, make_batch: MakeBatch) -> None:
    losses = []
    for precision in ("fp32", "bf16"):
        config = make_config(**STILL, precision=precision)
        with accelerated(config) as accelerator:
            learner = build(config, accelerator)
            losses.append(learner.step([make_batch(4)], step=1, lr=0.1).loss)
        assert {parameter.dtype for parameter in learner.model.parameters()} == {torch.float32}
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    assert losses[0] != losses[1]


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_stops_before_the_weights_change(
    make_learner: MakeLearner, make_batch: MakeBatch, what: str
) -> None:
    learner = make_learner(ema=0.9)
    if what == "loss":
        learner.model.get_parameter("fc.bias").data[0] = torch.nan
    else:
        learner.model.get_parameter("conv1.weight").register_hook(lambda gradient: gradient * torch.inf)
    before = weights(learner)
    with pytest.raises(UserError, match=rf"{what}.* in step 7 at learning rate 0\.1: start again with a lower"):
        learner.step([make_batch(2)], step=7, lr=0.1)
    torch.testing.assert_close(weights(learner), before, rtol=0, atol=0, equal_nan=True)


def test_randomness_follows_from_seed_and_step(make_learner: MakeLearner, make_batch: MakeBatch) -> None:
    def loss(step: int, seed: int = 0) -> float:
        learner = make_learner(seed=seed)
        torch.rand(step + seed)
        return learner.step([make_batch(4)], step=step, lr=0.1).loss

    assert loss(1) == loss(1)
    assert loss(1) != loss(2)


def test_state_holds_all_the_next_step_needs(make_learner: MakeLearner, make_batch: MakeBatch) -> None:
    momentum = Optimiser(lr=0.1, momentum=0.9)
    first, second = (make_learner(ema=0.9, optimiser=momentum) for _ in range(2))
    for step in (1, 2):
        first.step([make_batch(4, seed=step)], step=step, lr=0.1)
    second.load_state(deepcopy(first.state()))
    results = [learner.step([make_batch(4, seed=3)], step=3, lr=0.1) for learner in (first, second)]
    assert results[0] == results[1]
    for left, right in zip(first.evaluated.state_dict().values(), second.evaluated.state_dict().values(), strict=True):
        assert torch.equal(left, right)
    assert torch.equal(weights(first), weights(second))
    assert first.evaluated is not first.model


@pytest.mark.parametrize("name", ["tsm_resnet18", "arc_tsm_resnet18"])
def test_memory_layout_changes_no_number(make_learner: MakeLearner, make_batch: MakeBatch, name: str) -> None:
    still = STILL | {"model": ModelConfig(name=name, width=8, dropout=0.0)}
    learners = [make_learner(**still, channels_last=layout) for layout in (False, True)]
    losses = [learner.step([make_batch(2)], step=1, lr=0.1).loss for learner in learners]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    stems = [learner.model.get_parameter("conv1.weight") for learner in learners]
    assert [stem.is_contiguous(memory_format=torch.channels_last) for stem in stems] == [False, True]


DIAL = ModelConfig(name="arc_tsm_resnet18", width=8, dropout=0.0)


def test_each_step_runs_with_the_number_of_recursive_steps_that_it_draws(
    make_learner: MakeLearner, make_batch: MakeBatch
) -> None:
    learner = make_learner(model=DIAL, drawn_steps=(1, 2, 4))
    seen: list[int] = []
    layer = next(m for m in learner.model.modules() if isinstance(m, ArcLayer))
    hook = layer.register_forward_pre_hook(lambda *_: seen.append(layer.config.steps))
    for step in range(1, 13):
        learner.step([make_batch(2, seed=step)], step=step, lr=0.01)
        assert layer.config.steps == 4
    assert set(seen) == {1, 2, 4}
    again = list(seen)
    seen.clear()
    for step in range(12, 0, -1):
        learner.step([make_batch(2, seed=step)], step=step, lr=0.01)
    hook.remove()
    assert seen == again[::-1]


@pytest.mark.parametrize(
    ("model", "steps", "words"),
    [
        ("arc_tsm_resnet18", (2, 8), "drawn_steps=2,8: layer1.0.conv1: steps=8: this layer has weights for 4 steps"),
        ("tsm_resnet18", (2,), "drawn_steps=2: the network has no ARC layers"),
        ("arc_tsm_resnet18", (1, 2), "drawn_steps=1,2: the network itself runs in 4 steps; draw them too, or build it"),
    ],
)
def test_steps_that_the_network_cannot_run_are_refused(
    make_learner: MakeLearner, model: str, steps: tuple[int, ...], words: str
) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        make_learner(model=ModelConfig(name=model, width=8), drawn_steps=steps)
