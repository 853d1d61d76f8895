"""Frames of a clip that is a folder of images, through Pillow."""

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from recircle.data.decode_error import DecodeError
from recircle.data.decode_pyav import MAX_PIXELS, describe, past_the_end

FRAME_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})

_ENDS = tuple(FRAME_SUFFIXES)
_NUMBERS = re.compile(r"(\d+)")

_IMAGE_ERRORS = (OSError, ValueError, SyntaxError, MemoryError, UnidentifiedImageError, Image.DecompressionBombError)


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Return a sort key by which "frame2" comes before "frame10"."""
    # text and numbers alternate, so that like is compared with like
    parts = _NUMBERS.split(name)
    return [int(part) if position % 2 else part for position, part in enumerate(parts)], name


def is_frame(name: str) -> bool:
    """Tell whether a file of this name in a folder of frames is one of them."""
    return not name.startswith(".") and name.lower().endswith(_ENDS)


def list_frames(folder: Path) -> list[Path]:
    """Return the images of a folder of frames in their order in time, which is that of the numbers in their names.

    Raises:
        DecodeError: the folder cannot be read or holds no image.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if is_frame(entry.name)]
    except OSError as error:
        raise DecodeError(folder, f"cannot be read: {describe(error)}") from None
    if not names:
        raise DecodeError(folder, f"holds no frames ({' '.join(sorted(FRAME_SUFFIXES))})")
    return [folder / name for name in sorted(names, key=natural_key)]


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read an image of any kind as RGB [H, W, 3], turned as its EXIF data say; transparency is left out.

    Raises:
        DecodeError: it is damaged, cut short or too large; the error's path is the folder.
    """
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")  # remarks on metadata; size is checked below
            if image.width * image.height > MAX_PIXELS:
                raise DecodeError(path.parent, f"{path.name} claims {image.width} x {image.height} pixels")
            ImageOps.exif_transpose(image, in_place=True)
            return np.asarray(_to_rgb(image))
    except _IMAGE_ERRORS as error:
        if isinstance(error, DecodeError):
            raise
        raise DecodeError(path.parent, f"{path.name} cannot be decoded: {describe(error)}") from None


def select_images(folder: Path, wanted: list[int]) -> Iterator[NDArray[np.uint8]]:
    """Read the images with these indices (ascending, each once), one at a time, as RGB [H, W, 3].

    Raises:
        DecodeError: an image cannot be decoded, there are fewer, or their sizes differ.
    """
    paths = list_frames(folder)
    first: tuple[int, ...] | None = None
    for index in wanted:
        if index >= len(paths):
            raise DecodeError(folder, past_the_end(index, len(paths)))
        image = read_image(paths[index])
        first = first or image.shape
        if image.shape != first:
            raise DecodeError(folder, mixed_sizes(paths[index].name, image.shape, first))
        yield image


def mixed_sizes(name: str, shape: tuple[int, ...], first: tuple[int, ...]) -> str:
    """Return the reason for an image whose shape (height, width, ...) is not that of the first."""
    return f"frames differ in size: {name} has {shape[1]} x {shape[0]} pixels, others {first[1]} x {first[0]}"


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel, which convert() would cut off at 255
        values = np.asarray(image).astype(np.int64) >> 8
        image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return image if image.mode == "RGB" else image.convert("RGB")
