"""Networks that know nothing of this project."""

import pytest
import torch
from torch import Tensor, nn

from recircle.arc import ArcLayer
from recircle.surgery import FrameModel, arc_report, convert
from tests.arc.variants import randomise
from tests.surgery.test_convert import check_same
from tests.torchvision_oracle import import_torchvision


@pytest.fixture(scope="module", autouse=True)
def _oracles() -> None:
    import_torchvision()


def check_evolves(net: nn.Module, x: Tensor) -> None:
    """With its matrices drawn the network must differ from the plain one, and learn in every parameter."""
    plain = net(x)
    matrices = [m for layer in net.modules() if isinstance(layer, ArcLayer) for m in layer.matrices if m is not None]
    with torch.no_grad():
        for matrix in matrices:
            assert isinstance(matrix, Tensor)
            matrix.normal_(0, 0.05)
    y = net(x)
    assert torch.isfinite(y).all()
    assert not torch.allclose(y, plain, rtol=1e-3)
    y.sum().backward()
    assert all(m.grad is not None for m in matrices if isinstance(m, Tensor))


def test_timm_resnet() -> None:
    import timm

    net = timm.create_model("resnet18", num_classes=7)
    randomise_norms(net)
    x = torch.randn(2, 3, 48, 40)
    converted = check_same(net, x)
    assert len(arc_report(converted).converted) == 16
    assert not any(layer.config.signed_input for layer in converted.modules() if isinstance(layer, ArcLayer))
    check_evolves(converted, x)
    clip_model = FrameModel(converted)
    assert clip_model(torch.randn(2, 3, 3, 48, 40)).shape == (2, 7)


def test_timm_convnext() -> None:
    import timm

    # with its usual layer scale of 1e-6 a fresh ConvNeXt would hide any change inside its blocks
    net = timm.create_model("convnext_atto", num_classes=7, ls_init_value=1.0)
    x = torch.randn(2, 3, 64, 64)
    converted = check_same(net, x)
    depthwise = [c for c in arc_report(converted).converted if c.name.endswith("conv_dw")]
    assert len(depthwise) == 12
    assert all("LayerNorm2d cannot be applied in steps" in c.note for c in depthwise)
    check_evolves(converted, x)


def test_timm_vision_transformer() -> None:
    import timm

    net = timm.create_model("vit_tiny_patch16_224", img_size=64, num_classes=7, depth=3)
    x = torch.randn(2, 3, 64, 64)
    converted = check_same(net, x, where="blocks.*.mlp.fc*")
    assert [c.feedback for c in arc_report(converted).converted] == ["linear + GELU", "linear"] * 3
    check_evolves(converted, x)
    assert FrameModel(converted)(torch.randn(1, 3, 3, 64, 64)).shape == (1, 7)


def test_torchvision_r3d_18() -> None:
    from torchvision.models.video import r3d_18

    net = r3d_18(num_classes=7)
    randomise_norms(net)
    x = torch.randn(1, 3, 6, 32, 28)
    converted = check_same(net, x)
    assert len(arc_report(converted).converted) == 16
    assert not any(layer.config.signed_input for layer in converted.modules() if isinstance(layer, ArcLayer))
    check_evolves(converted, x)
    assert arc_report(convert(r3d_18(), stages=["layer3"])).converted[0].name == "layer3.0.conv1.0"


def randomise_norms(net: nn.Module) -> None:
    """Give batch norms weights and statistics as training would, so that they are not identities."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            randomise(module, std=0.1)
            with torch.no_grad():
                module.weight.add_(0.5)
