"""Frames in memory become one tensor whatever form they are in, or are refused in a sentence."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from recircle.errors import UserError
from recircle.views.in_memory import frames_in_memory

ARRAY = np.random.default_rng(0).integers(256, size=(4, 6, 5, 3), dtype=np.uint8)
TENSOR = torch.from_numpy(ARRAY).permute(0, 3, 1, 2).contiguous()


@pytest.mark.parametrize(
    "clip",
    [
        ARRAY,
        ARRAY[:, ::-1][:, ::-1],
        TENSOR,
        TENSOR.requires_grad_() if TENSOR.is_floating_point() else TENSOR,
        TENSOR / 255,
        (TENSOR / 255).double(),
        (ARRAY / 255).astype(np.float32),
        list(ARRAY),
        tuple(TENSOR),
        [Image.fromarray(frame) for frame in ARRAY],
        [ARRAY[0], TENSOR[1], Image.fromarray(ARRAY[2]), TENSOR[3] / 255],
        [Image.fromarray(frame).convert("RGBA") for frame in ARRAY],
    ],
)
def test_all_forms_are_the_same_frames(clip: Any) -> None:
    frames = frames_in_memory(clip)
    assert frames.dtype == torch.uint8
    assert torch.equal(frames, TENSOR)


def test_an_image_is_a_clip_of_one_frame() -> None:
    assert torch.equal(frames_in_memory(Image.fromarray(ARRAY[0])), TENSOR[:1])


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (None, "the clip is a NoneType; RGB frames are an array"),
        ([], "the clip is an empty list"),
        (["a.png"], "frame 0 of the clip is a str, and no array, tensor or image; several files are several clips"),
        ([3], "frame 0 of the clip is a int"),
        (ARRAY[..., 0], r"an array \[4, 6, 5\] of uint8"),
        ([ARRAY[0, ..., 0]], r"frame 0 of the clip has the shape \[6, 5\]"),
        ([ARRAY[0], ARRAY[0, :4]], "frame 1 of the clip is of another size than the first: 5 x 6 and 5 x 4 pixels"),
        (ARRAY.transpose(0, 3, 1, 2), r"an array \[4, 3, 6, 5\]"),
        (TENSOR.permute(0, 2, 3, 1), r"a tensor \[4, 6, 5, 3\] .* becomes that by frames.permute\(0, 3, 1, 2\)"),
        (TENSOR[0], r"a tensor \[3, 6, 5\]"),
        (ARRAY[:0], r"at least one"),
        (TENSOR.int(), r"is of torch.int32"),
        (ARRAY.astype("U1"), r"an array \[4, 6, 5, 3\] of <U1"),
        (TENSOR.float(), r"values from 0 to 255, not in 0..1; divide by 255"),
        (TENSOR / 255 - 0.5, r"not in 0..1; give them as they were before they were normalised"),
        (TENSOR / 0.0, r"not in 0..1"),
    ],
)
def test_what_is_no_clip_is_named(clip: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        frames_in_memory(clip)
