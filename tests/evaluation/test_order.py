"""Frames in another order: every clip keeps its frames, and batches do not matter."""

import pytest
import torch

from recircle.evaluation.order import Order, describe_order, reorder


def views(clips: int = 3, length: int = 8) -> torch.Tensor:
    """Return views [B, 2, T, 3, 2, 2] whose pixels are the number of their frame."""
    frames = torch.arange(length, dtype=torch.uint8)[:, None, None, None].expand(length, 3, 2, 2)
    return frames.expand(clips, 2, length, 3, 2, 2).clone()


def orders(frames: torch.Tensor) -> torch.Tensor:
    return frames[..., 0, 0, 0]


ROWS = torch.tensor([4, 0, 7])


@pytest.mark.parametrize(
    ("order", "expected"),
    [("as is", [*range(8)]), ("reversed", [*range(7, -1, -1)]), ("single", [4] * 8)],
)
def test_fixed_orders(order: Order, expected: list[int]) -> None:
    result = reorder(views(), ROWS, order)
    assert (orders(result) == torch.tensor(expected)).all()
    assert (result.shape, result.dtype) == (views().shape, torch.uint8)


def test_shuffled_is_a_permutation_of_its_own_for_each_clip_and_the_same_in_its_views() -> None:
    result = orders(reorder(views(), ROWS, "shuffled"))
    assert (result.sort(-1).values == torch.arange(8)).all()
    assert (result[:, 0] == result[:, 1]).all()
    assert len({tuple(clip.tolist()) for clip in result[:, 0]}) == 3


def test_shuffled_follows_from_seed_and_row_alone() -> None:
    whole = reorder(views(), ROWS, "shuffled", seed=1)
    for place in range(3):
        alone = reorder(views(1), ROWS[place : place + 1], "shuffled", seed=1)
        assert torch.equal(alone[0], whole[place])
    assert not torch.equal(reorder(views(), ROWS, "shuffled", seed=2), whole)


def test_one_frame_and_no_clips_are_no_special_case() -> None:
    for order in ("shuffled", "reversed", "single"):
        assert torch.equal(reorder(views(length=1), ROWS, order), views(length=1))
        assert reorder(views(0), ROWS[:0], order).shape == (0, 2, 8, 3, 2, 2)


def test_an_unknown_order_is_named() -> None:
    with pytest.raises(ValueError, match="order='upside down'"):
        reorder(views(), ROWS, "upside down")  # pyright: ignore[reportArgumentType]


def test_protocols_tell_the_orders_apart() -> None:
    names: list[Order] = ["as is", "shuffled", "reversed", "single"]
    words = [describe_order(name, 3) for name in names]
    assert words[0] == ""
    assert words[1] == ", frames shuffled (seed 3)"
    assert len(set(words)) == 4
