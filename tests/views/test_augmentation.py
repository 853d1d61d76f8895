"""Random views: TSN's multi-scale crop, and one crop and one flip for a whole clip."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recircle.views.augmentation import Augmentation
from recircle.views.crops import Box


def draw_many(augmentation, height, width, crop, number=2000):
    rng = np.random.default_rng(0)
    return [augmentation.draw_box(height, width, crop, rng) for _ in range(number)]


def test_sides_are_the_scales_of_the_shorter_side_at_most_one_place_apart():
    boxes = draw_many(Augmentation(), 256, 340, (224, 224))
    sides = [int(256 * scale) for scale in (1, 0.875, 0.75, 0.66)]
    assert sides[1] == 224
    expected = {(sides[i], sides[j]) for i in range(4) for j in range(4) if abs(i - j) <= 1}
    assert {(box.height, box.width) for box in boxes} == expected
    assert len(expected) == 10


def test_a_side_close_to_the_wanted_one_is_that_one():
    boxes = draw_many(Augmentation(scales=(1.0, 0.875)), 254, 254, (224, 224))
    assert {box.height for box in boxes} == {254, 224}
    assert {box.width for box in draw_many(Augmentation(scales=(1.0,)), 222, 222, (224, 224), 5)} == {222}


def test_the_places_are_thirteen():
    boxes = draw_many(Augmentation(scales=(0.75,)), 64, 80, (48, 48))
    row, column = (64 - 48) // 4, (80 - 48) // 4
    grid = {(r * row, c * column) for r in (0, 2, 4) for c in (0, 2, 4)}
    quarters = {(r * row, c * column) for r in (1, 3) for c in (1, 3)}
    assert {(box.top, box.left) for box in boxes} == grid | quarters


@given(
    st.integers(8, 400),
    st.integers(8, 400),
    st.tuples(st.integers(1, 200), st.integers(1, 200)),
    st.integers(0, 50),
    st.integers(0, 3),
)
def test_boxes_lie_in_the_frame(height, width, crop, seed, max_distort):
    augmentation = Augmentation(max_distort=max_distort)
    box = augmentation.draw_box(height, width, crop, np.random.default_rng(seed))
    assert box.height >= 1
    assert box.width >= 1
    assert 0 <= box.top <= box.top + box.height <= height
    assert 0 <= box.left <= box.left + box.width <= width


def test_a_view_that_is_not_square_keeps_its_shape_without_distortion():
    boxes = draw_many(Augmentation(max_distort=0), 120, 200, (60, 90), 200)
    assert {(box.height, box.width) for box in boxes} == {(120, 180), (105, 157), (90, 135), (79, 118)}


def test_without_scales_the_crop_is_the_centre():
    assert draw_many(Augmentation(scales=()), 10, 20, (4, 6), 3) == [Box(3, 7, 4, 6)] * 3


def test_the_whole_clip_shares_crop_and_flip():
    frame = torch.randint(0, 256, (1, 3, 32, 40), dtype=torch.uint8)
    clip = frame.repeat(6, 1, 1, 1)
    for seed in range(10):
        view, _ = Augmentation().apply(clip, (16, 16), np.random.default_rng(seed), flip=True)
        assert view.shape == (6, 3, 16, 16)
        assert view.dtype == torch.uint8
        assert torch.equal(view, view[:1].expand_as(view))


def test_a_flipped_view_is_the_mirror_image():
    clip = torch.randint(0, 256, (2, 3, 32, 40), dtype=torch.uint8)
    never, always = (Augmentation(flip_probability=probability) for probability in (0.0, 1.0))
    plain, flipped = never.apply(clip, (20, 20), np.random.default_rng(3), flip=True)
    mirror, mirrored = always.apply(clip, (20, 20), np.random.default_rng(3), flip=True)
    assert (flipped, mirrored) == (False, True)
    assert torch.equal(mirror, plain.flip(-1))


def test_the_flip_can_be_off_without_changing_the_crop():
    clip = torch.randint(0, 256, (2, 3, 32, 40), dtype=torch.uint8)
    always, off = (
        Augmentation(flip_probability=1.0).apply(clip, (20, 20), np.random.default_rng(3), flip=flip)
        for flip in (True, False)
    )
    assert not off[1]
    assert torch.equal(off[0], always[0].flip(-1))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scales": (1.0, 1.2)}, "scales"),
        ({"scales": (0.0,)}, "scales"),
        ({"max_distort": -1}, "max_distort=-1"),
        ({"flip": "sometimes"}, "flip='sometimes'"),
        ({"flip_probability": 1.5}, "flip_probability=1.5"),
    ],
)
def test_wrong_fields_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**fields)
