"""The one path from decoded frames to what a model takes."""

import pytest
import torch

from recircle.decode.resize import Resize, resize_frames
from recircle.errors import UserError
from recircle.views.preprocessing import Preprocessing


def noise(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("size", "frame", "expected"),
    [
        (256, (240, 320), (256, 341)),
        (256, (320, 240), (341, 256)),
        (100, (100, 177), (100, 177)),
        (64, (64, 64), (64, 64)),
        (112, (1080, 1920), (112, 199)),
        ((120, 160), (333, 77), (120, 160)),
    ],
)
def test_resize_gives_the_shorter_side_or_the_exact_size(size, frame, expected):
    assert Resize(size).size_for(*frame) == expected


def test_resize_keeps_flat_colours_and_leading_dimensions():
    frames = torch.full((2, 5, 3, 40, 60), 77, dtype=torch.uint8)
    resized = Resize(20).apply(frames)
    assert resized.shape == (2, 5, 3, 20, 30)
    assert resized.dtype == torch.uint8
    assert torch.all(resized == 77)


def test_resize_averages_when_it_shrinks():
    stripes = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    stripes[..., ::2] = 254
    inner = resize_frames(stripes, (8, 8))[..., 1:-1, 1:-1]
    assert torch.all((inner.int() - 127).abs() <= 2)


def test_frames_of_the_right_size_are_not_copied():
    frames = noise(2, 3, 8, 9)
    assert resize_frames(frames, (8, 9)) is frames


def test_normalise_is_scale_mean_std_per_channel():
    preprocessing = Preprocessing(mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2.0))
    frames = noise(2, 4, 3, 5, 6)
    got = preprocessing.normalise(frames)
    for channel, (mean, std) in enumerate(zip(preprocessing.mean, preprocessing.std)):
        expected = (frames[:, :, channel].double() / 255 - mean) / std
        torch.testing.assert_close(got[:, :, channel].double(), expected, rtol=1e-5, atol=1e-6)


def test_normalise_leaves_its_input_alone():
    frames = noise(1, 3, 4, 4)
    before = frames.clone()
    Preprocessing().normalise(frames)
    assert torch.equal(frames, before)


def test_caffe_networks_get_blue_first_and_bytes():
    preprocessing = Preprocessing(channels="bgr", scale=1.0, mean=(104.0, 117.0, 128.0), std=(1.0, 1.0, 1.0))
    red = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    red[:, 0] = 200
    got = preprocessing.normalise(red)
    assert got[0, :, 0, 0].tolist() == [-104.0, -117.0, 72.0]


def test_half_precision_rounds_the_float32_result():
    frames = noise(3, 3, 4, 4)
    got = Preprocessing().normalise(frames, torch.bfloat16)
    assert torch.equal(got, Preprocessing().normalise(frames).bfloat16())


@pytest.mark.parametrize("frames", [torch.zeros(1, 3, 4, 4), torch.zeros(1, 4, 4, 3, dtype=torch.uint8)])
def test_normalise_refuses_other_dtypes_and_layouts(frames):
    with pytest.raises(ValueError, match=r"uint8|\[\.\.\., 3, H, W\]"):
        Preprocessing().normalise(frames)


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(),
        Preprocessing(resize=(120, 160), crop=(112, 150), channels="bgr", scale=1.0, mean=(104.0, 117.0, 128.0)),
    ],
)
def test_json_round_trip(preprocessing):
    assert Preprocessing.from_json(preprocessing.as_json()) == preprocessing


def test_json_with_a_wrong_field_names_it():
    with pytest.raises(UserError, match="crop"):
        Preprocessing.from_json('{"crop": 300, "resize": 256}')
    with pytest.raises(UserError, match="croop"):
        Preprocessing.from_json('{"croop": 224}')


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resize": 200, "crop": 224}, "crop=224 is larger than the resized frame"),
        ({"resize": (200, 300), "crop": (190, 301)}, "larger than the resized frame"),
        ({"resize": 100, "crop": (101, 150)}, "larger than the resized frame"),
        ({"crop": 0}, "crop=0"),
        ({"resize": (5, -1)}, "resize"),
        ({"resize": [240, 320]}, r"resize=\[240, 320\]"),
        ({"std": (1.0, 0.0, 1.0)}, "std"),
        ({"mean": (0.5,)}, "mean"),
        ({"scale": 0.0}, "scale"),
        ({"channels": "gbr"}, "channels='gbr'"),
    ],
)
def test_wrong_fields_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        Preprocessing(**fields)


def test_a_crop_that_may_fit_is_accepted_until_a_frame_is_seen():
    assert Preprocessing(resize=128, crop=(112, 168)).crop_size == (112, 168)
