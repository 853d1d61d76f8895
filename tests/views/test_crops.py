"""Test crops: where they lie, and that they are views of the frame."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recircle.errors import UserError
from recircle.views.crops import Box, crop_boxes, view_size
from recircle.views.preprocessing import Preprocessing


def test_the_centre():
    assert crop_boxes(10, 20, (4, 6), 1) == (Box(3, 7, 4, 6),)


def test_three_crops_run_along_the_longer_side():
    assert [(box.top, box.left) for box in crop_boxes(8, 20, (8, 8), 3)] == [(0, 0), (0, 6), (0, 12)]
    assert [(box.top, box.left) for box in crop_boxes(20, 8, (8, 8), 3)] == [(0, 0), (6, 0), (12, 0)]


def test_ten_crops_are_the_corners_and_the_centre_and_their_mirror_images():
    boxes = crop_boxes(10, 20, (4, 6), 10)
    assert [(box.top, box.left) for box in boxes[:5]] == [(0, 0), (0, 14), (6, 0), (6, 14), (3, 7)]
    frames = torch.randint(0, 256, (2, 3, 10, 20), dtype=torch.uint8)
    for box, mirror in zip(boxes[:5], boxes[5:]):
        assert torch.equal(box.cut(frames).flip(-1), mirror.cut(frames))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 3, 10]))
def test_boxes_lie_in_the_frame_or_are_refused(height, width, tall, wide, crops):
    if tall > height or wide > width:
        with pytest.raises(UserError, match="does not fit"):
            crop_boxes(height, width, (tall, wide), crops)
        return
    boxes = crop_boxes(height, width, (tall, wide), crops)
    assert len(boxes) == crops
    for box in boxes:
        assert 0 <= box.top <= height - tall
        assert 0 <= box.left <= width - wide
        assert (box.height, box.width) == (tall, wide)


def test_a_cut_shares_memory_with_the_frame():
    frames = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    Box(2, 2, 4, 4).cut(frames).fill_(9)
    assert int(frames.sum()) == 9 * 3 * 16


def test_three_crops_see_the_whole_shorter_side():
    preprocessing = Preprocessing(resize=256, crop=224)
    assert [view_size(preprocessing, crops) for crops in (1, 3, 10)] == [(224, 224), (256, 256), (224, 224)]
    assert view_size(Preprocessing(resize=(120, 160), crop=112), 3) == (120, 120)
    assert view_size(Preprocessing(resize=(120, 160), crop=(112, 150)), 3) == (112, 150)


def test_other_numbers_of_crops_are_refused():
    with pytest.raises(ValueError, match="crops=5"):
        view_size(Preprocessing(), 5)  # pyright: ignore[reportArgumentType]
