import pytest
import torch
from torch import nn

from recircle.models import VideoModel, create_model
from recircle.views.preprocessing import Preprocessing


@pytest.fixture(scope="module")
def model() -> VideoModel:
    return create_model("tsm_resnet18", 3, width=8)


@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (2, 8, 4, 32, 32), (2, 3, 8, 32, 32), (3, 32, 32)])
def test_wrong_shape_is_told(model: VideoModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the shape wanted is \[B, T, 3, H, W\]") as error:
        model(torch.zeros(shape))
    assert str(shape) in str(error.value)


def test_unnormalised_frames_are_refused(model: VideoModel) -> None:
    with pytest.raises(ValueError, match=r"torch.uint8: normalise frames first"):
        model(torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8))


@pytest.mark.parametrize(("classes", "dropout", "message"), [(0, None, "num_classes=0"), (2, 1.0, "dropout=1.0")])
def test_wrong_classifier_is_refused(model: VideoModel, classes: int, dropout: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model.reset_classifier(classes, dropout)


def test_new_classifier_follows_the_trunks_dtype() -> None:
    model = create_model("tsn_resnet18", 3, width=8).double()
    model.reset_classifier(4)
    assert model.get_parameter("fc.weight").dtype == torch.float64
    assert model.dropout.p == 0.5


def test_dropout_acts_on_each_frame() -> None:
    model = create_model("tsn_resnet18", 3, width=8, dropout=0.9).train()
    features = torch.ones(1, 2, model.num_features, 1, 1)
    seen: list[torch.Tensor] = []
    model.fc.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.forward_head(features)
    assert not torch.equal(seen[0][0, 0], seen[0][0, 1])


def test_preprocessing_is_torchvisions_by_default(model: VideoModel) -> None:
    assert model.preprocessing == Preprocessing()


def test_a_network_of_ones_own() -> None:
    class Tiny(VideoModel):
        def __init__(self) -> None:
            super().__init__("tiny")
            self.scale = nn.Parameter(torch.ones(()))
            self.num_features = 3
            self.reset_classifier(2, 0.0)

        def forward_features(self, clips: torch.Tensor) -> torch.Tensor:
            return clips * self.scale

    assert Tiny()(torch.randn(4, 2, 3, 5, 5)).shape == (4, 2)
    assert Tiny().convert_published({"a": torch.ones(1)}) == {"a": torch.ones(1)}


@pytest.mark.parametrize(
    ("bounds", "fitting", "message"),
    [
        ((1, None, 1), {1: 1, 8: 8}, ""),
        ((2, None, 1), {1: 2, 2: 2, 5: 5}, "takes 2 frames or more"),
        ((1, None, 4), {1: 4, 4: 4, 5: 8, 8: 8}, "takes 4 frames or more, a multiple of 4"),
        ((8, 8, 1), {1: 8, 8: 8, 20: 8}, "takes 8 frames$"),
        ((2, 6, 2), {1: 2, 3: 4, 20: 6}, "takes 2 to 6 frames, a multiple of 2"),
    ],
)
def test_numbers_of_frames(bounds: tuple[int, int | None, int], fitting: dict[int, int], message: str) -> None:
    model = VideoModel("of_frames")
    model.min_frames, model.max_frames, model.frame_multiple = bounds
    for frames, nearest in fitting.items():
        assert model.nearest_frames(frames) == nearest
        model.check_frames(nearest)
        if frames != nearest:
            with pytest.raises(ValueError, match=f"a clip of {frames} frames: of_frames {message}"):
                model.check_frames(frames)
