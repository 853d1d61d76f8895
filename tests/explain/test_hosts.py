"""Networks of other libraries and from elsewhere are explained like ours, or it is said why not."""

from pathlib import Path

import pytest
import torch
from torch import nn

import recircle
from recircle.errors import UserError
from recircle.explain import class_activation, state_evolution
from recircle.models.base import VideoModel
from recircle.models.wrapped import wrap_network
from tests.models.hosts.saved import FRAMES, SIDE, save_clip_network, save_image_network
from tests.models.test_wrapped import Folded, images, volumes


def clip(frames: int, side: int = SIDE) -> torch.Tensor:
    return torch.rand(frames, 3, side, side)


@pytest.mark.parametrize("kind", FRAMES)
def test_evidence_in_tokens_lies_at_their_places(kind: str, tmp_path: Path) -> None:
    model = recircle.create_model(f"hf:{save_clip_network(tmp_path, kind)}", 3).eval()
    found = class_activation(model, clip(FRAMES[kind]), 1)
    times = FRAMES[kind] // (1 if kind == "timesformer" else 2)
    assert found.evidence.shape == (times, 2, 2)
    assert found.maps.shape == (FRAMES[kind], SIDE, SIDE)
    assert abs(found.evidence).max() > 0


@pytest.mark.parametrize("kind", FRAMES)
def test_places_that_cannot_matter_have_no_evidence(kind: str, tmp_path: Path) -> None:
    """The tokens of one box are made nothing where the last block takes them: gradient times nothing is nothing."""
    model = recircle.create_model(f"hf:{save_clip_network(tmp_path, kind)}", 3).eval()
    grid = getattr(model, "token_grid")  # noqa: B009
    last = list(model.get_submodule(getattr(model, "blocks")).children())[-1]  # noqa: B009
    # box (0, 1, 0), in the order of the network's tokens
    times = FRAMES[kind] // grid.frames
    index = grid.others + (2 * times if grid.time_last else 2)

    def erase(_module: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        tokens = args[0].clone()
        tokens[:, index] = 0
        return tokens, *args[1:]

    last.register_forward_pre_hook(erase)
    evidence = class_activation(model, clip(FRAMES[kind]), 0).evidence
    assert evidence[0, 1, 0] == 0
    assert (evidence == 0).sum() == 1


@pytest.mark.parametrize(
    ("name", "shape"), [("resnet18", (4, 2, 2)), ("convnext_atto", (4, 8, 8)), ("vit_tiny_patch16_224", (4, 2, 2))]
)
def test_image_networks_have_maps_of_their_stages_or_tokens(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    model = recircle.create_model(f"timm:{save_image_network(tmp_path, name)}", 3).eval()
    cells = 2 if name == "resnet18" else 8
    found = class_activation(model, clip(4), 2, cells=cells)
    assert found.evidence.shape == shape
    assert found.maps.shape == (4, SIDE, SIDE)


def test_evidence_of_an_image_network_sums_up_to_its_logit(tmp_path: Path) -> None:
    model = recircle.create_model(f"timm:{save_image_network(tmp_path, 'resnet18')}", 3).eval()
    nn.init.normal_(model.get_parameter("fc.weight"))
    found = class_activation(model, clip(4), 2, cells=1)
    assert found.evidence.sum() == pytest.approx(found.logits[2], rel=1e-3)  # the bias is 0


@pytest.mark.parametrize("net", [images(), volumes(), Folded()])
def test_networks_from_elsewhere_are_explained(net: nn.Module) -> None:
    model: VideoModel = wrap_network(net, frames=4, size=(SIDE, SIDE))
    found = class_activation(model.eval(), clip(4), 1)
    assert found.maps.shape == (4, SIDE, SIDE)
    assert abs(found.evidence).max() > 0


def test_a_network_without_maps_is_refused() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 4))
    model = wrap_network(net, frames=4, size=(SIDE, SIDE), takes="NCHW")
    with pytest.raises(UserError, match=r"has no class activation maps: none of the parts"):
        class_activation(model.eval(), clip(4))


@pytest.mark.parametrize("kind", FRAMES)
def test_states_lie_in_the_clip(kind: str, tmp_path: Path) -> None:
    arc = recircle.ArcConfig(aggregation="ST" if kind in ("vivit", "timesformer") else "S+T", attention_init=0.5)
    model = recircle.create_model(f"hf:{save_clip_network(tmp_path, kind)}", 3, arc=arc).eval()
    found = state_evolution(model, clip(FRAMES[kind]))
    times = FRAMES[kind] // (1 if kind == "timesformer" else 2)
    assert len(found) == 2
    assert all(one.maps.shape == (4, times, 2, 2) for one in found.values())


def test_states_of_tokens_of_frames_lie_in_them(tmp_path: Path) -> None:
    name = f"timm:{save_image_network(tmp_path, 'vit_tiny_patch16_224')}"
    model = recircle.create_model(name, 3, arc=recircle.ArcConfig()).eval()
    assert all(one.maps.shape == (4, 3, 2, 2) for one in state_evolution(model, clip(3)).values())
