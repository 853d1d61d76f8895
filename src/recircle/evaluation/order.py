"""The frames of a view in another order, to see whether a network looks at their order at all."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

Order = Literal["as is", "shuffled", "reversed", "single"]


def reorder(
    frames: UInt8[Tensor, "B V T C H W"], rows: Int64[Tensor, "B"], order: Order, seed: int = 0
) -> UInt8[Tensor, "B V T C H W"]:
    """Return the views with their T frames in another order.

    Args:
        frames: views of B clips.
        rows: number of each clip. It decides, with the seed, how the clip's frames are shuffled, so that batches do not
            matter; all views of a clip are shuffled alike.
        order: "as is"; "shuffled"; "reversed"; "single", frame T // 2 in the place of all.
        seed: of the shuffling.

    Raises:
        ValueError: there is no such order.
    """
    length = frames.shape[2]
    if order == "as is":
        return frames
    if order == "reversed":
        return frames.flip(2)
    if order == "single":
        return frames[:, :, length // 2, None].expand_as(frames)
    if order != "shuffled":
        raise ValueError(f"order={order!r} is not one of as is, shuffled, reversed, single")
    shuffled = [
        clip.index_select(1, torch.from_numpy(np.random.default_rng((seed, row)).permutation(length)).to(clip.device))
        for clip, row in zip(frames, rows.tolist())
    ]
    return torch.stack(shuffled) if shuffled else frames


def describe_order(order: Order, seed: int) -> str:
    """Return what a protocol says of the order, after what it says of views and fusion."""
    words = {
        "as is": "",
        "shuffled": f", frames shuffled (seed {seed})",
        "reversed": ", frames reversed",
        "single": ", the middle frame only",
    }
    return words[order]
