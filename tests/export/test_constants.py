"""What follows from the weights alone is a constant of a captured network."""

import pytest
import torch
from torch import Tensor, nn

from recircle.arc.config import ArcConfig
from recircle.export.constants import fold_constants
from recircle.export.facts import Shape
from recircle.export.network import ExportedNetwork, capture
from recircle.models.registry import create_model
from recircle.views.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(resize=36, crop=32)


class Parts(nn.Module):
    """Takes parts of a weight, one of them twice, and makes a random number and a large constant."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 4))
        self.unused = nn.Parameter(torch.randn(3))

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.weight.split(3)
        y = x @ first.t() + x @ (2 * second).t() + x @ first.t()
        return y + 0 * torch.rand(3) + (y[:1] * torch.zeros(2000, 3)).mean(0)


def targets(program: torch.export.ExportedProgram) -> list[str]:
    return [str(node.target) for node in program.graph.nodes if node.op == "call_function"]


def test_parts_of_weights_are_computed_once() -> None:
    network, x = Parts().eval(), torch.randn(5, 4)
    with torch.no_grad():
        program = torch.export.export(network, (x,))
        expected = network(x)
    fold_constants(program)
    program.validate()
    found = targets(program)
    assert not any("split" in name or name == "aten.t.default" for name in found)
    # what is random stays, and so does what is larger than all that it is made from
    assert any("rand" in name for name in found)
    assert any("zeros" in name for name in found)
    # the first part, and twice the second
    assert sorted(tuple(value.shape) for value in program.state_dict.values()) == [(4, 3), (4, 3)]
    torch.testing.assert_close(program.module()(x), expected)


@pytest.mark.parametrize(
    "config",
    [
        ArcConfig.paper(),
        *(pytest.param(c, marks=pytest.mark.slow) for c in (ArcConfig.light(), ArcConfig.published(steps=2))),
    ],
)
def test_no_layer_divides_its_weights(config: ArcConfig) -> None:
    torch.manual_seed(1)
    model = create_model("arc_tsm_resnet18", 3, width=8, arc=config).eval()
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.1)
    network = ExportedNetwork(model, PREPROCESSING)
    frames = torch.randint(256, (1, 4, 3, 32, 32), dtype=torch.uint8)
    for shape in (None, Shape(size=(32, 32), clips=1, frames=4)):
        program = capture(network, shape)
        assert not any("split" in name for name in targets(program))
        count = sum(value.numel() for value in program.state_dict.values())
        assert count < 1.02 * sum(value.numel() for value in network.state_dict().values())
        torch.testing.assert_close(program.module()(frames), network(frames))
