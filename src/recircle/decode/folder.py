"""Frames of a clip that is a folder of images."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recircle.decode.error import DecodeError
from recircle.decode.images import read_image
from recircle.decode.media import frames_of
from recircle.decode.part import Part
from recircle.decode.pyav import past_the_end


def list_frames(folder: Path) -> list[Path]:
    """Return the images of a folder of frames in their order in time, which is that of the numbers in their names.

    Raises:
        DecodeError: the folder cannot be read, is not a clip, or the names of its images do not say one order.
    """
    return [folder / name for name in frames_of(folder).names]


def select_images(folder: Path, wanted: list[int]) -> Iterator[NDArray[np.uint8]]:
    """Read the images with these indices (ascending, each once), one at a time, as RGB [H, W, 3].

    Raises:
        DecodeError: the folder is not a clip, an image cannot be decoded, there are fewer, or their sizes differ.
    """
    return _read(folder, list_frames(folder), wanted)


def select_part_of_folder(folder: Path, part: Part, wanted: list[int]) -> Iterator[NDArray[np.uint8]]:
    """Read images of a part of a folder, which is given by numbers of frames; otherwise as `select_images`."""
    return _read(folder, part.of_list(list_frames(folder)), wanted)


def _read(folder: Path, paths: list[Path], wanted: list[int]) -> Iterator[NDArray[np.uint8]]:
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
