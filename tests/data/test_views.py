"""A clip in memory and the same clip in a file give the same views."""

import numpy as np
import pytest
import torch
from PIL import Image

from recircle.data.decode import DecodeError
from recircle.data.preprocessing import Preprocessing
from recircle.data.sampling import Sampling
from recircle.data.views import file_views, frame_views

SAMPLING = Sampling(frames=4)
PREPROCESSING = Preprocessing(resize=20, crop=16)


@pytest.fixture
def clip(tmp_path) -> torch.Tensor:
    frames = torch.randint(0, 256, (7, 3, 20, 30), dtype=torch.uint8)
    for number, frame in enumerate(frames):
        Image.fromarray(np.ascontiguousarray(frame.permute(1, 2, 0))).save(tmp_path / f"{number:04}.png")
    return frames


@pytest.mark.parametrize(("clips", "crops", "shape"), [(1, 1, (16, 16)), (2, 3, (20, 20)), (3, 10, (16, 16))])
def test_file_and_memory_agree(clip, tmp_path, clips, crops, shape):
    options = {"sampling": SAMPLING, "preprocessing": PREPROCESSING, "clips": clips, "crops": crops}
    views = file_views(tmp_path, 7, **options)
    assert views.shape == (clips * crops, 4, 3, *shape)
    assert torch.equal(views, frame_views(clip, **options))


def test_one_view_is_the_centre_of_the_middle_frames(clip):
    (view,) = frame_views(clip, sampling=SAMPLING, preprocessing=PREPROCESSING)
    assert torch.equal(view, clip[[0, 2, 4, 6], :, 2:18, 7:23])


def test_a_clip_in_memory_is_resized_as_a_file_is(clip, tmp_path):
    preprocessing = Preprocessing(resize=13, crop=11)
    views = file_views(tmp_path, 7, sampling=SAMPLING, preprocessing=preprocessing)
    assert views.shape == (1, 4, 3, 11, 11)
    assert torch.equal(views, frame_views(clip, sampling=SAMPLING, preprocessing=preprocessing))


def test_a_file_with_fewer_frames_than_said_is_an_error(clip, tmp_path):
    with pytest.raises(DecodeError):
        file_views(tmp_path, 20, sampling=SAMPLING, preprocessing=PREPROCESSING)
