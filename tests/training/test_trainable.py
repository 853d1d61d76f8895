"""What learns is what was asked for, and everything else stays, bit for bit."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from recircle.errors import UserError
from recircle.loading.batch import Batch
from recircle.models.registry import ModelConfig, create_model, list_models
from recircle.training.config import TrainConfig
from recircle.training.learner import Learner
from recircle.training.lora import Lora, without_lora
from recircle.training.trainable import choose_trainable
from tests.models.hosts.saved import save_clip_network, save_image_network

MakeConfig = Callable[..., TrainConfig]
MakeBatch = Callable[..., Batch]


def step(learner: Learner, batch: Batch) -> set[str]:
    """Return the names of what a step changed."""
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}
    learner.train_mode()
    learner.step([batch], step=1, lr=0.1)
    return {name for name, value in learner.model.state_dict().items() if not torch.equal(value, before[name])}


@pytest.mark.parametrize(
    ("trainable", "learns"),
    [("head", ("fc.",)), ("last-1", ("layer4.", "fc.")), ("last-3", ("layer2.", "layer3.", "layer4.", "fc."))],
)
def test_a_step_changes_what_is_trainable(
    trainable: str, learns: tuple[str, ...], make_config: MakeConfig, make_batch: MakeBatch, accelerator: Accelerator
) -> None:
    config = make_config(trainable=trainable)
    model = config.model.build(3)
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    changed = step(Learner(model, model.preprocessing, config, accelerator), make_batch(4))
    assert changed == {name for name in model.state_dict() if name.startswith(learns)}


def test_what_is_frozen_by_name_is_frozen_too(
    make_config: MakeConfig, make_batch: MakeBatch, accelerator: Accelerator
) -> None:
    config = make_config(trainable="last-2", freeze=("layer4",))
    model = config.model.build(3)
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    changed = step(Learner(model, model.preprocessing, config, accelerator), make_batch(4))
    assert changed == {name for name in model.state_dict() if name.startswith(("layer3.", "fc."))}


@pytest.mark.parametrize("kind", ["videomae", "vivit", "timesformer", "vjepa2", "resnet18", "vit_tiny_patch16_224"])
def test_lora_learns_small_changes_that_end_in_the_weights(kind: str, tmp_path: Path) -> None:
    images = kind.startswith(("res", "vit_"))
    name = f"timm:{save_image_network(tmp_path, kind)}" if images else f"hf:{save_clip_network(tmp_path, kind)}"
    model = ModelConfig(name=name).build(3)
    names = list(model.state_dict())
    clips = torch.randn(2, model.usual_frames or 4, 3, 32, 32)
    with torch.no_grad():
        before = model.eval()(clips)
        choose_trainable(model, "lora", Lora(rank=2))
        assert torch.allclose(model(clips), before, atol=1e-6)
        learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
        assert learning
        assert all(".lora_" in name or name.startswith("fc.") for name in learning)
        for name in learning:
            torch.nn.init.normal_(model.get_parameter(name), std=0.1)
        after = model(clips)
        assert not torch.allclose(after, before, atol=1e-3)
        merged = without_lora(model)
        assert list(merged.state_dict()) == names
        assert torch.allclose(merged(clips), after, atol=1e-4)


def test_lora_leaves_arc_layers_and_lets_their_matrices_learn(tmp_path: Path) -> None:
    from recircle import ArcConfig

    name = f"hf:{save_clip_network(tmp_path, 'videomae')}"
    model = ModelConfig(name=name, arc=ArcConfig()).build(3)
    choose_trainable(model, "lora", Lora())
    again = [parameter.requires_grad for parameter in model.parameters()]
    choose_trainable(model, "lora", Lora())
    assert [parameter.requires_grad for parameter in model.parameters()] == again
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert any(name.endswith("dense.fusion") for name in learning)
    assert not any("intermediate" in name and ".lora_" in name for name in learning)


def test_lora_needs_layers_that_can_have_it() -> None:
    with pytest.raises(UserError, match=r"trainable=lora: tsm_resnet18 has no layers .*trainable=last-1"):
        choose_trainable(create_model("tsm_resnet18", 2, width=8), "lora", Lora())


@pytest.mark.parametrize(
    ("trainable", "message"),
    [
        ("last-5", "trainable=last-5: tsm_resnet18 has 4 stages, layer1 to layer4"),
        ("last-0", "trainable='last-0' is not one of all, head, lora, or last-N"),
        ("some", "trainable='some' is not one of"),
    ],
)
def test_wrong_choices_are_told(trainable: str, message: str, make_config: MakeConfig) -> None:
    with pytest.raises(ValueError, match=message):
        choose_trainable(create_model("tsm_resnet18", 2, width=8), make_config(trainable=trainable).trainable, Lora())


def test_a_network_of_several_trunks_has_no_last_stage() -> None:
    with torch.device("meta"):
        model = create_model("slowfast_resnet50", 2)
    with pytest.raises(UserError, match="has trunks beside one another"):
        choose_trainable(model, "last-1", Lora())


def test_the_stages_of_all_networks_are_parts_of_them() -> None:
    for name in list_models("ts*"):
        with torch.device("meta"):
            model = create_model(name, 2)
        assert all(list(model.get_submodule(stage).parameters()) for stage in model.stages)
