"""What the quantiser gets to see of a network."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from recircle.arc import ArcConfig, ArcConv2d
from recircle.export import int8, onnx_model
from recircle.export.network import ExportedNetwork, capture
from recircle.views.preprocessing import Preprocessing
from tests.arc.variants import randomise


class Small(nn.Module):
    def __init__(self, config: ArcConfig) -> None:
        super().__init__()
        self.conv = ArcConv2d(3, 8, 3, padding=1, config=config, act=nn.ReLU())
        self.head = nn.Linear(8, 4)

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        return self.head(self.conv(clip).mean((1, 3, 4)))


@pytest.mark.parametrize(("config", "left"), [(ArcConfig.light(), 0), (ArcConfig.light(negative_slope=0.1), 3)])
def test_slopes_that_int8_cannot_show_are_cut(config: ArcConfig, left: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Small(config).eval()
    randomise(network.conv, 0.1)
    plain, small = tmp_path / "plain.onnx", tmp_path / "int8.onnx"
    onnx_model.write(capture(ExportedNetwork(network, Preprocessing(resize=16, crop=16))), {}, plain)
    assert sum(node.op_type == "LeakyRelu" for node in onnx.load(plain).graph.node) == config.steps - 1
    clips = [np.random.default_rng(seed).integers(256, size=(1, 4, 3, 16, 16), dtype=np.uint8) for seed in range(3)]
    int8.quantise(plain, small, clips=clips[1:], texts={})
    kinds = [node.op_type for node in onnx.load(small).graph.node]
    assert kinds.count("LeakyRelu") == left
    expected, found = (onnx_model.load(path)(torch.from_numpy(clips[0])) for path in (plain, small))
    assert (found - expected).abs().max() < 0.05 * expected.abs().max()
