"""Values as colours over frames."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8

from recircle.errors import UserError

STATE_COLOURS, EVIDENCE_COLOURS, CHANGE_COLOURS = "viridis", "inferno", "coolwarm"
"""Of matplotlib; the first two rise evenly in lightness, the third falls evenly to either side."""


def import_figure() -> Any:
    """Return matplotlib's figure, which draws without a display.

    Raises:
        UserError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError("pictures need matplotlib; `pip install recircle[plot]`") from None
    return Figure


def value_heat(
    frames: UInt8[np.ndarray, "N H W 3"], values: Float[np.ndarray, "N h w"], limits: tuple[float, float], colours: str
) -> UInt8[np.ndarray, "N H W 3"]:
    """Lay the colours of values over grey frames, everywhere as densely, so that low values can be read as well."""
    shown = _share(values, frames.shape[1:3], limits)
    grey = frames.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return _blend(np.repeat(grey[..., None], 3, -1), shown, colours, np.full_like(shown, 0.65))


def evidence_heat(
    frames: UInt8[np.ndarray, "N H W 3"], values: Float[np.ndarray, "N h w"], most: float
) -> UInt8[np.ndarray, "N H W 3"]:
    """Lay the colours of evidence over frames, the denser the more there is, up to `most`; below 0 there are none."""
    shown = _share(values, frames.shape[1:3], (0, max(most, 0)))
    return _blend(frames.astype(np.float32) * 0.8, shown, EVIDENCE_COLOURS, 0.85 * shown**0.75)


def _share(
    values: Float[np.ndarray, "N h w"], size: tuple[int, ...], limits: tuple[float, float]
) -> Float[np.ndarray, "N H W"]:
    """Return where values lie between the limits, 0 to 1, interpolated to the pixels of the frames."""
    low, high = limits
    enlarged = F.interpolate(torch.from_numpy(np.ascontiguousarray(values))[:, None], size=size, mode="bilinear")
    return np.clip((enlarged[:, 0].numpy() - low) / (high - low or 1.0), 0, 1)


def _blend(
    below: Float[np.ndarray, "N H W 3"],
    shown: Float[np.ndarray, "N H W"],
    colours: str,
    density: Float[np.ndarray, "N H W"],
) -> UInt8[np.ndarray, "N H W 3"]:
    from matplotlib import colormaps

    above = 255 * colormaps[colours](shown)[..., :3]
    return np.rint(below + density[..., None] * (above - below)).astype(np.uint8)


def moments(count: int, among: int) -> list[int]:
    """Return the middles of `count` equal parts of `among` frames; each frame once where there are fewer."""
    count = min(count, among)
    return [(2 * i + 1) * among // (2 * count) for i in range(count)]
