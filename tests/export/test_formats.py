"""Both kinds of files compute what the network does, whatever the variant of its ARC layers."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recircle.arc.config import ArcConfig
from recircle.arc.convolutions import ArcConv2d
from recircle.errors import UserError
from recircle.export import onnx_model, torch_program
from recircle.export.network import ExportedNetwork, capture
from recircle.export.parity import compare
from recircle.layers import frames
from recircle.layers.temporal_shift import TemporalShift
from recircle.models import list_models
from recircle.views.preprocessing import Preprocessing
from tests.models.small import small, small_form

PREPROCESSING = Preprocessing(resize=36, crop=32)
SHAPES = ((1, 1), (2, 1), (1, 2), (3, 4), (2, 8))
VARIANTS = (
    ArcConfig.paper(),
    ArcConfig.published(steps=2, aggregation="ST"),
    ArcConfig.paper(steps=2, signed_input=True, interaction="multiplicative"),
    ArcConfig.published(steps=2, attention_module="gru", aggregation="T", feedback="operator"),
)


class EachVariant(nn.Module):
    """A clip through one layer of each variant, one of them strided, with shifts between them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = frames.Conv2d(3, 8, 3, stride=4)
        self.layers = nn.ModuleList(
            ArcConv2d(8, 8, 3, 1 + (config.pooling == "mean"), 1, config=config, norm=nn.BatchNorm2d(8), act=nn.ReLU())
            for config in VARIANTS
        )
        self.shift = TemporalShift()
        self.fc = nn.Linear(8, 3)

    def forward(self, clips: Tensor) -> Tensor:
        x = self.stem(clips)
        for layer in self.layers:
            x = layer(self.shift(x))
        return self.fc(x.mean((1, 3, 4)))


def disturb(model: nn.Module) -> nn.Module:
    """Move ARC matrices, norms and classifier away from values at which they do nothing."""
    with torch.no_grad():
        for key, value in [*model.named_parameters(), *model.named_buffers()]:
            if key.endswith("running_var"):
                value.uniform_(0.8, 1.2)
            elif key.endswith(("running_mean", "bias")) or value.dim() == 2:
                value.normal_(0, 0.3)
    return model.eval()


def check(
    kind: Any,
    model: nn.Module,
    path: Path,
    preprocessing: Preprocessing = PREPROCESSING,
    shapes: Sequence[tuple[int, int]] = SHAPES,
) -> None:
    def eager(clips: Tensor) -> Tensor:
        with torch.inference_mode():
            return model(preprocessing.normalise(clips))

    kind.write(capture(ExportedNetwork(model, preprocessing)), {}, path)
    parity = compare(eager, kind.load(path), shapes, preprocessing.crop_size)
    assert parity.holds, parity
    assert parity.spread > 0.01 * parity.largest


@pytest.mark.parametrize("kind", [onnx_model, torch_program])
def test_every_variant_of_the_layer(kind: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    level = logging.getLogger("onnxscript.optimizer").level
    check(kind, disturb(EachVariant()), tmp_path / "file")
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("onnxscript.optimizer").level == level


NOT_CAPTURED = ("arc_r2plus1d_resnet18", "i3d_resnet50_nonlocal")
"""Their lengths in time after a stride decide how they compute, and a capture cannot leave that open."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_CAPTURED)
def test_what_cannot_be_captured_is_told(name: str) -> None:
    size = small_form(name).size
    with pytest.raises(UserError, match="cannot be captured for any number of clips and frames"):
        capture(ExportedNetwork(small(name).eval(), Preprocessing(resize=size, crop=size)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [onnx_model, torch_program])
@pytest.mark.parametrize("name", [name for name in list_models() if name not in NOT_CAPTURED])
def test_every_network(name: str, kind: Any, tmp_path: Path) -> None:
    form = small_form(name)
    model = small(name).eval()
    preprocessing = Preprocessing(resize=form.size, crop=form.size)
    few, more = form.frames
    check(kind, model, tmp_path / "file", preprocessing, ((1, few), (2, few), (3, more), (1, more)))
