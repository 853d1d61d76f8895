"""State evolution: the states are those that the layer's output is made of, in every network and form."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recircle.arc import ArcConfig, ArcConv2d, ArcConv3d, ArcLayer, ArcLinear
from recircle.errors import UserError
from recircle.explain.states import StateEvolution, last_of_each_stage, state_evolution
from recircle.models import create_model
from recircle.surgery import FrameModel, convert, prepare_for_inference
from tests.arc.variants import VARIANTS, randomise
from tests.models.small import small, small_clips


def layer_and_input(kind: str, config: ArcConfig) -> tuple[ArcLayer, Tensor]:
    if kind == "linear":
        return ArcLinear(6, 8, config=config, act=nn.GELU()), torch.randn(2, 3, 5, 6)
    if kind == "3d":
        conv, norm = nn.Conv3d(6, 8, 3, stride=(1, 2, 2), padding=1), nn.BatchNorm3d(8)
        return ArcConv3d.from_layers(conv, norm, nn.ReLU(), config), torch.randn(2, 6, 3, 5, 7)
    groups = 8 if kind == "depthwise" else 1
    conv = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=groups, bias=False)
    return ArcConv2d.from_layers(conv, nn.BatchNorm2d(8), nn.ReLU(), config), torch.randn(2, 3, 8, 5, 7)


# 3-D convolutions have no causal form, which `tests/arc/test_causal.py` holds
CASES = [
    (kind, variant)
    for variant, config in VARIANTS.items()
    for kind in ("2d", "depthwise", "3d", "linear")
    if not (kind == "3d" and config.causal)
]


@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_the_layers_output_is_made_of_the_states(kind: str, variant: str) -> None:
    config = VARIANTS[variant]
    layer, x = layer_and_input(kind, config)
    layer = layer.double().eval()
    randomise(layer)
    x = x.double()
    with torch.no_grad():
        states, _, y = layer.unroll(x)
        output = layer(x)
    torch.testing.assert_close(y, output, rtol=1e-10, atol=1e-10)
    assert len(states) == config.steps
    assert torch.equal(states[0], x)
    assert all(state.shape == x.shape for state in states)
    assert all(not torch.allclose(state, x) for state in states[1:])


def test_the_features_of_each_step_are_the_operator_of_its_state() -> None:
    layer, x = layer_and_input("2d", ArcConfig())
    layer = layer.eval()
    randomise(layer)
    assert isinstance(layer, ArcConv2d)
    assert isinstance(layer.norm, nn.Module)
    plain = nn.Sequential(nn.Conv2d(8, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()).eval()
    plain[0].load_state_dict({"weight": layer.weight})
    plain[1].load_state_dict(layer.norm.state_dict())
    with torch.no_grad():
        states = layer.states(x)
        output = layer(x).flatten(0, 1)
        for j, state in enumerate(states):
            whole = plain(state.flatten(0, 1))
            torch.testing.assert_close(whole[:, 2 * j : 2 * j + 2], output[:, 2 * j : 2 * j + 2])


NETWORKS = ["arc_tsm_resnet18", "arc_tsn_resnet50", "arc_tsm_efficientnet_lite0", "arc_tsm_resnet50_8f_16f"]


@pytest.mark.parametrize("name", NETWORKS)
def test_all_layers_of_a_network_are_followed(name: str) -> None:
    model = small(name).train()
    clip = small_clips(name, 1)[0]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = state_evolution(model, clip)
    assert list(found) == [key for key, layer in model.named_modules() if isinstance(layer, ArcLayer)]
    for key, evolution in found.items():
        layer = model.get_submodule(key)
        assert isinstance(layer, ArcLayer)
        steps = layer.config.steps
        assert evolution.maps.shape[0] == steps
        assert evolution.maps.dtype == np.float32
        assert evolution.moved.shape == (steps,)
        assert evolution.moved[0] == 0 < evolution.moved[1:].min()
        assert np.all(evolution.changes[0] == 0)
        # the mean over channels and the mean over places have the mean of all in common
        means = evolution.maps.mean((1, 2, 3))
        np.testing.assert_allclose(means - means[0], evolution.changes.mean(1), rtol=1e-3, atol=1e-5)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.training
    assert not any(layer._forward_hooks for layer in model.modules())


def test_maps_distances_and_changes_are_those_of_the_states() -> None:
    layer, x = layer_and_input("2d", ArcConfig())
    layer = layer.eval()
    randomise(layer)
    net = nn.Sequential(layer)
    with torch.no_grad():
        states = torch.stack(layer.states(x[:1]))[:, 0]  # [n, T, C, H, W]
    evolution = state_evolution(net, x[0])["0"]
    change = states - states[0]
    np.testing.assert_allclose(evolution.maps, states.mean(2).numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(evolution.changes, change.mean((1, 3, 4)).numpy(), rtol=1e-5, atol=1e-6)
    distances = change.flatten(1).norm(dim=1) / states[0].norm()
    np.testing.assert_allclose(evolution.moved, distances.numpy(), rtol=1e-5)
    silent = state_evolution(net, torch.zeros_like(x[0]))["0"]
    assert silent.moved.tolist() == [0, 1, 1, 1]


def test_a_network_at_its_initial_values_does_not_move() -> None:
    model = create_model("arc_tsm_resnet18", 5, width=8)
    found = state_evolution(model, small_clips("arc_tsm_resnet18", 1)[0])
    assert all(evolution.moved.max() < 1e-6 for evolution in found.values())
    assert all(not evolution.excited(4) or evolution.excited(4)[0][1] < 1e-6 for evolution in found.values())


def test_a_prepared_network_has_the_same_states() -> None:
    model, clip = small("arc_tsm_resnet18").eval(), small_clips("arc_tsm_resnet18", 1)[0]
    ours, fast = state_evolution(model, clip), state_evolution(prepare_for_inference(model), clip)
    for name, evolution in ours.items():
        np.testing.assert_allclose(fast[name].maps, evolution.maps, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(fast[name].moved, evolution.moved, rtol=1e-3, atol=1e-4)


def converted(net: nn.Module, **options: object) -> nn.Module:
    net = convert(net, **options)  # pyright: ignore[reportArgumentType]
    for layer in net.modules():
        if isinstance(layer, ArcLayer):
            randomise(layer)
    return net


def test_image_networks_on_frames() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(72, 5),
    )
    clip = torch.randn(4, 3, 9, 9)
    found = state_evolution(FrameModel(converted(net)), clip)
    (evolution,) = found.values()
    assert evolution.maps.shape == (4, 4, 7, 7)
    assert evolution.output_size == (3, 3)


def test_networks_of_volumes() -> None:
    net = nn.Sequential(nn.Conv3d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv3d(8, 8, 3, 2, padding=1))
    (evolution,) = state_evolution(converted(net), torch.randn(3, 6, 9, 9)).values()
    assert evolution.maps.shape == (4, 6, 9, 9)


def test_tokens_lie_where_their_patches_do() -> None:
    name = "arc_timesformer_base"
    model, clip = small(name), small_clips(name, 1, frames=3)[0]
    clip = torch.cat((clip, clip), -1)  # 32 x 64 pixels: 2 x 4 patches
    kept: list[Tensor] = []
    handle = model.get_submodule("blocks.1.mlp.fc1").register_forward_pre_hook(lambda _, args: kept.append(args[0]))
    evolution = state_evolution(model, clip)["blocks.1.mlp.fc1"]
    handle.remove()
    assert evolution.maps.shape == (4, 3, 2, 4)
    assert evolution.maps[0, 1, 1, 2] == pytest.approx(float(kept[0][0, 1 + 8 + 4 + 2].mean()), abs=1e-5)


def test_tokens_without_places_are_refused() -> None:
    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = converted(nn.Sequential(nn.Linear(4, 8)), where="0", stem=True)

        def forward(self, clips: Tensor) -> Tensor:
            return self.fc(clips.flatten(1)[:, :28].unflatten(1, (7, 4)))

    with pytest.raises(UserError, match=r"fc\.0 takes 7 tokens, which are not the patches of frames of 9 x 9 pixels"):
        state_evolution(Rows(), torch.randn(1, 3, 9, 9))


def test_layers_are_chosen_by_name_or_pattern() -> None:
    model, clip = small("arc_tsm_resnet18"), small_clips("arc_tsm_resnet18", 1)[0]
    chosen = state_evolution(model, clip, ["layer4.*", "layer1.0.conv1"])
    assert list(chosen) == ["layer1.0.conv1", "layer4.0.conv1", "layer4.0.conv2", "layer4.1.conv1", "layer4.1.conv2"]
    everything = state_evolution(model, clip)
    assert [e.layer for e in last_of_each_stage(everything)] == [f"layer{stage}.1.conv2" for stage in (1, 2, 3, 4)]
    with pytest.raises(UserError, match=r"no ARC layer 'conv1'; the ARC layers are layer1\.0\.conv1, layer1\.0\.conv2"):
        state_evolution(model, clip, ["layer4.*", "conv1"])


@pytest.mark.parametrize(
    "model",
    [small("tsm_resnet18"), create_model("arc_tsm_resnet18", 3, width=8, steps=1)],
    ids=["plain", "one step"],
)
def test_without_evolving_layers_there_is_nothing_to_show(model: nn.Module) -> None:
    with pytest.raises(UserError, match="has no ARC layer whose state evolves; give a network with ARC layers"):
        state_evolution(model, torch.randn(2, 3, 33, 33))


def test_channels_are_listed_by_their_change() -> None:
    evolution = StateEvolution(
        layer="a",
        maps=np.zeros((2, 1, 1, 1), np.float32),
        moved=np.zeros(2),
        changes=np.array([[0, 0, 0, 0], [0.5, -1, 0, 2]], np.float32),
        output_size=(1, 1),
    )
    assert evolution.excited(2) == [(3, 2.0), (0, 0.5)]
    assert evolution.excited(2, 1) == [(3, 2.0)]
    assert evolution.suppressed(2) == [(1, -1.0)]
    assert evolution.excited(1) == evolution.suppressed(1) == []


def test_the_hooks_are_gone_after_an_error() -> None:
    model = small("arc_tsm_resnet18")
    with pytest.raises(ValueError, match="the shape wanted"):
        state_evolution(model, torch.randn(2, 4, 33, 33))
    assert not any(layer._forward_hooks for layer in model.modules())
