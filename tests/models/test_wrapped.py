"""Networks from elsewhere: what they take is found out or asked, and what they return is checked."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.models import VideoModel, create_model
from recircle.models.wrapped import Takes, WrappedModel, wrap_network
from recircle.surgery import FrameModel, convert, prepare_for_inference
from recircle.training.optimiser import Optimiser, parameter_groups

SIZE = (24, 24)
CLIPS = torch.rand(3, 5, 3, *SIZE, generator=torch.Generator().manual_seed(1))


def images(classes: int = 4) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, 2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, classes),
    )


def volumes(classes: int = 4) -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(8, classes)
    )


class Folded(nn.Module):
    """Takes clips [B, T, 3, H, W], by `view`, which wants them contiguous."""

    def __init__(self) -> None:
        super().__init__()
        self.net = images()

    def forward(self, clips: Tensor) -> Tensor:
        b, t, c, h, w = clips.shape
        return self.net(clips.view(b * t, c, h, w)).view(b, t, -1).mean(1)


class Changed(nn.Module):
    """Changes what a network returns."""

    def __init__(self, change: Callable[[Tensor, bool], Any]) -> None:
        super().__init__()
        self.net, self.change = images(), change

    def forward(self, x: Tensor) -> Any:
        return self.change(self.net(x), self.training)


class Either(nn.Module):
    """Takes anything."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1).mean(1, keepdim=True))


@pytest.mark.parametrize(
    ("build", "takes", "by_hand"),
    [
        (images, "NCHW", lambda net, clips: net(clips.flatten(0, 1)).unflatten(0, clips.shape[:2]).mean(1)),
        (volumes, "BCTHW", lambda net, clips: net(clips.transpose(1, 2))),
        (Folded, "BTCHW", lambda net, clips: net(clips)),
        (lambda: FrameModel(convert(images(), 2)), "BTCHW", lambda net, clips: net(clips)),
    ],
)
def test_what_a_network_takes_is_found_out(
    build: Callable[[], nn.Module], takes: Takes, by_hand: Callable[[nn.Module, Tensor], Tensor]
) -> None:
    torch.manual_seed(0)
    net = build()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    model = wrap_network(net, frames=5, size=SIZE)
    assert isinstance(model, WrappedModel)
    model.try_out(5, SIZE)
    assert (model.takes, model.num_classes) == (takes, 4)
    # the trial was of a copy
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    net.eval()
    with torch.inference_mode():
        # in any memory format, as training and evaluation give clips
        for clips in (CLIPS, CLIPS.movedim(2, -1).contiguous().movedim(-1, 2)):
            expected = by_hand(net, CLIPS)
            assert torch.equal(model(clips), expected)
            torch.testing.assert_close(prepare_for_inference(model)(clips), expected, rtol=1e-4, atol=1e-5)
    assert parameter_groups(model, Optimiser(head_lr=5))[0]["lr_scale"] in (1.0, 5.0)
    assert {len(one["params"]) for one in parameter_groups(model, Optimiser(head_lr=5)) if one["lr_scale"] == 5} == {1}


def test_a_network_of_this_package_is_itself() -> None:
    model = create_model("tsm_resnet18", 3, width=8)
    assert wrap_network(model, frames=8, size=SIZE) is model


def test_a_network_that_can_be_read_in_several_ways_is_asked_about() -> None:
    with pytest.raises(UserError, match=r"Either runs on several shapes.*takes='NCHW'.*or takes='BTCHW'"):
        wrap_network(Either(), frames=5, size=SIZE)
    model = wrap_network(Either(), frames=5, size=SIZE, takes="BCTHW")
    assert isinstance(model, WrappedModel)
    # three frames of three colours: nobody can tell
    with pytest.raises(UserError, match="runs on several shapes"):
        wrap_network(Either(), frames=3, size=SIZE)


@pytest.mark.parametrize(
    ("net", "takes", "message"),
    [
        (Changed(lambda y, training: (y, y)), None, "'NCHW', .*: it returned a tuple and no tensor"),
        (Changed(lambda y, training: y.argmax(1, keepdim=True)), None, "torch.int64, which can be no logits"),
        (
            Changed(lambda y, training: y[:, 0]),
            None,
            r"returned a tensor \[2\] of torch.float32 and no tensor \[2, K\]",
        ),
        (images(), "BCTHW", "takes='BCTHW'.*RuntimeError: "),
        (images(), "CHW", "takes='CHW' is not one of"),
        (nn.Flatten(), None, "Flatten has no parameters"),
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), None, "has lazy layers"),
        (images().half(), None, "'NCHW', .*RuntimeError"),
    ],
)
def test_networks_that_cannot_be_used_are_told_with_the_reason(net: nn.Module, takes: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        wrap_network(net, frames=5, size=SIZE, takes=takes)


def test_what_a_network_returns_in_training_is_checked_too() -> None:
    net = Changed(lambda y, training: (y, y) if training else y)
    model = wrap_network(net, frames=5, size=SIZE)
    assert isinstance(model, WrappedModel)
    with pytest.raises(UserError, match=r"Changed does not fit in training mode .*Changed returned a tuple and no"):
        model.try_out(5, SIZE)


def test_a_wrong_number_of_classes_is_told_when_it_runs() -> None:
    model = WrappedModel(images(4), 5, name="mine", takes="NCHW")
    with pytest.raises(UserError, match=r"mine returned a tensor \[3, 4\] of torch.float32 for 3 clips of 5 classes"):
        model(CLIPS)


def test_what_is_not_known_of_it_is_refused_in_a_sentence() -> None:
    # its last two layers both have as many outputs as there are classes
    net = nn.Sequential(images(4), nn.ReLU(), nn.Linear(4, 4))
    model: VideoModel = wrap_network(net, frames=5, size=SIZE)
    for call in (lambda: model.forward_features(CLIPS), lambda: model.forward_head(CLIPS), lambda: model.num_features):
        with pytest.raises(UserError, match=r"without exactly one linear layer of 4 outputs"):
            call()
    with pytest.raises(UserError, match=r"not known here"):
        model.reset_classifier(3)


@pytest.mark.parametrize(("net", "takes"), [(images(), "NCHW"), (volumes(), "BCTHW")])
def test_its_features_are_what_its_classifier_takes(net: nn.Module, takes: Takes) -> None:
    model = wrap_network(net.eval(), frames=5, size=SIZE, takes=takes).eval()
    features = model.forward_features(CLIPS)
    assert features.shape == ((3, 5, 8) if takes == "NCHW" else (3, 8))
    assert model.num_features == 8
    assert torch.allclose(model.forward_head(features), model(CLIPS), atol=1e-6)
    assert torch.equal(model.forward_head(features, pre_logits=True), features)


def test_a_classifier_of_each_frame_inside_of_a_network_for_clips_is_not_taken_for_one_of_clips() -> None:
    model = wrap_network(Folded(), frames=5, size=SIZE)
    with pytest.raises(UserError, match=r"calls its classifier with \[15, 8\], and not once with \[3, C\]"):
        model.forward_features(CLIPS)


def test_weights_of_the_bare_network_load(tmp_path: Any) -> None:
    from recircle.models import load_weights

    net, other = images(), images()
    torch.save(net.state_dict(), tmp_path / "net.pt")
    model = wrap_network(other, frames=5, size=SIZE)
    load_weights(model, tmp_path / "net.pt")
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in other.state_dict().items())
    torch.save(images(7).state_dict(), tmp_path / "seven.pt")
    report = load_weights(model, tmp_path / "seven.pt", new_classifier=True)
    assert report.left_out == ("net.net.7.weight", "net.net.7.bias")
