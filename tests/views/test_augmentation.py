"""Random views: TSN's multi-scale crop, and one crop and one flip for a whole clip."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recircle.decode.resize import Resize
from recircle.views.augmentation import Augmentation, RandomView
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


@settings(deadline=None)
@given(st.integers(8, 60), st.integers(8, 60), st.integers(4, 12), st.integers(0, 50))
def test_a_view_resampled_once_shows_the_same_part_of_the_frame(height, width, crop, seed):
    # each pixel says where it is, so that the mean of a view says what part it shows
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    frames = torch.stack([rows * 4, columns * 4, rows * 0]).expand(2, 3, -1, -1).to(torch.uint8)
    resize, augmentation = Resize(2 * crop), Augmentation(scales=(0.9, 0.7), max_distort=0)
    views = []
    for seen in (resize.apply(frames), frames):
        view = RandomView(augmentation, resize, (crop, crop), np.random.default_rng(seed), flip=True)
        views.append((view.apply(seen).float().mean((0, 2, 3)), view.flipped))
    (twice, flipped), (once, flipped_too) = views
    assert flipped == flipped_too
    # the box lies between whole pixels, in frames of either size
    pixel = 4 * max(1.0, min(height, width) / (2 * crop))
    torch.testing.assert_close(once, twice, rtol=0, atol=1.5 * pixel)


def test_a_view_is_the_same_for_all_parts_of_a_clip():
    frames = torch.randint(0, 256, (6, 3, 40, 50), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    views = [RandomView(Augmentation(), Resize(32), (24, 24), np.random.default_rng(3), flip=True) for _ in range(2)]
    whole = views[0].apply(frames)
    parts = torch.cat([views[1].apply(part) for part in frames.split(2)])
    assert torch.equal(whole, parts)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 70), st.integers(1, 70), st.data())
def test_a_scaled_box_lies_in_its_frame(height, width, tall, wide, data):
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    box = Box(top, left, data.draw(st.integers(1, height - top)), data.draw(st.integers(1, width - left)))
    scaled = box.scaled((height, width), (tall, wide))
    assert scaled.height >= 1 and scaled.width >= 1  # noqa: PT018
    assert 0 <= scaled.top <= tall - scaled.height
    assert 0 <= scaled.left <= wide - scaled.width
    assert box.scaled((height, width), (height, width)) == box
