"""The shapes in signatures are checked whenever a test calls the package."""

import os
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from recircle.arc import ArcConfig, ArcConv2d, functional
from recircle.evaluation import order
from recircle.layers import frames, temporal_aggregation
from recircle.layers.motion_excitation import mean_change
from recircle.views.crops import Box
from tests.shapes import ROOMS, WrongShapeError, check_shapes, checked

pytestmark = pytest.mark.skipif(os.environ.get("CHECK_SHAPES") == "0", reason="shapes are not checked in this run")


def test_rooms_whose_shapes_are_checked() -> None:
    assert ROOMS == ("recircle.arc", "recircle.evaluation", "recircle.layers", "recircle.views")
    for function in (
        functional.arc_conv,
        order.reorder,
        frames.fold_frames,
        temporal_aggregation.ChannelwiseTemporalConv.forward,
        Box.cut,
        ArcConv2d.forward,
    ):
        assert function.__code__.co_name == "call"  # pyright: ignore


def test_a_tensor_of_another_rank_fails_where_the_function_would_take_it() -> None:
    clip, images = torch.zeros(1, 2, 4, 5, 5), torch.zeros(1, 2, 5, 5)
    mean_change(clip, clip)
    with pytest.raises(WrongShapeError, match=r"x is torch\.float32 \(1, 2, 5, 5\), declared as .*B T C H W"):
        mean_change(images, images)


def test_numbers_of_another_kind_fail() -> None:
    with pytest.raises(WrongShapeError, match="UInt8"):
        order.reorder(torch.zeros(1, 1, 4, 3, 2, 2), torch.zeros(1, dtype=torch.int64), "shuffled")


def test_the_functions_own_message_comes_first() -> None:
    layer = ArcConv2d(4, 4, 3, config=ArcConfig(steps=2))
    with pytest.raises(ValueError, match="ArcConv2d got an input of shape"):
        layer(torch.zeros(4, 5))


@checked
def joined(
    a: Float[Tensor, "N C"], b: Float[Tensor, "N D"] | None = None, *, result: Any = None
) -> tuple[Float[Tensor, "N E"], list[Int64[np.ndarray, "N"]]]:
    return result


def test_dimensions_of_one_name_agree_in_arguments_and_results() -> None:
    a, good = torch.zeros(2, 3), (torch.zeros(2, 5), [np.zeros(2, np.int64)])
    assert joined(a, result=good) is good
    assert joined(a, torch.zeros(2, 1), result=good) is good
    with pytest.raises(WrongShapeError, match="joined: b is"):
        joined(a, torch.zeros(3, 1), result=good)
    with pytest.raises(WrongShapeError, match="its result is"):
        joined(a, result=(torch.zeros(3, 5), []))
    with pytest.raises(WrongShapeError, match="its result is"):
        joined(a, result=(torch.zeros(2, 5), [np.zeros(3, np.int64)]))
    with pytest.raises(WrongShapeError, match="its result is"):
        joined(a, result=torch.zeros(2, 5))


def test_a_room_that_was_imported_before_is_not_left_unchecked() -> None:
    with pytest.raises(RuntimeError, match=r"recircle\.arc.* imported before"):
        check_shapes()
