"""The evolving states of a layer as an animation: the frame and the states beside it, over the time of the clip."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from recircle.explain.heat import STATE_COLOURS, value_heat
from recircle.explain.pictures import state_limits
from recircle.explain.states import StateEvolution
from recircle.files import atomic_write
from recircle.tabletop.encode import encode

_WIDTH, _TILE, _GAP, _TEXT = 1280, 256, 4, 24
FPS = 3
"""Frames of an animation in a second: a clip's few frames are looked at one by one."""


def write_animation(evolution: StateEvolution, frames: UInt8[np.ndarray, "T H W 3"], path: Path) -> Path:
    """Write the states of a layer over the frames of a clip as an H.264 file, and return its path.

    Args:
        evolution: of the layer.
        frames: the view of the clip that the network took, RGB.
        path: ends in .mp4.

    Raises:
        UserError: matplotlib, whose colours are taken, is not installed.
    """
    steps, length = evolution.maps.shape[:2]
    limits = state_limits(evolution)
    width = min(_TILE, (_WIDTH - steps * _GAP) // (steps + 1))
    height = round(frames.shape[1] * width / frames.shape[2])
    large = np.stack([np.asarray(Image.fromarray(frame).resize((width, height))) for frame in frames])
    at = [t * length // len(frames) for t in range(len(frames))]
    states = [value_heat(large, evolution.maps[j, at], limits, STATE_COLOURS) for j in range(steps)]
    names = [f"step {j + 1}" for j in range(steps)]
    rows = [
        _row([large[t], *(state[t] for state in states)], [f"frame {t + 1} of {len(frames)}", *names])
        for t in range(len(frames))
    ]
    atomic_write(path, lambda part: encode(part, np.stack(rows), FPS))
    return path


def _row(tiles: list[np.ndarray], names: list[str]) -> UInt8[np.ndarray, "H W 3"]:
    """Put tiles side by side under their names; both sides of the image are even, as H.264 wants them."""
    height, width = tiles[0].shape[:2]
    whole = len(tiles) * (width + _GAP) - _GAP
    image = Image.new("RGB", (whole + whole % 2, _TEXT + height + height % 2), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(14)
    for number, (tile, name) in enumerate(zip(tiles, names)):
        left = number * (width + _GAP)
        draw.text((left + width / 2, _TEXT / 2), name, fill="black", font=font, anchor="mm")
        image.paste(Image.fromarray(tile), (left, _TEXT))
    return np.asarray(image)
