"""Parts of a network that are frozen stay as they were, bit for bit; the others learn."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from accelerate import Accelerator

from recircle.errors import UserError
from recircle.loading.batch import Batch
from recircle.models.registry import ModelConfig, create_model
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.training.frozen import freeze_parts, tell_frozen
from recircle.training.learner import Learner
from recircle.training.loop import train

MakeConfig = Callable[..., TrainConfig]


def test_a_step_changes_neither_weights_nor_statistics_of_what_is_frozen(
    make_config: MakeConfig, make_batch: Callable[..., Batch], accelerator: Accelerator
) -> None:
    config = make_config(freeze=("conv1", "bn1", "layer1", "layer2.0"))
    model = config.model.build(3)
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    learner = Learner(model, model.preprocessing, config, accelerator)
    learner.train_mode()
    learner.step([make_batch(4)], step=1, lr=0.1)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    frozen = {name for name in before if name.startswith(("conv1.", "bn1.", "layer1.", "layer2.0."))}
    # a counter of batches belongs to the norm
    assert changed == before.keys() - frozen


def test_a_parameter_of_its_own_can_be_frozen() -> None:
    model = create_model("timesformer_base", 2, width=24)
    name = next(name for name, _ in model.named_parameters() if "." not in name)
    assert freeze_parts(model, [name]) == []
    assert not model.get_parameter(name).requires_grad


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        (("layer9",), "has no part 'layer9'; it has conv1, bn1, .*layer1"),
        (("layer1.7",), r"has no part 'layer1\.7'; it has layer1\.0, layer1\.1,"),
        (("layer1", "blocks.0.x"), r"has no part 'blocks\.0\.x'; it has conv1"),
        (("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"), "leaves nothing to train"),
    ],
)
def test_wrong_names_are_told_before_anything_is_written(
    freeze: tuple[str, ...], message: str, make_config: MakeConfig
) -> None:
    config = make_config(freeze=freeze)
    with pytest.raises(UserError, match=message):
        train(config, progress=False)
    assert not Run(config.output).path.exists()


def test_what_is_frozen_is_told() -> None:
    model = create_model("arc_tsm_resnet18", 3, width=8)
    assert tell_frozen(model) == []
    freeze_parts(model, ["layer4"])
    share, layers = tell_frozen(model)
    assert share.startswith("frozen: ")
    assert layers.startswith("4 of the 16 ARC layers are frozen")


def test_frozen_arc_and_its_learning_rate_do_not_contradict(make_config: MakeConfig) -> None:
    values: dict[str, Any] = {
        "model": ModelConfig(name="arc_tsm_resnet18", width=8),
        "freeze": ("layer1",),
        "epochs": 1,
    }
    run = train(make_config(**values), progress=False)
    assert run.load_model().name == "arc_tsm_resnet18"
