"""Preprocessing from the JSON of an image or video processor of transformers, without importing its class."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from recircle.errors import UserError
from recircle.views.preprocessing import Preprocessing


def from_processor(content: Mapping[str, Any], sides: tuple[int, int] | None, *, source: Path) -> Preprocessing:
    """Return the preprocessing that a processor's config describes.

    Args:
        content: of preprocessor_config.json or video_preprocessor_config.json.
        sides: (height, width) of the frames that the network takes, if its own config says so.
        source: the file, for messages.

    Raises:
        UserError: a value cannot be used.
    """
    scale = float(content.get("rescale_factor") or 1 / 255) if content.get("do_rescale", True) else 1.0
    normalises = content.get("do_normalize", True)
    usual = Preprocessing()
    mean = _numbers(content.get("image_mean"), usual.mean, source) if normalises else (0.0, 0.0, 0.0)
    std = _numbers(content.get("image_std"), usual.std, source) if normalises else (1.0, 1.0, 1.0)
    if content.get("offset"):
        # ViViT's processor subtracts 1 between scaling and normalising
        mean = (mean[0] + 1, mean[1] + 1, mean[2] + 1)
    crop = _size(content.get("crop_size"))
    resize = _size(content.get("size"))
    try:
        seen = replace(usual, mean=mean, std=std, scale=scale)
        target = sides or (crop if isinstance(crop, tuple) else (crop, crop) if crop else None)
        if target is None and resize is not None:
            target = resize if isinstance(resize, tuple) else (resize, resize)
        return cropped(seen, target, resize if content.get("do_resize", True) else None)
    except ValueError as problem:
        raise UserError(f"{source}: {problem}") from None


def cropped(
    preprocessing: Preprocessing, sides: tuple[int, int] | None, resize: int | tuple[int, int] | None = None
) -> Preprocessing:
    """Return a preprocessing whose crop has the given sides.

    Args:
        preprocessing: what else is done.
        sides: (height, width) of the crop; None leaves it.
        resize: what is resized to before it; None, or one that is smaller than the crop, is the crop itself.
    """
    if sides is None:
        return preprocessing
    height, width = sides
    crop = height if height == width else sides
    if isinstance(resize, tuple) and (resize[0] < height or resize[1] < width):
        resize = None
    if isinstance(resize, int) and resize < min(sides):
        resize = None
    return replace(preprocessing, crop=crop, resize=resize or (crop if isinstance(crop, int) else sides))


def _size(value: Any) -> int | tuple[int, int] | None:
    """Return pixels of the shorter side, or (height, width)."""
    if isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        if isinstance(value.get("shortest_edge"), int):
            return value["shortest_edge"]
        if isinstance(value.get("height"), int) and isinstance(value.get("width"), int):
            return value["height"], value["width"]
    return None


def _numbers(value: Any, usual: tuple[float, float, float], source: Path) -> tuple[float, float, float]:
    if value is None:
        return usual
    if not (isinstance(value, list) and len(value) == 3 and all(isinstance(one, int | float) for one in value)):
        raise UserError(f"{source}: {value!r} is not one number for each of the three colours")
    return float(value[0]), float(value[1]), float(value[2])
