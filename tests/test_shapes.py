"""The shapes in signatures are checked whenever a test calls the package."""

import os
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from recircle.arc import ArcConfig, ArcConv2d, functional
from recircle.decode import resize
from recircle.evaluation import order
from recircle.explain import heat
from recircle.explain.activation import ClassActivation
from recircle.export import parity
from recircle.layers import frames, temporal_aggregation
from recircle.layers.motion_excitation import mean_change
from recircle.loading.batch import Batch
from recircle.loading.jobs import EvalBatches
from recircle.models.base import VideoModel
from recircle.surgery.frame_model import FrameModel
from recircle.views.crops import Box
from tests.shapes import WrongShapeError, check_shapes, checked

pytestmark = pytest.mark.skipif(os.environ.get("CHECK_SHAPES") == "0", reason="shapes are not checked in this run")


def test_rooms_whose_shapes_are_checked() -> None:
    for function in (
        functional.arc_conv,
        order.reorder,
        frames.fold_frames,
        temporal_aggregation.ChannelwiseTemporalConv.forward,
        Box.cut,
        ArcConv2d.forward,
        resize.resize_frames,
        heat.value_heat,
        ClassActivation.probabilities.fget,
        parity.random_clips,
        EvalBatches.view,
        Batch.__init__,
        VideoModel.forward,
        FrameModel.forward,
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


def test_fields_of_a_dataclass_agree() -> None:
    frames, labels = torch.zeros(2, 1, 4, 3, 5, 5, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)
    Batch(frames=frames, labels=labels, rows=labels, broken=[])
    with pytest.raises(WrongShapeError, match=r"Batch\.__init__: rows is torch\.int64 \(3,\), declared as .*B"):
        Batch(frames=frames, labels=labels, rows=torch.zeros(3, dtype=torch.int64), broken=[])


def test_a_propertys_result_is_checked() -> None:
    maps = np.zeros((4, 5, 5), np.float32)
    activation = ClassActivation(target=0, logits=np.zeros(3, np.float32), evidence=maps, maps=maps)
    assert activation.probabilities.shape == (3,)
    object.__setattr__(activation, "logits", np.zeros((3, 1), np.float32))
    with pytest.raises(WrongShapeError, match="probabilities: its result is"):
        _ = activation.probabilities


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
