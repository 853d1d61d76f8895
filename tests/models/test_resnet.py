from collections.abc import Collection

import pytest
import torch

from recircle.models import create_model
from tests.models.oracle import TsnOracle, randomise
from tests.torchvision_oracle import import_torchvision

DEPTHS = (18, 34, 50, 101)


@pytest.mark.parametrize("depth", DEPTHS)
def test_state_dict_is_torchvisions(depth: int) -> None:
    with torch.device("meta"):
        theirs = getattr(import_torchvision().models, f"resnet{depth}")(num_classes=10).state_dict()
        ours = create_model(f"tsm_resnet{depth}", 10).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


def test_trunk_starts_as_torchvisions() -> None:
    torch.manual_seed(3)
    theirs = import_torchvision().models.resnet18().state_dict()
    ours = create_model("tsn_resnet18", 5).state_dict()
    for key, value in ours.items():
        if value.dim() == 4:
            assert value.std().item() == pytest.approx(theirs[key].std().item(), rel=0.1), key
        elif not key.startswith("fc."):
            assert torch.equal(value, theirs[key]), key
    assert ours["fc.weight"].std().item() == pytest.approx(0.001, rel=0.1)
    assert not ours["fc.bias"].any()


@pytest.mark.parametrize(
    ("name", "depth", "shifted"),
    [
        ("tsn_resnet18", 18, ()),
        ("tsm_resnet18", 18, range(2)),
        ("tsm_resnet34", 34, range(6)),
        ("tsm_resnet50", 50, range(6)),
        ("tsm_resnet101", 101, range(0, 23, 2)),
    ],
)
def test_equals_torchvision_on_frames(name: str, depth: int, shifted: Collection[int]) -> None:
    oracle = TsnOracle(depth, 6, shifted).double().eval()
    randomise(oracle)
    with torch.device("meta"):
        model = create_model(name, 6).eval()
    model.load_state_dict(model.convert_published(oracle.state_dict()), assign=True)
    clips = torch.randn(1, 3, 3, 40, 33, dtype=torch.float64)
    with torch.no_grad():
        expected = oracle(clips)
        assert expected.std() > 0.01
        torch.testing.assert_close(model(clips), expected, rtol=0, atol=1e-10 * float(expected.abs().max()))


def test_resnet101_shifts_every_second_block() -> None:
    model = create_model("tsm_resnet101", 2, width=8)
    shifted = [name for name, module in model.named_modules() if type(module).__name__ == "TemporalShift"]
    assert len(shifted) == 2 + 2 + 12 + 2
    assert "layer3.0.shift" in shifted
    assert "layer3.1.shift" not in shifted


def test_width_narrows_every_layer() -> None:
    model = create_model("tsn_resnet50", 2, width=16)
    assert model.num_features == 512
    assert model.get_submodule("layer1.0.conv2.weight".removesuffix(".weight")).weight.shape == (16, 16, 3, 3)


def test_too_narrow_is_refused() -> None:
    with pytest.raises(ValueError, match="width=4 is too narrow"):
        create_model("tsn_resnet18", 2, width=4)
