"""Image networks of timm on the frames of clips: as TSN has it, with TSM's shift, and with ARC."""

from pathlib import Path

import pytest
import torch

import recircle
from recircle.errors import UserError
from recircle.layers import temporal_shift
from recircle.models.hosts.images import ImageHost
from recircle.models.hosts.libraries import import_timm
from recircle.models.registry import ModelConfig
from tests.models.hosts.saved import IMAGES, SIDE, save_image_network


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hosts")
    return {name: save_image_network(root / name, name) for name in IMAGES}


@pytest.mark.parametrize("name", IMAGES)
def test_the_logits_are_the_mean_of_those_of_timm(name: str, folders: dict[str, Path]) -> None:
    model = recircle.create_model(f"timm:{folders[name]}", 3, keep_head=True).eval()
    net = import_timm().create_model(f"local-dir:{folders[name]}", pretrained=True).eval()
    clips = torch.randn(2, 4, 3, SIDE, SIDE)
    with torch.no_grad():
        wanted = net(clips.flatten(0, 1)).unflatten(0, (2, 4)).mean(1)
        assert torch.allclose(model(clips), wanted, atol=1e-5)
        assert model.forward_head(model.forward_features(clips), pre_logits=True).shape == (2, 4, model.num_features)
    assert model.preprocessing == recircle.Preprocessing(
        resize=40, crop=SIDE, mean=(0.4, 0.5, 0.6), std=tuple(net.pretrained_cfg["std"])
    )


@pytest.mark.parametrize("name", IMAGES)
def test_arc_leaves_the_function_as_it_was(name: str, folders: dict[str, Path]) -> None:
    plain = recircle.create_model(f"timm:{folders[name]}", 3, keep_head=True).eval()
    model = recircle.create_model(f"timm:{folders[name]}", 3, keep_head=True, arc=recircle.ArcConfig()).eval()
    clips = torch.randn(2, 4, 3, SIDE, SIDE)
    with torch.no_grad():
        assert torch.allclose(model(clips), plain(clips), atol=1e-5)
    names = [one.name for one in recircle.arc_report(model).converted]
    assert names
    assert all("mlp.fc1" in one for one in names) == name.startswith("vit")
    assert not any("stem" in one or "patch_embed" in one or one == "net.conv1" for one in names)


def test_mlps_of_a_convolutional_network_are_converted_on_request(folders: dict[str, Path]) -> None:
    # in convnext_atto they are convolutions of 1 x 1
    model = recircle.create_model(f"timm:{folders['convnext_atto']}", 3, arc=recircle.ArcConfig(), where="mlps")
    assert all(one.name.endswith("mlp.fc1") for one in recircle.arc_report(model).converted)


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto"])
def test_the_shift_is_in_front_of_each_residual_branch(name: str, folders: dict[str, Path]) -> None:
    model = recircle.create_model(f"timm:tsm/{folders[name]}", 3, keep_head=True).eval()
    assert isinstance(model, ImageHost)
    ends = {"resnet18": "conv1", "convnext_atto": "conv_dw"}
    assert len(model.shifted) == 4
    assert all(one.endswith(ends[name]) for one in model.shifted)
    # the layer sees what `temporal_shift` makes of its input
    layer = model.net.get_submodule(model.shifted[-1])
    seen: list[torch.Tensor] = []
    layer.register_forward_hook(lambda _module, args, _output: seen.append(args[0]))
    layer.get_submodule("1").register_forward_hook(lambda _module, args, _output: seen.append(args[0]))
    with torch.no_grad():
        model(torch.randn(2, 4, 3, SIDE, SIDE))
    after, before = seen
    assert torch.equal(after, temporal_shift(before.unflatten(0, (2, 4))).flatten(0, 1))


def test_a_shifted_network_trains_and_takes_files_of_timm(folders: dict[str, Path]) -> None:
    model = recircle.create_model(
        f"timm:tsm/{folders['resnet18']}", 3, pretrained=folders["resnet18"] / "model.safetensors"
    )
    assert "tensors loaded from" in str(model.load_report)
    model(torch.randn(2, 2, 3, SIDE, SIDE)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_shift_has_no_place_in_a_transformer(folders: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="this network has none that are known here; leave out tsm/"):
        recircle.create_model(f"timm:tsm/{folders['vit_tiny_patch16_224']}", 3)


def test_a_transformer_takes_frames_of_its_size_and_is_built_for_another_on_request(folders: dict[str, Path]) -> None:
    name = f"timm:{folders['vit_tiny_patch16_224']}"
    with pytest.raises(UserError, match=r"frames of 48 x 48 pixels: timm:.* takes 32 x 32"):
        recircle.create_model(name, 3)(torch.randn(1, 2, 3, 48, 48))
    assert recircle.create_model(name, 3, size=48)(torch.randn(1, 2, 3, 48, 48)).shape == (1, 3)


def test_a_name_of_timm_is_built_without_its_weights() -> None:
    model = ModelConfig(name="timm:resnet10t", pretrained="none").build(3)
    assert model.preprocessing.crop == 176
    assert model.load_report is None
