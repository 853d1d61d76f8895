"""Captured networks keep the frames of clips in the batch, and compute what they computed."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from recircle.arc import ArcConfig, ArcConv1d, ArcConv2d
from recircle.arc.clip_dims import FRAMES_2D
from recircle.arc.folded_frames import FoldedFrames
from recircle.export.network import ExportedNetwork, capture
from recircle.layers import frames
from recircle.layers.temporal_shift import TemporalShift
from recircle.models import create_model
from recircle.views.preprocessing import Preprocessing

SHAPES = ((1, 1), (1, 2), (2, 1), (3, 4))


class Net(nn.Module):
    """A stem, anything, and a head."""

    def __init__(self, middle: Callable[[Tensor], Tensor] | nn.Module) -> None:
        super().__init__()
        self.stem = frames.Conv2d(3, 8, 3, stride=2)
        self.middle = middle
        self.last = frames.Conv2d(8, 8, 3)

    def forward(self, clips: Tensor) -> Tensor:
        return self.last(self.middle(self.stem(clips))).mean((1, 3, 4))


def check(net: nn.Module) -> list[int]:
    """Capture the network and compare; return the dimensions of all tensors but the clips, the largest first."""
    network = ExportedNetwork(net.eval(), Preprocessing(resize=20, crop=(18, 20)))
    program = capture(network)
    module = program.module()
    for batch, length in SHAPES:
        clips = torch.randint(256, (batch, length, 3, 18, 20), dtype=torch.uint8)
        with torch.no_grad():
            torch.testing.assert_close(module(clips), network(clips), rtol=1e-4, atol=1e-5)
    given = program.graph_signature.user_inputs
    values = [node.meta.get("val") for node in program.graph.nodes if node.name not in given]
    return sorted((value.dim() for value in values if isinstance(value, Tensor)), reverse=True)


def drawn(layer: nn.Module) -> nn.Module:
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.1)
    return layer


FOLDED: dict[str, Callable[[Tensor], Tensor]] = {
    "in place": lambda x: x.relu_().mul_(2) + 1,
    "a sum of both forms": lambda x: x + torch.sigmoid(x),
    "channels": lambda x: torch.cat((x[:, :, 4:], x.narrow(2, 0, 4)), 2),
    "negative dimensions": lambda x: x * x.mean((-2, -1), keepdim=True) + x.amax(-3, keepdim=True),
    "a vector": lambda x: x * torch.arange(8.0).view(8, 1, 1),
}


@pytest.mark.parametrize("name", FOLDED)
def test_what_acts_on_each_frame_is_folded(name: str) -> None:
    dims = check(Net(FOLDED[name]))
    # the mean over frames in the end needs T
    assert dims.count(5) <= 1


UNFOLDED: dict[str, Callable[[Tensor], Tensor]] = {
    "a mean over time": lambda x: x - x.mean(1, keepdim=True),
    "one map for all clips": lambda x: x + torch.arange(8.0 * 8 * 9).view(1, 8, 8, 9),
    "frames in another order": lambda x: torch.relu(x.flip(1)) + x,
    "both kinds of the same": lambda x: torch.cat((x.relu(), x.flip(1)), 2)[:, :, 4:12],
    "channels for frames": lambda x: x.transpose(1, 2).relu().transpose(1, 2),
}


@pytest.mark.parametrize("name", UNFOLDED)
def test_what_does_not_act_on_each_frame_stays(name: str) -> None:
    assert check(Net(UNFOLDED[name])).count(5) > 1


VARIANTS = (
    ArcConfig.paper(),
    ArcConfig.temporal(),
    ArcConfig.temporal(steps=4, aggregation="ST", pooling="mean"),
    ArcConfig.paper(steps=2, aggregation="T", fusion=False),
    ArcConfig.published(steps=2, aggregation="ST"),
    ArcConfig.published(steps=2, aggregation="T", attention_module="gru"),
    ArcConfig.paper(steps=2, interaction="multiplicative", signed_input=True),
)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("config", VARIANTS)
def test_arc_layers_are_folded(config: ArcConfig, stride: int) -> None:
    layer = drawn(ArcConv2d(8, 8, 3, stride, 1, config=config, act=nn.ReLU()))
    assert check(Net(nn.Sequential(TemporalShift(), layer))).count(5) <= 1


def test_frames_of_one_dimension_and_pooling_that_is_learned() -> None:
    class Lines(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = drawn(ArcConv1d(20, 8, 3, config=ArcConfig.paper(steps=2)))

        def forward(self, clips: Tensor) -> Tensor:
            return self.layer(clips.mean(2).transpose(2, 3)).mean((1, 3))

    check(Lines())
    assert FoldedFrames.of(torch.zeros(1, 2, 3, 4, 5), FRAMES_2D, ArcConfig(pooling="soft")) is None
    check(Net(drawn(ArcConv2d(8, 8, 3, padding=1, config=ArcConfig(steps=2, pooling="soft")))))


@pytest.mark.parametrize("config", [None, ArcConfig.paper(steps=2), ArcConfig.temporal()])
def test_nothing_in_a_2d_network_has_five_dimensions(config: ArcConfig | None) -> None:
    if config is None:
        model = create_model("tsm_resnet18", 3, width=8)
    else:
        model = create_model("arc_tsm_resnet18", 3, width=8, arc=config)
    program = capture(ExportedNetwork(model.eval(), Preprocessing(resize=36, crop=32)))
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    assert [key for key, value in values.items() if isinstance(value, Tensor) and value.dim() > 4] == ["frames"]
